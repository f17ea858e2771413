//! The handle that speaks the port: reads go straight to the file, writes go to the one writer.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use ::redb::{Database, ReadTransaction, ReadableDatabase};
use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use crate::model::audit::{AuditEntry, AuditHead, Fact};
use crate::model::event::Recorded;
use crate::model::id::{CheckpointId, JobId};
use crate::model::row::{CheckpointRow, JobRow};
use crate::model::time::Timestamp;
use crate::store::answer::{Change, Counts, Document, DocumentOutcome, Health, Loaded};
use crate::store::audit::{AppendSeal, AuditPage, AuditQuery, ChangeOutcome, DocumentChange};
use crate::store::backup::{BackupError, BackupOrder, Manifest};
use crate::store::commit::{Commit, CommitOutcome};
use crate::store::error::{ReadError, StoreError};
use crate::store::item::{Item, Record};
use crate::store::page::Window;
use crate::store::port::Store;
use crate::store::query::{CheckpointQuery, JobQuery, Page};
use crate::store::redb::apply::{Answer, Command, Prepared};
use crate::store::redb::audit;
use crate::store::redb::database::Slot;
use crate::store::redb::error::{Failure, OpenError};
use crate::store::redb::export;
use crate::store::redb::list;
use crate::store::redb::list_checkpoints;
use crate::store::redb::open::{self, RedbOptions};
use crate::store::redb::places;
use crate::store::redb::read;
use crate::store::redb::space;
use crate::store::redb::upkeep::{Kept, Upkeep};
use crate::store::redb::writer::{Message, QUEUE_MAX, Reopen, Request, Status, Writer};

/// A store in one redb file. The file belongs to this process until the store is closed or dropped.
#[derive(Debug)]
pub struct Redb {
    pub(super) options: RedbOptions,
    pub(super) slot: Arc<Slot>,
    pub(super) status: Arc<Status>,
    // None once the store is dropped: a writer that nobody can reach any more ends.
    messages: Option<mpsc::Sender<Message>>,
    // None when the writer is a task of the runtime.
    writer: Mutex<Option<JoinHandle<()>>>,
    /// Do long reads stay on the thread that asks?
    pub(super) reads_here: bool,
}

impl Redb {
    /// Opens the store, or creates it where there is none, and starts its writer.
    pub fn open(options: RedbOptions) -> Result<Self, OpenError> {
        let database = open::open_or_create(&options)?;
        let database = open::raise_format(&options.path, database)?;
        places::restore(&options, &database)?;
        let again = options.clone();
        Self::start(options, database, Box::new(move || open::open_existing(&again)))
    }

    /// Opens a store that exists and leaves its format as it is; none when that has no audit trail.
    pub fn open_as_it_is(options: RedbOptions) -> Result<Option<Self>, OpenError> {
        let database = open::open_existing(&options)?;
        if !open::is_current(&options.path, &database)? {
            return Ok(None);
        }
        let again = options.clone();
        Self::start(options, database, Box::new(move || open::open_existing(&again))).map(Some)
    }

    /// Starts the writer of an open database, which opens it again like this when it fails.
    pub(super) fn start(
        options: RedbOptions,
        database: Database,
        reopen: Reopen,
    ) -> Result<Self, OpenError> {
        let (mut store, writer) = Self::with_writer(options, database, reopen);
        let thread = std::thread::Builder::new().name("store-writer".to_owned());
        let thread = thread.spawn(move || writer.run());
        let thread = thread
            .map_err(|error| OpenError::io(&store.options.path, "start a writer for", &error))?;
        store.writer = Mutex::new(Some(thread));
        Ok(store)
    }

