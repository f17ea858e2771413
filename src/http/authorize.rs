//! Who may do what: the one place that decides it. Everything that is not allowed here is denied.

use serde::{Deserialize, Serialize};

use crate::http::scope::{self, Scope};
use crate::model::audit::{Author, Origin};
use crate::model::principal::Principal;
use crate::model::voter::{Door, Voter};

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

/// Who asks: a signed-in person, or a program with a token of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The id of the account; `agent:<name>` for a program. What jobs carry as their owner.
    pub id: String,
    /// The address of the account; empty for a program.
    pub email: String,
    /// How the person or program is called.
    pub name: String,
    /// What they may be at this moment.
    pub roles: Vec<Role>,
    /// The groups of the person, as documents name them.
    pub groups: Vec<String>,
    /// The author of what they do.
    pub principal: Principal,
    /// What the token may be used for; nothing for a session, which may do whatever its person may.
    pub scopes: Option<Vec<Scope>>,
    /// How they came in.
    pub door: Door,
    /// From where.
    pub origin: Origin,
    /// Ids and addresses of people who delegated their standing to this person.
    pub acts_for: Vec<String>,
    /// Must the person choose another password before anything else?
    pub must_change_password: bool,
}

impl Caller {
    /// The person or program as the author of facts.
    pub fn principal(&self) -> Principal {
        self.principal.clone()
    }

    /// The author of facts, with where they came from.
    pub fn author(&self) -> Author {
        Author { by: self.principal(), origin: Some(self.origin.clone()) }
    }

    /// The person as a voter at a checkpoint, at this door. What takes a session takes the door by
    /// which the caller really came.
    pub fn voter(&self, door: Door) -> Voter {
        let names = [&self.id, &self.email].into_iter().filter(|name| !name.is_empty());
        Voter {
            principal: self.principal(),
            names: names.cloned().collect(),
            roles: self.roles.iter().map(|role| role.as_str().to_owned()).collect(),
            groups: self.groups.clone(),
            acts_for: self.acts_for.clone(),
            door: if door == Door::Session { self.door.clone() } else { door },
        }
    }

    /// Has the person one of these roles?
    pub fn has_any(&self, roles: &[Role]) -> bool {
        self.roles.iter().any(|role| roles.contains(role))
    }
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Learn who one is.
    KnowOneself,
    /// Change one's own password.
    ChangePassword,
    /// Make, list and revoke tokens of one's own.
    KeepOwnTokens,
    /// Let somebody else stand in for oneself at checkpoints.
    DelegateStanding,
    /// Make, read and change accounts.
    ManageUsers,
    /// Make, list and revoke tokens of all, programs included.
    ManageTokens,
    /// List one's own jobs and templates, read a batch of one's own.
    ReadJobs,
    /// Create a job or a batch, keep a template.
    UseJobs,
    /// Read a job of one's own.
    ReadJob,
    /// Change or end a job of one's own.
    UseJob,
    /// Share a template with all.
    ShareTemplate,
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
    /// See where agents are and how they fare.
    InspectAgents,
    /// Register and change agents.
    ManageAgents,
    /// Read the metrics.
    ReadMetrics,
    /// Open gates, wait for them and withdraw them: one's own.
    UseGates,
    /// Make, list and revoke signed links.
    ManageLinks,
    /// Make, change and revoke rules that decide in place of people.
    ManageRules,
}

