//! Who stands at a checkpoint, as the door that let them in knows them. What they may decide is
//! not said here: the machine judges that.

use serde::{Deserialize, Serialize};

use crate::model::principal::Principal;

/// A person (or a rule) at a checkpoint, as the door knows them now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voter {
    /// Who it is.
    pub principal: Principal,
    /// What documents may call them: id and email.
    pub names: Vec<String>,
    /// Their roles, as words.
    pub roles: Vec<String>,
    /// Their groups.
    pub groups: Vec<String>,
    /// Names of people who delegated standing to them.
    pub acts_for: Vec<String>,
    /// How they came in.
    pub door: Door,
}

/// How somebody came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Door {
    /// With the session of a login.
    Session,
    /// With an API token.
    Token,
    /// With a link.
    Link {
        /// Did they sign in to confirm it?
        confirmed: bool,
    },
    /// A rule decided.
    Rule {
        /// Which one.
        id: String,
        /// Its version.
        version: u64,
    },
    /// The system itself.
    System,
}
