//! Reads the card on which an agent describes itself, through the same guard as every other call.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::calls::{Call, Function, Outcome};
use crate::engine::{Engine, EngineError, Hold};
use crate::model::id::JobId;

impl Engine {
    /// The JSON document at this address.
    ///
    /// # Errors
    /// `Unreachable` when it cannot be had or is no JSON object; `Held` while the store is: nothing
    /// leaves it.
    pub async fn agent_card(&self, url: &str) -> Result<Value, EngineError> {
        if let Some(Hold { since, reason }) = self.hold() {
            return Err(EngineError::Held { since, reason });
        }
        let unreachable = |reason: String| EngineError::UnreachableCard { reason };
        let caller = &self.shared.parts.caller;
        caller.check_url(url).map_err(|error| unreachable(error.to_string()))?;
        let job = JobId(self.shared.parts.clock.new_id());
        // Braces would be read as a template of the standard.
        let call = Call {
            job,
            key: format!("card/{job}"),
            function: Function::Http,
            arguments: Arc::new(json!({
                "method": "get", "endpoint": url, "headers": { "accept": "application/json" },
            })),
        };
        match caller.run(&call).await {
            Outcome::Succeeded(card) if card.is_object() => Ok(crate::calls::defuse(card)),
            Outcome::Succeeded(_) => Err(unreachable("the answer is no JSON object".to_owned())),
            Outcome::Failed(problem) => {
                Err(unreachable(problem.detail.unwrap_or_else(|| problem.kind.clone())))
            }
        }
    }
}
