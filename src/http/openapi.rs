//! The OpenAPI document: what the handlers say of themselves, with what is the same for all of
//! them.

use axum::Router;
use axum::http::Method;
use utoipa::OpenApi;
use utoipa::openapi::header::Header;
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::problem::Problem;
use crate::http::options::Options;
use crate::http::policy::{self, Access};
use crate::http::routes::{
    actors, admin_agents, admin_jobs, agent_jobs, agents, assignment, attendance, audit, auth,
    backup, batches, callbacks, checkpoints, cloudevents, decisions, delegation, docs, doctor,
    gate_events, gates, health, jobs, link_page, links, metrics, overrides, oversight, rules,
    status, templates, tokens, users, worker, workflows,
};
use crate::http::session::cookie_name;
use crate::http::state::HttpState;

/// The answer that says what went wrong.
const PROBLEM: &str = "Problem";
/// The same with the time to wait.
const LATER: &str = "Later";
/// Answers that pass with time.
const WAITING: &[u16] = &[429, 503];
/// Where one signs in.
const LOGIN: &str = "/api/auth/";
/// The name of the security scheme of people with a browser.
const COOKIE: &str = "session";
/// The name of the security scheme of API tokens.
const TOKEN: &str = "token";

/// What is not said by any handler.
#[derive(OpenApi)]
#[openapi(
    info(title = "Holdpoint", description = "A durable workflow engine for AI-agent jobs that a \
        person must sign off. Every error is a problem document (RFC 9457) whose `type` is a page \
        of this server."),
    components(schemas(Problem)),
    tags(
        (name = "auth", description = "Login and who one is"),
        (name = "tokens", description = "API tokens of people and programs"),
        (name = "users", description = "Accounts, for admins"),
        (name = "jobs", description = "Jobs of the caller"),
        (name = "agent-jobs", description = "The same jobs in the words of agent jobs"),
        (name = "agents", description = "Who carries out jobs"),
        (name = "templates", description = "Members of jobs under a name"),
        (name = "checkpoints", description = "What a person is asked, and decisions"),
        (name = "gates", description = "Approvals for other programs: gates, links, rules"),
        (name = "workflows", description = "Workflow documents"),
        (name = "events", description = "Events that come in"),
        (name = "admin", description = "The jobs of all, the worker and the engine"),
        (name = "health", description = "Liveness and readiness"),
        (name = "docs", description = "The API described"),
    )
)]
struct Frame;

/// The routes without layers, and the document that describes them.
pub fn routes(options: &Options) -> (Router<HttpState>, utoipa::openapi::OpenApi) {
    let (router, mut document) = OpenApiRouter::with_openapi(Frame::openapi())
        .routes(routes!(auth::login))
        .routes(routes!(auth::logout))
        .routes(routes!(auth::me))
        .routes(routes!(jobs::create, jobs::list))
        .routes(routes!(jobs::read))
        .routes(routes!(jobs::logs))
        .routes(routes!(jobs::timeline))
        .routes(routes!(jobs::terminate))
        .routes(routes!(assignment::assign))
        .routes(routes!(assignment::auto_assign))
        .routes(routes!(assignment::cancel))
        .routes(routes!(assignment::execute))
        .routes(routes!(agent_jobs::create, agent_jobs::list))
        .routes(routes!(agent_jobs::read, agent_jobs::terminate))
        .routes(routes!(agent_jobs::checkpoints))
        .routes(routes!(admin_jobs::list))
        .routes(routes!(admin_jobs::metrics))
        .routes(routes!(admin_jobs::read))
        .routes(routes!(admin_jobs::logs))
        .routes(routes!(admin_jobs::suspend))
        .routes(routes!(admin_jobs::resume))
        .merge(agent_routes())
        .merge(identity_routes())
        .merge(gate_routes())
        .merge(checkpoint_routes())
        .routes(routes!(worker::read, worker::start, worker::stop))
        .routes(routes!(actors::read))
        .routes(routes!(status::read))
        .routes(routes!(backup::take, backup::list))
        .routes(routes!(backup::download))
        .routes(routes!(backup::release))
        .routes(routes!(doctor::examine))
        .merge(audit_routes())
        .routes(routes!(workflows::list))
        .routes(routes!(workflows::read))
        .routes(routes!(workflows::register))
        .routes(routes!(workflows::versions))
        .routes(routes!(cloudevents::receive))
        .routes(routes!(metrics::read))
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
        .routes(routes!(docs::openapi))
        .routes(routes!(docs::page))
        .routes(routes!(docs::style))
        .routes(routes!(docs::problem))
        .split_for_parts();
    complete(&mut document, options);
    (router, document)
}

/// Approvals for other programs, by mail, and by rule.
fn gate_routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(gates::open, gates::list))
        .routes(routes!(gates::read, gates::withdraw))
        .routes(routes!(gate_events::follow))
        .routes(routes!(links::make, links::of_checkpoint))
        .routes(routes!(links::list))
        .routes(routes!(links::revoke))
        .routes(routes!(link_page::show, link_page::decide))
        .routes(routes!(rules::make, rules::list))
        .routes(routes!(rules::dry_run))
        .routes(routes!(rules::read, rules::change, rules::revoke))
        .routes(routes!(rules::versions))
}

