//! Who may do what: the one place that decides it. Everything that is not allowed here is denied.

use serde::{Deserialize, Serialize};

use crate::model::principal::Principal;

/// What a person may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Submits jobs and sees their own.
    User,
    /// Decides at checkpoints.
    Reviewer,
    /// Runs the worker and sees every job.
    Operator,
    /// May do everything.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: &[Role] = &[Role::User, Role::Reviewer, Role::Operator, Role::Admin];

    /// The role as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Reviewer => "reviewer",
            Role::Operator => "operator",
            Role::Admin => "admin",
        }
    }
}

/// A signed-in person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The id of the account.
    pub id: String,
    /// Its address.
    pub email: String,
    /// How the person is called.
    pub name: String,
    /// What the person may be.
    pub roles: Vec<Role>,
}

impl Caller {
    /// The person as the author of facts.
    pub fn principal(&self) -> Principal {
        Principal::Person(self.id.clone())
    }

    /// Has the person one of these roles?
    pub fn has_any(&self, roles: &[Role]) -> bool {
        self.roles.iter().any(|role| roles.contains(role))
    }
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Learn who one is; sign out.
    KnowOneself,
    /// Create a job, list one's own jobs.
    UseJobs,
    /// Read or end a job of one's own.
    UseJob,
    /// Read the jobs of all.
    ReadEveryJob,
    /// Override a job of anybody.
    OverrideJob,
    /// Read checkpoints of all.
    ReadCheckpoints,
    /// Decide at a checkpoint.
    Decide,
    /// Read how the worker, the actors and the store are.
    ReadEngine,
    /// Start and stop the worker.
    ControlWorker,
    /// Back up the store, read backups, release a held store.
    KeepStore,
    /// Read the audit trail, check it, take evidence out of it.
    ReadAudit,
    /// Read workflow documents.
    ReadWorkflows,
    /// Register workflow documents.
    RegisterWorkflow,
    /// Send an event to jobs that listen.
    SendEvent,
    /// Read what everybody may know of agents.
    ReadAgents,
    /// Register and change agents, and see where they are.
    ManageAgents,
}

/// What it is asked of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource<'a> {
    /// Nothing in particular: the roles decide.
    Any,
    /// A job of this owner.
    JobOf(&'a str),
    /// A checkpoint that these roles and users may decide, as its document names them.
    CheckpointFor(&'a [String]),
}

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The caller needs one of these roles.
    NeedsRole(&'static [Role]),
    /// It is somebody else's; to the caller it does not exist.
    NotTheirs,
    /// The checkpoint is for others.
    NotAssigned,
}

impl Action {
    /// The roles that may do it. `admin` may do everything.
    pub const fn roles(self) -> &'static [Role] {
        match self {
            Action::KnowOneself | Action::ReadWorkflows | Action::ReadAgents => Role::ALL,
            Action::UseJobs | Action::UseJob => &[Role::User, Role::Admin],
            Action::ReadEveryJob | Action::ReadEngine | Action::ControlWorker => {
                &[Role::Operator, Role::Admin]
            }
            Action::OverrideJob
            | Action::ReadAudit
            | Action::RegisterWorkflow
            | Action::KeepStore
            | Action::ManageAgents => &[Role::Admin],
            Action::ReadCheckpoints | Action::Decide => &[Role::Reviewer, Role::Admin],
            Action::SendEvent => &[Role::User, Role::Operator, Role::Admin],
        }
    }
}

/// May the caller do this to that?
pub fn authorize(caller: &Caller, action: Action, resource: Resource<'_>) -> Result<(), Denial> {
    let roles = action.roles();
    if !caller.has_any(roles) {
        return Err(Denial::NeedsRole(roles));
    }
    match resource {
        Resource::Any => Ok(()),
        Resource::JobOf(owner) if owner == caller.id => Ok(()),
        Resource::JobOf(_) => Err(Denial::NotTheirs),
        Resource::CheckpointFor(assignees) if may_decide(caller, assignees) => Ok(()),
        Resource::CheckpointFor(_) => Err(Denial::NotAssigned),
    }
}

/// A checkpoint without assignees is for every reviewer. An admin may always decide: an escalation
/// ends there.
fn may_decide(caller: &Caller, assignees: &[String]) -> bool {
    assignees.is_empty()
        || caller.roles.contains(&Role::Admin)
        || assignees.iter().any(|assignee| names(caller, assignee))
}

/// Does `role:reviewer`, `user:<id or email>`, a bare role, id or email name this person?
fn names(caller: &Caller, assignee: &str) -> bool {
    let has_role = |name: &str| caller.roles.iter().any(|role| role.as_str() == name);
    let is_user = |name: &str| name == caller.id || name.eq_ignore_ascii_case(&caller.email);
    match assignee.split_once(':') {
        Some(("role", name)) => has_role(name),
        Some(("user", name)) => is_user(name),
        _ => has_role(assignee) || is_user(assignee),
    }
}
