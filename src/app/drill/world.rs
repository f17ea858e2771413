//! What outlives a process in a drill: what is durable, what the agents were asked, what the people
//! know, and the first thing that must not be. It watches; it never changes what it sees.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::app::drill::map::{Map, Place, Sighting};
use crate::app::drill::recording::{Act, Recording, What};
use crate::app::drill::time::Leaping;
use crate::model::checkpoint::{Checkpoint, Purpose};
use crate::model::event::{Data, Event, Outcome};
use crate::model::id::CheckpointId;
use crate::model::status::Status;
use crate::model::time::Timestamp;
use crate::store::Commit;

/// On which side of a commit the engine dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// It is not written.
    Before,
    /// It is durable, and nothing follows from it any more.
    After,
}

/// Where the engine dies: at the n-th commit, from 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kill {
    pub commit: u64,
    pub side: Side,
}

/// A call whose outcome nobody knows: a person is asked.
#[derive(Clone)]
pub(super) struct Doubt {
    pub checkpoint: CheckpointId,
    pub key: String,
}

/// What is to be done next.
pub(super) enum Next {
    /// Nothing: all has ended.
    Over,
    /// This act.
    Act(usize),
    /// Wait until something happens, or until this time.
    Wait(Option<Timestamp>),
}

#[derive(Default)]
pub(super) struct State {
    pub map: Map,
    kill: Option<Kill>,
    is_dead: bool,
    has_died: bool,
    commits: u64,
    /// The events of each commit.
    boundaries: Vec<String>,
    settled: HashSet<String>,
    /// When each call was made first, and how often.
    made: HashMap<String, (Timestamp, u32)>,
    /// How often a person let a call be made again.
    granted: HashMap<String, u32>,
    doubts: Vec<Doubt>,
    asked: u64,
    open: HashMap<Place, CheckpointId>,
    decided: HashSet<Place>,
    listening: HashSet<Place>,
    consumed: HashSet<(Place, String, String)>,
    wishes: HashMap<(String, &'static str), u32>,
    next_act: usize,
    /// An act whose answer nobody heard.
    pub unheard: Option<usize>,
    doubled: Vec<String>,
    strange: Vec<String>,
}

/// What a rehearsal saw.
pub(super) struct Seen {
    pub has_died: bool,
    pub commits: u64,
    pub boundaries: Vec<String>,
    pub asked: u64,
    pub doubled: Vec<String>,
    pub strange: Vec<String>,
}

pub(super) struct World {
    pub recording: Arc<Recording>,
    pub clock: Leaping,
    state: Mutex<State>,
    death: Notify,
    changed: Notify,
}

impl World {
    /// A world in which nothing has happened yet.
    pub fn new(recording: Arc<Recording>, kill: Option<Kill>) -> Arc<Self> {
        let clock = Leaping::new(recording.lifetime.from);
        let state = Mutex::new(State { kill, ..State::default() });
        Arc::new(Self { recording, clock, state, death: Notify::new(), changed: Notify::new() })
    }

    /// What is known. Never held across an await.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A process begins. Says whether one died before.
    pub fn begin(&self) -> bool {
        self.clock.begin();
        let mut state = self.state();
        state.is_dead = false;
        state.has_died
    }

    /// The process dies.
    fn die(&self) {
        let mut state = self.state();
        (state.is_dead, state.has_died, state.kill) = (true, true, None);
        drop(state);
        self.death.notify_one();
    }

    /// Ends when the process dies.
    pub async fn death(&self) {
        self.death.notified().await;
    }

    /// Whoever asks in a dead process never gets an answer.
    pub async fn alive(&self) {
        if self.state().is_dead {
            std::future::pending::<()>().await;
        }
    }

    /// Ends when something was committed since the last time.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// A commit is about to be written: the process may die now.
    pub async fn before_commit(&self) {
        let dies = {
            let state = self.state();
            let commit = state.commits + 1;
            state.kill.is_some_and(|kill| kill.commit == commit && kill.side == Side::Before)
        };
        if dies {
            self.die();
        }
        self.alive().await;
    }

