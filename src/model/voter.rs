//! Who stands at a checkpoint, by which door, and whether what a document says names them. The one
//! judgement of it: the machine, lists and pages ask here, so that no door has a rule of its own.

use serde::{Deserialize, Serialize};

use crate::model::principal::Principal;
use crate::model::time::Timestamp;

/// The role that is entitled at every checkpoint: an escalation ends there.
pub const ADMIN: &str = "admin";
/// The role that decides at a checkpoint whose document names nobody.
pub const REVIEWER: &str = "reviewer";

/// A person (or a rule) at a checkpoint, as the door knows them now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voter {
    /// Who it is. People are told apart by this alone.
    pub principal: Principal,
    /// What documents may call them: the id, the address.
    pub names: Vec<String>,
    /// Their roles.
    pub roles: Vec<String>,
    /// Their groups.
    pub groups: Vec<String>,
    /// Names of people who delegated standing to them.
    pub acts_for: Vec<String>,
    /// How they came in.
    pub door: Door,
}

/// How somebody came to a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Door {
    /// Signed in, with a session.
    Session,
    /// With an API token.
    Token,
    /// By a signed link, without signing in. `confirmed`: the person typed the confirmation.
    Link { confirmed: bool },
    /// By a rule that an admin made; not a person.
    Rule { id: String, version: u64 },
    /// From inside this process.
    System,
}

/// A right that somebody gave to somebody else, for one checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delegate {
    /// The id of who gave it.
    pub from: String,
    /// What the other one is called: an id or an address.
    pub to: String,
    /// When it ends; never before the checkpoint does, when absent.
    pub until: Option<Timestamp>,
}

/// What decides who may decide: parts of a checkpoint, or of its row.
#[derive(Clone, Copy, Debug)]
pub struct Entitled<'a> {
    /// Roles, groups and users, as the document names them.
    pub assignees: &'a [String],
    /// Rights given to others.
    pub delegates: &'a [Delegate],
    /// Ids of people who may not decide, whatever they are.
    pub excluded: &'a [String],
}

/// Why somebody may decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They are meant themselves.
    Own,
    /// On behalf of this person.
    For(String),
}

/// Why somebody may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoStanding {
    /// Others are meant.
    NotAssigned,
    /// Four eyes: the content, the job or the request is theirs.
    Excluded,
}

impl Voter {
    /// A person who is signed in, known by one name only.
    pub fn person(id: &str, roles: &[&str], door: Door) -> Self {
        Self {
            principal: Principal::Person(id.to_owned()),
            names: vec![id.to_owned()],
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            groups: Vec::new(),
            acts_for: Vec::new(),
            door,
        }
    }

    /// Has this role?
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|known| known == role)
    }

    /// Is this one of their names? Addresses are the same in any case.
    pub fn is_called(&self, name: &str) -> bool {
        self.principal.id() == name || self.names.iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// May they decide at this time, and why? What is excluded stays so on anybody's behalf.
    ///
    /// # Errors
    /// When others are meant, or when they are excluded.
    pub fn standing(&self, at: Entitled<'_>, now: Timestamp) -> Result<Standing, NoStanding> {
        if at.excluded.iter().any(|name| self.is_called(name)) {
            return Err(NoStanding::Excluded);
        }
        let is_meant = match at.assignees {
            [] => self.has_role(REVIEWER),
            names => names.iter().any(|name| self.is_meant_by(name)),
        };
        if is_meant || self.has_role(ADMIN) {
            return Ok(Standing::Own);
        }
        let is_excluded = |name: &str| at.excluded.iter().any(|known| known == name);
        let given = at.delegates.iter().find(|right| {
            let lasts = right.until.is_none_or(|until| now < until);
            lasts && self.is_called(&right.to) && !is_excluded(&right.from)
        });
        if let Some(right) = given {
            return Ok(Standing::For(right.from.clone()));
        }
        // The names of one absent person are not told from those of the next: when one of them is
        // excluded, none is spoken for.
        let may_speak = !self.acts_for.iter().any(|name| is_excluded(name));
        let is_meant =
            |absent: &&String| at.assignees.iter().any(|assignee| is_user(assignee, absent));
        let absent = self.acts_for.iter().find(is_meant).filter(|_| may_speak);
        absent.cloned().map(Standing::For).ok_or(NoStanding::NotAssigned)
    }

    /// Does `role:reviewer`, `group:finance`, `user:<id or address>`, a bare role, id or address
    /// name this person?
    fn is_meant_by(&self, assignee: &str) -> bool {
        match assignee.split_once(':') {
            Some(("role", name)) => self.has_role(name),
            Some(("group", name)) => self.groups.iter().any(|group| group == name),
            Some(("user", name)) => self.is_called(name),
            _ => self.has_role(assignee) || self.is_called(assignee),
        }
    }
}

/// Does an assignee name this user?
fn is_user(assignee: &str, name: &str) -> bool {
    assignee.strip_prefix("user:").unwrap_or(assignee).eq_ignore_ascii_case(name)
}