    /// A store, and the writer that somebody has to run.
    pub(super) fn with_writer(
        options: RedbOptions,
        database: Database,
        reopen: Reopen,
    ) -> (Self, Writer) {
        let (messages, inbox) = mpsc::channel(QUEUE_MAX);
        let slot = Arc::new(Slot::new(database, messages.downgrade()));
        let status = Arc::new(Status::default());
        let writer = Writer::new(options.clone(), reopen, slot.clone(), status.clone(), inbox);
        let messages = Some(messages);
        let store =
            Self { options, slot, status, messages, writer: Mutex::default(), reads_here: false };
        (store, writer)
    }

    async fn send(&self, message: Message) -> Result<(), StoreError> {
        let closed = || StoreError::Unavailable("it is closed".to_owned());
        let messages = self.messages.as_ref().ok_or_else(closed)?;
        messages.send(message).await.map_err(|_| closed())
    }

    async fn ask(&self, command: Command) -> Result<Answer, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Do(Request { command, reply })).await?;
        // The writer answers everything that it takes; what it never took, it never wrote.
        answer.await.unwrap_or_else(|_| Err(StoreError::Unavailable("it is closed".to_owned())))
    }

    /// Whether a reader of the whole store may go on: the writer can neither open the file again
    /// nor close it while a snapshot of it is held.
    fn patience(&self) -> impl Fn() -> Result<(), StoreError> + Send + 'static {
        let status = self.status.clone();
        let messages = self.messages.as_ref().map(mpsc::Sender::downgrade);
        move || match status.refusal() {
            Some(reason) => Err(StoreError::Unavailable(reason)),
            None if !is_open(messages.as_ref()) => {
                Err(StoreError::Unavailable("it is closed".to_owned()))
            }
            None => Ok(()),
        }
    }

    /// A read that may take long, off the threads that run everything else.
    async fn long_read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        if self.reads_here {
            return self.slot.read(work);
        }
        let slot = self.slot.clone();
        let read = tokio::task::spawn_blocking(move || slot.read(work)).await;
        read.unwrap_or_else(|error| {
            Err(StoreError::Unavailable(format!("reading failed: {error}")))
        })
    }
}

impl Drop for Redb {
    /// Waits for the writer, so that the file is free again when the store is gone.
    fn drop(&mut self) {
        self.messages = None;
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer
            && writer.join().is_err()
        {
            let path = self.options.path.display();
            tracing::error!(%path, "the writer of the store panicked");
        }
    }
}

/// Does anybody still send to the writer, and does it listen?
fn is_open(messages: Option<&mpsc::WeakSender<Message>>) -> bool {
    let messages = messages.and_then(mpsc::WeakSender::upgrade);
    messages.is_some_and(|messages| !messages.is_closed())
}

/// The writer answered something else than it was asked: a defect of this folder.
fn mismatch(answer: &Answer) -> StoreError {
    StoreError::Ambiguous(format!("the writer answered {answer:?}"))
}

#[async_trait]
impl Store for Redb {
    async fn commit(&self, commit: Commit) -> Result<CommitOutcome, StoreError> {
        match self.ask(Command::Commit(Box::new(Prepared::new(commit)?))).await? {
            Answer::Commit(outcome) => Ok(outcome),
            other => Err(mismatch(&other)),
        }
    }

    async fn load(&self, job: JobId) -> Result<Option<Loaded>, StoreError> {
        self.long_read(move |t| read::load(t, job)).await
    }

    async fn journal(
        &self,
        job: JobId,
        after_seq: u64,
        max: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        self.long_read(move |t| read::journal(t, job, after_seq, max)).await
    }

    async fn job(&self, job: JobId) -> Result<Option<JobRow>, StoreError> {
        self.slot.read(|t| Ok(read::held_job(t, job)?.map(|held| Arc::unwrap_or_clone(held.row))))
    }

    async fn jobs(&self, query: &JobQuery) -> Result<Page<JobRow>, ReadError> {
        let window = Window::new(query.sort, query.limit, query.offset, query.cursor.as_deref())?;
        let query = query.clone();
        Ok(self.long_read(move |t| list::jobs(t, &query, window)).await?)
    }

