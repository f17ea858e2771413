//! Threads of our own for expressions that are not surely short, so that a runaway holds nobody but
//! its caller, and that for a bounded time. The pool waits on channels and never reads a clock.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Threads that take work: expressions are a small part of what the machine does.
const THREADS: usize = 2;
/// Threads that may be lost to evaluations that do not end. Most end at once when they are told to;
/// what cannot be told, such as one long sort, ends by itself.
const OVERDUE_MAX: usize = 6;
/// Stack of a thread; only what is used of it is ever taken.
pub(super) const STACK_BYTES: usize = 32 * 1024 * 1024;
/// Longest wait for a thread. With all threads at work on runaways this many quarters of a second
/// are served first.
const WAIT_FOR_THREAD: Duration = Duration::from_secs(5);

/// Why there is no result.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoResult {
    /// The work ran longer than allowed.
    TimedOut,
    /// No thread took the work.
    Exhausted,
}

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    /// Threads that take work, or will.
    threads: usize,
    /// Threads at work that nobody waits for.
    overdue: usize,
}

#[derive(Default)]
struct Pool {
    state: Mutex<State>,
    work_came: Condvar,
}

static POOL: LazyLock<Pool> = LazyLock::new(Pool::default);

enum Report<T> {
    Begun,
    Done(T),
}

/// What the caller and the thread of one piece of work tell each other.
#[derive(Default)]
struct Shared {
    /// The caller no longer waits.
    cancelled: Arc<AtomicBool>,
    /// The caller counted the thread as overdue. Written and read under the lock of the state.
    is_overdue: AtomicBool,
}

/// Does `work` on a thread of the pool and waits: `longest` from when it begins. The work gets a
/// flag that is set when nobody waits for it any more.
pub(super) fn run<T: Send + 'static>(
    longest: Duration,
    work: impl FnOnce(Arc<AtomicBool>) -> T + Send + 'static,
) -> Result<T, NoResult> {
    POOL.run(longest, WAIT_FOR_THREAD, work)
}

impl Pool {
    fn run<T: Send + 'static>(
        &'static self,
        longest: Duration,
        wait_for_thread: Duration,
        work: impl FnOnce(Arc<AtomicBool>) -> T + Send + 'static,
    ) -> Result<T, NoResult> {
        // Two places: neither report may hold the thread.
        let (sender, reports) = sync_channel(2);
        let shared = Arc::new(Shared::default());
        if !self.submit(self.job_of(work, sender, Arc::clone(&shared))) {
            return Err(NoResult::Exhausted);
        }
        match reports.recv_timeout(wait_for_thread) {
            Ok(Report::Begun) => {}
            Ok(Report::Done(result)) => return Ok(result),
            Err(_) => {
                shared.cancelled.store(true, Ordering::Relaxed);
                return Err(NoResult::Exhausted);
            }
        }
        match reports.recv_timeout(longest) {
            Ok(Report::Done(result)) => Ok(result),
            Err(RecvTimeoutError::Timeout) => self.give_up(&reports, &shared),
            Ok(Report::Begun) | Err(RecvTimeoutError::Disconnected) => Err(NoResult::Exhausted),
        }
    }

    /// Leaves the thread to itself, unless it is done at this very moment.
    fn give_up<T>(
        &'static self,
        reports: &Receiver<Report<T>>,
        shared: &Shared,
    ) -> Result<T, NoResult> {
        shared.cancelled.store(true, Ordering::Relaxed);
        let mut state = self.lock();
        if let Ok(Report::Done(result)) = reports.try_recv() {
            return Ok(result);
        }
        shared.is_overdue.store(true, Ordering::Relaxed);
        state.threads -= 1;
        state.overdue += 1;
        self.restore_threads(&mut state);
        Err(NoResult::TimedOut)
    }

    fn job_of<T: Send + 'static>(
        &'static self,
        work: impl FnOnce(Arc<AtomicBool>) -> T + Send + 'static,
        sender: SyncSender<Report<T>>,
        shared: Arc<Shared>,
    ) -> Job {
        Box::new(move || {
            if shared.cancelled.load(Ordering::Relaxed) {
                return;
            }
            // A caller that has gone is no error: it has its answer.
            let _gone = sender.send(Report::Begun);
            let result = work(Arc::clone(&shared.cancelled));
            let _gone = sender.send(Report::Done(result));
            let mut state = self.lock();
            if shared.is_overdue.load(Ordering::Relaxed) {
                state.overdue -= 1;
                state.threads += 1;
            }
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is counters and a queue, whole at every moment, so a panic spoils nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False when no thread is there, or can be made, to take the job.
    fn submit(&'static self, job: Job) -> bool {
        let mut state = self.lock();
        self.restore_threads(&mut state);
        if state.threads == 0 {
            return false;
        }
        state.queue.push_back(job);
        self.work_came.notify_one();
        true
    }

    /// Starts threads in the place of overdue ones, as long as those are few.
    fn restore_threads(&'static self, state: &mut State) {
        while state.threads < THREADS && state.threads + state.overdue < THREADS + OVERDUE_MAX {
            let builder = thread::Builder::new().name("expression".into()).stack_size(STACK_BYTES);
            if builder.spawn(|| self.work()).is_err() {
                return;
            }
            state.threads += 1;
        }
    }

    fn work(&self) {
        let mut state = self.lock();
        loop {
            // One that was overdue comes back to find that others took its place.
            if state.threads > THREADS {
                state.threads -= 1;
                return;
            }
            match state.queue.pop_front() {
                Some(job) => {
                    drop(state);
                    job();
                    state = self.lock();
                }
                None => {
                    let woken = self.work_came.wait(state);
                    state = woken.unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    /// Longer than anything here takes.
    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn threads_that_do_not_end_are_replaced_up_to_a_bound_and_come_back() {
        let pool: &'static Pool = Box::leak(Box::default());
        let mut gates = Vec::new();
        for _ in 0..THREADS + OVERDUE_MAX {
            let (gate, closed) = channel::<()>();
            let (ended, end) = channel::<bool>();
            let stuck = pool.run(Duration::ZERO, PATIENCE, move |cancelled| {
                let _opened = closed.recv();
                let _gone = ended.send(cancelled.load(Ordering::Relaxed));
            });
            assert_eq!(stuck, Err(NoResult::TimedOut));
            gates.push((gate, end));
        }
        assert_eq!(pool.run(PATIENCE, PATIENCE, |_| 1), Err(NoResult::Exhausted));
        for (gate, end) in gates {
            drop(gate);
            assert_eq!(end.recv(), Ok(true), "work that nobody waits for is told so");
        }
        // A thread that has ended its work takes the lock once more before it is free again.
        while pool.lock().threads == 0 {
            thread::yield_now();
        }
        assert_eq!(pool.run(PATIENCE, PATIENCE, |_| 2), Ok(2));
        while pool.lock().overdue > 0 {
            thread::yield_now();
        }
        assert!(pool.lock().threads <= THREADS + OVERDUE_MAX);
    }
}
