//! The database that can be swapped under its readers: after a failed commit redb answers nothing
//! until the file is opened again, and readers must not notice more than a pause.

use std::panic::AssertUnwindSafe;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, TryLockError};

use std::sync::atomic::{AtomicU64, Ordering};

use ::redb::{Database, ReadTransaction, ReadableDatabase};
use tokio::sync::mpsc;

use crate::store::error::StoreError;
use crate::store::redb::error::{Failure, reason_of};
use crate::store::redb::open::NOT_AS_WRITTEN;
use crate::store::redb::writer::Message;

/// The database, or why there is none now. A reader holds the lock for as long as its
/// transaction, so that taking the database away means that nobody uses it any more.
#[derive(Debug)]
pub(super) struct Slot {
    held: RwLock<Held>,
    /// How often something was put in.
    changes: AtomicU64,
    /// The writer; weak, because it ends when nobody but this slot knows it.
    writer: mpsc::WeakSender<Message>,
}

/// What a slot holds.
#[derive(Debug)]
pub(super) enum Held {
    /// An open database.
    Open(Box<Database>),
    /// None, for this reason.
    Down(String),
}

impl Slot {
    /// A slot with an open database, and the writer that can open it again.
    pub(super) fn new(database: Database, writer: mpsc::WeakSender<Message>) -> Self {
        let held = RwLock::new(Held::Open(Box::new(database)));
        Self { held, changes: AtomicU64::new(0), writer }
    }

    /// How often something was put in: a reader that failed before the last time is out of date.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    fn hold(&self) -> RwLockReadGuard<'_, Held> {
        // The lock guards one assignment, which cannot panic half-way.
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the database, if there is one.
    pub(super) fn with<T>(&self, work: impl FnOnce(&Database) -> T) -> Result<T, StoreError> {
        match &*self.hold() {
            Held::Open(database) => Ok(work(database)),
            Held::Down(reason) => Err(StoreError::Unavailable(reason.clone())),
        }
    }

    /// Asks the database something without ever waiting for it: nothing while it is being replaced.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&Database) -> T) -> Option<T> {
        let held = match self.held.try_read() {
            Ok(held) => held,
            Err(TryLockError::Poisoned(held)) => held.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        match &*held {
            Held::Open(database) => Some(question(database)),
            Held::Down(_) => None,
        }
    }

    /// Reads in a transaction of its own.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let (changes, read) = self.with(|database| {
            let read = || work(&database.begin_read()?);
            // In a file that is not verified redb panics on damage that it meets.
            let read = std::panic::catch_unwind(AssertUnwindSafe(read));
            (self.changes(), read.unwrap_or_else(|_| Err(panicked().into())))
        })?;
        read.map_err(|failure| {
            self.report(changes, &failure);
            failure.into_read_error()
        })
    }

    /// After one failed read redb fails every other one, too, until the file is opened again; who
    /// cannot read will never write, so that the writer would not meet it by itself.
    fn report(&self, changes: u64, failure: &Failure) {
        let Failure::Engine(error @ (::redb::Error::Io(_) | ::redb::Error::PreviousIo)) = failure
        else {
            return;
        };
        if let Some(writer) = self.writer.upgrade() {
            // With a full queue the next write meets it.
            let _ = writer.try_send(Message::Reopen { changes, reason: reason_of(error) });
        }
    }

    /// Puts something else in the slot, once no reader uses what is there, and returns that.
    pub(super) fn replace(&self, held: Held) -> Held {
        let mut slot = self.held.write().unwrap_or_else(PoisonError::into_inner);
        self.changes.fetch_add(1, Ordering::Release);
        std::mem::replace(&mut *slot, held)
    }
}

/// A read that ran into damage.
fn panicked() -> StoreError {
    let reason = NOT_AS_WRITTEN.to_owned();
    StoreError::Corrupt { table: "file", key: "page".to_owned(), reason }
}
