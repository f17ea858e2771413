//! Where in a workflow something happened, whatever the ids of the run: the job's way from the
//! root, the run, the task, its iteration, and the how-many-eth time it was there.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::checkpoint::Checkpoint;
use crate::model::event::{Data, Event, Outcome};
use crate::model::id::{CheckpointId, ContentHash, FrameId, JobId};
use crate::model::job::JobSpec;
use crate::model::status::Status;
use crate::model::time::Timestamp;

/// A place, readable: `1/do/0/ask#1`, and of a child `1/do/2/run#1 > 1/do/0/ask#1`.
pub(super) type Place = Arc<str>;

/// What a fact says about the outside.
pub(super) enum Sighting {
    /// A call may leave.
    Called { place: Place, arguments: Data },
    /// It has its outcome.
    Settled { place: Place, key: String, outcome: Outcome },
    /// A person is asked.
    Opened { place: Place, checkpoint: Arc<Checkpoint> },
    /// A person answered.
    Decided { place: Place },
    /// Nobody is asked any more.
    Closed { checkpoint: CheckpointId },
    /// A task listens.
    Listens { place: Place },
    /// A task took an event.
    Consumed { place: Place, reference: Arc<str> },
    /// Nothing that concerns anybody outside.
    Inner,
}

/// A job on the map.
pub(super) struct Pin {
    /// Its way from the root, which has an empty one.
    pub way: String,
    pub spec: Option<Arc<JobSpec>>,
    pub status: Status,
    pub since: Timestamp,
    run: u32,
    frames: HashMap<FrameId, (Arc<str>, String)>,
    /// How often something was at a place.
    visits: HashMap<String, u32>,
    calls: HashMap<FrameId, (Place, String)>,
    listeners: HashMap<FrameId, Place>,
}

/// The jobs of one tree.
#[derive(Default)]
pub(super) struct Map {
    jobs: HashMap<JobId, Pin>,
    root: Option<JobId>,
    checkpoints: HashMap<CheckpointId, Place>,
    keys: HashMap<String, (Place, Option<ContentHash>, Arc<str>)>,
}

impl Pin {
    fn new(way: String, at: Timestamp) -> Self {
        Self {
            way,
            spec: None,
            status: Status::Pending,
            since: at,
            run: 0,
            frames: HashMap::new(),
            visits: HashMap::new(),
            calls: HashMap::new(),
            listeners: HashMap::new(),
        }
    }

    fn reference(&self, frame: FrameId) -> Arc<str> {
        self.frames.get(&frame).map_or_else(|| Arc::from(""), |(reference, _)| reference.clone())
    }

    /// The next visit of the place of this frame, for this purpose.
    fn visit(&mut self, frame: FrameId, purpose: &str) -> Place {
        let (reference, iteration) = match self.frames.get(&frame) {
            Some((reference, iteration)) => (&**reference, iteration.as_str()),
            None => ("", ""),
        };
        let before = if self.way.is_empty() { "" } else { " > " };
        let place = format!("{}{before}{}{reference}{iteration}", self.way, self.run);
        let visits = self.visits.entry(format!("{purpose} {place}")).or_default();
        *visits += 1;
        format!("{place}#{visits}").into()
    }

    fn called(&mut self, frame: FrameId, key: &str, known: Option<Place>) -> Place {
        let place = known.unwrap_or_else(|| self.visit(frame, "call"));
        self.calls.insert(frame, (place.clone(), key.to_owned()));
        place
    }

    fn stands(&mut self, status: Status, at: Timestamp) {
        (self.status, self.since) = (status, at);
    }

