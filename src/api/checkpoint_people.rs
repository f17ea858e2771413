//! What people do at a checkpoint beside deciding, and what is known of it: claims, votes,
//! delegations, comments, edits; decisions about many.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::checkpoint::Checkpoint;
use crate::api::problem::Problem;

/// Who keeps others from deciding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// The person, by id.
    pub by: String,
    /// Until when, RFC 3339 in UTC. Claiming again prolongs it.
    pub until: String,
}

/// Who decides and how: what the document says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Approvals of different people that it takes; a rejection ends it at once.
    pub quorum: u32,
    /// May neither the owner of the job, nor who requested it, nor the last editor decide?
    pub four_eyes: bool,
    /// Who may not decide, by id.
    pub excluded: Vec<String>,
    /// JSON Schema of the input that an approval has to bring.
    #[schema(value_type = Option<Value>)]
    pub form: Option<Arc<Value>>,
    /// JSON Pointers into `shown`: what is at or below them may be edited with an approval.
    pub editable: Vec<String>,
    /// How often the task may be sent back in one run.
    pub reworks: u32,
    /// May a signed link with a typed confirmation decide?
    pub link_confirm: bool,
    /// Who is asked too when nobody comes, one after the other.
    pub escalate_to: Vec<String>,
}

/// An approval, of several that are needed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Vote {
    /// The person, by id.
    pub by: String,
    /// When.
    pub at: String,
    /// `approve`; a rejection is a decision at once.
    pub decision: String,
    /// On whose behalf, when not their own.
    pub acts_for: Option<String>,
    /// What was said with it.
    pub comment: Option<String>,
    /// The files that it approves of; all that are shown when null.
    pub files: Option<Vec<String>>,
    /// What was entered.
    #[schema(value_type = Option<Value>)]
    pub input: Option<Arc<Value>>,
}

/// A right to decide that was given to somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Delegation {
    /// Who gave it, by id.
    pub from: String,
    /// Who got it: an id or an address.
    pub to: String,
    /// When it was given.
    pub at: String,
    /// When it ends; with the checkpoint when null.
    pub until: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// A remark that decides nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Comment {
    /// Whose.
    pub by: String,
    /// When.
    pub at: String,
    /// What it says.
    pub text: String,
}

/// A place in what is shown that an edit changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EditedPlace {
    /// JSON Pointer of the place.
    pub pointer: String,
    /// What stood there.
    #[schema(value_type = Option<Value>)]
    pub before: Option<Arc<Value>>,
    /// What stands there since.
    #[schema(value_type = Option<Value>)]
    pub after: Option<Arc<Value>>,
    /// The unified diff, of texts that are not too large.
    pub diff: Option<String>,
}

/// A change of what is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Edit {
    /// Who made it, by id.
    pub by: String,
    /// When.
    pub at: String,
    /// The digest of what was shown before.
    pub from: String,
    /// The digest of what is shown since.
    pub digest: String,
    /// What differs.
    pub changes: Vec<EditedPlace>,
}

/// All that is known of who did what at a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct People {
    /// Who decides and how.
    pub policy: Policy,
    /// Approvals so far, oldest first; with the deciding one once it is decided.
    pub votes: Vec<Vote>,
    /// Rights given to others.
    pub delegations: Vec<Delegation>,
    /// Remarks, oldest first.
    pub comments: Vec<Comment>,
    /// Changes of what is shown, oldest first. Each voided the votes before it.
    pub edits: Vec<Edit>,
    /// How often the task was sent back in this run before.
    pub rounds: u32,
    /// The files that were approved, when not all of those that are shown.
    pub approved_files: Option<Vec<String>>,
    /// When people are reminded.
    pub reminds_at: Option<String>,
    /// Raised by an edit and by a new deadline: links that were sent before no longer decide.
    pub generation: u32,
}

/// To whom the right to decide is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "to": "bob@example.com", "until": "2026-01-20T18:00:00.000Z", "reason": "I am away until Monday"
}))]
pub struct NewDelegation {
    /// The id or the address of a person. Who decides needs the role `reviewer` or `admin` as well.
    pub to: String,
    /// When it ends, RFC 3339; with the checkpoint when absent.
    #[serde(default)]
    pub until: Option<String>,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A remark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "Row 3 is from last year: is that meant?"}))]
pub struct NewComment {
    /// What it says, up to 4,096 bytes.
    pub text: String,
}

/// Time again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"expiresAfter": "PT8H", "reason": "Nobody was there over the holidays"}))]
pub struct Rearmament {
    /// The new deadline, from now on: an ISO 8601 duration of weeks, days, hours and smaller.
    pub expires_after: String,
    /// Why.
    pub reason: String,
}

/// One decision about several checkpoints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "ids": ["6f9619ff-8b86-8011-b42d-00c04fc964ff"],
    "decision": "approve",
    "reason": "The same change as in the other repositories",
    "digests": {
        "6f9619ff-8b86-8011-b42d-00c04fc964ff":
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    }
}))]
pub struct DecisionBatch {
    /// The checkpoints, 1 to 200, each once.
    pub ids: Vec<String>,
    /// `approve`, `reject` or `send-back`.
    pub decision: String,
    /// Why, for all of them.
    pub reason: String,
    /// The digest of what was seen of each, by its id. Every approval needs one.
    #[serde(default)]
    pub digests: BTreeMap<String, String>,
}

/// What became of one decision of a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionOutcome {
    /// The checkpoint.
    pub id: String,
    /// Was it decided, or the vote taken?
    pub success: bool,
    /// The checkpoint after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Box<Checkpoint>>,
    /// Why not: what the same decision alone would have been answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Box<Problem>>,
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionBatchAnswer {
    /// Always true: the batch was gone through. Each outcome says whether it worked.
    pub success: bool,
    /// How many were decided, or voted on.
    pub succeeded: u32,
    /// How many were not.
    pub failed: u32,
    /// One for each id, in their order.
    pub outcomes: Vec<DecisionOutcome>,
}
