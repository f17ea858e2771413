//! How far the feed was read and what came of it: one document, written with its place in the feed,
//! so that after a crash every fact is counted once. What was archived before is not counted.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use tokio::sync::Mutex;

use super::figures::{AgentStatistics, Figures, Totals};
use super::fold::{Story, is_counted};
use crate::engine::matching::Record;
use crate::engine::{Engine, EngineError, Parts};
use crate::model::id::{AgentId, JobId};
use crate::model::metric_names;
use crate::model::time::Timestamp;
use crate::store::{Change, Document, DocumentOutcome, Store, StoreError};

/// The document.
const KIND: &str = "statistics";
const ID: &str = "agents";
/// Entries of the feed that are counted together.
const CHANGES: usize = 256;
/// Events of a journal read at a time.
const EVENTS: usize = 500;
/// Entries of the feed without anything to count after which the place is written all the same.
const UNWRITTEN_MAX: u64 = 10_000;

/// The figures of all agents; whoever asks lets them catch up.
#[derive(Default)]
pub(crate) struct Statistics {
    kept: Mutex<Option<Kept>>,
}

/// What is known and what of it is written.
#[derive(Clone, Default)]
struct Kept {
    totals: Totals,
    /// The version of the document; 0: there is none.
    version: u64,
    /// The place in the feed that the document names.
    written: u64,
}

impl Statistics {
    /// Counts what was committed since the last time.
    async fn catch_up(&self, store: &dyn Store, now: Timestamp) -> Result<Totals, StoreError> {
        let mut kept = self.kept.lock().await;
        let mut state = match kept.take() {
            Some(state) => state,
            None => read(store).await?,
        };
        // On an error the lock holds nothing, and the next one to ask reads the document again.
        loop {
            let changes = store.changes(state.totals.position, CHANGES).await?;
            let Some(last) = changes.last().map(|change| change.feed) else { break };
            let before = state.totals.agents.clone();
            let times_ms = count(store, &changes, &mut state.totals).await?;
            state.totals.position = last;
            let is_news = before != state.totals.agents;
            if is_news || last - state.written > UNWRITTEN_MAX {
                write(store, &mut state, now).await?;
            }
            for ms in times_ms {
                metrics::histogram!(metric_names::AGENT_CALL_SECONDS).record(ms as f64 / 1_000.0);
            }
        }
        publish(&state.totals);
        let totals = state.totals.clone();
        *kept = Some(state);
        Ok(totals)
    }
}

impl Statistics {
    /// What became of the results of each agent, by its id.
    pub async fn records(&self, parts: &Parts) -> Result<BTreeMap<String, Record>, StoreError> {
        let totals = self.catch_up(parts.store.as_ref(), parts.clock.now()).await?;
        let record =
            |figures: &Figures| Record { accepted: figures.accepted, rejected: figures.rejected };
        Ok(totals.agents.iter().map(|(id, figures)| (id.clone(), record(figures))).collect())
    }
}

impl Engine {
    /// What became of the work of this agent, up to the last commit.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn agent_statistics(&self, agent: AgentId) -> Result<AgentStatistics, EngineError> {
        let (statistics, store) = (&self.shared.statistics, &self.shared.parts.store);
        let totals = statistics.catch_up(store.as_ref(), self.now()).await?;
        Ok(totals.agents.get(&agent.to_string()).map(Figures::shown).unwrap_or_default())
    }

    /// The same of every agent that was ever called, by its id.
    ///
    /// # Errors
    /// As [`Engine::agent_statistics`].
    pub async fn all_agent_statistics(
        &self,
    ) -> Result<BTreeMap<String, AgentStatistics>, EngineError> {
        let (statistics, store) = (&self.shared.statistics, &self.shared.parts.store);
        let totals = statistics.catch_up(store.as_ref(), self.now()).await?;
        Ok(totals.agents.iter().map(|(id, figures)| (id.clone(), figures.shown())).collect())
    }
}

async fn read(store: &dyn Store) -> Result<Kept, StoreError> {
    let Some(document) = store.document(KIND, ID).await? else { return Ok(Kept::default()) };
    let totals: Totals =
        serde_json::from_slice(&document.body).map_err(|error| StoreError::Corrupt {
            table: "documents",
            key: format!("{KIND}/{ID}"),
            reason: format!("the statistics of agents cannot be read: {error}"),
        })?;
    let written = totals.position;
    Ok(Kept { totals, version: document.version, written })
}

