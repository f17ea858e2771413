//! Who did something: a person, an agent or the system itself. Never empty, so no fact is without
//! an author.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The author of a fact.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "lowercase")]
pub enum Principal {
    /// A signed-in person, by user id.
    Person(String),
    /// A registered agent, by id.
    Agent(String),
    /// A part of Holdpoint (`worker`, `clock`, `recovery`, …).
    System(String),
}

impl Principal {
    /// A part of Holdpoint.
    pub fn system(part: &str) -> Self {
        Principal::System(part.to_owned())
    }

    /// The id without the kind.
    pub fn id(&self) -> &str {
        match self {
            Principal::Person(id) | Principal::Agent(id) | Principal::System(id) => id,
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Principal::Person(id) => write!(f, "{id}"),
            Principal::Agent(id) => write!(f, "agent:{id}"),
            Principal::System(id) => write!(f, "system:{id}"),
        }
    }
}
