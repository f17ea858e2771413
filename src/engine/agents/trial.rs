//! A call of an agent for a look, outside any job: it is recorded nowhere, passes no gate and is
//! made once.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::calls::{AgentDirections, AgentReply, Call, Function};
use crate::engine::{Engine, EngineError, Hold};
use crate::model::id::{AgentId, JobId};
use crate::model::problem::Problem;

/// What became of a call for a look.
#[derive(Clone, Debug)]
pub struct AgentTrial {
    /// What was sent.
    pub input: Arc<Value>,
    /// Did it answer as it should (or with 202, when it is asynchronous)?
    pub passed: bool,
    /// Its result, when it gave one.
    pub result: Option<Arc<Value>>,
    /// What went wrong.
    pub problem: Option<Problem>,
    /// How long it took, milliseconds.
    pub took_ms: u64,
}

impl Engine {
    /// Sends a sample to an agent, with a key of its own and without a callback.
    ///
    /// # Errors
    /// `UnknownAgent`; `Held` while the store is: nothing leaves it.
    pub async fn test_agent(&self, id: AgentId, sample: Value) -> Result<AgentTrial, EngineError> {
        if let Some(Hold { since, reason }) = self.hold() {
            return Err(EngineError::Held { since, reason });
        }
        let unknown = || EngineError::UnknownAgent { agent: id.to_string() };
        let target = self.shared.registry.find(id).ok_or_else(unknown)?;
        let began = self.now();
        // Text from outside must never pass for the placeholder of a secret.
        let input = Arc::new(crate::calls::defuse(sample));
        let job = JobId(self.shared.parts.clock.new_id());
        let call = Call {
            job,
            key: format!("test/{job}"),
            function: Function::Agent,
            arguments: Arc::new(json!({ "agent": id, "input": &*input })),
        };
        let directions = AgentDirections::new(target);
        let reply = self.shared.parts.caller.run_agent(&call, &directions).await;
        let took_ms = self.now().since(began).0 / 1_000;
        let (passed, result, problem) = match reply {
            AgentReply::Succeeded(value) => (true, Some(Arc::new(value)), None),
            AgentReply::Accepted { .. } => (true, None, None),
            AgentReply::Failed(failure) => (false, None, Some(*failure.problem)),
        };
        Ok(AgentTrial { input, passed, result, problem, took_ms })
    }
}
