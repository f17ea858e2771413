//! The database that can be swapped under its readers: after a failed commit redb answers nothing
//! until the file is opened again, and readers must not notice more than a pause.

use std::panic::AssertUnwindSafe;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use ::redb::{Database, ReadTransaction, ReadableDatabase};

use crate::store::error::StoreError;
use crate::store::redb::error::Failure;

/// The database, or why there is none now. A reader holds the lock for as long as its
/// transaction, so that taking the database away means that nobody uses it any more.
#[derive(Debug)]
pub(super) struct Slot(RwLock<Held>);

/// What a slot holds.
#[derive(Debug)]
pub(super) enum Held {
    /// An open database.
    Open(Box<Database>),
    /// None, for this reason.
    Down(String),
}

impl Slot {
    /// A slot with an open database.
    pub(super) fn new(database: Database) -> Self {
        Self(RwLock::new(Held::Open(Box::new(database))))
    }

    fn hold(&self) -> RwLockReadGuard<'_, Held> {
        // The lock guards one assignment, which cannot panic half-way.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the database, if there is one.
    pub(super) fn with<T>(&self, work: impl FnOnce(&Database) -> T) -> Result<T, StoreError> {
        match &*self.hold() {
            Held::Open(database) => Ok(work(database)),
            Held::Down(reason) => Err(StoreError::Unavailable(reason.clone())),
        }
    }

    /// Reads in a transaction of its own.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let read = self.with(|database| {
            // Where a file is not verified when it is opened, redb panics at a damaged page: that
            // is damage of the file, and must not be the end of whoever reads.
            std::panic::catch_unwind(AssertUnwindSafe(|| {
                let transaction = database.begin_read()?;
                work(&transaction)
            }))
        })?;
        match read {
            Ok(read) => read.map_err(Failure::into_read_error),
            Err(_) => Err(StoreError::Corrupt {
                table: "file",
                key: "page".to_owned(),
                reason: "a page does not have the form that it was written with".to_owned(),
            }),
        }
    }

    /// Puts something else in the slot, once no reader uses what is there, and returns that.
    pub(super) fn replace(&self, held: Held) -> Held {
        let mut slot = self.0.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *slot, held)
    }
}
