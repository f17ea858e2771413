//! Floor 2: the store port and its engines. A store stores; it never thinks: ids, times, rows and
//! wakes arrive computed, and one commit is one transaction over all of them.

/// What reads answer with.
mod answer;
/// The audit trail: what commits and facts become.
mod audit;
/// Backups: order, manifest, note.
mod backup;
/// The hash chain of a journal.
pub mod chain;
/// Enums as the numbers that records and indexes hold.
mod code;
/// Records: header, checksum, body.
mod codec;
/// One decision and what became of it.
mod commit;
/// Files that are there whole or not at all.
pub mod durable_file;
/// What goes wrong.
mod error;
/// Bytes of a store outside any store.
pub mod evidence;
/// What a store consists of.
mod item;
/// The in-memory engine: the specification.
mod memory;
/// The audit trail of the in-memory engine.
mod memory_audit;
/// The same beside decisions.
mod memory_upkeep;
/// What a list query means.
mod page;
/// The port.
mod port;
/// When a commit applies.
mod precondition;
/// What lists ask for.
mod query;
/// The types that records are made of.
mod rec;
/// The embedded engine.
pub mod redb;
/// A store as a stream of lines.
pub mod stream;

#[cfg(any(test, feature = "fault-injection"))]
pub use self::redb::sim_disk::{Fault, Operation, Random, SimDisk, verify_disk};
pub use self::redb::{
    BATCH_SIZE_METRIC, BareRun, COMMIT_SECONDS_METRIC, Defect, OpenError, Recovery, Redb,
    RedbOptions, Report, replay_bare, verify,
};
pub use answer::{Change, Counts, Document, DocumentOutcome, Health, Loaded};
pub use audit::{AppendSeal, AuditPage, AuditQuery, ChangeOutcome, DocumentChange, JOBS_REMOVED};
pub use backup::{BackupError, BackupOrder, LastBackup, MANIFEST_FORMAT, Manifest};
pub use commit::{Commit, CommitOutcome, IdempotencyKey};
pub use error::{BadCursor, ReadError, StoreError};
pub use item::{Item, Record};
pub use memory::Memory;
pub use port::Store;
pub use query::{CheckpointQuery, CheckpointSort, JobQuery, JobSort, Page};
