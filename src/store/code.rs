//! Enums as the numbers that records and indexes hold. A number is never given to another word: the
//! order of an enum may change, its codes may not.

use crate::model::checkpoint::{CheckpointStatus, Purpose};
use crate::model::status::{Phase, Status, WaitCode};

/// A word that has a number on disk.
pub(crate) trait Coded: Sized {
    /// Its number.
    fn code(self) -> u8;
    /// The word of this number, if there is one.
    fn from_code(code: u8) -> Option<Self>;
}

macro_rules! codes {
    ($($name:ident { $($variant:ident = $code:literal,)* })*) => {$(
        impl Coded for $name {
            fn code(self) -> u8 {
                match self { $($name::$variant => $code,)* }
            }

            fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some($name::$variant),)* _ => None }
            }
        }
    )*};
}

codes! {
    Status {
        Pending = 1,
        Assigned = 2,
        InProgress = 3,
        Completed = 4,
        Failed = 5,
        Rejected = 6,
        ResubmissionRequired = 7,
        Cancelled = 8,
    }
    Phase {
        Pending = 1,
        Running = 2,
        Waiting = 3,
        Suspended = 4,
        Cancelled = 5,
        Faulted = 6,
        Completed = 7,
    }
    WaitCode {
        Slot = 1,
        Worker = 2,
        Assignment = 3,
        Execution = 4,
        Checkpoint = 5,
        InDoubt = 6,
        Time = 7,
        Retry = 8,
        Event = 9,
        Child = 10,
        Call = 11,
        Resume = 12,
        Matching = 13,
        NoAgent = 14,
        Callback = 15,
        JudgeUnavailable = 16,
        AgentBusy = 17,
        AgentRate = 18,
        CircuitOpen = 19,
        AgentInactive = 20,
    }
    CheckpointStatus {
        Pending = 1,
        Approved = 2,
        Rejected = 3,
        SentBack = 4,
        Expired = 5,
        Cancelled = 6,
    }
    Purpose {
        Gate = 1,
        Review = 2,
        InDoubt = 3,
        Evaluation = 4,
    }
}
