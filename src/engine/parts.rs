//! What the engine needs from below. Built once, by the composition root.

use std::path::PathBuf;
use std::sync::Arc;

use crate::calls::Caller;
use crate::clock::Clock;
use crate::engine::Options;
use crate::store::Store;

/// The parts of an engine.
#[derive(Clone)]
pub struct Parts {
    /// Where journals are kept.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The way out of the process.
    pub caller: Caller,
    /// The folder of workflow documents, if there is one.
    pub workflows: Option<PathBuf>,
    /// What an operator set.
    pub options: Options,
}