async fn write(store: &dyn Store, state: &mut Kept, now: Timestamp) -> Result<(), StoreError> {
    let unwritten = |error: serde_json::Error| StoreError::Unavailable(error.to_string());
    let body = serde_json::to_vec(&state.totals).map_err(unwritten)?;
    let document = Document { id: ID.to_owned(), version: 0, updated_at: now, body };
    match store.put_document(KIND, document, Some(state.version)).await? {
        DocumentOutcome::Written(version) => {
            (state.version, state.written) = (version, state.totals.position);
            Ok(())
        }
        DocumentOutcome::Conflict(_) => {
            Err(StoreError::Unavailable("somebody else counts as well: ask again".to_owned()))
        }
    }
}

/// Counts these commits, each job's journal once. Says the times of the calls that ended in them.
async fn count(
    store: &dyn Store,
    changes: &[Change],
    totals: &mut Totals,
) -> Result<Vec<u64>, StoreError> {
    let mut fresh: BTreeMap<JobId, RangeInclusive<u64>> = BTreeMap::new();
    for change in changes {
        // The entries of one job follow each other without a gap.
        let range = fresh.entry(change.job).or_insert(change.first_seq..=change.last_seq);
        *range = *range.start()..=change.last_seq;
    }
    let mut times_ms = Vec::new();
    for (job, range) in fresh {
        if has_something(store, job, &range).await? {
            times_ms.extend(tell(store, job, &range, totals).await?);
        }
    }
    Ok(times_ms)
}

/// Is there anything to count in this part of a journal?
async fn has_something(
    store: &dyn Store,
    job: JobId,
    range: &RangeInclusive<u64>,
) -> Result<bool, StoreError> {
    let mut after = range.start().saturating_sub(1);
    while after < *range.end() {
        let page = store.journal(job, after, EVENTS).await?;
        let Some(last) = page.last().map(|fact| fact.seq) else { return Ok(false) };
        if page.iter().any(|fact| range.contains(&fact.seq) && is_counted(&fact.event)) {
            return Ok(true);
        }
        after = last;
    }
    Ok(false)
}

/// Tells the story of a job from its begin, and counts this part of it.
async fn tell(
    store: &dyn Store,
    job: JobId,
    range: &RangeInclusive<u64>,
    totals: &mut Totals,
) -> Result<Vec<u64>, StoreError> {
    let (mut story, mut after) = (Story::default(), 0);
    while after < *range.end() {
        let page = store.journal(job, after, EVENTS).await?;
        let Some(last) = page.last().map(|fact| fact.seq) else { break };
        for fact in page.iter().take_while(|fact| fact.seq <= *range.end()) {
            story.tell(fact, range.contains(&fact.seq), totals);
        }
        after = last;
    }
    Ok(story.times_ms)
}

/// Sets the metrics to the sums over all agents: a label with an agent would cost memory for ever.
fn publish(totals: &Totals) {
    let sum = |of: fn(&Figures) -> u64| totals.agents.values().map(of).sum::<u64>();
    let failed = sum(|figures| figures.failed_calls);
    let set = |name: &'static str, label: &'static str, value: &'static str, count: u64| {
        metrics::counter!(name, label => value).absolute(count);
    };
    let calls = metric_names::AGENT_CALLS_TOTAL;
    set(calls, "outcome", "succeeded", sum(|figures| figures.calls) - failed);
    set(calls, "outcome", "failed", failed);
    let verdicts = metric_names::AGENT_VERDICTS_TOTAL;
    set(verdicts, "verdict", "accepted", sum(|figures| figures.accepted));
    set(verdicts, "verdict", "rejected", sum(|figures| figures.rejected));
    let tokens = metric_names::JUDGE_TOKENS_TOTAL;
    set(tokens, "direction", "input", sum(|figures| figures.input_tokens));
    set(tokens, "direction", "output", sum(|figures| figures.output_tokens));
    let resubmissions = sum(|figures| figures.resubmissions);
    metrics::counter!(metric_names::AGENT_RESUBMISSIONS_TOTAL).absolute(resubmissions);
    let cost = sum(|figures| figures.cost_micros);
    metrics::counter!(metric_names::JUDGE_COST_MICROS_TOTAL).absolute(cost);
}