/// What it is asked of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource<'a> {
    /// Nothing in particular: the roles decide.
    Any,
    /// A job of this owner.
    JobOf(&'a str),
}

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The person signed in with a password that somebody else drew, and must choose one first.
    PasswordFirst,
    /// Only a person may do it, and the caller is a program.
    PersonsOnly,
    /// The token needs one of these scopes.
    NeedsScope(&'static [Scope]),
    /// The caller needs one of these roles.
    NeedsRole(&'static [Role]),
    /// It is somebody else's; to the caller it does not exist.
    NotTheirs,
}

impl Action {
    /// The roles that may do it. `admin` may do everything.
    pub const fn roles(self) -> &'static [Role] {
        match self {
            Action::KnowOneself
            | Action::ChangePassword
            | Action::KeepOwnTokens
            | Action::ReadWorkflows
            | Action::ReadAgents
            | Action::ReadMetrics => Role::ALL,
            Action::ReadJobs
            | Action::UseJobs
            | Action::ReadJob
            | Action::UseJob
            | Action::UseGates => &[Role::User, Role::Admin],
            Action::ReadEveryJob | Action::ReadEngine | Action::ControlWorker => {
                &[Role::Operator, Role::Admin]
            }
            Action::OverrideJob
            | Action::ShareTemplate
            | Action::ReadAudit
            | Action::RegisterWorkflow
            | Action::KeepStore
            | Action::InspectAgents
            | Action::ManageAgents
            | Action::ManageUsers
            | Action::ManageTokens
            | Action::ManageLinks
            | Action::ManageRules => &[Role::Admin],
            Action::ReadCheckpoints | Action::Decide | Action::DelegateStanding => {
                &[Role::Reviewer, Role::Admin]
            }
            Action::SendEvent => &[Role::User, Role::Operator, Role::Admin],
        }
    }

    /// The scopes of which a token needs one. What needs none is open to every valid token.
    pub const fn scopes(self) -> &'static [Scope] {
        match self {
            Action::KnowOneself => &[],
            Action::ChangePassword
            | Action::KeepOwnTokens
            | Action::ManageUsers
            | Action::ManageTokens => &[Scope::UsersWrite],
            // Whoever writes is answered with what was written: writing holds reading.
            Action::ReadJobs | Action::ReadJob => &[Scope::JobsRead, Scope::JobsWrite],
            Action::ReadEveryJob => &[Scope::JobsRead, Scope::JobsWrite],
            Action::UseJobs | Action::UseJob | Action::ShareTemplate | Action::OverrideJob => {
                &[Scope::JobsWrite]
            }
            Action::ReadCheckpoints => &[Scope::CheckpointsRead, Scope::CheckpointsDecide],
            Action::Decide | Action::DelegateStanding => &[Scope::CheckpointsDecide],
            Action::ReadEngine => &[Scope::EngineRead, Scope::EngineControl],
            Action::ControlWorker => &[Scope::EngineControl],
            Action::KeepStore => &[Scope::StoreKeep],
            Action::ReadWorkflows => &[Scope::JobsRead, Scope::JobsWrite, Scope::WorkflowsWrite],
            Action::RegisterWorkflow => &[Scope::WorkflowsWrite],
            Action::SendEvent => &[Scope::EventsSend],
            Action::ReadAgents | Action::InspectAgents => &[Scope::AgentsRead, Scope::AgentsWrite],
            Action::ManageAgents => &[Scope::AgentsWrite],
            Action::ReadMetrics => &[Scope::MetricsRead],
            Action::ReadAudit => &[Scope::AuditRead],
            Action::UseGates => &[Scope::GatesWrite],
            Action::ManageLinks => &[Scope::CheckpointsDecide],
            Action::ManageRules => &[Scope::RulesWrite],
        }
    }

    /// Is it for people alone? A program decides nothing and hands out no keys.
    pub const fn is_for_persons(self) -> bool {
        matches!(
            self,
            Action::Decide
                | Action::DelegateStanding
                | Action::ChangePassword
                | Action::KeepOwnTokens
                | Action::ManageUsers
                | Action::ManageTokens
                | Action::ManageLinks
                | Action::ManageRules
        )
    }

    /// Is it open to a person who must choose another password first?
    const fn comes_before_a_password(self) -> bool {
        matches!(self, Action::KnowOneself | Action::ChangePassword)
    }
}

/// May the caller do this to that?
pub fn authorize(caller: &Caller, action: Action, resource: Resource<'_>) -> Result<(), Denial> {
    if caller.must_change_password && !action.comes_before_a_password() {
        return Err(Denial::PasswordFirst);
    }
    let is_person = matches!(caller.principal, Principal::Person(_));
    if action.is_for_persons() && !is_person {
        return Err(Denial::PersonsOnly);
    }
    let roles = action.roles();
    if !caller.has_any(roles) {
        return Err(Denial::NeedsRole(roles));
    }
    let scopes = action.scopes();
    if caller.scopes.as_ref().is_some_and(|held| !scope::suffice(held, scopes)) {
        return Err(Denial::NeedsScope(scopes));
    }
    match resource {
        Resource::Any => Ok(()),
        Resource::JobOf(owner) if owner == caller.id => Ok(()),
        Resource::JobOf(_) => Err(Denial::NotTheirs),
    }
}
