//! What outlives a process in the simulation: the disk, the time, what was promised to whom, and
//! the first thing that must not be.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holdpoint::clock::Clock;
use holdpoint::engine::JobView;
use holdpoint::model::id::{CheckpointId, FrameId, JobId};
use holdpoint::store::{Redb, SimDisk};
use tokio::sync::Notify;

use super::clock::SimClock;
use super::dice::Dice;
use super::history::History;
use super::ledger::Ledger;
use super::people::{Click, Order, Screen};
use super::tally::Tally;

/// Lines of the trace that a failure shows, unless the story is told alone.
const SHOWN_LINES: usize = 150;

/// Everything that happened, as one number and its last lines.
#[derive(Default)]
struct Trace {
    digest: u64,
    last: VecDeque<String>,
}

/// What somebody was told, to be compared with the journal in the end.
#[derive(Clone, Debug)]
pub enum Promise {
    /// A job stood like this.
    View { to: String, job: JobId, version: u64, digest: u64 },
    /// A checkpoint was closed like this.
    Closed { to: String, checkpoint: CheckpointId, status: String },
    /// An event was accepted while this task waited for it, and the task took it.
    Taken { job: JobId, frame: FrameId, event: String },
}

#[derive(Default)]
pub struct Told {
    pub promises: Vec<Promise>,
    /// The job types of this seed.
    pub types: Vec<&'static str>,
    pub orders: Vec<Order>,
    pub clicks: BTreeMap<String, Click>,
    pub screens: VecDeque<Screen>,
    /// Identities of the events that were sent.
    pub events: u64,
    /// Workflows, from the first one on, whose registration was accepted.
    pub registered: usize,
}

pub struct World {
    pub seed: u64,
    /// Is it the only story that is told?
    is_alone: bool,
    pub clock: SimClock,
    pub ledger: Ledger,
    pub history: Mutex<History>,
    pub told: Mutex<Told>,
    pub tally: Mutex<Tally>,
    /// The store of this life, to look at behind the engine's back.
    store: Mutex<Option<Arc<Redb>>>,
    disk: Mutex<SimDisk>,
    trace: Mutex<Trace>,
    violation: Mutex<Option<String>>,
    dead: AtomicBool,
    calm: AtomicBool,
    /// Commits of a thousand that go wrong now.
    pub rough: AtomicU64,
    over: Notify,
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Panics are part of the weather.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn digest(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// A job as somebody sees it.
pub fn digest_of_job(job: &holdpoint::model::job::Job) -> u64 {
    digest(serde_json::to_string(job).expect("a job is JSON"))
}

impl World {
    pub fn new(seed: u64, disk: SimDisk) -> Arc<Self> {
        Arc::new(Self {
            seed,
            is_alone: std::env::var_os("HOLDPOINT_ENGINE_SEED").is_some(),
            clock: SimClock::new(seed),
            ledger: Ledger::default(),
            history: Mutex::default(),
            told: Mutex::default(),
            tally: Mutex::default(),
            store: Mutex::default(),
            disk: Mutex::new(disk),
            trace: Mutex::default(),
            violation: Mutex::default(),
            dead: AtomicBool::new(false),
            calm: AtomicBool::new(false),
            rough: AtomicU64::new(0),
            over: Notify::new(),
        })
    }

    pub fn dice(&self, purpose: impl Hash) -> Dice {
        Dice::new(self.seed, purpose)
    }

    pub fn disk(&self) -> SimDisk {
        lock(&self.disk).clone()
    }

    /// The next life begins on this disk.
    pub fn reborn(&self, disk: SimDisk) {
        *lock(&self.disk) = disk;
        *lock(&self.store) = None;
        self.rough.store(0, Ordering::SeqCst);
        self.dead.store(false, Ordering::SeqCst);
    }

    pub fn store(&self) -> Option<Arc<Redb>> {
        lock(&self.store).clone()
    }

    pub fn set_store(&self, store: Arc<Redb>) {
        *lock(&self.store) = Some(store);
    }

    /// Ends the process, in the middle of whatever it does: from here on nobody hears of it.
    pub fn die(&self) {
        if !self.dead.swap(true, Ordering::SeqCst) {
            self.disk().cut_power();
            self.over.notify_one();
        }
    }

    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// Returns when the process dies.
    pub async fn death(&self) {
        while !self.is_dead() {
            self.over.notified().await;
        }
    }

    /// A dead process goes no further than this.
    pub async fn alive(&self) {
        if self.is_dead() {
            std::future::pending::<()>().await;
        }
    }

    /// The weather is over: from here on everything must come to its end.
    pub fn calm_down(&self) {
        self.calm.store(true, Ordering::SeqCst);
        self.rough.store(0, Ordering::SeqCst);
        self.disk().repair();
    }

    pub fn is_calm(&self) -> bool {
        self.calm.load(Ordering::SeqCst)
    }

    pub fn count(&self, what: impl Into<String>) {
        lock(&self.tally).add(what, 1);
    }

    /// One line of what happens; it is part of the digest.
    pub fn note(&self, line: impl std::fmt::Display) {
        let line = format!("{:>12.3?} {} {line}", self.clock.elapsed(), self.clock.now());
        let mut trace = lock(&self.trace);
        trace.digest = digest((trace.digest, &line));
        if trace.last.len() >= SHOWN_LINES && !self.is_alone {
            trace.last.pop_front();
        }
        trace.last.push_back(line);
    }

    pub fn trace_digest(&self) -> u64 {
        lock(&self.trace).digest
    }

    pub fn last_lines(&self) -> String {
        let trace = lock(&self.trace);
        trace.last.iter().fold(String::new(), |text, line| text + line + "\n")
    }

    /// Something that must not be. Only the first counts; it ends everything.
    pub fn violated(&self, what: impl Into<String>) {
        let what = what.into();
        self.note(format!("VIOLATED: {what}"));
        lock(&self.violation).get_or_insert(what);
        self.die();
    }

    pub fn violation(&self) -> Option<String> {
        lock(&self.violation).clone()
    }

    /// Somebody was shown this job, as something that is on disk.
    pub fn promise(&self, to: impl Into<String>, view: &JobView) {
        let (job, version, to) = (view.job.id, view.job.version, to.into());
        let digest = digest_of_job(&view.job);
        self.note(format!("told {to}: job {job} v{version} is {}", view.row.status));
        lock(&self.told).promises.push(Promise::View { to, job, version, digest });
    }
}
