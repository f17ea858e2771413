//! How a recording is read: the journals of a job and its children, in the order in which they
//! were written. What cannot be rehearsed honestly is refused with a reason.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map as Object, Value, json};

use crate::app::drill::alike::Lifetime;
use crate::app::drill::map::{Map, Place, Sighting};
use crate::app::drill::recording::{Act, End, RecordedCall, Recording, What};
use crate::dsl::definition::Definition;
use crate::dsl::{Rules, from_value};
use crate::engine::DEFINITIONS;
use crate::model::checkpoint::Purpose;
use crate::model::cloud_event::CloudEvent;
use crate::model::command::Command;
use crate::model::event::{Data, Event, Recorded};
use crate::model::id::{ContentHash, JobId};
use crate::model::problem::Kind;
use crate::model::status::Status;
use crate::model::time::Timestamp;
use crate::store::{Store, StoreError};

/// Facts read at a time.
const PAGE: usize = 1_000;

/// A recording, or why there is none.
pub(super) type Read = Result<Box<Recording>, String>;

/// Reads a job that has ended.
pub(super) async fn read(store: &dyn Store, root: JobId) -> Result<Read, StoreError> {
    let facts = facts(store, root).await?;
    let mut reading = Reading::default();
    for (job, fact) in &facts {
        if let Event::Created { spec } = &*fact.event
            && !reading.definitions.contains_key(&spec.definition)
        {
            match definition(store, spec.definition).await? {
                Ok(definition) => reading.definitions.insert(spec.definition, definition),
                Err(reason) => return Ok(Err(reason)),
            };
        }
        if let Err(reason) = reading.take(root, *job, fact) {
            return Ok(Err(reason));
        }
    }
    Ok(reading.finish(root, &facts))
}

