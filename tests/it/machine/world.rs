//! A pure driver of one job. After every decision it checks what must hold whatever happens:
//! replay equals the live job, keys are never shared, and a live job always has what moves it on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use holdpoint::dsl::definition::Definition;
use holdpoint::dsl::{Format, Rules, from_value, parse};
use holdpoint::machine::{Due, Environment, Setting, decide, due, evolve, job_row, statuses_in};
use holdpoint::model::checkpoint::{Checkpoint, CheckpointStatus, Verdict};
use holdpoint::model::cloud_event::CloudEvent;
use holdpoint::model::command::{Command, DecideCheckpoint};
use holdpoint::model::event::{Event, Outcome};
use holdpoint::model::id::{CheckpointId, ContentHash, FrameId, JobId};
use holdpoint::model::job::{Job, JobSpec};
use holdpoint::model::principal::Principal;
use holdpoint::model::problem::Problem;
use holdpoint::model::refusal::Refusal;
use holdpoint::model::row::Place;
use holdpoint::model::status::Status;
use holdpoint::model::time::{Span, Timestamp};
use holdpoint::model::voter::{ADMIN, Door, Voter};
use serde_json::{Value, json};

/// 2026-01-01T00:00:00Z.
pub const START: Timestamp = Timestamp(1_767_225_600_000_000);

/// More decisions in a row than 100,000 steps can take: a run that still goes on never ends.
const DECISIONS_MAX: u32 = 400;

/// One job and everything around it that the core does not have: a clock, a document, a journal.
#[derive(Clone)]
pub struct World {
    pub definition: Arc<Definition>,
    pub now: Timestamp,
    pub by: Principal,
    pub job: Option<Job>,
    pub journal: Vec<Arc<Event>>,
    /// The job as a restart would fold it from the journal's JSON.
    replayed: Option<Job>,
    /// Keys of all calls and ids of all checkpoints that were ever started.
    keys: BTreeSet<String>,
    /// Keys of calls that are under way, and of those that ended.
    calls: BTreeMap<FrameId, String>,
    settled: BTreeSet<String>,
    /// Checkpoints that were decided.
    decided: BTreeSet<CheckpointId>,
    pub environment: Environment,
    /// Is there more to do at once?
    pub more: bool,
    /// Checks that cost as much as the state is large; off for tests of large states.
    pub is_thorough: bool,
}

/// A document with the usual head around its parts.
pub fn document(parts: &Value) -> Value {
    let mut whole = json!({
        "document": { "dsl": "1.0.3", "namespace": "test", "name": "scenario", "version": "0.1.0" }
    });
    for (name, part) in parts.as_object().unwrap() {
        whole[name] = part.clone();
    }
    whole
}

/// The document of these parts, or the shipped one of this name.
pub fn definition(parts: &Value) -> Arc<Definition> {
    let whole = match parts.as_str() {
        Some("agent-task") => {
            let text = include_str!("../../../workflows/agent-task.yaml");
            return parse(text, Format::Yaml, &Rules::default()).unwrap();
        }
        Some(other) => panic!("no scenario uses {other}"),
        None => document(parts),
    };
    from_value(Arc::new(whole.clone()), &Rules::default())
        .unwrap_or_else(|defects| panic!("{defects:#?}\n{whole:#}"))
}

impl World {
    /// A job that exists and is not begun.
    pub fn created(definition: Arc<Definition>, input: Value) -> World {
        World::created_with(definition, |spec| spec.input = Arc::new(input))
    }

    pub fn created_with(definition: Arc<Definition>, with: impl FnOnce(&mut JobSpec)) -> World {
        let mut spec = spec_of(&definition);
        with(&mut spec);
        let mut world = World {
            definition,
            now: START,
            by: Principal::Person("ada".to_owned()),
            job: None,
            journal: Vec::new(),
            replayed: None,
            keys: BTreeSet::new(),
            calls: BTreeMap::new(),
            settled: BTreeSet::new(),
            decided: BTreeSet::new(),
            environment: Environment {
                runtime: Arc::new(json!({ "name": "holdpoint", "version": "test" })),
                secrets: Arc::new(json!({})),
                key_mark: None,
                has_judge: false,
            },
            more: false,
            is_thorough: true,
        };
        world.send(Command::Create(Arc::new(spec))).unwrap();
        world
    }

    /// A job whose first run began.
    pub fn begun(definition: Arc<Definition>, input: Value) -> World {
        let mut world = World::created(definition, input);
        world.send(Command::Begin).unwrap();
        world
    }

    pub fn job(&self) -> &Job {
        self.job.as_ref().unwrap()
    }

    pub fn due(&self) -> Due {
        due(self.job())
    }

    /// Wishes, and ticks on while there is more to do at once.
    pub fn send(&mut self, command: Command) -> Result<Vec<Arc<Event>>, Refusal> {
        let mut events = self.send_once(command)?;
        for _ in 0..DECISIONS_MAX {
            if !self.more {
                return Ok(events);
            }
            events.extend(self.send_once(Command::Tick)?);
        }
        panic!("it asks for more and more: {:?}", &self.journal[self.journal.len() - 9..]);
    }

