//! What every actor of one engine shares: the parts, the handles of the standing actors, and a few
//! counters. No state of a job is ever kept here.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use ractor::ActorRef;
use tokio::sync::{Notify, watch};

use crate::engine::agents::{AgentsMsg, Registry};
use crate::engine::audit::Notary;
use crate::engine::catalog::Catalog;
use crate::engine::gates::Watchers;
use crate::engine::jobs::JobsMsg;
use crate::engine::matching;
use crate::engine::oversight::Keeper;
use crate::engine::rules::Rules;
use crate::engine::scheduler::SchedulerMsg;
use crate::engine::slots::Slots;
use crate::engine::standing::Standing;
use crate::engine::statistics::Statistics;
use crate::engine::table::Table;
use crate::engine::unmade::UnmadeCalls;
use crate::engine::wakes::WakesMsg;
use crate::engine::{Parts, RecoveryReport};
use crate::machine::Environment;
use crate::model::id::JobId;
use crate::model::row::{JobRow, Place};
use crate::model::status::WaitCode;

/// A standing actor's address; its supervisor replaces it when it restarts the actor.
pub(crate) struct Address<M>(RwLock<Option<ActorRef<M>>>);

impl<M: ractor::Message> Address<M> {
    fn empty() -> Self {
        Self(RwLock::new(None))
    }

    /// Where messages go from now on.
    pub fn set(&self, actor: ActorRef<M>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(actor);
    }

    /// Says whether the message was put into a mailbox.
    pub fn cast(&self, message: M) -> bool {
        let actor = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        actor.is_some_and(|actor| actor.cast(message).is_ok())
    }

    /// The actor, if it was ever started.
    pub fn get(&self) -> Option<ActorRef<M>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

pub(crate) struct Shared {
    pub parts: Parts,
    pub environment: Arc<Environment>,
    pub catalog: Catalog,
    pub registry: Registry,
    pub table: Arc<Table>,
    pub slots: Slots,
    pub unmade: UnmadeCalls,
    pub jobs: Address<JobsMsg>,
    pub scheduler: Address<SchedulerMsg>,
    pub wakes: Address<WakesMsg>,
    pub agents: Address<AgentsMsg>,
    /// The end of the feed of commits.
    pub feed: watch::Sender<u64>,
    /// Does the worker grant slots?
    working: AtomicBool,
    /// Is a request to look at the queue on its way to the worker?
    pub looking: AtomicBool,
    pub stopping: AtomicBool,
    /// Is the restart budget of the standing actors spent?
    pub failed: watch::Sender<bool>,
    /// Calls that are under way.
    pub calls: AtomicUsize,
    pub calls_changed: Notify,
    /// Jobs that recovery revived and that have not looked at themselves yet.
    pub reviving: AtomicUsize,
    pub revived: Notify,
    pub interrupted: AtomicU64,
    pub poisoned: AtomicU64,
    /// Jobs that the sweep had to rescue.
    pub rescues: AtomicU64,
    pub report: RwLock<Arc<RecoveryReport>>,
    /// Held while a backup is taken.
    pub backing_up: tokio::sync::Mutex<()>,
    pub statistics: Statistics,
    pub oversight: Keeper,
    /// Signs how far the audit trail goes, once somebody was employed.
    pub notary: OnceLock<Notary>,
    /// Rounds of searches for an agent that may go on at once.
    pub matching: tokio::sync::Semaphore,
    /// Rules that decide where no person has to.
    pub rules: Rules,
    /// Who waits for which job.
    pub watchers: Watchers,
    standing: RwLock<Arc<Standing>>,
}

impl Shared {
    /// Before any actor is started.
    pub fn new(parts: Parts, environment: Arc<Environment>, standing: Standing) -> Self {
        Self {
            catalog: Catalog::new(parts.store.clone()),
            registry: Registry::new(parts.store.clone()),
            table: Arc::default(),
            slots: Slots::default(),
            unmade: UnmadeCalls::default(),
            working: AtomicBool::new(parts.options.autostart),
            looking: AtomicBool::new(false),
            parts,
            environment,
            jobs: Address::empty(),
            scheduler: Address::empty(),
            wakes: Address::empty(),
            agents: Address::empty(),
            feed: watch::channel(0).0,
            stopping: AtomicBool::new(false),
            failed: watch::channel(false).0,
            calls: AtomicUsize::new(0),
            calls_changed: Notify::new(),
            reviving: AtomicUsize::new(0),
            revived: Notify::new(),
            interrupted: AtomicU64::new(0),
            poisoned: AtomicU64::new(0),
            rescues: AtomicU64::new(0),
            report: RwLock::new(Arc::new(RecoveryReport::default())),
            backing_up: tokio::sync::Mutex::new(()),
            statistics: Statistics::default(),
            oversight: Keeper::default(),
            notary: OnceLock::new(),
            matching: tokio::sync::Semaphore::new(matching::SLOTS),
            rules: Rules::default(),
            watchers: Watchers::default(),
            standing: RwLock::new(Arc::new(standing)),
        }
    }

    /// Is the engine stopping?
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// What the store is among its copies.
    pub fn standing(&self) -> Arc<Standing> {
        self.standing.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// It was released.
    pub fn set_standing(&self, standing: Standing) {
        *self.standing.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(standing);
    }

    /// Is the store held? Then nothing begins: no run, no timer, no call, no child.
    pub fn is_held(&self) -> bool {
        self.standing.read().unwrap_or_else(PoisonError::into_inner).hold.is_some()
    }

    /// Does the worker grant slots?
    pub fn is_working(&self) -> bool {
        self.working.load(Ordering::Acquire)
    }

    /// Lets it grant slots, or none.
    pub fn set_working(&self, working: bool) {
        self.working.store(working, Ordering::Release);
    }

    /// Lets the worker look at the queue; those who ask while it has not looked yet share one look.
    pub fn look_at_queue(&self) {
        if !self.looking.swap(true, Ordering::AcqRel) {
            self.scheduler.cast(SchedulerMsg::Look);
        }
    }

    /// A call was under way when a process or an actor ended.
    pub fn count_interrupted(&self) {
        self.interrupted.fetch_add(1, Ordering::Relaxed);
    }

    /// The sweep found a job that nobody held.
    pub fn count_rescue(&self) {
        self.rescues.fetch_add(1, Ordering::Relaxed);
    }

    /// Something was committed: whoever waits for the feed may read on.
    pub fn publish(&self, feed: u64) {
        self.feed.send_if_modified(|last| {
            let moved = feed > *last;
            *last = (*last).max(feed);
            moved
        });
    }

    /// The row of a job with what it waits for at an agent, which is in no journal.
    pub fn with_pause(&self, mut row: JobRow) -> JobRow {
        let is_calling =
            row.waiting_for.as_ref().is_none_or(|waiting| waiting.code == WaitCode::Call);
        if row.place == Place::Active
            && is_calling
            && let Some((agent, pause)) = self.registry.pause_of(row.id, self.parts.clock.now())
        {
            row.waiting_for = Some(pause.waiting_for(&agent, row.updated_at));
        }
        row
    }

    /// Lets a job look at itself, reviving it if need be.
    pub fn activate(&self, job: JobId) {
        self.jobs.cast(JobsMsg::Activate(job));
    }
}