    /// Follows what has no place.
    fn follow(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::Created { spec } => {
                self.spec = Some(spec.clone());
                self.since = at;
            }
            Event::Assigned { .. } => self.stands(Status::Assigned, at),
            Event::AssignmentCancelled { .. } | Event::Resubmitted { .. } => {
                self.stands(Status::Pending, at);
            }
            Event::RunStarted { run, .. } => {
                self.run = *run;
                self.stands(Status::InProgress, at);
            }
            Event::Completed { .. } => self.stands(Status::Completed, at),
            Event::Failed { .. } => self.stands(Status::Failed, at),
            Event::Rejected { .. } => self.stands(Status::Rejected, at),
            Event::ResubmissionRequired { .. } => self.stands(Status::ResubmissionRequired, at),
            Event::Cancelled { .. } => self.stands(Status::Cancelled, at),
            Event::TaskStarted { frame, reference, iteration, .. } => {
                let iteration = iteration.iter().map(|index| format!("[{index}]")).collect();
                self.frames.insert(*frame, (reference.clone(), iteration));
            }
            _ => {}
        }
    }
}

impl Map {
    /// Takes a fact in, in the order in which facts became known.
    pub fn observe(&mut self, job: JobId, event: &Event, at: Timestamp) -> Sighting {
        if let Event::ChildStarted { frame, child, .. } = event
            && let Some(parent) = self.jobs.get_mut(&job)
        {
            let way = parent.visit(*frame, "child").to_string();
            self.jobs.entry(*child).or_insert_with(|| Pin::new(way, at));
        }
        if matches!(event, Event::Created { .. }) && !self.jobs.contains_key(&job) {
            self.root.get_or_insert(job);
        }
        let pin = self.jobs.entry(job).or_insert_with(|| Pin::new(String::new(), at));
        pin.follow(event, at);
        match event {
            Event::CallStarted { frame, key, arguments, .. } => {
                let known = self.keys.get(key).map(|(place, ..)| place.clone());
                let place = pin.called(*frame, key, known);
                let definition = pin.spec.as_ref().map(|spec| spec.definition);
                let of_key = (place.clone(), definition, pin.reference(*frame));
                self.keys.insert(key.clone(), of_key);
                Sighting::Called { place, arguments: arguments.clone() }
            }
            Event::CallSettled { frame, outcome, .. } => match pin.calls.get(frame).cloned() {
                Some((place, key)) => Sighting::Settled { place, key, outcome: outcome.clone() },
                None => Sighting::Inner,
            },
            Event::CheckpointOpened { frame, checkpoint } => {
                let place = pin.visit(*frame, checkpoint.purpose.as_str());
                self.checkpoints.insert(checkpoint.id, place.clone());
                Sighting::Opened { place, checkpoint: checkpoint.clone() }
            }
            Event::Decided { checkpoint, .. } => match self.checkpoints.get(checkpoint) {
                Some(place) => Sighting::Decided { place: place.clone() },
                None => Sighting::Inner,
            },
            Event::Expired { checkpoint, .. } | Event::CheckpointCancelled { checkpoint } => {
                Sighting::Closed { checkpoint: *checkpoint }
            }
            Event::ListenStarted { frame, .. } => {
                let place = pin.visit(*frame, "listen");
                pin.listeners.insert(*frame, place.clone());
                Sighting::Listens { place }
            }
            Event::EventConsumed { frame, .. } => match pin.listeners.get(frame).cloned() {
                Some(place) => Sighting::Consumed { place, reference: pin.reference(*frame) },
                None => Sighting::Inner,
            },
            _ => Sighting::Inner,
        }
    }

    /// The root job, once it exists.
    pub fn root(&self) -> Option<JobId> {
        self.root
    }

    /// A job.
    pub fn job(&self, job: JobId) -> Option<&Pin> {
        self.jobs.get(&job)
    }

    /// The jobs of this way.
    pub fn on_way(&self, way: &str) -> Option<(JobId, &Pin)> {
        self.jobs.iter().find(|(_, pin)| pin.way == way).map(|(job, pin)| (*job, pin))
    }

    /// Have all jobs ended?
    pub fn is_over(&self) -> bool {
        self.root.is_some() && self.jobs.values().all(|pin| pin.status.is_ended())
    }

    /// Those that have not.
    pub fn going_on(&self) -> impl Iterator<Item = (&JobId, &Pin)> {
        self.jobs.iter().filter(|(_, pin)| !pin.status.is_ended())
    }

    /// The place of a call, its document and its task.
    pub fn call(&self, key: &str) -> Option<&(Place, Option<ContentHash>, Arc<str>)> {
        self.keys.get(key)
    }
}