    /// One decision.
    pub fn send_once(&mut self, command: Command) -> Result<Vec<Arc<Event>>, Refusal> {
        let decided = self.decide(&command)?;
        for event in &decided.events {
            self.check_order(event);
            self.check_keys(event);
            let read = if self.is_thorough { through_json(event) } else { (**event).clone() };
            let folded = evolve(self.replayed.take(), self.id(), &read, self.now);
            self.replayed = Some(folded.unwrap_or_else(|corrupt| panic!("{corrupt}")));
        }
        self.journal.extend(decided.events.iter().cloned());
        self.more = decided.more;
        self.job = Some(decided.job);
        self.check();
        Ok(decided.events)
    }

    pub fn decide(&self, command: &Command) -> Result<holdpoint::machine::Decided, Refusal> {
        let setting = Setting {
            definition: &self.definition,
            environment: &self.environment,
            now: self.now,
            by: &self.by,
        };
        decide(self.job.as_ref(), self.id(), command, setting)
    }

    fn id(&self) -> JobId {
        JobId::derived(&["world"])
    }

    fn check(&self) {
        let job = self.job();
        assert_eq!(self.replayed.as_ref(), Some(job), "replay and the live job differ");
        self.check_frames(job);
        self.check_place(job);
        if !self.is_thorough {
            return;
        }
        let text = serde_json::to_string(job).unwrap();
        let read: Job = serde_json::from_str(&text).unwrap();
        assert_eq!(&read, job, "a snapshot changes on its way through JSON");
        if !self.more {
            let again = self.decide(&Command::Tick).unwrap();
            assert!(again.events.is_empty(), "a second tick did {:?}", again.events);
            assert_eq!(&again.job, job);
        }
    }

    fn check_frames(&self, job: &Job) {
        let Some(run) = &job.run else { return };
        let mut seen = BTreeSet::new();
        for (id, frame) in &run.frames {
            let key = (frame.reference.to_string(), frame.iteration.clone());
            assert!(seen.insert(key.clone()), "two frames are {key:?}");
            assert!(run.frames.contains_key(&frame.parent), "{id} has lost its parent");
        }
    }

    /// A live job is in exactly one place, and that place is one from which it can go on.
    fn check_place(&self, job: &Job) {
        let row = job_row(job);
        assert!(statuses_in(row.phase).contains(&job.status), "{row:?}");
        let due = self.due();
        let waits_for_person =
            job.checkpoints.values().any(|row| row.status == CheckpointStatus::Pending);
        match job.status {
            Status::Pending | Status::Assigned => {
                assert_eq!(matches!(row.place, Place::Queue(_)), job.is_ready(), "{row:?}");
                assert_eq!(matches!(row.place, Place::Active), due.matching.is_some(), "{row:?}");
                assert!(job.run.is_none() && job.suspended.is_none(), "{row:?}");
            }
            Status::InProgress => {
                assert!(job.run.is_some());
                assert!(matches!(row.place, Place::Active | Place::Parked(_)), "{row:?}");
                let moves = due.is_active()
                    || due.wake.is_some()
                    || !due.subscriptions.is_empty()
                    || due.children.iter().any(|child| child.awaited)
                    || waits_for_person;
                assert!(due.is_held || moves, "nothing moves it on: {job:#?}");
            }
            _ => {
                assert!(job.run.is_none() && job.suspended.is_none(), "{row:?}");
                let open = waits_for_person || !job.orphans.is_empty();
                assert!(open || row.place == Place::Ended, "{row:?}");
            }
        }
        if !self.more && !due.is_held {
            assert!(!due.tick, "a tick is due, but nobody was told: {job:#?}");
        }
    }

    /// After a final status nothing comes but the end of reviews and of orphans.
    fn check_order(&self, event: &Event) {
        let is_final = self.replayed.as_ref().is_some_and(|job| job.status.is_final());
        let may_follow = matches!(
            event,
            Event::Decided { .. }
                | Event::Voted { .. }
                | Event::Claimed { .. }
                | Event::Released { .. }
                | Event::Delegated { .. }
                | Event::Commented { .. }
                | Event::Edited { .. }
                | Event::Reminded { .. }
                | Event::Rearmed { .. }
                | Event::Expired { .. }
                | Event::Escalated { .. }
                | Event::ChildTerminated { .. }
        );
        assert!(!is_final || may_follow, "{event:?} after the end");
    }

