//! The meter of one evaluation: steps, memory, stack. It never looks at the clock: the caller who
//! waits does (see `pool`), and tells a running evaluation to stop through a flag.
//!
//! jaq has neither fuel nor a way to cancel. It does ask our types for everything, though: the
//! lookup table before each term, and our values for each operation. Both report here, and when a
//! bound is passed the meter unwinds out of jaq with a payload that only [`run`] catches.
//! `resume_unwind` does so without the panic hook, so nothing is printed.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::model::limits::EXPRESSION_RESULT_BYTES_MAX;

#[cfg(panic = "abort")]
compile_error!("a runaway expression is stopped by unwinding: build with panic = \"unwind\"");

/// Most levels of nesting of a value: JSON is read back to 128 levels, and an event wraps a value
/// in levels of its own.
pub(super) const DEPTH_MAX: usize = 96;
/// Longest string on the way to a result: a string may still be cut before it is the result.
pub(super) const TEXT_BYTES_MAX: usize = 4 * EXPRESSION_RESULT_BYTES_MAX;
/// Largest value on the way to a result, written out as a tree in memory. Values share their parts,
/// so a value of sixty nodes can be a tree of 2^60: whatever walks a value needs this bound.
pub(super) const TREE_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Most memory that one evaluation asks for in all, freed or not: some dozens of passes over the
/// largest document, and an amount that a server has.
pub(super) const ALLOCATED_BYTES_MAX: usize = 512 * 1024 * 1024;
/// Steps between two looks at the flag: cheap enough to forget, about a microsecond of work.
const STEPS_PER_CHECK: u64 = 64;

/// Why the meter stopped an evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Its steps are used up, or its caller stopped waiting.
    TimedOut,
    /// It asked for this many bytes or more.
    TooLarge { bytes: usize, max: usize },
    /// A value nests too deeply.
    TooDeep,
    /// The evaluation itself recurses too deeply for its stack.
    StackUsedUp,
    /// jaq panicked: a fault of ours or of jaq, not of the author.
    Panicked(String),
}

/// What one evaluation may use.
pub(super) struct Budget {
    /// Most steps.
    pub steps_max: u64,
    /// Most bytes of stack below the frame that calls [`run`].
    pub stack_bytes_max: usize,
    /// Set by a caller who no longer waits.
    pub cancelled: Option<Arc<AtomicBool>>,
}

#[derive(Default)]
struct Meter {
    running: Cell<bool>,
    steps: Cell<u64>,
    steps_max: Cell<u64>,
    check_at: Cell<u64>,
    allocated: Cell<usize>,
    stack_start: Cell<usize>,
    stack_bytes_max: Cell<usize>,
    cancelled: RefCell<Option<Arc<AtomicBool>>>,
}

thread_local! {
    static METER: Meter = Meter::default();
}

/// Does `work` under `budget`. Whatever unwinds out of it ends here.
pub(super) fn run<T>(budget: Budget, work: impl FnOnce() -> T) -> Result<T, Stop> {
    METER.with(|meter| {
        meter.steps.set(0);
        meter.check_at.set(STEPS_PER_CHECK);
        meter.steps_max.set(budget.steps_max);
        meter.allocated.set(0);
        meter.stack_start.set(stack_position());
        meter.stack_bytes_max.set(budget.stack_bytes_max);
        meter.cancelled.replace(budget.cancelled);
        meter.running.set(true);
    });
    // Everything that `work` could leave half done is dropped with it.
    let result = catch_unwind(AssertUnwindSafe(work));
    METER.with(|meter| meter.running.set(false));
    result.map_err(stop_of)
}

fn stop_of(payload: Box<dyn Any + Send>) -> Stop {
    match payload.downcast::<Stop>() {
        Ok(stop) => *stop,
        Err(payload) => {
            let text = (payload.downcast_ref::<String>().map(String::as_str))
                .or_else(|| payload.downcast_ref::<&str>().copied());
            Stop::Panicked(text.unwrap_or("the evaluator panicked").to_owned())
        }
    }
}

/// Ends the evaluation that runs on this thread.
pub(super) fn stop(reason: Stop) -> ! {
    resume_unwind(Box::new(reason))
}

/// One term is about to be evaluated. Every recursion of jaq passes here, so the stack is watched
/// here too.
#[inline]
pub(super) fn step() {
    METER.with(|meter| {
        let used = meter.stack_start.get().abs_diff(stack_position());
        if meter.running.get() && used > meter.stack_bytes_max.get() {
            stop(Stop::StackUsedUp);
        }
        meter.spend(1);
    });
}

/// An operation on values takes about as long as `steps` terms.
#[inline]
pub(super) fn spend(steps: u64) {
    METER.with(|meter| meter.spend(steps));
}

/// An operation asks for this much memory.
#[inline]
pub(super) fn allocate(bytes: usize) {
    METER.with(|meter| {
        if !meter.running.get() {
            return;
        }
        let allocated = meter.allocated.get().saturating_add(bytes);
        meter.allocated.set(allocated);
        if allocated > ALLOCATED_BYTES_MAX {
            stop(Stop::TooLarge { bytes: allocated, max: ALLOCATED_BYTES_MAX });
        }
        meter.spend(1 + bytes as u64 / 256);
    });
}

impl Meter {
    #[inline]
    fn spend(&self, steps: u64) {
        let steps = self.steps.get().saturating_add(steps);
        self.steps.set(steps);
        if steps >= self.check_at.get() && self.running.get() {
            self.check(steps);
        }
    }

    fn check(&self, steps: u64) {
        self.check_at.set(steps.saturating_add(STEPS_PER_CHECK));
        let cancelled = self.cancelled.borrow();
        let cancelled = cancelled.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed));
        if cancelled || steps > self.steps_max.get() {
            stop(Stop::TimedOut);
        }
    }
}

/// About where the stack is now: the address of a local variable.
#[inline(always)]
fn stack_position() -> usize {
    let here = 0_u8;
    std::hint::black_box(&raw const here).addr()
}
