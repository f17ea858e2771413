//! Every route with who may use it, in one table. A route that is not in it does not exist.

use axum::http::Method;

use crate::http::authorize::Action;

/// Who may come in at the door. What the caller may then see is decided by `authorize`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone.
    Open,
    /// A scraper on this machine, or a signed-in person.
    Scrape,
    /// A signed-in person who may do this.
    For(Action),
}

/// A row of the table.
#[derive(Clone, Debug)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path as the router spells it.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    /// Does it take query parameters? Routes that take none refuse any.
    pub has_query: bool,
}

const fn route(method: Method, path: &'static str, access: Access, has_query: bool) -> Route {
    Route { method, path, access, has_query }
}

use Access::{For, Open, Scrape};
use Action::{
    ChangePassword, ControlWorker, Decide, DelegateStanding, InspectAgents, KeepOwnTokens,
    KeepStore, KnowOneself, ManageAgents, ManageTokens, ManageUsers, OverrideJob, ReadAgents,
    ReadAudit, ReadCheckpoints, ReadEngine, ReadEveryJob, ReadJob, ReadJobs, ReadWorkflows,
    RegisterWorkflow, SendEvent, UseJob, UseJobs,
};
use Action::{ManageLinks, ManageRules, UseGates};

/// The table.
pub static ROUTES: &[Route] = &[
    route(Method::POST, "/api/auth/login", Open, false),
    route(Method::POST, "/api/auth/logout", Open, false),
    route(Method::GET, "/api/auth/me", For(KnowOneself), false),
    route(Method::POST, "/api/auth/password", For(ChangePassword), false),
    route(Method::GET, "/api/auth/delegation", For(DelegateStanding), false),
    route(Method::PUT, "/api/auth/delegation", For(DelegateStanding), false),
    route(Method::DELETE, "/api/auth/delegation", For(DelegateStanding), false),
    route(Method::POST, "/api/auth/tokens", For(KeepOwnTokens), false),
    route(Method::GET, "/api/auth/tokens", For(KeepOwnTokens), false),
    route(Method::DELETE, "/api/auth/tokens/{id}", For(KeepOwnTokens), false),
    route(Method::POST, "/api/admin/tokens", For(ManageTokens), false),
    route(Method::GET, "/api/admin/tokens", For(ManageTokens), true),
    route(Method::DELETE, "/api/admin/tokens/{id}", For(ManageTokens), false),
    route(Method::POST, "/api/admin/users", For(ManageUsers), false),
    route(Method::GET, "/api/admin/users", For(ManageUsers), true),
    route(Method::GET, "/api/admin/users/{id}", For(ManageUsers), false),
    route(Method::PATCH, "/api/admin/users/{id}", For(ManageUsers), false),
    route(Method::DELETE, "/api/admin/users/{id}", For(ManageUsers), false),
    route(Method::POST, "/api/jobs", For(UseJobs), false),
    route(Method::GET, "/api/jobs", For(ReadJobs), true),
    route(Method::GET, "/api/jobs/{id}", For(ReadJob), true),
    route(Method::GET, "/api/jobs/{id}/logs", For(ReadJob), true),
    route(Method::GET, "/api/jobs/{id}/timeline", For(ReadJob), false),
    route(Method::POST, "/api/jobs/{id}/terminate", For(UseJob), false),
    route(Method::POST, "/api/jobs/{id}/assign", For(UseJob), false),
    route(Method::POST, "/api/jobs/{id}/auto-assign", For(UseJob), false),
    route(Method::POST, "/api/jobs/{id}/cancel", For(UseJob), false),
    route(Method::POST, "/api/jobs/{id}/execute", For(UseJob), false),
    route(Method::POST, "/api/agent-jobs", For(UseJobs), false),
    route(Method::GET, "/api/agent-jobs", For(ReadJobs), true),
    route(Method::GET, "/api/agent-jobs/{id}", For(ReadJob), false),
    route(Method::DELETE, "/api/agent-jobs/{id}", For(UseJob), false),
    route(Method::GET, "/api/agent-jobs/{id}/checkpoints", For(ReadJob), false),
    route(Method::GET, "/api/admin/jobs", For(ReadEveryJob), true),
    route(Method::GET, "/api/admin/jobs/metrics", For(ReadEveryJob), false),
    route(Method::GET, "/api/admin/jobs/{id}", For(ReadEveryJob), true),
    route(Method::GET, "/api/admin/jobs/{id}/logs", For(ReadEveryJob), true),
    route(Method::POST, "/api/admin/jobs/{id}/suspend", For(OverrideJob), false),
    route(Method::POST, "/api/admin/jobs/{id}/resume", For(OverrideJob), false),
    route(Method::POST, "/api/admin/jobs/{id}/resubmit", For(OverrideJob), false),
    route(Method::POST, "/api/admin/jobs/{id}/force-resubmit", For(OverrideJob), false),
    route(Method::POST, "/api/admin/jobs/{id}/complete", For(OverrideJob), false),
    route(Method::POST, "/api/admin/jobs/{id}/force-complete", For(OverrideJob), false),
    route(Method::POST, "/api/admin/jobs/{id}/reassign", For(OverrideJob), false),
    route(Method::POST, "/api/admin/jobs/{id}/retry-task", For(OverrideJob), false),
    route(Method::POST, "/api/admin/jobs/{id}/terminate", For(OverrideJob), false),
    route(Method::POST, "/api/jobs/batch", For(UseJobs), false),
    route(Method::GET, "/api/batches/{id}", For(ReadJobs), false),
    route(Method::POST, "/api/templates", For(UseJobs), false),
    route(Method::GET, "/api/templates", For(ReadJobs), false),
    route(Method::GET, "/api/templates/{id}", For(ReadJobs), false),
    route(Method::PUT, "/api/templates/{id}", For(UseJobs), false),
    route(Method::DELETE, "/api/templates/{id}", For(UseJobs), false),
    route(Method::GET, "/api/agents", For(ReadAgents), false),
    route(Method::GET, "/api/agents/{id}", For(ReadAgents), false),
    route(Method::POST, "/api/admin/agents", For(ManageAgents), false),
    route(Method::GET, "/api/admin/agents", For(InspectAgents), false),
    route(Method::POST, "/api/admin/agents/import", For(ManageAgents), false),
    route(Method::GET, "/api/admin/agents/{id}", For(InspectAgents), false),
    route(Method::PATCH, "/api/admin/agents/{id}", For(ManageAgents), false),
    route(Method::DELETE, "/api/admin/agents/{id}", For(ManageAgents), false),
    route(Method::POST, "/api/admin/agents/{id}/test", For(ManageAgents), false),
    route(Method::POST, "/api/callbacks/{token}", Open, false),
    route(Method::GET, "/api/admin/agent-checkpoints", For(ReadCheckpoints), true),
    route(Method::GET, "/api/admin/agent-checkpoints/{id}", For(ReadCheckpoints), false),
    route(Method::POST, "/api/admin/agent-checkpoints/{id}", For(Decide), false),
    route(Method::DELETE, "/api/admin/agent-checkpoints/{id}", For(Decide), false),
    route(Method::POST, "/api/admin/agent-checkpoints/{id}/decision", For(Decide), false),
    route(Method::POST, "/api/admin/agent-checkpoints/batch", For(Decide), false),
    route(Method::POST, "/api/admin/agent-checkpoints/{id}/claim", For(Decide), false),
    route(Method::DELETE, "/api/admin/agent-checkpoints/{id}/claim", For(Decide), false),
    route(Method::POST, "/api/admin/agent-checkpoints/{id}/delegate", For(Decide), false),
    route(Method::POST, "/api/admin/agent-checkpoints/{id}/comments", For(Decide), false),
    route(Method::POST, "/api/admin/agent-checkpoints/{id}/rearm", For(OverrideJob), false),
    route(Method::POST, "/api/gates", For(UseGates), false),
    route(Method::GET, "/api/gates", For(UseGates), true),
    route(Method::GET, "/api/gates/{id}", For(UseGates), true),
    route(Method::DELETE, "/api/gates/{id}", For(UseGates), false),
    route(Method::GET, "/api/gates/{id}/events", For(UseGates), false),
    route(Method::POST, "/api/admin/agent-checkpoints/{id}/links", For(ManageLinks), false),
    route(Method::GET, "/api/admin/agent-checkpoints/{id}/links", For(ManageLinks), false),
    route(Method::GET, "/api/admin/links", For(ManageLinks), true),
    route(Method::DELETE, "/api/admin/links/{id}", For(ManageLinks), false),
    route(Method::GET, "/links/{token}", Open, false),
    route(Method::POST, "/links/{token}", Open, false),
    route(Method::POST, "/api/admin/approval-rules", For(ManageRules), false),
    route(Method::GET, "/api/admin/approval-rules", For(ManageRules), true),
    route(Method::POST, "/api/admin/approval-rules/dry-run", For(ManageRules), false),
    route(Method::GET, "/api/admin/approval-rules/{id}", For(ManageRules), false),
    route(Method::PATCH, "/api/admin/approval-rules/{id}", For(ManageRules), false),
    route(Method::DELETE, "/api/admin/approval-rules/{id}", For(ManageRules), false),
    route(Method::GET, "/api/admin/approval-rules/{id}/versions", For(ManageRules), false),
    route(Method::GET, "/api/admin/agent-worker", For(ReadEngine), false),
    route(Method::POST, "/api/admin/agent-worker", For(ControlWorker), false),
    route(Method::DELETE, "/api/admin/agent-worker", For(ControlWorker), false),
    route(Method::GET, "/api/admin/actors", For(ReadEngine), true),
    route(Method::GET, "/api/admin/status", For(ReadEngine), false),
    route(Method::POST, "/api/admin/backup", For(KeepStore), false),
    route(Method::GET, "/api/admin/backup", For(KeepStore), false),
    route(Method::GET, "/api/admin/backup/{name}", For(KeepStore), false),
    route(Method::GET, "/api/admin/doctor", For(ReadEngine), false),
    route(Method::POST, "/api/admin/release", For(KeepStore), false),
    route(Method::GET, "/api/admin/audit", For(ReadAudit), true),
    route(Method::GET, "/api/admin/audit/verify", For(ReadAudit), false),
    route(Method::GET, "/api/admin/audit/export", For(ReadAudit), true),
    route(Method::GET, "/api/admin/oversight", For(ReadEngine), true),
    route(Method::GET, "/api/workflows", For(ReadWorkflows), false),
    route(Method::GET, "/api/workflows/{name}", For(ReadWorkflows), false),
    route(Method::POST, "/api/admin/workflows", For(RegisterWorkflow), true),
    route(Method::GET, "/api/admin/workflows/{name}/versions", For(RegisterWorkflow), false),
    route(Method::POST, "/api/cloudevents", For(SendEvent), false),
    route(Method::GET, "/api/metrics", Scrape, false),
    route(Method::GET, "/api/openapi.json", Open, false),
    route(Method::GET, "/api/docs", Open, false),
    route(Method::GET, "/api/docs/style.css", Open, false),
    route(Method::GET, "/problems/{code}", Open, false),
    route(Method::GET, "/healthz", Open, false),
    route(Method::GET, "/readyz", Open, false),
];