/// The facts of the job and of everything that it ran, as they were written. What a parent did
/// comes before what its child did at the same time.
async fn facts(store: &dyn Store, root: JobId) -> Result<Vec<(JobId, Recorded)>, StoreError> {
    let (mut jobs, mut next, mut facts) = (vec![root], 0, Vec::new());
    while let Some(job) = jobs.get(next).copied() {
        let mut after = 0;
        loop {
            let page = store.journal(job, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            for fact in page {
                if let Event::ChildStarted { child, .. } = &*fact.event {
                    jobs.push(*child);
                }
                facts.push((next, job, fact));
            }
        }
        next += 1;
    }
    facts.sort_by_key(|(depth, _, fact)| (fact.at, *depth, fact.seq));
    Ok(facts.into_iter().map(|(_, job, fact)| (job, fact)).collect())
}

async fn definition(
    store: &dyn Store,
    hash: ContentHash,
) -> Result<Result<Arc<Definition>, String>, StoreError> {
    let Some(document) = store.document(DEFINITIONS, &hash.to_string()).await? else {
        return Ok(Err(format!("its workflow {hash} is not in the store")));
    };
    let value = serde_json::from_slice::<Value>(&document.body).map_err(|bad| bad.to_string());
    let read = value.and_then(|value| {
        from_value(Arc::new(value), &Rules::default())
            .map_err(|defects| defects.first().map(ToString::to_string).unwrap_or_default())
    });
    Ok(read.map_err(|bad| format!("this version cannot read its workflow {hash}: {bad}")))
}

#[derive(Default)]
struct Reading {
    map: Map,
    definitions: HashMap<ContentHash, Arc<Definition>>,
    under_way: HashMap<Place, Data>,
    calls: HashMap<Place, RecordedCall>,
    acts: Vec<Act>,
    gates: HashSet<Place>,
    wishes: HashMap<(String, &'static str), u32>,
    end: Option<End>,
}

impl Reading {
    fn take(&mut self, root: JobId, job: JobId, fact: &Recorded) -> Result<(), String> {
        self.refuse(root, job, &fact.event)?;
        self.wish(job, fact);
        match self.map.observe(job, &fact.event, fact.at) {
            Sighting::Called { place, arguments } => {
                self.under_way.insert(place, arguments);
            }
            Sighting::Settled { place, outcome, .. } => {
                if let Some(arguments) = self.under_way.remove(&place) {
                    let call = RecordedCall { arguments, outcome, settled_at: fact.at };
                    self.calls.insert(place, call);
                }
            }
            Sighting::Opened { place, checkpoint } if checkpoint.purpose != Purpose::InDoubt => {
                self.gates.insert(place);
            }
            Sighting::Decided { place } if self.gates.contains(&place) => self.decided(place, fact),
            Sighting::Consumed { place, reference } => {
                let event = self.event(job, &reference, &fact.event).ok_or_else(|| {
                    format!("the event that {place} took cannot be put together again")
                })?;
                self.act(What::Deliver { place, event }, fact);
            }
            _ => {}
        }
        if job == root {
            self.ended(&fact.event);
        }
        Ok(())
    }

    /// What nobody can do again in the same moment.
    fn refuse(&self, root: JobId, job: JobId, event: &Event) -> Result<(), String> {
        let status = self.map.job(job).map(|pin| pin.status);
        let reason = match event {
            Event::Suspended { .. } => "an operator held it while it was going on",
            Event::Voted { .. } => "several people decided at one checkpoint",
            Event::Edited { .. } => "a person edited what a checkpoint shows",
            Event::Rearmed { .. } => "an admin gave a checkpoint time again",
            Event::Completed { forced: Some(_), .. } => "an operator completed it by force",
            Event::Cancelled { .. } if job == root => "it was terminated by a person",
            Event::Assigned { .. } if status != Some(Status::Pending) => {
                "it was given to another agent"
            }
            Event::AssignmentCancelled { .. } if status != Some(Status::Assigned) => {
                "its assignment was taken back while it was going on"
            }
            Event::Failed { problem } if problem.is(Kind::Poisoned) => "it was parked as poisoned",
            _ => return Ok(()),
        };
        Err(reason.to_owned())
    }

    fn act(&mut self, what: What, fact: &Recorded) {
        self.acts.push(Act { what, at: fact.at, by: fact.by.clone() });
    }

    fn decided(&mut self, place: Place, fact: &Recorded) {
        if let Event::Decided { decision, .. } = &*fact.event {
            let by = decision.by.clone();
            let what = What::Decide { place, decision: Box::new(decision.clone()) };
            self.acts.push(Act { what, at: fact.at, by });
        }
    }

    /// A wish about a job that stood still.
    fn wish(&mut self, job: JobId, fact: &Recorded) {
        let command = match &*fact.event {
            Event::Assigned { agent, inputs, reason, report } => Command::Assign {
                agent: agent.clone(),
                inputs: inputs.clone(),
                reason: reason.clone(),
                report: report.clone(),
            },
            Event::AssignmentCancelled { reason } => Command::Unassign { reason: reason.clone() },
            Event::ExecutionRequested => Command::Execute,
            Event::Resubmitted { reason } => Command::Resubmit { reason: reason.clone() },
            _ => return,
        };
        let Some(pin) = self.map.job(job) else { return };
        let (way, event, command) = (pin.way.clone(), fact.event.name(), Box::new(command));
        let nth = self.wishes.entry((way.clone(), event)).or_default();
        *nth += 1;
        let nth = *nth;
        self.act(What::Wish { way, command, event, nth }, fact);
    }

    /// The event as it came in, as far as the journal and the document still know it.
    fn event(&self, job: JobId, reference: &str, fact: &Event) -> Option<CloudEvent> {
        let Event::EventConsumed { filter, until_filter, source, id, item, .. } = fact else {
            return None;
        };
        let spec = self.map.job(job)?.spec.as_ref()?;
        let document = &self.definitions.get(&spec.definition)?.document;
        let listen = document.pointer(reference)?.get("listen")?;
        if until_filter.is_none() && listen.get("read").is_some_and(|read| read == "envelope") {
            return CloudEvent::parse((**item).clone()).ok();
        }
        let to = listen.get("to")?;
        let with = match (until_filter, filter) {
            (Some(index), _) => filter_of(to.get("until")?, *index),
            (None, index) => filter_of(to, index.unwrap_or_default()),
        };
        let mut envelope = Object::new();
        for (name, value) in with.and_then(Value::as_object).into_iter().flatten() {
            if value.as_str().is_some_and(|text| !text.contains("${")) {
                envelope.insert(name.clone(), value.clone());
            }
        }
        envelope.entry("type").or_insert_with(|| json!("unknown"));
        envelope.insert("specversion".to_owned(), json!("1.0"));
        envelope.insert("source".to_owned(), json!(source));
        envelope.insert("id".to_owned(), json!(id));
        envelope.insert("data".to_owned(), (**item).clone());
        CloudEvent::parse(Value::Object(envelope)).ok()
    }

    fn ended(&mut self, event: &Event) {
        let (status, result, error) = match event {
            Event::Completed { result, .. } => (Status::Completed, Some(result.clone()), None),
            Event::Failed { problem } => (Status::Failed, None, Some(problem.clone())),
            Event::Rejected { problem } => (Status::Rejected, None, Some(problem.clone())),
            Event::ResubmissionRequired { problem } => {
                (Status::ResubmissionRequired, None, Some(problem.clone()))
            }
            Event::Resubmitted { .. } => return self.end = None,
            _ => return,
        };
        self.end = Some(End { status, result, error });
    }

    fn finish(self, root: JobId, facts: &[(JobId, Recorded)]) -> Read {
        let first = facts.first().map(|(_, fact)| fact);
        let Some((created, Event::Created { spec })) = first.map(|fact| (fact, &*fact.event))
        else {
            return Err("its journal does not begin with its creation".to_owned());
        };
        if let Some((id, pin)) = self.map.going_on().next() {
            return Err(match pin.spec {
                Some(_) => format!("its child {id} is still going on"),
                None => format!("its child {id} is not in the store"),
            });
        }
        let Some(end) = self.end else { return Err("it has not ended".to_owned()) };
        if let Some(place) = self.under_way.keys().min() {
            return Err(format!("the call {place} was under way when its task ended"));
        }
        let last: Timestamp = facts.iter().map(|(_, fact)| fact.at).max().unwrap_or(created.at);
        Ok(Box::new(Recording {
            id: root,
            spec: spec.clone(),
            by: created.by.clone(),
            definitions: self.definitions,
            calls: self.calls,
            acts: self.acts,
            end,
            was_judged: facts.iter().any(|(_, fact)| asks_a_judge(&fact.event)),
            lifetime: Lifetime { from: created.at, to: last },
            facts: facts.len() as u64,
        }))
    }
}

fn asks_a_judge(event: &Event) -> bool {
    matches!(event, Event::CallStarted { function, .. } if function == "evaluate")
}

/// What the n-th filter of a strategy asks for.
fn filter_of(strategy: &Value, index: u32) -> Option<&Value> {
    let listed = |name| strategy.get(name)?.get(index as usize);
    strategy.get("one").or_else(|| listed("any")).or_else(|| listed("all"))?.get("with")
}
