//! A link as it is kept: for whom, to what, until when, and what became of it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::audit::Author;
use crate::model::checkpoint::Checkpoint;
use crate::model::id::{CheckpointId, ContentHash, JobId};
use crate::model::principal::Principal;
use crate::model::status::{UnknownWord, words};
use crate::model::time::{Span, Timestamp};

words! {
    /// What a link is good for.
    LinkStatus {
        /// Its person may decide with it.
        Active = "ACTIVE",
        /// Its person decided with it.
        Used = "USED",
        /// Somebody took it back.
        Revoked = "REVOKED",
        /// Its time is over.
        Expired = "EXPIRED",
        /// The checkpoint was closed without it, or shows something else.
        Closed = "CLOSED",
    }
}

/// A link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// Which link.
    pub id: Uuid,
    /// SHA-256 of what opens it.
    pub hash: ContentHash,
    /// The checkpoint.
    pub checkpoint: CheckpointId,
    /// Its job.
    pub job: JobId,
    /// What was shown when it was made; it is good for nothing else.
    pub digest: ContentHash,
    /// How often it had changed by then what a link may decide: an edit, a new deadline.
    pub generation: u32,
    /// The person, by user id.
    pub user: String,
    /// Who made it.
    pub made_by: Principal,
    /// When.
    pub made_at: Timestamp,
    /// Until when it is good.
    pub expires_at: Timestamp,
    /// When its person decided with it.
    #[serde(default)]
    pub used_at: Option<Timestamp>,
    /// When it was taken back, and by whom.
    #[serde(default)]
    pub revoked: Option<(Timestamp, Principal)>,
}

impl Link {
    /// What it is good for now, at a checkpoint that stands like this.
    pub fn status(&self, checkpoint: Option<&Checkpoint>, now: Timestamp) -> LinkStatus {
        let is_open = checkpoint.is_some_and(|it| {
            it.is_pending() && it.digest == self.digest && it.generation == self.generation
        });
        if self.used_at.is_some() {
            LinkStatus::Used
        } else if self.revoked.is_some() {
            LinkStatus::Revoked
        } else if !is_open {
            LinkStatus::Closed
        } else if self.expires_at <= now {
            LinkStatus::Expired
        } else {
            LinkStatus::Active
        }
    }
}

/// A link to be made.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// The checkpoint.
    pub checkpoint: CheckpointId,
    /// The person, by user id.
    pub user: String,
    /// How long it is good; as long as the checkpoint waits when absent, seven days at most.
    pub expires_after: Option<Span>,
    /// Who makes it.
    pub by: Author,
}
