//! Answers calls from a recording, at the time of the recording. An agent who knows the key of a
//! call answers it again with the same answer.

use std::sync::Arc;

use async_trait::async_trait;

use crate::app::drill::world::World;
use crate::calls::{Call, Outcome, StandIn};
use crate::clock::Clock;
use crate::model::event;
use crate::model::problem::{Kind, Problem};

/// Every agent of a rehearsal.
pub(super) struct Agent(pub Arc<World>);

#[async_trait]
impl StandIn for Agent {
    async fn run(&self, call: &Call) -> Outcome {
        self.0.alive().await;
        let Some((at, outcome)) = self.0.arrives(&call.key) else {
            let detail = "the recording has no answer to this call";
            return Outcome::Failed(Problem::new(Kind::Runtime, detail));
        };
        self.0.clock.sleep_until(at).await;
        self.0.alive().await;
        match outcome {
            event::Outcome::Succeeded(value) => Outcome::Succeeded((*value).clone()),
            event::Outcome::Failed(problem) => Outcome::Failed(problem),
        }
    }

    fn judges(&self) -> bool {
        self.0.recording.was_judged
    }
}