    /// A commit is durable: the process may die now.
    pub async fn after_commit(&self, commit: &Commit) {
        let dies = {
            let mut state = self.state();
            state.commits += 1;
            let names: Vec<&str> = commit.events.iter().map(|event| event.name()).collect();
            state.boundaries.push(names.join(", "));
            for event in &commit.events {
                self.observe(&mut state, commit, event);
            }
            let number = state.commits;
            state.kill.is_some_and(|kill| kill.commit == number && kill.side == Side::After)
        };
        self.changed.notify_one();
        if dies {
            self.die();
        }
        self.alive().await;
    }

    fn observe(&self, state: &mut State, commit: &Commit, event: &Event) {
        let (job, at) = (commit.job, commit.at);
        if let Event::Created { spec } = event
            && spec.parent.is_none()
            && state.map.root().is_some_and(|root| root != job)
        {
            state.doubled.push("one request made two jobs".to_owned());
        }
        let way = state.map.job(job).map(|pin| pin.way.clone()).unwrap_or_default();
        *state.wishes.entry((way, event.name())).or_default() += 1;
        match state.map.observe(job, event, at) {
            Sighting::Called { place, arguments } => {
                let said = self.unlike(&place, &arguments);
                state.strange.extend(said);
            }
            Sighting::Settled { place, key, .. } => {
                if !state.settled.insert(key) {
                    state.doubled.push(format!("the call {place} was settled twice"));
                }
            }
            Sighting::Opened { place, checkpoint } => state.opened(place, &checkpoint),
            Sighting::Decided { place } => {
                state.open.remove(&place);
                if !state.decided.insert(place.clone()) {
                    state.doubled.push(format!("{place} was decided twice"));
                }
            }
            Sighting::Closed { checkpoint } => state.open.retain(|_, open| *open != checkpoint),
            Sighting::Listens { place } => {
                state.listening.insert(place);
            }
            Sighting::Consumed { place, .. } => {
                if let Event::EventConsumed { source, id, .. } = event
                    && !state.consumed.insert((place.clone(), source.clone(), id.clone()))
                {
                    state.doubled.push(format!("{place} took the event {id} twice"));
                }
            }
            Sighting::Inner => {}
        }
    }

    /// What is not as recorded about a call that is to leave.
    fn unlike(&self, place: &Place, arguments: &Data) -> Option<String> {
        let Some(call) = self.recording.calls.get(place) else {
            return Some(format!("the call {place} was never recorded"));
        };
        let at = self.recording.lifetime.difference(arguments, &call.arguments)?;
        Some(format!("the arguments of the call {place} differ at {at:?}"))
    }

    /// A call arrives at its agent, who answers at this time. It is in doubt by itself whether it
    /// may arrive again.
    pub fn arrives(&self, key: &str) -> Option<(Timestamp, Outcome)> {
        let mut state = self.state();
        let now = self.clock.peek();
        let known = state.map.call(key).cloned();
        let Some((place, definition, reference)) = known else {
            state.doubled.push(format!("the call {key} left before its start was durable"));
            return None;
        };
        if state.settled.contains(key) {
            state.doubled.push(format!("the call {place} was made again after its answer"));
        }
        let made = state.made.entry(key.to_owned()).or_insert((now, 0));
        made.1 += 1;
        let again = made.1 - 1;
        let granted = state.granted.get(key).copied().unwrap_or_default();
        if again > granted && !self.recording.may_repeat(definition, &reference) {
            let said = format!("the call {place} must not be repeated and was, unasked");
            state.doubled.push(said);
        }
        let Some(call) = self.recording.calls.get(&place) else {
            state.doubled.push(format!("the call {place} was made, but never recorded"));
            return None;
        };
        Some((call.settled_at, call.outcome.clone()))
    }

