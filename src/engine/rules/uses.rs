//! How often a rule approved on a day. A use is counted before it is made, so that a crash in
//! between leaves one too many counted and never one too few.

use serde::{Deserialize, Serialize};

use crate::engine::rules::rule::Rule;
use crate::engine::{DocumentOutcome, Engine, EngineError};
use crate::model::time::Timestamp;

/// The kind of the documents, by rule.
const KIND: &str = "approval-rule-uses";

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Uses {
    /// The day, as `YYYY-MM-DD` in UTC.
    day: String,
    /// Uses on that day.
    count: u32,
}

fn day_of(at: Timestamp) -> String {
    at.to_rfc3339().split('T').next().unwrap_or_default().to_owned()
}

impl Engine {
    /// Counts one more use of today; false when there were as many as there may be.
    pub(super) async fn count_use(&self, rule: &Rule) -> Result<bool, EngineError> {
        let Some(max) = rule.says.max_per_day else { return Ok(true) };
        let (id, today) = (rule.id.to_string(), day_of(self.now()));
        loop {
            let (mut uses, version) = self.kept_uses(&id).await?;
            if uses.day != today {
                uses = Uses { day: today.clone(), count: 0 };
            }
            if uses.count >= max {
                return Ok(false);
            }
            uses.count += 1;
            let body = serde_json::to_vec(&uses)
                .map_err(|error| EngineError::Unavailable(error.to_string()))?;
            match self.put_document(KIND, &id, body, Some(version)).await? {
                DocumentOutcome::Written(_) => return Ok(true),
                DocumentOutcome::Conflict(_) => {}
            }
        }
    }

    /// Uses of today of a rule that has a limit.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn uses_today(&self, rule: &Rule) -> Result<u32, EngineError> {
        let (uses, _) = self.kept_uses(&rule.id.to_string()).await?;
        Ok(if uses.day == day_of(self.now()) { uses.count } else { 0 })
    }

    async fn kept_uses(&self, id: &str) -> Result<(Uses, u64), EngineError> {
        let Some(document) = self.document(KIND, id).await? else {
            return Ok((Uses::default(), 0));
        };
        let uses = serde_json::from_slice(&document.body)
            .map_err(|error| EngineError::Unavailable(format!("the uses of {id}: {error}")))?;
        Ok((uses, document.version))
    }
}
