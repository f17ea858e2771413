//! Who could do a job: what matching knows of an agent, and nothing else of it. No address and no
//! secret gets here.

use serde_json::Value;

use crate::dsl::schema::Schema;
use crate::model::time::Timestamp;

/// An agent as matching sees it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its id, as jobs name it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it can do, in words.
    pub description: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// What it takes.
    pub input_schema: Value,
    /// The same, compiled.
    pub input: Schema,
    /// Can it be called now?
    pub opening: Opening,
    /// What became of its earlier results.
    pub record: Record,
}

/// Can an agent be called now?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// So many of so many places are free.
    Places {
        /// Free ones.
        free: u32,
        /// All of them.
        all: u32,
    },
    /// It had as many calls as it takes in a period, or asked for a pause.
    Resting {
        /// Until when.
        until: Option<Timestamp>,
    },
    /// It did not answer lately.
    CircuitOpen {
        /// Until when it is left alone.
        until: Option<Timestamp>,
    },
    /// An admin deactivated it.
    Inactive,
}

/// Verdicts about the results of an agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Good enough.
    pub accepted: u64,
    /// Not good enough.
    pub rejected: u64,
}
