//! Time that stands while anything goes on, and leaps to the next sleeper when nothing is left to
//! do. So days of waiting pass in no time, and no wait is ever cut short.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;
use uuid::Uuid;

use crate::clock::{Clock, Sleep};
use crate::model::id::JobId;
use crate::model::time::Timestamp;

/// How sure it is that nothing goes on.
#[derive(Clone, Copy)]
enum Phase {
    /// Something may be going on.
    Working,
    /// The runtime had nothing to run when the time had been asked for so often; what other
    /// threads still think about is being waited for.
    Fencing(u64),
    /// Nobody thinks any more about what was begun before the time had been asked for so often.
    Fenced(u64),
}

struct State {
    now: Timestamp,
    /// How often the time was asked for. Every decision asks before it thinks.
    asked: u64,
    phase: Phase,
    sleepers: BTreeMap<(Timestamp, u64), Option<Waker>>,
    next_sleeper: u64,
    /// The id of the next job that is created.
    pinned: Option<JobId>,
}

struct Shared {
    state: Mutex<State>,
    fence: Notify,
    still: Notify,
}

/// The clock of a rehearsal. Clones show the same time.
#[derive(Clone)]
pub(super) struct Leaping(Arc<Shared>);

impl Leaping {
    /// A clock that stands at `now`.
    pub fn new(now: Timestamp) -> Self {
        let state = State {
            now,
            asked: 0,
            phase: Phase::Working,
            sleepers: BTreeMap::new(),
            next_sleeper: 0,
            pinned: None,
        };
        let (fence, still) = (Notify::new(), Notify::new());
        Self(Arc::new(Shared { state: Mutex::new(state), fence, still }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time, for those who only watch: it does not count as asking.
    pub fn peek(&self) -> Timestamp {
        self.state().now
    }

    /// A new process begins.
    pub fn begin(&self) {
        self.state().phase = Phase::Working;
    }

    /// The job that is created next gets this id.
    pub fn pin(&self, job: JobId) {
        self.state().pinned = Some(job);
    }

    /// The runtime has nothing to run. Work of other threads is waited for first: it may have been
    /// begun and not be done.
    pub fn parked(&self) {
        let mut state = self.state();
        match state.phase {
            Phase::Fencing(_) => {}
            Phase::Fenced(asked) if asked == state.asked => {
                state.phase = Phase::Working;
                self.leap(state);
            }
            Phase::Working | Phase::Fenced(_) => {
                state.phase = Phase::Fencing(state.asked);
                self.0.fence.notify_one();
            }
        }
    }

    /// Waits for other threads whenever the runtime has nothing to run. The runtime must have one
    /// blocking thread, which does one thing after another.
    pub async fn keep_fences(self) {
        loop {
            self.0.fence.notified().await;
            tokio::task::spawn_blocking(|| ()).await.ok();
            let mut state = self.state();
            if let Phase::Fencing(asked) = state.phase {
                state.phase = Phase::Fenced(asked);
            }
        }
    }

    fn leap(&self, mut state: MutexGuard<'_, State>) {
        let Some((&(at, _), _)) = state.sleepers.first_key_value() else {
            drop(state);
            return self.0.still.notify_one();
        };
        state.now = state.now.max(at);
        let now = state.now;
        let due = state.sleepers.iter_mut().take_while(|((at, _), _)| *at <= now);
        let wakers: Vec<Waker> = due.filter_map(|(_, waker)| waker.take()).collect();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Ends when nothing goes on and nobody sleeps.
    pub async fn still(&self) {
        self.0.still.notified().await;
    }
}

impl Clock for Leaping {
    fn now(&self) -> Timestamp {
        let mut state = self.state();
        state.asked += 1;
        state.now
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep {
        let number = {
            let mut state = self.state();
            state.next_sleeper += 1;
            state.next_sleeper
        };
        let mut sleeper = Sleeper { clock: self.clone(), key: (at, number) };
        Box::pin(poll_fn(move |context| Pin::new(&mut sleeper).poll(context)))
    }

    fn new_id(&self) -> Uuid {
        let pinned = self.state().pinned.take();
        pinned.map_or_else(Uuid::now_v7, |job| job.0)
    }
}

/// Sleeps, and leaves nothing behind when it is dropped: time must not leap to a time that nobody
/// waits for any more.
struct Sleeper {
    clock: Leaping,
    key: (Timestamp, u64),
}

impl Future for Sleeper {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.state();
        if state.now >= self.key.0 {
            state.sleepers.remove(&self.key);
            return Poll::Ready(());
        }
        state.sleepers.insert(self.key, Some(context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.clock.state().sleepers.remove(&self.key);
    }
}
