//! Is there an order in which one thing, doing one call at a time, would have given these answers?
//! After Wing and Gong (1993), with Lowe's memory of what was tried. A call that nobody heard the
//! answer of may have happened at any time after it began, or never.

use std::collections::HashSet;
use std::hash::Hash;

/// What one thing does, one call at a time.
pub trait Model: std::fmt::Debug {
    type State: Clone + Eq + Hash + std::fmt::Debug;
    type Call: std::fmt::Debug;
    type Answer: PartialEq + std::fmt::Debug;

    fn initial() -> Self::State;

    /// What it may do next by itself, unasked.
    fn drift(state: &Self::State) -> Option<Self::State>;

    /// Does a call that is answered so now change nothing, now and whenever it is answered so
    /// later? Then it is taken at once: to have it out of the way never hinders another.
    fn is_harmless(_state: &Self::State, _call: &Self::Call, _answer: &Self::Answer) -> bool {
        false
    }

    /// What follows from a call, and what is answered; nothing when it cannot be asked now.
    fn step(state: &Self::State, call: &Self::Call) -> Option<(Self::State, Self::Answer)>;
}

/// A call as its caller saw it. Times are places in one sequence of all begins and ends.
#[derive(Debug)]
pub struct Operation<M: Model> {
    pub call: M::Call,
    pub began: u64,
    /// When the answer came, and the answer.
    pub ended: Option<(u64, M::Answer)>,
}

/// Operations of one history at most: they are kept as bits.
const OPERATIONS_MAX: usize = 64;

struct Search<'a, M: Model> {
    operations: &'a [Operation<M>],
    /// Bits of those that were answered.
    answered: u64,
    tried: HashSet<(u64, M::State)>,
    /// The longest order that fits so far, and what it leads to.
    longest: (Vec<usize>, Option<M::State>),
}

/// The order, or how far the longest one comes.
///
/// # Errors
/// The history has no order.
pub fn check<M: Model>(operations: &[Operation<M>]) -> Result<Vec<usize>, String> {
    assert!(operations.len() <= OPERATIONS_MAX, "{} operations", operations.len());
    let bits = operations.iter().enumerate().filter(|(_, operation)| operation.ended.is_some());
    let answered = bits.fold(0, |bits, (number, _)| bits | 1 << number);
    let longest = (Vec::new(), None);
    let mut search = Search { operations, answered, tried: HashSet::new(), longest };
    let mut order = Vec::new();
    if search.goes_on(0, M::initial(), &mut order) {
        return Ok(order);
    }
    let (longest, state) = search.longest;
    let lines = operations.iter().enumerate().map(|(number, operation)| {
        let place = longest.iter().position(|found| *found == number);
        format!("{number:>3} {place:?} {operation:?}\n")
    });
    Err(format!("no order fits; the longest leads to {state:?}:\n{}", lines.collect::<String>()))
}

impl<M: Model> Search<'_, M> {
    fn goes_on(&mut self, done: u64, state: M::State, order: &mut Vec<usize>) -> bool {
        if done & self.answered == self.answered {
            return true;
        }
        if !self.tried.insert((done, state.clone())) {
            return false;
        }
        if order.len() >= self.longest.0.len() {
            self.longest = (order.clone(), Some(state.clone()));
        }
        let operations = self.operations;
        let mut fitting = Vec::new();
        for (number, Operation { call, ended, .. }) in operations.iter().enumerate() {
            if done & 1 << number == 0
                && self.may_be_next(done, number)
                && let Some((next, answer)) = M::step(&state, call)
                && ended.as_ref().is_none_or(|(_, heard)| *heard == answer)
            {
                if ended.is_some() && M::is_harmless(&state, call, &answer) {
                    fitting = vec![(number, next)];
                    break;
                }
                fitting.push((number, next));
            }
        }
        for (number, next) in fitting {
            order.push(number);
            if self.goes_on(done | 1 << number, next, order) {
                return true;
            }
            order.pop();
        }
        M::drift(&state).is_some_and(|next| self.goes_on(done, next, order))
    }

    /// Nothing that is still to come was answered before it began.
    fn may_be_next(&self, done: u64, number: usize) -> bool {
        let left = self.operations.iter().enumerate().filter(|(other, _)| done & 1 << other == 0);
        let ends = left.filter_map(|(_, operation)| Some(operation.ended.as_ref()?.0));
        ends.min().is_none_or(|first_end| self.operations[number].began < first_end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A register that can be written once.
    #[derive(Debug)]
    struct Once;

    #[derive(Debug)]
    enum Ask {
        Write(u8),
        Read,
    }

    impl Model for Once {
        type State = u8;
        type Call = Ask;
        type Answer = u8;

        fn initial() -> u8 {
            0
        }

        fn drift(_: &u8) -> Option<u8> {
            None
        }

        /// A write answers what is there after it.
        fn step(state: &u8, call: &Ask) -> Option<(u8, u8)> {
            let next = match call {
                Ask::Write(value) if *state == 0 => *value,
                _ => *state,
            };
            Some((next, next))
        }
    }

    fn operation(call: Ask, began: u64, ended: Option<(u64, u8)>) -> Operation<Once> {
        Operation { call, began, ended }
    }

    #[test]
    fn calls_at_once_may_come_in_any_order() {
        let history = [
            operation(Ask::Write(1), 0, Some((5, 2))),
            operation(Ask::Write(2), 1, Some((4, 2))),
            operation(Ask::Read, 2, Some((3, 0))),
        ];
        assert_eq!(check(&history).unwrap(), [2, 1, 0]);
    }

    #[test]
    fn an_answer_that_came_too_early_is_found() {
        // Two writers at once, and both are told that they were the first.
        let both =
            [operation(Ask::Write(1), 0, Some((2, 1))), operation(Ask::Write(2), 1, Some((3, 2)))];
        assert!(check(&both).unwrap_err().contains("no order"));
        // A value is read, and then, later, the one before it.
        let back = [
            operation(Ask::Write(1), 0, Some((9, 1))),
            operation(Ask::Read, 1, Some((2, 1))),
            operation(Ask::Read, 3, Some((4, 0))),
        ];
        assert!(check(&back).is_err());
    }

    #[test]
    fn what_nobody_heard_of_may_have_happened_or_not() {
        let seen =
            |value| [operation(Ask::Write(1), 0, None), operation(Ask::Read, 5, Some((6, value)))];
        assert!(check(&seen(0)).is_ok() && check(&seen(1)).is_ok());
        assert!(check(&seen(2)).is_err());
        // But not before it began.
        let early = [operation(Ask::Read, 0, Some((1, 1))), operation(Ask::Write(1), 2, None)];
        assert!(check(&early).is_err());
    }
}
