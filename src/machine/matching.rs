//! The search for an agent: in rounds, outside of the machine, until somebody is assigned or nobody
//! is to look any more.

use std::sync::Arc;

use serde_json::json;

use crate::machine::scratch::Scratch;
use crate::machine::weight;
use crate::model::event::{Data, Event};
use crate::model::job::MatchingStage;
use crate::model::limits::MATCHING_REPORT_BYTES_MAX;
use crate::model::refusal::Refusal;
use crate::model::status::Status;
use crate::model::time::Span;

impl Scratch<'_> {
    /// Looks for an agent, unless somebody does already.
    pub(super) fn start_matching(&mut self) -> Result<(), Refusal> {
        let wish = "be matched with an agent";
        if self.job.status != Status::Pending {
            return Err(self.illegal(wish, "only a PENDING job is; use reassign"));
        }
        if !self.job.spec.needs_agent {
            return Err(self.illegal(wish, "its workflow needs none and starts by itself"));
        }
        if !matches!(self.job.matching.stage, MatchingStage::Looking { .. }) {
            self.next_round();
        }
        Ok(())
    }

    fn next_round(&mut self) {
        self.emit(Event::MatchingStarted { round: self.job.matching.round + 1 });
    }

    /// The round found nobody. What it says of every agent is kept, as far as it is kept of any.
    pub(super) fn fail_matching(
        &mut self,
        round: u32,
        report: &Data,
        again_after: Option<Span>,
    ) -> Result<(), Refusal> {
        let matching = &self.job.matching;
        let is_looking = matches!(matching.stage, MatchingStage::Looking { .. });
        if !is_looking || matching.round != round {
            return Err(Refusal::Stale {
                what: format!("round {round} of the search for an agent"),
            });
        }
        let bytes = weight::of(report);
        let report = match bytes <= MATCHING_REPORT_BYTES_MAX {
            true => report.clone(),
            false => Arc::new(json!({
                "message": format!(
                    "the report takes {bytes} bytes; the most that is kept is \
                     {MATCHING_REPORT_BYTES_MAX}"
                ),
            })),
        };
        let again_at = again_after.map(|span| self.now().after(span));
        self.emit(Event::MatchingFailed { report, again_at });
        Ok(())
    }

    /// Begins the next round when its time has come.
    pub(super) fn match_again(&mut self) {
        let now = self.now();
        if let MatchingStage::Failed { again_at: Some(at), .. } = self.job.matching.stage
            && at <= now
        {
            self.next_round();
        }
    }
}
