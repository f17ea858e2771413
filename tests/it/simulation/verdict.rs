//! What must be true when everything is over, read from the disk that is left.

use std::collections::{BTreeMap, BTreeSet};

use holdpoint::machine::evolve;
use holdpoint::model::event::{Event, Recorded};
use holdpoint::model::id::{CheckpointId, FrameId, JobId};
use holdpoint::model::job::Job;
use holdpoint::store::{Redb, Store};

use super::history::all_jobs;
use super::world::{Promise, World, digest_of_job, lock};

/// The versions of each job that somebody was shown, and as what.
type Shown = BTreeMap<JobId, Vec<(u64, u64, String)>>;

pub async fn pass(world: &World, store: &Redb) -> Result<(), String> {
    let (mut shown, mut closed, mut taken) = (Shown::new(), Vec::new(), Vec::new());
    for promise in &lock(&world.told).promises {
        match promise.clone() {
            Promise::View { to, job, version, digest } => {
                shown.entry(job).or_default().push((version, digest, to));
            }
            Promise::Closed { to, checkpoint, status } => closed.push((to, checkpoint, status)),
            Promise::Taken { job, frame, event } => taken.push((job, frame, event)),
        }
    }
    let mut statuses: BTreeMap<CheckpointId, String> = BTreeMap::new();
    let mut consumed = BTreeSet::new();
    for id in all_jobs(store).await? {
        let journal = store.journal(id, 0, usize::MAX).await.map_err(|error| error.to_string())?;
        let job = fold(id, &journal, &shown.remove(&id).unwrap_or_default())?;
        if !job.status.is_ended() {
            return Err(format!("job {id} is {} in the end", job.status));
        }
        world.count(format!("job {}", job.status));
        decided_once(world, &job, &journal)?;
        consumed.extend(events_of(id, &journal));
        statuses.extend(job.checkpoints.values().map(|row| (row.id, row.status.to_string())));
    }
    if let Some((id, told)) = shown.first_key_value() {
        return Err(format!("{} was told of job {id}, which is gone", told[0].2));
    }
    for (to, checkpoint, status) in closed {
        let found = statuses.get(&checkpoint);
        if found != Some(&status) {
            return Err(format!("{to} was told {status} of {checkpoint}, which is {found:?}"));
        }
    }
    if let Some((job, frame, event)) = taken.iter().find(|taken| !consumed.contains(*taken)) {
        return Err(format!("event {event} was accepted for {frame} of job {job} and is lost"));
    }
    one_job_for_each_order(world)
}

/// Every event that a task of this job took.
fn events_of(
    id: JobId,
    journal: &[Recorded],
) -> impl Iterator<Item = (JobId, FrameId, String)> + '_ {
    journal.iter().filter_map(move |fact| match &*fact.event {
        Event::EventConsumed { frame, id: event, .. } => Some((id, *frame, event.clone())),
        _ => None,
    })
}

/// The journal once more from its beginning, and what was shown of it on the way.
fn fold(id: JobId, journal: &[Recorded], shown: &[(u64, u64, String)]) -> Result<Job, String> {
    let mut job = None;
    for fact in journal {
        let next = evolve(job, id, &fact.event, fact.at).map_err(|error| error.to_string())?;
        for (_, digest, to) in shown.iter().filter(|(version, ..)| *version == fact.seq) {
            if digest_of_job(&next) != *digest {
                return Err(format!("{to} was shown another job {id} v{}", fact.seq));
            }
        }
        job = Some(next);
    }
    let last = journal.last().map_or(0, |fact| fact.seq);
    if let Some((version, _, to)) = shown.iter().find(|(version, ..)| *version > last) {
        return Err(format!("{to} was shown job {id} v{version}; it ends at v{last}"));
    }
    job.ok_or_else(|| format!("job {id} has no journal"))
}

/// Each decision is of one click, once, about what that click was shown. Each event came once.
fn decided_once(world: &World, job: &Job, journal: &[Recorded]) -> Result<(), String> {
    let mut decided = BTreeSet::new();
    let mut consumed = BTreeSet::new();
    for fact in journal {
        match &*fact.event {
            Event::Decided { checkpoint, decision } => {
                if !decided.insert(*checkpoint) {
                    return Err(format!("{checkpoint} was decided twice"));
                }
                let comment = decision.comment.clone().unwrap_or_default();
                let click = lock(&world.told).clicks.get(&comment).cloned();
                let click =
                    click.ok_or_else(|| format!("nobody clicked {checkpoint}: {comment}"))?;
                let fits = click.checkpoint == *checkpoint && click.verdict == decision.verdict;
                if !fits || !click.is_about_what_was_shown {
                    return Err(format!("{checkpoint} was decided as {decision:?} by {click:?}"));
                }
            }
            Event::EventConsumed { frame, source, id, .. }
                if !consumed.insert((*frame, source.clone(), id.clone())) =>
            {
                return Err(format!("job {} took event {id} twice", job.id));
            }
            _ => {}
        }
    }
    Ok(())
}

fn one_job_for_each_order(world: &World) -> Result<(), String> {
    let ordered: Vec<_> = lock(&world.told).orders.iter().filter_map(|order| order.job).collect();
    let history = lock(&world.history);
    let made: BTreeSet<JobId> =
        history.jobs().filter(|job| job.spec.parent.is_none()).map(|job| job.id).collect();
    let wanted: BTreeSet<JobId> = ordered.iter().copied().collect();
    if wanted.len() != ordered.len() || made != wanted {
        return Err(format!("{} orders, {} jobs: {made:?}", ordered.len(), made.len()));
    }
    Ok(())
}