/// May the answer take longer than requests usually may? What copies or reads the whole store.
pub fn may_take_long(method: &Method, path: &str) -> bool {
    // A gate may be waited for; how long is limited there.
    let waits = *method == Method::GET && path == "/api/gates/{id}";
    let is_backup = *method == Method::POST && path == "/api/admin/backup";
    let reads_all = ["/api/admin/doctor", "/api/admin/audit/verify", "/api/admin/audit/export"];
    waits || is_backup || reads_all.contains(&path)
}

/// Routes that supervisors ask again and again. Nobody is told to wait there.
pub const PROBES: &[&str] = &["/healthz", "/readyz"];

/// Routes that a key of idempotency makes idempotent by themselves: they write the key in the
/// transaction of what they create.
pub const KEEP_THEIR_KEYS: &[(Method, &str)] =
    &[(Method::POST, "/api/jobs"), (Method::POST, "/api/agent-jobs"), (Method::POST, "/api/gates")];

/// Routes whose answer shows a secret once. Such an answer is never kept to be repeated.
pub const SHOW_SECRETS: &[(Method, &str)] = &[
    (Method::POST, "/api/auth/tokens"),
    (Method::POST, "/api/admin/tokens"),
    (Method::POST, "/api/admin/users"),
    (Method::PATCH, "/api/admin/users/{id}"),
    (Method::POST, "/api/gates"),
    (Method::POST, "/api/admin/agent-checkpoints/{id}/links"),
];

/// Routes whose request may hold a password. Not even its digest is kept: a password is guessed
/// from one.
pub const TAKE_PASSWORDS: &[(Method, &str)] = &[
    (Method::POST, "/api/auth/password"),
    (Method::POST, "/api/admin/users"),
    (Method::PATCH, "/api/admin/users/{id}"),
];

/// Is the request on this list?
pub fn is_listed(list: &[(Method, &str)], method: &Method, path: &str) -> bool {
    list.iter().any(|(listed, of)| listed == method && *of == path)
}

/// The row for a request. A HEAD is a GET without a body.
pub fn find(method: &Method, path: &str) -> Option<&'static Route> {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    ROUTES.iter().find(|route| route.path == path && route.method == *method)
}

/// The methods of a path, as the header `Allow` lists them.
pub fn allowed(path: &str) -> String {
    let mut methods: Vec<&str> = Vec::new();
    for route in ROUTES.iter().filter(|route| route.path == path) {
        methods.push(route.method.as_str());
        if route.method == Method::GET {
            methods.push("HEAD");
        }
    }
    methods.join(", ")
}
