//! The circuit breaker of one agent: after some failures in a row it is left alone for a while,
//! then one call tries whether it answers again. It reads no clock, and what is no answer is
//! decided elsewhere.

use crate::model::time::{Span, Timestamp};

/// Failures in a row that open the circuit: one job with the usual attempts cannot do it alone.
pub(super) const FAILURES_MAX: u32 = 5;
/// The first pause; an agent that restarts is back by then.
const PAUSE_MIN: Span = Span::from_secs(30);
/// The longest one: somebody who repaired an agent wants to see it working.
const PAUSE_MAX: Span = Span::from_secs(600);

/// Is the agent called?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Circuit {
    /// Yes.
    Closed,
    /// Not before this time.
    Open {
        /// When one call may try.
        until: Timestamp,
    },
    /// By one call, to see whether it answers.
    HalfOpen {
        /// Is that call under way?
        probing: bool,
    },
}

/// What is known of the last calls.
#[derive(Clone, Debug)]
pub(super) struct Breaker {
    circuit: Circuit,
    failures: u32,
    /// How long the next pause is.
    pause: Span,
    last_failure: Option<String>,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { circuit: Circuit::Closed, failures: 0, pause: PAUSE_MIN, last_failure: None }
    }
}

impl Breaker {
    /// How it stands at this time.
    pub fn at(&mut self, now: Timestamp) -> Circuit {
        if matches!(self.circuit, Circuit::Open { until } if until <= now) {
            self.circuit = Circuit::HalfOpen { probing: false };
        }
        self.circuit
    }

    /// A call leaves. While the circuit is half open it is the one that tries.
    pub fn leaves(&mut self) {
        if let Circuit::HalfOpen { probing } = &mut self.circuit {
            *probing = true;
        }
    }

    /// It answered, whatever it said.
    pub fn answered(&mut self) {
        *self = Self::default();
    }

    /// It gave no answer.
    pub fn failed(&mut self, now: Timestamp, how: &str) {
        self.failures = self.failures.saturating_add(1);
        self.last_failure = Some(how.to_owned());
        let opens = match self.circuit {
            Circuit::HalfOpen { .. } => true,
            Circuit::Closed => self.failures >= FAILURES_MAX,
            // A call that left before the circuit opened says nothing new.
            Circuit::Open { .. } => false,
        };
        if opens {
            self.circuit = Circuit::Open { until: now.after(self.pause) };
            self.pause = Span(self.pause.0.saturating_mul(2).min(PAUSE_MAX.0));
        }
    }

    /// The call ended without a word about the agent: it was stopped.
    pub fn withdrawn(&mut self) {
        if let Circuit::HalfOpen { probing } = &mut self.circuit {
            *probing = false;
        }
    }

    /// Failures in a row, and how the last one went.
    pub fn failures(&self) -> (u32, Option<&str>) {
        (self.failures, self.last_failure.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp(secs * 1_000_000)
    }

    fn opened(now: Timestamp) -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES_MAX {
            assert_eq!(breaker.at(now), Circuit::Closed);
            breaker.failed(now, "connection refused");
        }
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_tries_one_call_after_the_pause() {
        let mut breaker = opened(at(0));
        assert_eq!(breaker.at(at(29)), Circuit::Open { until: at(30) });
        assert_eq!(breaker.at(at(30)), Circuit::HalfOpen { probing: false });
        breaker.leaves();
        assert_eq!(breaker.at(at(31)), Circuit::HalfOpen { probing: true });
        breaker.answered();
        assert_eq!(breaker.at(at(31)), Circuit::Closed);
        assert_eq!(breaker.failures(), (0, None));
    }

    #[test]
    fn an_answer_in_between_starts_the_count_anew() {
        let mut breaker = Breaker::default();
        for _ in 0..10 {
            for _ in 1..FAILURES_MAX {
                breaker.failed(at(0), "timed out");
            }
            breaker.answered();
        }
        assert_eq!(breaker.at(at(0)), Circuit::Closed);
    }

    #[test]
    fn a_failed_trial_doubles_the_pause_up_to_its_ceiling() {
        let mut breaker = opened(at(0));
        let mut now = at(30);
        for pause in [60, 120, 240, 480, 600, 600] {
            assert_eq!(breaker.at(now), Circuit::HalfOpen { probing: false });
            breaker.leaves();
            breaker.failed(now, "502");
            let until = now.after(Span::from_secs(pause));
            assert_eq!(breaker.at(now), Circuit::Open { until });
            now = until;
        }
    }

    #[test]
    fn a_trial_that_was_stopped_leaves_room_for_another() {
        let mut breaker = opened(at(0));
        breaker.at(at(30));
        breaker.leaves();
        breaker.withdrawn();
        assert_eq!(breaker.at(at(30)), Circuit::HalfOpen { probing: false });
    }

    #[test]
    fn late_failures_do_not_lengthen_the_pause() {
        let mut breaker = opened(at(0));
        breaker.failed(at(20), "timed out");
        assert_eq!(breaker.at(at(21)), Circuit::Open { until: at(30) });
    }
}