    async fn checkpoint(
        &self,
        checkpoint: CheckpointId,
    ) -> Result<Option<CheckpointRow>, StoreError> {
        self.slot.read(|t| read::checkpoint(t, checkpoint))
    }

    async fn checkpoints(&self, query: &CheckpointQuery) -> Result<Page<CheckpointRow>, ReadError> {
        let window = Window::new(query.sort, query.limit, query.offset, query.cursor.as_deref())?;
        let query = query.clone();
        Ok(self.long_read(move |t| list_checkpoints::checkpoints(t, &query, window)).await?)
    }

    async fn counts(&self) -> Result<Counts, StoreError> {
        self.slot.read(read::counts)
    }

    async fn queue(&self, max: usize) -> Result<Vec<(i64, JobId)>, StoreError> {
        self.slot.read(|t| read::queue(t, max))
    }

    async fn due(&self, now: Timestamp, max: usize) -> Result<Vec<(Timestamp, JobId)>, StoreError> {
        self.slot.read(|t| read::due(t, now, max))
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        self.slot.read(read::next_wake)
    }

    async fn active(&self, after: Option<JobId>, max: usize) -> Result<Vec<JobId>, StoreError> {
        self.slot.read(|t| read::active(t, after, max))
    }

    async fn nudged(&self, max: usize) -> Result<Vec<JobId>, StoreError> {
        self.slot.read(|t| read::nudged(t, max))
    }

    async fn clear_nudge(&self, job: JobId) -> Result<(), StoreError> {
        self.ask(Command::ClearNudge(job)).await.map(|_| ())
    }

    async fn subscribers(
        &self,
        event_type: &str,
        after: Option<JobId>,
        max: usize,
    ) -> Result<Vec<JobId>, StoreError> {
        self.slot.read(|t| read::subscribers(t, event_type, after, max))
    }

    async fn changes(&self, after: u64, max: usize) -> Result<Vec<Change>, StoreError> {
        self.slot.read(|t| read::changes(t, after, max))
    }

    async fn last_change(&self) -> Result<u64, StoreError> {
        self.slot.read(read::last_change)
    }

    async fn put_document(
        &self,
        kind: &str,
        document: Document,
        expect_version: Option<u64>,
    ) -> Result<DocumentOutcome, StoreError> {
        let command = Command::Put { kind: kind.to_owned(), document, expect_version };
        match self.ask(command).await? {
            Answer::Document(outcome) => Ok(outcome),
            other => Err(mismatch(&other)),
        }
    }

    async fn document(&self, kind: &str, id: &str) -> Result<Option<Document>, StoreError> {
        self.slot.read(|t| read::document(t, kind, id))
    }

