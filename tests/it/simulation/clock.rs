//! Wall time in the simulation: the virtual time of the runtime, the time between two lives, and
//! the jumps of somebody who sets the clock. Like the clock of the system it never runs backwards
//! while a process lives.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use holdpoint::clock::{Clock, Sleep};
use holdpoint::model::time::{Span, Timestamp};
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use super::dice::Dice;

/// Where every simulation begins: 2026-01-01.
const EPOCH: i64 = 1_767_225_600_000_000;

struct State {
    /// What had passed when this life began, microseconds.
    passed: i64,
    /// When this life began, by the runtime.
    born: Option<Instant>,
    /// What somebody added to the wall clock.
    offset: i64,
    /// The latest answer.
    latest: i64,
    ids: Dice,
}

impl State {
    fn passed(&self) -> i64 {
        self.passed + self.born.map_or(0, |born| born.elapsed().as_micros() as i64)
    }
}

#[derive(Clone)]
pub struct SimClock(Arc<(Mutex<State>, Notify)>);

impl SimClock {
    pub fn new(seed: u64) -> Self {
        let ids = Dice::new(seed, "ids");
        let state = State { passed: 0, born: None, offset: 0, latest: 0, ids };
        Self(Arc::new((Mutex::new(state), Notify::new())))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().expect("no panic while it was held")
    }

    /// A life begins in the runtime that this is called from. `floor` is the latest time on disk:
    /// all that a new process knows of the old one's time.
    pub fn begin(&self, floor: Timestamp) {
        let mut state = self.state();
        (state.born, state.latest) = (Some(Instant::now()), floor.0);
    }

    /// It ends, in the same runtime.
    pub fn end(&self) {
        let mut state = self.state();
        (state.passed, state.born) = (state.passed(), None);
    }

    /// Time passes while nobody lives.
    pub fn pass(&self, span: Duration) {
        self.state().passed += span.as_micros() as i64;
    }

    /// True time since the simulation began.
    pub fn elapsed(&self) -> Duration {
        Duration::from_micros(self.state().passed() as u64)
    }

    /// Somebody sets the wall clock.
    pub fn jump(&self, micros: i64) {
        self.state().offset += micros;
        self.0.1.notify_waiters();
    }

    fn wall(&self) -> i64 {
        let state = self.state();
        EPOCH + state.passed() + state.offset
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let wall = self.wall();
        let mut state = self.state();
        state.latest = state.latest.max(wall);
        Timestamp(state.latest)
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep {
        let clock = self.clone();
        Box::pin(async move {
            while clock.now() < at {
                let jumped = clock.0.1.notified();
                let left = at.since(Timestamp(clock.wall())).as_duration();
                if tokio::time::timeout(left, jumped).await.is_ok() {
                    // The system's clock notices a jump within a second, not at once.
                    tokio::time::sleep(Span::from_secs(1).as_duration()).await;
                }
            }
        })
    }

    fn new_id(&self) -> Uuid {
        let millis = self.now().as_millis().unsigned_abs();
        let mut chance = [0; 10];
        let mut state = self.state();
        chance.fill_with(|| state.ids.below(256) as u8);
        uuid::Builder::from_unix_timestamp_millis(millis, &chance).into_uuid()
    }
}
