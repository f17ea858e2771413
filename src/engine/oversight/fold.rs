//! From entries of the audit trail to figures. An entry names its most telling event, so the
//! journal is read only where somebody decided, nobody did, or somebody went against the course of
//! a job.

use std::collections::BTreeMap;

use super::figures::{About, Day};
use crate::model::audit::AuditEntry;
use crate::model::checkpoint::{Decision, Verdict};
use crate::model::event::{Event, Recorded};
use crate::model::id::CheckpointId;
use crate::model::principal::Principal;
use crate::model::row::JobRow;
use crate::model::time::{Span, Timestamp};
use crate::store::{Store, StoreError};

/// Nobody reads faster than this.
const READING_MIN: Span = Span::from_secs(1);
/// Overrides, by the action of their entry.
const OVERRIDES: [&str; 4] = ["forceCompleted", "resubmitted", "terminated", "suspended"];
/// Actions of entries whose commits hold something to count.
const COUNTED: [&str; 4] = ["decided", "voted", "edited", "expired"];

/// Adds what this entry tells to its day.
pub(super) async fn count(
    store: &dyn Store,
    entry: &AuditEntry,
    days: &mut BTreeMap<String, Day>,
) -> Result<(), StoreError> {
    let Some(commit) = entry.commit else { return Ok(()) };
    let action = entry.action.as_str();
    let is_override = OVERRIDES.contains(&action) && matches!(entry.by, Principal::Person(_));
    if !is_override && !COUNTED.contains(&action) {
        return Ok(());
    }
    // What is gone was counted before it went, or never will be.
    let Some(row) = store.job(commit.job).await? else { return Ok(()) };
    let day = days.entry(day_of(entry.at)).or_default();
    if is_override {
        day.count(&about(&row, Some(&entry.by)), |figures| figures.overrides += 1);
        return Ok(());
    }
    for fact in commit_of(store, &row, commit.last_seq).await? {
        match &*fact.event {
            Event::Decided { checkpoint, decision } => {
                let opened = opened_at(store, *checkpoint).await?;
                decided(day, &row, decision, opened);
            }
            Event::Expired { .. } => {
                day.count(&about(&row, None), |figures| figures.expired += 1);
            }
            Event::Voted { .. } => {
                day.count(&about(&row, Some(&fact.by)), |figures| figures.votes += 1);
            }
            Event::Edited { .. } => {
                day.count(&about(&row, Some(&fact.by)), |figures| figures.edited += 1);
            }
            _ => {}
        }
    }
    Ok(())
}

fn decided(day: &mut Day, row: &JobRow, decision: &Decision, opened: Option<Timestamp>) {
    let took = opened.map(|opened| decision.at.since(opened));
    let is_approval = decision.verdict == Verdict::Approve;
    let is_person = matches!(decision.by, Principal::Person(_));
    let is_hasty = is_approval && is_person && took.is_some_and(|took| took < READING_MIN);
    day.count(&about(row, Some(&decision.by)), |figures| {
        match decision.verdict {
            Verdict::Approve => figures.approved += 1,
            Verdict::Reject => figures.rejected += 1,
            Verdict::SendBack => figures.sent_back += 1,
        }
        figures.sub_second += u64::from(is_hasty);
        if let Some(took) = took {
            figures.latency.add(took.0 / 1_000);
        }
    });
}

fn about(row: &JobRow, by: Option<&Principal>) -> About {
    let reviewer = by.and_then(|by| match by {
        Principal::Person(id) => Some(id.clone()),
        _ => None,
    });
    About { workflow: row.job_type.clone(), agent: row.agent.clone(), reviewer }
}

/// The events of the commit that ends with this one.
async fn commit_of(
    store: &dyn Store,
    row: &JobRow,
    last_seq: u64,
) -> Result<Vec<Recorded>, StoreError> {
    let last = store.journal(row.id, last_seq.saturating_sub(1), 1).await?;
    let Some(commit) = last.first().map(|fact| fact.commit_id) else { return Ok(Vec::new()) };
    let (mut events, mut before) = (Vec::new(), last_seq);
    // A commit of a decision has few events; it is looked for backwards in growing steps.
    let mut step = 16u64;
    loop {
        let from = before.saturating_sub(step);
        let page = store.journal(row.id, from, (last_seq - from) as usize).await?;
        let begins_before = page.first().is_some_and(|fact| fact.commit_id != commit);
        if begins_before || from == 0 {
            events.extend(page.into_iter().filter(|fact| fact.commit_id == commit));
            return Ok(events);
        }
        (before, step) = (from, step * 4);
    }
}

async fn opened_at(
    store: &dyn Store,
    checkpoint: CheckpointId,
) -> Result<Option<Timestamp>, StoreError> {
    Ok(store.checkpoint(checkpoint).await?.map(|row| row.opened_at))
}

/// The day of a time, in UTC: `2026-01-15`.
pub(super) fn day_of(at: Timestamp) -> String {
    at.to_rfc3339().chars().take(10).collect()
}
