//! Scopes: what the holder of an API token may use of what its person may do. They only ever take
//! away.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A part of the API that a token may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Scope {
    /// Whatever the person may do.
    Everything,
    /// Read jobs, templates and workflow documents.
    JobsRead,
    /// Create jobs and change or override them.
    JobsWrite,
    /// Read checkpoints.
    CheckpointsRead,
    /// Decide at checkpoints.
    CheckpointsDecide,
    /// Read agents.
    AgentsRead,
    /// Register and change agents.
    AgentsWrite,
    /// Read how worker, actors and store are.
    EngineRead,
    /// Start and stop the worker.
    EngineControl,
    /// Back up the store, read backups, release a held store.
    StoreKeep,
    /// Register workflow documents.
    WorkflowsWrite,
    /// Send events.
    EventsSend,
    /// Accounts and tokens, others' and one's own: as good as everything.
    UsersWrite,
    /// Read the audit trail.
    AuditRead,
    /// Read the metrics.
    MetricsRead,
    /// Ask at gates and keep them.
    GatesWrite,
    /// Rules that decide in place of people.
    RulesWrite,
}

/// Every scope with its word.
const WORDS: &[(Scope, &str)] = &[
    (Scope::Everything, "*"),
    (Scope::JobsRead, "jobs:read"),
    (Scope::JobsWrite, "jobs:write"),
    (Scope::CheckpointsRead, "checkpoints:read"),
    (Scope::CheckpointsDecide, "checkpoints:decide"),
    (Scope::AgentsRead, "agents:read"),
    (Scope::AgentsWrite, "agents:write"),
    (Scope::EngineRead, "engine:read"),
    (Scope::EngineControl, "engine:control"),
    (Scope::StoreKeep, "store:keep"),
    (Scope::WorkflowsWrite, "workflows:write"),
    (Scope::EventsSend, "events:send"),
    (Scope::UsersWrite, "users:write"),
    (Scope::AuditRead, "audit:read"),
    (Scope::MetricsRead, "metrics:read"),
    (Scope::GatesWrite, "gates:write"),
    (Scope::RulesWrite, "rules:write"),
];

/// A word that is no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not one of {list}", list = words())]
pub struct NoScope(String);

fn words() -> String {
    WORDS.iter().map(|(_, word)| *word).collect::<Vec<_>>().join(", ")
}

impl Scope {
    /// Every scope.
    pub fn all() -> impl Iterator<Item = Scope> {
        WORDS.iter().map(|(scope, _)| *scope)
    }

    /// The word of a scope.
    pub fn as_str(self) -> &'static str {
        WORDS.iter().find(|(scope, _)| *scope == self).map_or("", |(_, word)| word)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = NoScope;

    fn from_str(text: &str) -> Result<Self, NoScope> {
        let found = WORDS.iter().find(|(_, word)| *word == text).map(|(scope, _)| *scope);
        found.ok_or_else(|| NoScope(text.to_owned()))
    }
}

impl TryFrom<String> for Scope {
    type Error = NoScope;

    fn try_from(text: String) -> Result<Self, NoScope> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.as_str().to_owned()
    }
}

/// Do these scopes hold one of the wanted? What wants none is for everybody.
pub fn suffice(held: &[Scope], wanted: &[Scope]) -> bool {
    wanted.is_empty()
        || held.contains(&Scope::Everything)
        || held.iter().any(|it| wanted.contains(it))
}

/// The first scope that is wanted and not held: nobody hands on more than they have.
pub fn beyond<'a>(held: &[Scope], wanted: &'a [Scope]) -> Option<&'a Scope> {
    let is_held = |scope: &&Scope| !held.contains(scope) && !held.contains(&Scope::Everything);
    wanted.iter().find(is_held)
}