/// People, programs and how they come in.
fn identity_routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(auth::password))
        .routes(routes!(delegation::read, delegation::set, delegation::end))
        .routes(routes!(tokens::create, tokens::list))
        .routes(routes!(tokens::revoke))
        .routes(routes!(tokens::create_for_program, tokens::list_all))
        .routes(routes!(tokens::revoke_any))
        .routes(routes!(users::create, users::list))
        .routes(routes!(users::read, users::edit, users::deactivate))
}

/// Checkpoints, decisions, and what people do beside deciding.
fn checkpoint_routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(checkpoints::list))
        .routes(routes!(checkpoints::read))
        .routes(routes!(decisions::approve, decisions::reject))
        .routes(routes!(decisions::decision))
        .routes(routes!(decisions::batch))
        .routes(routes!(attendance::claim, attendance::release))
        .routes(routes!(attendance::delegate))
        .routes(routes!(attendance::comment))
        .routes(routes!(attendance::rearm))
}

/// The audit trail, and how people decide.
fn audit_routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(audit::list))
        .routes(routes!(audit::verify))
        .routes(routes!(audit::export))
        .routes(routes!(oversight::read))
}

/// Agents, what they bring, and overrides of jobs.
fn agent_routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(batches::create))
        .routes(routes!(batches::read))
        .routes(routes!(templates::create, templates::list))
        .routes(routes!(templates::read, templates::replace, templates::delete))
        .routes(routes!(overrides::resubmit))
        .routes(routes!(overrides::force_resubmit))
        .routes(routes!(overrides::complete))
        .routes(routes!(overrides::force_complete))
        .routes(routes!(overrides::reassign))
        .routes(routes!(overrides::retry_task))
        .routes(routes!(overrides::terminate))
        .routes(routes!(agents::list))
        .routes(routes!(agents::read))
        .routes(routes!(admin_agents::create, admin_agents::list))
        .routes(routes!(admin_agents::import))
        .routes(routes!(admin_agents::read, admin_agents::edit, admin_agents::deactivate))
        .routes(routes!(admin_agents::test))
        .routes(routes!(callbacks::receive))
}

/// Adds to every operation what is the same for all: the problem answer, and who may use it.
fn complete(document: &mut utoipa::openapi::OpenApi, options: &Options) {
    let key = ApiKeyValue::new(cookie_name(options));
    let scheme = SecurityScheme::ApiKey(ApiKey::Cookie(key));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(COOKIE, scheme);
    let bearer =
        HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("hp_<id>_<secret>");
    components.add_security_scheme(TOKEN, SecurityScheme::Http(bearer.build()));
    components.responses.insert(PROBLEM.to_owned(), RefOr::T(problem_answer()));
    let mut later = problem_answer();
    let mut after = Header::new(Object::with_type(Type::Integer));
    after.description = Some("Seconds to wait before the next try".to_owned());
    later.headers.insert("Retry-After".to_owned(), RefOr::T(after));
    components.responses.insert(LATER.to_owned(), RefOr::T(later));
    for (path, item) in &mut document.paths.paths {
        let operations = [
            (Method::GET, &mut item.get),
            (Method::POST, &mut item.post),
            (Method::DELETE, &mut item.delete),
            (Method::PATCH, &mut item.patch),
            (Method::PUT, &mut item.put),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            let route = policy::find(&method, path);
            // A route that nobody thought about must not go out: like two routes with one path,
            // this is a
            // fault of the program that shows at every start.
            assert!(route.is_some(), "{method} {path} is not in the table of routes");
            let responses = &mut operation.responses.responses;
            for status in common_statuses(&method, path, route) {
                let kind = if WAITING.contains(&status) { LATER } else { PROBLEM };
                let reference = RefOr::Ref(Ref::from_response_name(kind));
                responses.entry(status.to_string()).or_insert(reference);
            }
            responses.insert("default".to_owned(), RefOr::T(problem_answer()));
            let by = |scheme| SecurityRequirement::new::<_, [&str; 0], &str>(scheme, []);
            // A session or a token: either of them is enough.
            operation.security = match route.map(|route| route.access) {
                Some(Access::For(_)) => Some(vec![by(COOKIE), by(TOKEN)]),
                // With one of them, or from an address that needs none.
                Some(Access::Scrape) => {
                    Some(vec![by(COOKIE), by(TOKEN), SecurityRequirement::default()])
                }
                Some(Access::Open) | None => None,
            };
        }
    }
}

/// What any route may answer because of the door alone, whatever its handler does.
fn common_statuses(method: &Method, path: &str, route: Option<&policy::Route>) -> Vec<u16> {
    let mut statuses = vec![400, 414, 421, 429, 431, 500, 503];
    // Even an open route of the login says so when the login fails.
    if route.is_some_and(|route| route.access != Access::Open) || path.starts_with(LOGIN) {
        statuses.extend([401, 403]);
    }
    // A path, a filter and a body may each name what is not there.
    let names_something = path.contains('{') || !method.is_safe();
    if names_something || route.is_some_and(|route| route.has_query) {
        statuses.push(404);
    }
    // A query parameter that a route does not know is refused by every route.
    statuses.push(422);
    if !method.is_safe() {
        statuses.extend([403, 408, 409, 413, 415, 507]);
    }
    statuses
}

fn problem_answer() -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new()
        .description("What went wrong (RFC 9457)")
        .content("application/problem+json", content)
        .build()
}