    async fn documents(
        &self,
        kind: &str,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<Document>, StoreError> {
        self.slot.read(|t| read::documents(t, kind, after, max))
    }

    async fn remove_document(&self, kind: &str, id: &str) -> Result<bool, StoreError> {
        let command = Command::Remove { kind: kind.to_owned(), id: id.to_owned() };
        match self.ask(command).await? {
            Answer::Removed(removed) => Ok(removed),
            other => Err(mismatch(&other)),
        }
    }

    async fn change_documents(
        &self,
        changes: Vec<DocumentChange>,
        fact: Option<Fact>,
        at: Timestamp,
    ) -> Result<ChangeOutcome, StoreError> {
        match self.ask(Command::Change { changes, fact, at }).await? {
            Answer::Changed(outcome) => Ok(outcome),
            other => Err(mismatch(&other)),
        }
    }

    async fn audit_head(&self) -> Result<AuditHead, StoreError> {
        self.slot.read(audit::head)
    }

    async fn audit_entries(&self, after: u64, max: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.long_read(move |t| audit::entries(t, after, max)).await
    }

    async fn audit(&self, query: &AuditQuery) -> Result<AuditPage, StoreError> {
        let query = query.clone();
        self.long_read(move |t| audit::page(t, &query)).await
    }

    async fn appends(&self, after: u64, max: usize) -> Result<Vec<AppendSeal>, StoreError> {
        self.long_read(move |t| audit::appends(t, after, max)).await
    }

    async fn journal_records(&self, job: JobId) -> Result<Vec<(u64, Record)>, StoreError> {
        self.long_read(move |t| audit::journal_records(t, job)).await
    }

    async fn store_id(&self) -> Result<String, StoreError> {
        self.slot.read(audit::store_id)
    }

    async fn last_time(&self) -> Result<Timestamp, StoreError> {
        self.slot.read(read::last_time)
    }

    async fn health(&self) -> Result<Health, StoreError> {
        let groups = self.status.groups.load(Ordering::Relaxed);
        let busy = self.status.busy_micros.load(Ordering::Relaxed);
        let cache_bytes = self.slot.ask(|database| database.cache_stats().used_bytes() as u64);
        Ok(Health {
            engine: "redb",
            location: self.options.path.display().to_string(),
            bytes: std::fs::metadata(&self.options.path).map_or(0, |file| file.len()),
            free_bytes: space::free_bytes(&self.options.path),
            commits: self.status.commits.load(Ordering::Relaxed),
            groups,
            group_micros_mean: busy.checked_div(groups).unwrap_or(0),
            cache_bytes,
            read_only: self.status.refusal(),
        })
    }

    async fn backup(&self, order: BackupOrder) -> Result<Manifest, BackupError> {
        let (slot, store, may_go_on) = (self.slot.clone(), self.options.clone(), self.patience());
        let taken = tokio::task::spawn_blocking(move || {
            Redb::take_backup(&order, &store, &slot, &may_go_on)
        });
        taken.await.unwrap_or_else(|error| {
            Err(StoreError::Unavailable(format!("the backup failed: {error}")).into())
        })
    }

    async fn export(&self, to: mpsc::Sender<Item>) -> Result<(), StoreError> {
        let (slot, may_go_on) = (self.slot.clone(), self.patience());
        let exported = tokio::task::spawn_blocking(move || {
            let mut is_wanted = true;
            let exported = slot.read(|t| {
                export::items(t, &mut |item| {
                    may_go_on()?;
                    is_wanted = to.blocking_send(item).is_ok();
                    let enough = || StoreError::Unavailable("nobody takes more".to_owned());
                    if is_wanted { Ok(()) } else { Err(enough().into()) }
                })
            });
            if is_wanted { exported } else { Ok(()) }
        });
        exported.await.unwrap_or_else(|error| {
            Err(StoreError::Unavailable(format!("the export failed: {error}")))
        })
    }

    async fn import(&self, items: Vec<Item>) -> Result<(), StoreError> {
        self.ask(Command::Upkeep(Upkeep::Import(items))).await.map(|_| ())
    }

    async fn remove_jobs(
        &self,
        jobs: Vec<(JobId, u64)>,
        at: Timestamp,
    ) -> Result<Vec<JobId>, StoreError> {
        match self.ask(Command::Upkeep(Upkeep::RemoveJobs { jobs, at })).await? {
            Answer::Kept(Kept::Removed(removed)) => Ok(removed),
            other => Err(mismatch(&other)),
        }
    }

    async fn prune_feed(&self, after: u64, max: usize) -> Result<Option<u64>, StoreError> {
        match self.ask(Command::Upkeep(Upkeep::PruneFeed { after, max })).await? {
            Answer::Kept(Kept::Pruned(place)) => Ok(place),
            other => Err(mismatch(&other)),
        }
    }

    async fn close(&self) -> Result<(), StoreError> {
        let (reply, closed) = oneshot::channel();
        self.send(Message::Close(reply)).await?;
        closed.await.unwrap_or_else(|_| Err(StoreError::Unavailable("it is closed".to_owned())))
    }
}
