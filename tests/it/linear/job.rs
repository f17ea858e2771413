//! A job with one gate as everybody may imagine it: one thing that does one call at a time.

use super::checker::Model;

/// A job as an answer shows it: status, phase, checkpoints that wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown(pub String, pub String, pub u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Life {
    Missing,
    Queued,
    /// Begun: at its gate, or held behind it.
    Open,
    Completed,
    Rejected,
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gate {
    Missing,
    Pending,
    Approved,
    Rejected,
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    life: Life,
    gate: Gate,
    is_held: bool,
}

#[derive(Clone, Copy, Debug)]
pub enum Call {
    Submit,
    Read,
    Suspend,
    Resume,
    Terminate,
    Approve,
    Reject,
    /// An approval of something else than what is shown.
    ApproveAnother,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Job(Shown),
    /// The job, and whether an earlier request made it.
    Submitted(Shown, bool),
    /// The status of the checkpoint.
    Decided(String),
    /// The code of the refusal.
    Refused(String),
}

/// The job that the server is compared with.
#[derive(Debug)]
pub struct Job;

fn shown(state: State) -> Shown {
    let (status, phase) = match state.life {
        Life::Missing => ("", ""),
        Life::Queued => ("PENDING", "pending"),
        Life::Open if state.is_held => ("IN_PROGRESS", "suspended"),
        Life::Open => ("IN_PROGRESS", "waiting"),
        Life::Completed => ("COMPLETED", "completed"),
        Life::Rejected => ("REJECTED", "faulted"),
        Life::Cancelled => ("CANCELLED", "cancelled"),
    };
    Shown(status.to_owned(), phase.to_owned(), u64::from(state.gate == Gate::Pending))
}

fn job(state: State) -> (State, Answer) {
    (state, Answer::Job(shown(state)))
}

fn refused(state: State, code: &str) -> (State, Answer) {
    (state, Answer::Refused(code.to_owned()))
}

/// What a decided gate makes of a job that is not held.
fn passed(state: State) -> State {
    match (state.life, state.is_held, state.gate) {
        (Life::Open, false, Gate::Approved) => State { life: Life::Completed, ..state },
        (Life::Open, false, Gate::Rejected) => State { life: Life::Rejected, ..state },
        _ => state,
    }
}

fn decide(state: State, verdict: Gate, word: &str) -> Option<(State, Answer)> {
    match state.gate {
        Gate::Missing => None,
        Gate::Pending => {
            let next = passed(State { gate: verdict, ..state });
            Some((next, Answer::Decided(word.to_owned())))
        }
        found if found == verdict => Some((state, Answer::Decided(word.to_owned()))),
        _ => Some(refused(state, "already-decided")),
    }
}

impl Model for Job {
    type State = State;
    type Call = Call;
    type Answer = Answer;

    fn initial() -> State {
        State { life: Life::Missing, gate: Gate::Missing, is_held: false }
    }

    /// The worker begins it, whenever it likes.
    fn drift(state: &State) -> Option<State> {
        let begun = State { life: Life::Open, gate: Gate::Pending, ..*state };
        (state.life == Life::Queued).then_some(begun)
    }

    fn step(state: &State, call: &Call) -> Option<(State, Answer)> {
        let state = *state;
        if let Call::Submit = call {
            let is_new = state.life == Life::Missing;
            let next = if is_new { State { life: Life::Queued, ..state } } else { state };
            return Some((next, Answer::Submitted(shown(next), !is_new)));
        }
        if state.life == Life::Missing {
            return None;
        }
        Some(match (call, state.life) {
            (Call::Submit | Call::Read, _) => job(state),
            (Call::Suspend, Life::Open) => job(State { is_held: true, ..state }),
            (Call::Resume, Life::Open) if state.is_held => {
                job(passed(State { is_held: false, ..state }))
            }
            (Call::Resume, Life::Open) => job(state),
            (Call::Terminate, Life::Queued | Life::Open | Life::Cancelled) => {
                let gate = if state.gate == Gate::Pending { Gate::Cancelled } else { state.gate };
                job(State { life: Life::Cancelled, gate, is_held: false })
            }
            (Call::Suspend | Call::Resume | Call::Terminate, _) => {
                refused(state, "illegal-transition")
            }
            (Call::Approve, _) => decide(state, Gate::Approved, "APPROVED")?,
            (Call::Reject, _) => decide(state, Gate::Rejected, "REJECTED")?,
            (Call::ApproveAnother, _) if state.gate == Gate::Missing => return None,
            (Call::ApproveAnother, _) => refused(state, "wrong-digest"),
        })
    }
}
