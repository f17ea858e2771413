//! The wall clock, and the only place that reads it; everything else is told the time, and given
//! the identifiers that are made of it. It never runs backwards: after the system's clock was set
//! back, time stands still until it catches up.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use uuid::Uuid;

use crate::model::time::{Span, Timestamp};

/// A future without borrows, so that a sleeper may outlive the handle it was made from.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How long a sleeper trusts the timer of the runtime, which does not see the wall clock jump
/// (an administrator sets it, a virtual machine is resumed).
const RECHECK: Span = Span::from_secs(1);

/// A source of wall time.
pub trait Clock: Send + Sync + 'static {
    /// The time now; never earlier than an answer given before.
    fn now(&self) -> Timestamp;

    /// Ends once `now` is `at` or later; a jump of the clock is noticed within a second.
    fn sleep_until(&self, at: Timestamp) -> Sleep;

    /// An identifier that nobody had before, made of the time and of chance (UUIDv7).
    fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// The clock of the system. Clones share their memory of the latest time.
#[derive(Clone, Debug)]
pub struct System {
    wall: fn() -> i64,
    latest: Arc<AtomicI64>,
}

impl System {
    /// The clock of the system, as yet without a lower bound.
    pub fn new() -> Self {
        Self { wall: wall_micros, latest: Arc::new(AtomicI64::new(i64::MIN)) }
    }

    /// Forbids times before `to`: at start the latest time in the store, so that a restart after
    /// the clock was set back does not write a journal out of order.
    pub fn raise(&self, to: Timestamp) {
        self.latest.fetch_max(to.0, Ordering::AcqRel);
    }
}

impl Default for System {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for System {
    fn now(&self) -> Timestamp {
        let wall = (self.wall)();
        Timestamp(self.latest.fetch_max(wall, Ordering::AcqRel).max(wall))
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep {
        let clock = self.clone();
        Box::pin(async move {
            loop {
                let left = at.since(clock.now());
                if left == Span(0) {
                    return;
                }
                tokio::time::sleep(left.min(RECHECK).as_duration()).await;
            }
        })
    }
}

/// Measures how long something takes. It is monotonic, and nothing that it says is ever stored.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts it.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since it was started.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Microseconds since 1970 by the system. A system that believes to be earlier counts as 1970,
/// one beyond the year 294246 as that year.
fn wall_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// A clock that stands until it is moved; for tests. Clones show the same time.
#[derive(Clone, Debug)]
pub struct Manual {
    time: Arc<watch::Sender<Timestamp>>,
}

impl Manual {
    /// A clock that stands at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self { time: Arc::new(watch::Sender::new(now)) }
    }

    /// Moves the clock to `now` and wakes the sleepers that are due. An earlier time changes
    /// nothing, as with the system's clock.
    pub fn set(&self, now: Timestamp) {
        self.time.send_if_modified(|time| {
            let forward = now > *time;
            *time = now.max(*time);
            forward
        });
    }

    /// Moves the clock on by `span` and wakes the sleepers that are due.
    pub fn advance(&self, span: Span) {
        self.time.send_modify(|time| *time = time.after(span));
    }
}

impl Clock for Manual {
    fn now(&self) -> Timestamp {
        *self.time.borrow()
    }

    fn sleep_until(&self, at: Timestamp) -> Sleep {
        let mut time = self.time.subscribe();
        Box::pin(async move {
            if time.wait_for(|now| *now >= at).await.is_err() {
                // The clock is gone, so the time never comes.
                pending::<()>().await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static WALL: AtomicI64 = AtomicI64::new(0);

    fn scripted() -> i64 {
        WALL.load(Ordering::SeqCst)
    }

    fn system_with_scripted_wall() -> System {
        System { wall: scripted, latest: Arc::new(AtomicI64::new(i64::MIN)) }
    }

    /// One test, because the scripted wall is one static.
    #[tokio::test(start_paused = true)]
    async fn jumps_of_the_wall_clock_neither_lose_nor_rush_a_timer() {
        let clock = system_with_scripted_wall();
        WALL.store(1_000_000, Ordering::SeqCst);
        assert_eq!(clock.now(), Timestamp(1_000_000));

        WALL.store(400_000, Ordering::SeqCst);
        assert_eq!(clock.now(), Timestamp(1_000_000), "set back: time stands still");

        clock.raise(Timestamp(2_000_000));
        clock.raise(Timestamp(1_500_000));
        assert_eq!(clock.now(), Timestamp(2_000_000), "the floor rises and never sinks");

        // The runtime's timer passes an hour while the wall clock stands: not due, not fired.
        let sleeper = tokio::spawn(clock.sleep_until(Timestamp(5_000_000)));
        tokio::time::sleep(std::time::Duration::from_secs(3_600)).await;
        assert!(!sleeper.is_finished(), "a timer of the runtime is not the wall clock");

        // The wall clock jumps past the deadline: noticed within one more second.
        WALL.store(9_000_000, Ordering::SeqCst);
        let started = tokio::time::Instant::now();
        sleeper.await.unwrap();
        assert!(started.elapsed() <= RECHECK.as_duration());

        clock.sleep_until(Timestamp(9_000_000)).await;
    }

    #[tokio::test]
    async fn the_manual_clock_wakes_exactly_the_sleepers_that_are_due() {
        let clock = Manual::new(Timestamp(0));
        let early = tokio::spawn(clock.sleep_until(Timestamp(10)));
        let late = tokio::spawn(clock.sleep_until(Timestamp(20)));
        clock.advance(Span(15));
        early.await.unwrap();
        assert!(!late.is_finished());
        clock.set(Timestamp(3));
        assert_eq!(clock.now(), Timestamp(15), "never backwards");
        clock.set(Timestamp(20));
        late.await.unwrap();
    }

    #[test]
    fn the_system_clock_is_in_our_century() {
        let now = System::new().now();
        assert!(now > Timestamp::parse_rfc3339("2024-01-01T00:00:00Z").unwrap());
        assert!(now < Timestamp::parse_rfc3339("2124-01-01T00:00:00Z").unwrap());
    }
}
