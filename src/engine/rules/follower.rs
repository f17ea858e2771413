//! Rules follow the feed: what opened a checkpoint is on disk before a rule is asked about it, and
//! a crash in between is made good at the next start, from the place in the feed that was written
//! down last. To ask twice is harmless: who decided before is found, and nothing is decided again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::rules::condition::{Compiled, open};
use crate::engine::{Engine, EngineError};
use crate::model::audit::{Author, Origin};
use crate::model::checkpoint::{Checkpoint, Verdict};
use crate::model::command::DecideCheckpoint;
use crate::model::id::JobId;
use crate::model::job::Job;
use crate::model::voter::{Door, Voter};

/// The kind of the document that says how far the feed was read.
const KIND: &str = "approval-rules-position";
const ID: &str = "feed";
/// Entries of the feed read at a time.
const CHANGES: usize = 256;
/// Entries of the feed after which the place is written down although no rule was asked.
const UNWRITTEN_MAX: u64 = 10_000;
/// The pause after something went wrong.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Default, Serialize, Deserialize)]
struct Position {
    feed: u64,
}

/// Begins to follow the feed, until the engine is gone. While there are no rules it sleeps.
pub(crate) fn follow(engine: &Engine) {
    let (shared, root) = (Arc::downgrade(&engine.shared), engine.root.clone());
    let (mut feed, mut armed) = (engine.feed(), engine.shared.rules.armed.subscribe());
    tokio::spawn(async move {
        let mut place: Option<Place> = None;
        loop {
            if armed.wait_for(|armed| *armed).await.is_err() {
                return;
            }
            feed.borrow_and_update();
            let Some(shared) = shared.upgrade().filter(|shared| !shared.is_stopping()) else {
                return;
            };
            let engine = Engine { shared, root: root.clone() };
            // A panic in here is a fault of one round; rules that stop for ever would go unnoticed.
            let begun = place.take();
            let round = tokio::spawn(async move { engine.follow_rules(begun).await });
            match round.await {
                Ok(Ok(reached)) => place = Some(reached),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "approval rules wait");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                Err(failure) => {
                    tracing::error!(%failure, "a round of approval rules died");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            }
            tokio::select! {
                changed = feed.changed() => if changed.is_err() { return },
                // A rule that was made looks at what came since.
                changed = armed.changed() => if changed.is_err() { return },
            }
        }
    });
}

/// Lets the first rule begin at the end of the feed: what came before is no business of any rule.
pub(super) async fn begin_here(engine: &Engine) -> Result<(), EngineError> {
    let feed = engine.shared.parts.store.last_change().await?;
    engine.write_position(feed).await
}

/// How far the feed was read, and how far that is written down.
#[derive(Clone, Copy)]
struct Place {
    read: u64,
    written: u64,
}

impl Engine {
    /// Reads the feed to its end; says how far it came.
    async fn follow_rules(&self, begun: Option<Place>) -> Result<Place, EngineError> {
        let kept = self.kept_position().await?;
        // Who revoked all rules and made a new one has moved the place on.
        let mut place = begun.unwrap_or(Place { read: kept, written: kept });
        place.read = place.read.max(kept);
        if self.hold().is_some() {
            return Ok(place);
        }
        loop {
            let changes = self.changes(place.read, CHANGES).await?;
            let Some(last) = changes.last().map(|change| change.feed) else { return Ok(place) };
            let jobs: BTreeSet<JobId> = changes.iter().map(|change| change.job).collect();
            let mut was_asked = false;
            for job in jobs {
                was_asked |= self.ask_rules_about(job).await?;
            }
            place.read = last;
            if was_asked || last.saturating_sub(place.written) > UNWRITTEN_MAX {
                self.write_position(last).await?;
                place.written = last;
            }
        }
    }

