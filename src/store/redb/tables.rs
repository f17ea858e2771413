//! The tables of the file: names, keys, values. Keys are primitive types and tuples of them,
//! whose order redb defines and whose type names it checks when a table is opened.

use ::redb::{
    Key, ReadTransaction, ReadableTableMetadata, Table, TableDefinition, Value, WriteTransaction,
};

use crate::store::redb::error::Failure;

/// Does the same with every table, whatever its types.
pub(super) trait TableVisitor {
    /// Why it stops.
    type Error;

    /// Does it with one table.
    fn visit<K: Key + 'static, V: Value + 'static>(
        &mut self,
        table: TableDefinition<'static, K, V>,
    ) -> Result<(), Self::Error>;
}

macro_rules! tables {
    ($($(#[$doc:meta])* $constant:ident $field:ident: $key:ty => $value:ty;)*) => {
        $(
            $(#[$doc])*
            pub(super) const $constant: TableDefinition<'static, $key, $value> =
                TableDefinition::new(stringify!($field));
        )*

        /// All tables, open in one write transaction: a table can be opened once in each.
        pub(super) struct Tables<'t> {
            $(pub $field: Table<'t, $key, $value>,)*
        }

        impl<'t> Tables<'t> {
            /// Opens them, and makes those that do not exist.
            pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, Failure> {
                Ok(Self { $($field: transaction.open_table($constant)?,)* })
            }
        }

        /// The names of all tables.
        pub(super) const NAMES: &[&str] = &[$(stringify!($field)),*];

        /// Name and rows of every table.
        pub(super) fn lengths(
            transaction: &ReadTransaction,
        ) -> Result<Vec<(&'static str, u64)>, Failure> {
            Ok(vec![$((stringify!($field), transaction.open_table($constant)?.len()?),)*])
        }

        /// Shows every table to a visitor.
        pub(super) fn each<V: TableVisitor>(visitor: &mut V) -> Result<(), V::Error> {
            $(visitor.visit($constant)?;)*
            Ok(())
        }
    };
}

tables! {
    /// Records of appends by (place in the feed, part of the append).
    JOURNAL journal: (u64, u32) => &'static [u8];
    /// (job, seq of the last event) to the place of the record.
    JOURNAL_BY_JOB journal_by_job: (u128, u64) => (u64, u32);
    /// Records of appends by (job, seq of the last event) that came before their entries of the
    /// feed; empty between imports.
    UNPLACED unplaced: (u128, u64) => &'static [u8];
    /// The last folded job, by job.
    SNAPSHOTS snapshots: u128 => &'static [u8];
    /// Job records by job.
    JOBS jobs: u128 => &'static [u8];
    /// Cards of jobs, many in a record, by (created, job) of the first place.
    CARDS cards: (i64, u128) => &'static [u8];
    /// Texts of jobs in the same form.
    TEXTS texts: (i64, u128) => &'static [u8];
    /// (queue key, job) of jobs that wait for a slot.
    QUEUE queue: (i64, u128) => ();
    /// (wake, job) of parked jobs with a wake.
    WAKES wakes: (i64, u128) => ();
    /// Jobs that an actor must hold.
    ACTIVE active: u128 => ();
    /// Jobs that must look at their children.
    NUDGES nudges: u128 => ();
    /// (event type, job).
    SUBSCRIPTIONS subscriptions: (&'static str, u128) => ();
    /// Checkpoint records by checkpoint.
    CHECKPOINTS checkpoints: u128 => &'static [u8];
    /// (job, checkpoint).
    CHECKPOINTS_BY_JOB checkpoints_by_job: (u128, u128) => ();
    /// (status, opened, checkpoint).
    CHECKPOINTS_BY_AGE checkpoints_by_age: (u8, i64, u128) => ();
    /// (status, expires, checkpoint); those that never expire come last.
    CHECKPOINTS_BY_EXPIRY checkpoints_by_expiry: (u8, i64, u128) => ();
    /// The feed: place to (job, first seq, last seq).
    FEED feed: u64 => (u128, u64, u64);
    /// Idempotency key records by (owner, key).
    KEYS keys: (&'static str, &'static str) => &'static [u8];
    /// (used, owner, key), for forgetting.
    KEYS_BY_AGE keys_by_age: (i64, &'static str, &'static str) => ();
    /// Document records by (kind, id).
    DOCUMENTS documents: (&'static str, &'static str) => &'static [u8];
    /// Entries of the audit trail by place, from 1 without gaps. Nothing is ever removed from it.
    AUDIT audit: u64 => &'static [u8];
    /// Rows by (kind of count, code).
    COUNTERS counters: (u8, u8) => u64;
    /// The store itself: format version, who created it, its id, its latest time.
    META meta: &'static str => &'static str;
}

/// In `meta`: the version of the format, a number.
pub(super) const META_FORMAT: &str = "format";
/// In `meta`: the program that created the store.
pub(super) const META_CREATED_BY: &str = "created_by";
/// In `meta`: a random id of the store.
pub(super) const META_STORE_ID: &str = "store_id";
/// In `meta`: places of the feed that were forgotten with their jobs, a number.
pub(super) const META_FEED_PRUNED: &str = "feed_pruned";
/// In `meta`: how far the audit trail goes: entries so far and the link of the last one.
pub(super) const META_AUDIT_HEAD: &str = "audit_head";
/// In `meta`: the latest time of any fact, microseconds since 1970.
pub(super) const META_LAST_TIME: &str = "last_time";
