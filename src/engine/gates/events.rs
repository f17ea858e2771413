//! What happened to a gate, in order, as whoever opened it may see it. Each fact has its place in
//! the journal, so a reader that comes back goes on without loss.

use crate::engine::gates::view::GateStatus;
use crate::engine::{Engine, EngineError};
use crate::machine::log_entry;
use crate::model::checkpoint::{OnExpiry, Verdict};
use crate::model::event::Event;
use crate::model::id::JobId;
use crate::model::principal::Principal;
use crate::model::time::Timestamp;

/// Events of a journal read at a time.
const EVENTS: usize = 500;

/// Something that happened to a gate.
#[derive(Clone, Debug, PartialEq)]
pub struct GateFact {
    /// Its place in the journal.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: Principal,
    /// What, as the journal names it.
    pub name: &'static str,
    /// Where the gate stood after it.
    pub status: GateStatus,
    /// One sentence for people.
    pub message: String,
}

impl Engine {
    /// What happened to a gate after this place of its journal.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn gate_facts(&self, gate: JobId, after: u64) -> Result<Vec<GateFact>, EngineError> {
        let (mut status, mut place, mut facts) = (GateStatus::Pending, 0, Vec::new());
        loop {
            let page = self.shared.parts.store.journal(gate, place, EVENTS).await?;
            let Some(last) = page.last().map(|fact| fact.seq) else { return Ok(facts) };
            place = last;
            for fact in page {
                status = status_after(status, &fact.event);
                if fact.seq <= after || !is_told(&fact.event) {
                    continue;
                }
                facts.push(GateFact {
                    seq: fact.seq,
                    at: fact.at,
                    by: fact.by.clone(),
                    name: fact.event.name(),
                    status,
                    message: log_entry(&fact.event).map(|entry| entry.message).unwrap_or_default(),
                });
            }
        }
    }
}

/// Is it something that whoever opened the gate wants to know?
fn is_told(event: &Event) -> bool {
    matches!(
        event,
        Event::CheckpointOpened { .. }
            | Event::Claimed { .. }
            | Event::Released { .. }
            | Event::Delegated { .. }
            | Event::Commented { .. }
            | Event::Edited { .. }
            | Event::Voted { .. }
            | Event::Decided { .. }
            | Event::Reminded { .. }
            | Event::Escalated { .. }
            | Event::Expired { .. }
            | Event::Rearmed { .. }
            | Event::Cancelled { .. }
            | Event::Failed { .. }
            | Event::Resubmitted { .. }
    )
}

fn status_after(status: GateStatus, event: &Event) -> GateStatus {
    match event {
        Event::CheckpointOpened { .. }
        | Event::Resubmitted { .. }
        | Event::Rearmed { reopened: true, .. } => GateStatus::Pending,
        Event::Decided { decision, .. } => match decision.verdict {
            Verdict::Approve => GateStatus::Approved,
            Verdict::Reject => GateStatus::Rejected,
            Verdict::SendBack => GateStatus::SentBack,
        },
        Event::Expired { action: OnExpiry::Approve, .. } => GateStatus::Approved,
        Event::Expired { .. } => GateStatus::Expired,
        Event::Cancelled { .. } | Event::Failed { .. } if status == GateStatus::Pending => {
            GateStatus::Cancelled
        }
        _ => status,
    }
}