    fn check_keys(&mut self, event: &Event) {
        match event {
            Event::CallStarted { frame, key, .. } => {
                assert!(!self.settled.contains(key), "{key} is called again after its answer");
                self.calls.insert(*frame, key.clone());
            }
            Event::CallSettled { frame, .. } => {
                self.settled.extend(self.calls.remove(frame));
            }
            Event::Decided { checkpoint, .. } => {
                assert!(self.decided.insert(*checkpoint), "{checkpoint} is decided twice");
            }
            _ => {}
        }
        let key = match event {
            Event::CallStarted { attempt: 1, key, .. } => key.clone(),
            Event::CheckpointOpened { checkpoint, .. } => checkpoint.id.to_string(),
            Event::ChildStarted { child, .. } => child.to_string(),
            Event::EventEmitted { event, .. } => event.attribute("id").to_owned(),
            _ => return,
        };
        assert!(self.keys.insert(key.clone()), "the key {key} was used before");
    }

    /// Moves the clock on without telling the job.
    pub fn advance_clock(&mut self, span: Span) {
        self.now = self.now.after(span);
    }

    /// Moves the clock on and ticks.
    pub fn pass(&mut self, span: Span) {
        self.advance_clock(span);
        self.send(Command::Tick).unwrap();
    }

    /// The call of the task with this reference that is to be under way.
    pub fn call(&self, reference: &str) -> Option<(FrameId, u32)> {
        let frames = &self.job().run.as_ref()?.frames;
        let due = self.due();
        let call = due.calls.iter().find(|call| {
            frames.get(&call.frame).is_some_and(|frame| &*frame.reference == reference)
        })?;
        Some((call.frame, call.attempt))
    }

    pub fn settle(&mut self, reference: &str, value: Value) -> Result<Vec<Arc<Event>>, Refusal> {
        self.end_call(reference, Outcome::Succeeded(Arc::new(value)))
    }

    pub fn fail(&mut self, reference: &str, problem: Problem) -> Result<Vec<Arc<Event>>, Refusal> {
        self.end_call(reference, Outcome::Failed(problem))
    }

    fn end_call(&mut self, reference: &str, outcome: Outcome) -> Result<Vec<Arc<Event>>, Refusal> {
        let (frame, attempt) = self.call(reference).unwrap_or((FrameId(u32::MAX), 0));
        self.send(Command::Settle { frame, attempt, outcome })
    }

    /// The newest checkpoint of the task with this reference.
    pub fn checkpoint(&self, reference: &str) -> Option<Arc<Checkpoint>> {
        let rows = self.job().checkpoints.values().filter(|row| &*row.reference == reference);
        rows.max_by_key(|row| (row.status == CheckpointStatus::Pending, row.opened_at, row.frame))
            .cloned()
    }

    pub fn review(
        &mut self,
        reference: &str,
        verdict: Verdict,
        comment: Option<&str>,
        input: Option<Value>,
    ) -> Result<Vec<Arc<Event>>, Refusal> {
        let row = self.checkpoint(reference);
        let digest = row.as_ref().map(|row| row.digest);
        let checkpoint = row.map_or_else(|| CheckpointId::derived(&["none"]), |row| row.id);
        let voter =
            Voter { principal: self.by.clone(), ..Voter::person("ada", &[ADMIN], Door::Session) };
        self.send(Command::Decide(DecideCheckpoint {
            digest,
            comment: comment.map(str::to_owned),
            input: input.map(Arc::new),
            ..DecideCheckpoint::new(checkpoint, verdict, voter)
        }))
    }

    pub fn deliver(&mut self, event: Value) -> Result<Vec<Arc<Event>>, Refusal> {
        self.send(Command::Deliver(cloud_event(event)))
    }

    /// The child job that the task with this reference runs.
    pub fn child(&self, reference: &str) -> Option<JobId> {
        let frames = &self.job().run.as_ref()?.frames;
        let due = self.due();
        let child = due.children.iter().find(|child| {
            frames.get(&child.frame).is_some_and(|frame| &*frame.reference == reference)
        })?;
        Some(child.child)
    }
}

/// An event with the attributes that were not given.
pub fn cloud_event(given: Value) -> CloudEvent {
    let mut event = json!({ "specversion": "1.0", "id": "1", "source": "test", "type": "ping" });
    for (name, value) in given.as_object().unwrap() {
        event[name] = value.clone();
    }
    CloudEvent::parse(event).unwrap()
}

fn through_json(event: &Event) -> Event {
    let text = serde_json::to_string(event).unwrap();
    let read: Event = serde_json::from_str(&text).unwrap();
    assert_eq!(read, *event, "an event changes on its way through JSON");
    read
}

fn spec_of(definition: &Definition) -> JobSpec {
    JobSpec {
        job_type: definition.name.clone(),
        definition: ContentHash::of(b"document"),
        name: "a job".to_owned(),
        description: String::new(),
        acceptance_criteria: String::new(),
        acceptance_rules: Arc::new(json!([])),
        input: Arc::new(json!({})),
        priority: 3,
        labels: Default::default(),
        owner: "ada".to_owned(),
        due_at: None,
        auto_execute: true,
        needs_agent: definition.needs_agent,
        parent: None,
        requested_by: None,
    }
}
