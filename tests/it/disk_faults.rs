//! The real store under jobs of the real machine, on a disk that loses power, fails, fills up and
//! rots: what was acknowledged is what is read back, or the store says that it cannot.

/// Several at one store, in groups that a seed decides.
mod asking;
/// Jobs that go their way by chance.
mod cast;
/// Bytes that change while nobody looks.
mod damage;
/// EIO and ENOSPC in every operation.
mod errors;
/// What was acknowledged.
mod ledger;
/// Six lives of one store.
mod lives;
/// What is synced before what.
mod phases;
/// Power that is cut anywhere.
mod power_cuts;
/// What a run really reached.
mod sightings;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use self::sightings::Sightings;

/// Threads for many seeds: the processors are busy although a store without power takes some
/// milliseconds to notice that nobody wants it any more.
const THREADS: usize = 4;

/// A runtime for one seed at a time.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}

/// Runs each number on some thread; the failures, at most ten, and what was seen.
fn each(
    numbers: &[u64],
    run: impl Fn(u64, &mut Sightings) -> Result<(), String> + Sync,
) -> (Vec<String>, Sightings) {
    const FAILURES_MAX: usize = 10;
    let next = AtomicU64::new(0);
    let failures = Mutex::new(Vec::new());
    let all = Mutex::new(Sightings::default());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut seen = Sightings::default();
                while failures.lock().unwrap().len() < FAILURES_MAX {
                    let at = next.fetch_add(1, Ordering::Relaxed) as usize;
                    let Some(number) = numbers.get(at) else { break };
                    let done = catch_unwind(AssertUnwindSafe(|| run(*number, &mut seen)));
                    let done = done.unwrap_or_else(|panic| Err(text_of(&*panic)));
                    if let Err(failure) = done {
                        failures.lock().unwrap().push(failure);
                    }
                }
                all.lock().unwrap().merge(seen);
            });
        }
    });
    (failures.into_inner().unwrap(), all.into_inner().unwrap())
}