    /// A call in doubt that nobody has spoken about, and what became of it if it arrived.
    pub fn next_doubt(&self) -> Option<(Doubt, Option<Outcome>)> {
        let mut state = self.state();
        let doubt = state.doubts.last().cloned()?;
        let place = state.map.call(&doubt.key).map(|(place, ..)| place.clone());
        let arrived = state.made.contains_key(&doubt.key);
        let call = place.and_then(|place| self.recording.calls.get(&place));
        let outcome = call.filter(|_| arrived).map(|call| call.outcome.clone());
        if !matches!(outcome, Some(Outcome::Succeeded(_))) {
            let made = state.made.get(&doubt.key).map_or(0, |made| made.1);
            state.granted.insert(doubt.key.clone(), made);
        }
        Some((doubt, outcome))
    }

    /// A person has spoken about it.
    pub fn spoken(&self, doubt: &Doubt) {
        self.state().doubts.retain(|other| other.checkpoint != doubt.checkpoint);
    }

    /// What the people do next.
    pub fn next(&self) -> Next {
        let mut state = self.state();
        loop {
            match self.recording.acts.get(state.next_act) {
                Some(act) if state.is_done(&act.what) => state.next_act += 1,
                Some(act) => return self.when(&state, act),
                None if state.map.is_over() => return Next::Over,
                None => return Next::Wait(None),
            }
        }
    }

    fn when(&self, state: &State, act: &Act) -> Next {
        match state.is_ready(&act.what) {
            false => Next::Wait(None),
            true if act.at <= self.clock.peek() => Next::Act(state.next_act),
            true => Next::Wait(Some(act.at)),
        }
    }

    /// Has everything happened that follows from this act?
    pub fn is_done(&self, act: &Act) -> bool {
        self.state().is_done(&act.what)
    }

    /// What was seen.
    pub fn seen(&self) -> Seen {
        let mut state = self.state();
        Seen {
            has_died: state.has_died,
            commits: state.commits,
            boundaries: std::mem::take(&mut state.boundaries),
            asked: state.asked,
            doubled: std::mem::take(&mut state.doubled),
            strange: std::mem::take(&mut state.strange),
        }
    }
}

impl State {
    fn opened(&mut self, place: Place, checkpoint: &Checkpoint) {
        if checkpoint.purpose != Purpose::InDoubt {
            self.open.insert(place, checkpoint.id);
            return;
        }
        self.asked += 1;
        let key = checkpoint.shown.get("idempotencyKey").and_then(|key| key.as_str());
        let key = key.unwrap_or_default().to_owned();
        self.doubts.push(Doubt { checkpoint: checkpoint.id, key });
    }

    /// The checkpoint that is open at a place.
    pub fn checkpoint(&self, place: &Place) -> Option<CheckpointId> {
        self.open.get(place).copied()
    }

    fn is_done(&self, what: &What) -> bool {
        match what {
            What::Decide { place, .. } => self.decided.contains(place),
            What::Deliver { place, event } => {
                let (source, id) = event.identity();
                let known = (place.clone(), source.to_owned(), id.to_owned());
                self.consumed.contains(&known)
            }
            What::Wish { way, event, nth, .. } => {
                self.wishes.get(&(way.clone(), *event)).is_some_and(|seen| seen >= nth)
            }
        }
    }

    fn is_ready(&self, what: &What) -> bool {
        match what {
            What::Decide { place, .. } => self.open.contains_key(place),
            What::Deliver { place, .. } => self.listening.contains(place),
            What::Wish { way, event, .. } => {
                let pin = self.map.on_way(way).filter(|(_, pin)| pin.spec.is_some());
                pin.is_some_and(|(_, pin)| match *event {
                    "assigned" => pin.status == Status::Pending,
                    "resubmitted" => pin.status.is_ended(),
                    _ => pin.status == Status::Assigned,
                })
            }
        }
    }

    /// Where the jobs stand that have not ended.
    pub fn standing(&self) -> String {
        let jobs =
            self.map.going_on().map(|(job, pin)| format!("job {job} stands at {}", pin.status));
        jobs.collect::<Vec<_>>().join(", ")
    }

    /// So many commits were made.
    pub fn commits(&self) -> u64 {
        self.commits
    }
}
