//! Why a store does not open, said for the person who has to act; and why a transaction fails.

use std::io;
use std::path::{Path, PathBuf};

use ::redb::{CommitError, DatabaseError, StorageError, TableError, TransactionError};

use crate::store::error::StoreError;

/// Why a store does not open. Each text names the file and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error(
        "store {} is open in another process: ask the running server (`holdpoint jobs`, \
         `holdpoint worker status`, … talk to it), or stop it first", path.display()
    )]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// A newer program wrote it.
    #[error(
        "store {} has format {found}, written by {written_by}; this program reads up to format \
         {supported}: use a newer holdpoint, or restore a backup made by this one", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The newest format that this program reads.
        supported: u64,
        /// The program that created it.
        written_by: String,
    },
    /// It is not what was written.
    #[error(
        "store {} is damaged: the {check} says: {reason}. It is not served. \
         Keep a copy of it and put its last backup in its place (`holdpoint restore`); \
         `holdpoint check-db` says which that is",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The check that failed.
        check: String,
        /// What it found.
        reason: String,
    },
    /// It is something else.
    #[error(
        "{} is no holdpoint store: {reason}. Point `[store] url` at another file",
        path.display()
    )]
    NotAStore {
        /// The file.
        path: PathBuf,
        /// How that shows.
        reason: String,
    },
    /// The disk is full.
    #[error("no space to {attempted} {}: free some, then start again", path.display())]
    NoSpace {
        /// The file or folder.
        path: PathBuf,
        /// What was attempted.
        attempted: &'static str,
    },
    /// The system said no.
    #[error("cannot {attempted} {}: {reason}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was attempted.
        attempted: &'static str,
        /// What the system said.
        reason: String,
    },
}

impl OpenError {
    /// An error of the system.
    pub(super) fn io(path: &Path, attempted: &'static str, error: &io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                OpenError::NoSpace { path, attempted }
            }
            _ => OpenError::Io { path, attempted, reason: error.to_string() },
        }
    }

    /// Damage that a check found.
    pub(super) fn damaged(path: &Path, check: &str, reason: impl ToString) -> Self {
        OpenError::Damaged {
            path: path.to_owned(),
            check: check.to_owned(),
            reason: reason.to_string(),
        }
    }

    /// What redb said when it opened the file.
    pub(super) fn from_redb(path: &Path, error: DatabaseError) -> Self {
        const CHECK: &str = "integrity check of the file";
        match error {
            DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
                OpenError::Locked { path: path.to_owned() }
            }
            DatabaseError::UpgradeRequired(version) => OpenError::NotAStore {
                path: path.to_owned(),
                reason: format!("redb file format {version} is older than any holdpoint wrote"),
            },
            DatabaseError::Storage(StorageError::Io(error)) => match error.kind() {
                // redb reports a file that ends too early, or begins with something else, this way.
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                    Self::damaged(path, CHECK, error)
                }
                _ => Self::io(path, "open store", &error),
            },
            other => Self::damaged(path, CHECK, other),
        }
    }

    /// What a transaction on the opened file said.
    pub(super) fn from_failure(path: &Path, check: &str, failure: Failure) -> Self {
        match failure {
            Failure::Engine(::redb::Error::Io(error)) => Self::io(path, "read store", &error),
            Failure::Engine(error) => Self::damaged(path, check, error),
            Failure::Store(error) => Self::damaged(path, check, error),
        }
    }
}

/// Why something inside a transaction fails.
#[derive(Debug)]
pub(super) enum Failure {
    /// redb or the disk: the whole transaction is gone.
    Engine(::redb::Error),
    /// One command or one record: the others are not concerned.
    Store(StoreError),
}

macro_rules! engine_failures {
    ($($error:ident),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Failure::Engine(error.into())
            }
        }
    )*};
}
engine_failures!(StorageError, TableError, TransactionError, CommitError, DatabaseError);

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Failure::Store(error)
    }
}

impl Failure {
    /// The answer to a read that failed like this.
    pub(super) fn into_read_error(self) -> StoreError {
        match self {
            Failure::Store(error) => error,
            Failure::Engine(::redb::Error::Corrupted(reason)) => {
                StoreError::Corrupt { table: "file", key: "page".to_owned(), reason }
            }
            Failure::Engine(error) => StoreError::Unavailable(reason_of(&error)),
        }
    }
}

/// Does the disk have no room?
pub(super) fn is_full(error: &::redb::Error) -> bool {
    matches!(error, ::redb::Error::Io(error) if error.kind() == io::ErrorKind::StorageFull)
}

/// One line about an error of redb, with a full disk named as such.
pub(super) fn reason_of(error: &::redb::Error) -> String {
    match error {
        ::redb::Error::Io(error) if error.kind() == io::ErrorKind::StorageFull => {
            format!("the disk is full ({error})")
        }
        ::redb::Error::Io(error) => format!("the disk failed ({error})"),
        other => other.to_string(),
    }
}
