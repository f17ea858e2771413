//! The embedded engine: one redb file, one writer thread that groups commits, readers on any
//! thread.

/// Applies commands inside one transaction.
mod apply;
/// The audit trail in the file.
mod audit;
/// Backups.
mod backup;
/// The bare loop that a store is measured against.
mod bare;
/// What lists are filtered, sorted and searched by.
mod card;
/// The walk of the whole-store check.
mod check;
/// Compaction.
mod compact;
/// What stands where, kept in every transaction.
mod counters;
/// The database that can be swapped under its readers.
mod database;
/// Entries of many jobs in one record.
mod drawer;
/// The handle that speaks the port.
mod engine;
/// Why a store does not open, and why a transaction fails.
mod error;
/// The pieces of a store.
mod export;
/// Index entries, derived from rows.
mod index;
/// The records of appends, and where those of a job stand.
mod journal;
/// Pages of jobs.
mod list;
/// Pages of checkpoints.
mod list_checkpoints;
/// Stores of earlier formats.
mod older;
/// Opening and first creation.
mod open;
/// The places of live jobs, derived anew.
mod places;
/// Reads of single things and short ranges.
mod read;
/// A disk that fails and loses power.
#[cfg(any(test, feature = "fault-injection"))]
pub mod sim_disk;
/// A writer without a thread.
#[cfg(any(test, feature = "fault-injection"))]
mod sim_task;
/// Free space on the disk.
mod space;
/// The tables.
mod tables;
/// What is done beside decisions.
mod upkeep;
/// The whole-store check behind `check-db`.
mod verify;
/// The thread that writes.
mod writer;

pub use backup::UNFINISHED;
pub use bare::{BareRun, replay_bare};
pub use compact::{compact, used_bytes};
pub use engine::Redb;
pub use error::OpenError;
pub use open::{FORMAT_VERSION, Recovery, RedbOptions};

pub use verify::{Defect, Report, verify};
pub use writer::{BATCH_SIZE_METRIC, COMMIT_SECONDS_METRIC};
