//! What the journals say of calls: where in a run each was made, under which key, and whether its
//! outcome is there. It must never learn a key from anything but a journal.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdpoint::model::event::Event;
use holdpoint::model::id::{FrameId, JobId};
use holdpoint::model::job::{FrameState, Job};

/// A task of a document in one run, in one turn of the loops and in one round of each `try` around
/// it, innermost first. No document of the simulation goes back to a task, so that each of these is
/// called with one key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogicalAttempt {
    pub job: JobId,
    run: u32,
    reference: Arc<str>,
    iteration: Vec<u32>,
    rounds: Vec<u32>,
}

impl LogicalAttempt {
    /// That of a frame which is going on.
    fn of(job: &Job, frame: FrameId) -> Option<Self> {
        let run = job.run.as_ref()?;
        let called = run.frames.get(&frame)?;
        let (mut rounds, mut inside, mut around) = (Vec::new(), frame, called.parent);
        // The workflow contains itself.
        while around != inside {
            let outer = run.frames.get(&around)?;
            if let FrameState::Try { round, .. } = &outer.state {
                rounds.push(*round);
            }
            (inside, around) = (around, outer.parent);
        }
        let (reference, iteration) = (called.reference.clone(), called.iteration.clone());
        Some(Self { job: job.id, run: run.number, reference, iteration, rounds })
    }
}

/// A call that is on disk as started.
#[derive(Clone, Debug)]
pub struct Started {
    pub attempt: LogicalAttempt,
    pub arguments: String,
    /// How often its start was written: once, and once for each `retry` of a person.
    pub times: u64,
    /// Is its outcome on disk?
    pub is_settled: bool,
}

/// Every call of every journal.
#[derive(Default)]
pub struct Calls {
    started: BTreeMap<String, Started>,
    keys: BTreeMap<LogicalAttempt, String>,
}

impl Calls {
    pub fn started(&self, key: &str) -> Option<Started> {
        self.started.get(key).cloned()
    }

    /// Takes what follows in a journal; the job is as it stood before.
    pub fn learn(&mut self, job: Option<&Job>, event: &Event) -> Result<(), String> {
        match event {
            Event::CallStarted { frame, key, arguments, .. } => {
                let attempt = job.and_then(|job| LogicalAttempt::of(job, *frame));
                let attempt = attempt.ok_or_else(|| format!("call {key} is of no open task"))?;
                self.start(attempt, key, arguments.to_string())
            }
            Event::CallSettled { frame, .. } => {
                let key = job.and_then(|job| key_of(job, *frame));
                let started = key.and_then(|key| self.started.get_mut(key));
                let started = started.ok_or_else(|| format!("frame {frame} settled no call"))?;
                started.is_settled = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn start(
        &mut self,
        attempt: LogicalAttempt,
        key: &str,
        arguments: String,
    ) -> Result<(), String> {
        let known = self.keys.entry(attempt.clone()).or_insert_with(|| key.to_owned());
        if known != key {
            return Err(format!("{attempt:?} has the key {known} and now {key}"));
        }
        let first = Started { attempt, arguments, times: 0, is_settled: false };
        let started = self.started.entry(key.to_owned()).or_insert_with(|| first.clone());
        if started.attempt != first.attempt {
            let (one, two) = (&started.attempt, &first.attempt);
            return Err(format!("key {key} stands for {one:?} and for {two:?}"));
        }
        if started.arguments != first.arguments {
            return Err(format!("key {key} stands for two bodies"));
        }
        if started.is_settled {
            return Err(format!("call {key} begins again after its outcome"));
        }
        started.times += 1;
        Ok(())
    }
}

/// The key of the call that a frame waits for.
fn key_of(job: &Job, frame: FrameId) -> Option<&str> {
    match &job.run.as_ref()?.frames.get(&frame)?.state {
        FrameState::Call { key, .. } => Some(key),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use holdpoint::machine::evolve;
    use holdpoint::model::event::Outcome;
    use holdpoint::model::id::ContentHash;
    use holdpoint::model::time::Timestamp;
    use serde_json::json;

    use super::*;

    /// What the journals of this story would say if a call changed its key or began after its end.
    #[test]
    fn a_second_key_and_a_second_beginning_are_found_out() {
        let (id, frame, now) = (JobId::from_u128(1), FrameId(1), Timestamp(0));
        let data = || Arc::new(json!({}));
        let spec = json!({
            "jobType": "calls", "definition": ContentHash::of(b"calls"), "name": "", "input": {},
            "description": "", "acceptanceCriteria": "", "acceptanceRules": [], "priority": 0,
            "labels": {}, "owner": "", "dueAt": null, "autoExecute": true, "needsAgent": false,
            "parent": null,
        });
        let spec = Arc::new(serde_json::from_value(spec).expect("a job"));
        let began = [
            Event::Created { spec },
            Event::RunStarted { run: 1, input: data(), timeout_at: None },
            Event::TaskStarted {
                frame,
                parent: FrameId(0),
                reference: "/do/0/one".into(),
                iteration: Vec::new(),
                raw_input: data(),
                input: None,
                timeout_at: None,
            },
        ];
        let fold = |job, event: &Event| Some(evolve(job, id, event, now).expect("a journal"));
        let open = began.iter().fold(None, fold);
        let start = |key: &str| {
            let (key, function) = (key.to_owned(), "http".to_owned());
            Event::CallStarted { frame, attempt: 1, key, function, arguments: data() }
        };
        let mut calls = Calls::default();
        assert_eq!(calls.learn(open.as_ref(), &start("one")), Ok(()));
        assert!(calls.learn(open.as_ref(), &start("two")).is_err(), "another key for one attempt");
        let under_way = fold(open.clone(), &start("one"));
        let settled = Event::CallSettled { frame, attempt: 1, outcome: Outcome::Succeeded(data()) };
        assert_eq!(calls.learn(under_way.as_ref(), &settled), Ok(()));
        assert!(calls.started("one").is_some_and(|started| started.is_settled));
        assert!(calls.learn(open.as_ref(), &start("one")).is_err(), "it was over");
    }
}