    /// Asks every rule about the open checkpoints of a job; says whether there was one to ask.
    async fn ask_rules_about(&self, job: JobId) -> Result<bool, EngineError> {
        let Some(row) = self.shared.parts.store.job(job).await? else { return Ok(false) };
        if row.pending_checkpoints == 0 {
            return Ok(false);
        }
        // Held until the decision is made: nobody revokes a rule in the middle of it.
        let active = self.shared.rules.active.read().await;
        if active.iter().all(|rule| rule.rule.says.job_type != row.job_type) {
            return Ok(false);
        }
        let job = match self.job(job).await {
            Ok(view) => view.job,
            Err(EngineError::Refused(_) | EngineError::Corrupt { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        for checkpoint in open(&job) {
            for rule in active.iter() {
                if self.ask(rule, &job, &checkpoint).await? {
                    break;
                }
            }
        }
        Ok(true)
    }

    /// Asks one rule; says whether it had the say, by approving or by sampling.
    async fn ask(
        &self,
        rule: &Arc<Compiled>,
        job: &Arc<Job>,
        checkpoint: &Arc<Checkpoint>,
    ) -> Result<bool, EngineError> {
        let is_later = checkpoint.opened_at >= rule.rule.since;
        if !is_later || !rule.rule.holds(self.now()) || !rule.is_about(job, checkpoint) {
            return Ok(false);
        }
        let (asked, subject, shown) = (rule.clone(), job.clone(), checkpoint.clone());
        // An expression may take its time: never on a thread that others wait for.
        let holds = tokio::task::spawn_blocking(move || asked.holds(&subject, &shown)).await;
        match holds.map_err(|error| EngineError::Unavailable(error.to_string()))? {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(reason) => {
                let (rule, checkpoint) = (rule.rule.id, checkpoint.id);
                tracing::warn!(%rule, %checkpoint, reason, "a rule cannot be asked");
                return Ok(false);
            }
        }
        if rule.samples(checkpoint) {
            self.say_sampled(rule, checkpoint).await?;
            return Ok(true);
        }
        if !self.count_use(&rule.rule).await? {
            return Ok(false);
        }
        self.approve_by(rule, checkpoint).await
    }

    async fn approve_by(
        &self,
        rule: &Compiled,
        checkpoint: &Checkpoint,
    ) -> Result<bool, EngineError> {
        let (by, text) = (author_of(rule), name_of(rule));
        let voter = voter_of(rule);
        let decision = DecideCheckpoint {
            digest: Some(checkpoint.digest),
            comment: Some(format!("approved by {text}")),
            ..DecideCheckpoint::new(checkpoint.id, Verdict::Approve, voter)
        };
        match self.decide(decision, by).await {
            Ok(_) => Ok(true),
            // A person was first, or the checkpoint is not for rules.
            Err(EngineError::Refused(refusal)) => {
                tracing::info!(rule = %rule.rule.id, %refusal, "a rule did not decide");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Says at the checkpoint that a person is to look at it, once.
    async fn say_sampled(
        &self,
        rule: &Compiled,
        checkpoint: &Checkpoint,
    ) -> Result<(), EngineError> {
        let by = author_of(rule);
        if checkpoint.comments.iter().any(|comment| comment.by == by.by) {
            return Ok(());
        }
        let text = format!("sampled by {}: a person decides", name_of(rule));
        match self.comment(checkpoint.id, text, voter_of(rule), by).await {
            Ok(_) | Err(EngineError::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn kept_position(&self) -> Result<u64, EngineError> {
        let Some(document) = self.document(KIND, ID).await? else { return Ok(0) };
        let position: Position = serde_json::from_slice(&document.body).unwrap_or_default();
        Ok(position.feed)
    }

    async fn write_position(&self, feed: u64) -> Result<(), EngineError> {
        let body = serde_json::to_vec(&Position { feed })
            .map_err(|error| EngineError::Unavailable(error.to_string()))?;
        self.put_document(KIND, ID, body, None).await?;
        Ok(())
    }
}

/// The rule as people read it in journals: its version says what it said then.
fn name_of(rule: &Compiled) -> String {
    format!("rule {:?}, version {} ({})", rule.rule.says.name, rule.rule.version, rule.rule.id)
}

fn author_of(rule: &Compiled) -> Author {
    let via = format!("rule:{}@{}", rule.rule.id, rule.rule.version);
    Author { by: rule.rule.principal(), origin: Some(Origin { address: None, via }) }
}

fn voter_of(rule: &Compiled) -> Voter {
    let (id, version) = (rule.rule.id.to_string(), rule.rule.version);
    Voter {
        principal: rule.rule.principal(),
        names: Vec::new(),
        roles: Vec::new(),
        groups: Vec::new(),
        acts_for: Vec::new(),
        door: Door::Rule { id, version },
    }
}
