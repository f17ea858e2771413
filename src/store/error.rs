//! What goes wrong at the store's border. An error is never to be read as absence.

/// The world failed. An error is never to be read as absence.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The store cannot answer now (disk full, I/O error, shutting down). Nothing was written.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The disk has no room. Nothing was written; reads go on.
    #[error("{0}")]
    Full(String),
    /// It is unknown whether the commit is on disk: look its id up.
    #[error("the outcome of the commit is unknown: {0}")]
    Ambiguous(String),
    /// A record does not have the form or the checksum that it was written with.
    #[error("damaged record in {table}, key {key}: {reason}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The key, readable.
        key: String,
        /// What is wrong.
        reason: String,
    },
}

/// A query that cannot be answered as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cursor {0:?} is not one of this list")]
pub struct BadCursor(pub String);

/// Why a read failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// The query is wrong.
    #[error(transparent)]
    Cursor(#[from] BadCursor),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
