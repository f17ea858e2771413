//! Floor 3: the actors. Outside sees only the cloneable `Engine` handle.

mod error;
mod handle;
mod options;
mod view;

pub use crate::store::{
    BadCursor, Change, CheckpointQuery, CheckpointSort, Counts, Document, DocumentOutcome, Health,
    IdempotencyKey, JobQuery, JobSort, Page, ReadError,
};
pub use error::EngineError;
pub use handle::{Engine, NewJob, Submitted};
pub use options::Options;
pub use view::{
    ActorNode, CheckpointView, JobView, LogRow, RecoveryReport, TimelineRow, WorkerStatus,
    WorkflowView,
};
