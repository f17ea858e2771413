//! The thread that writes. It takes what is there, up to a limit, makes one transaction of it,
//! syncs, and only then answers. It never waits for more to come, and it never gives up: after an
//! error it opens the file again and goes on.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ::redb::Database;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

use crate::model::crash_point;
use crate::store::error::StoreError;
use crate::store::redb::apply::{Answer, Command, Group};
use crate::store::redb::database::{Held, Slot};
use crate::store::redb::error::{Failure, OpenError, is_full, reason_of};
use crate::store::redb::open::{NOT_AS_WRITTEN, Recovery, RedbOptions};
use crate::store::redb::space::{Disk, SpaceGuard};
use crate::store::redb::tables::Tables;

/// Histogram: seconds that one transaction took, from its begin to its last sync.
pub const COMMIT_SECONDS_METRIC: &str = "holdpoint_store_commit_seconds";
/// Histogram: commands in one transaction.
pub const BATCH_SIZE_METRIC: &str = "holdpoint_store_batch_size";

/// Most commands in one transaction: 256 take about 20 ms, and more gain little.
const BATCH_MAX: usize = 256;
/// Commands that may wait for the writer: the back-pressure of the whole engine.
pub(super) const QUEUE_MAX: usize = 1024;
/// First pause between two attempts to open a file that failed.
const REOPEN_PAUSE_MIN: Duration = Duration::from_millis(50);
/// Longest pause between two such attempts.
const REOPEN_PAUSE_MAX: Duration = Duration::from_secs(2);
/// Longest time that a command waits for its refusal while the file is closed.
const REFUSE_EVERY: Duration = Duration::from_millis(20);

/// What a writer is told.
#[derive(Debug)]
pub(super) enum Message {
    /// To do something.
    Do(Request),
    /// To open the file again, unless that was done since a read failed like this.
    Reopen { changes: u64, reason: String },
    /// To finish.
    Close(Closing),
}

/// Who waits for the end.
pub(super) type Closing = oneshot::Sender<Result<(), StoreError>>;

/// A command and who waits for its answer.
#[derive(Debug)]
pub(super) struct Request {
    pub command: Command,
    pub reply: oneshot::Sender<Result<Answer, StoreError>>,
}

/// What is known about the writer from outside.
#[derive(Debug, Default)]
pub(super) struct Status {
    /// Commands that were answered after a sync.
    pub commits: AtomicU64,
    /// Transactions.
    pub groups: AtomicU64,
    /// Microseconds in transactions.
    pub busy_micros: AtomicU64,
    refusal: Mutex<Option<Refusal>>,
}

/// Why nothing is written.
#[derive(Clone, Debug)]
struct Refusal {
    reason: String,
    /// The disk without room, when that is all.
    no_room: Option<Disk>,
}

impl Status {
    /// Why nothing is written now. The disk is looked at anew, because the writer itself sees only
    /// at the next write that there is room again.
    pub(super) fn refusal(&self) -> Option<String> {
        let refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let has_room = refusal.no_room.is_some_and(|disk| disk.refusal().is_none());
        (!has_room).then_some(refusal.reason)
    }

    fn refuse(&self, reason: String, no_room: Option<Disk>) {
        self.set_refusal(Some(Refusal { reason, no_room }));
    }

    fn set_refusal(&self, refusal: Option<Refusal>) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
    }
}

/// Why a transaction as a whole failed.
struct GroupError {
    reason: String,
    /// In its commit: nobody knows what was written. Otherwise nothing was.
    in_commit: bool,
    /// The disk has no room.
    is_full: bool,
}

impl GroupError {
    fn new(error: &::redb::Error, in_commit: bool) -> Self {
        Self { reason: reason_of(error), in_commit, is_full: is_full(error) }
    }

    /// The answer to every command of the group.
    fn answer(&self) -> StoreError {
        let reason = self.reason.clone();
        match self.in_commit {
            true => StoreError::Ambiguous(reason),
            false => StoreError::Unavailable(reason),
        }
    }
}

/// Opens the file again.
pub(super) type Reopen = Box<dyn Fn() -> Result<Database, OpenError> + Send>;

/// The writer.
pub(super) struct Writer {
    options: RedbOptions,
    reopen: Reopen,
    slot: Arc<Slot>,
    status: Arc<Status>,
    space: SpaceGuard,
    pub(super) messages: mpsc::Receiver<Message>,
    batch: Vec<Request>,
    /// How it passes the time.
    pub(super) sleep: fn(Duration),
}

impl Writer {
    /// A writer of this database.
    pub(super) fn new(
        options: RedbOptions,
        reopen: Reopen,
        slot: Arc<Slot>,
        status: Arc<Status>,
        messages: mpsc::Receiver<Message>,
    ) -> Self {
        let space = SpaceGuard::new(&options.path, options.disk_floor_bytes);
        let (batch, sleep) = (Vec::with_capacity(BATCH_MAX), std::thread::sleep as fn(Duration));
        Self { options, reopen, slot, status, space, messages, batch, sleep }
    }

    /// Works until it is told to close, or nobody is left to tell it anything.
    pub(super) fn run(mut self) {
        let mut closing = None;
        while closing.is_none() {
            let Some(message) = self.messages.blocking_recv() else { break };
            closing = self.turn(message);
        }
        self.finish(closing);
    }

    /// Writes this and whatever else has come. Says whom to tell that it is closed, when it is to
    /// close.
    pub(super) fn turn(&mut self, first: Message) -> Option<Closing> {
        let mut batch = std::mem::take(&mut self.batch);
        let (mut closing, mut broken, mut next) = (None, None, Some(first));
        while let Some(message) = next.take() {
            match message {
                Message::Do(request) => batch.push(request),
                Message::Reopen { changes, reason } => broken = Some((changes, reason)),
                Message::Close(reply) => closing = Some(reply),
            }
            if closing.is_none() && batch.len() < BATCH_MAX {
                next = self.messages.try_recv().ok();
            }
        }
        if let Some((_, reason)) = broken.filter(|(at, _)| *at == self.slot.changes()) {
            let interrupted = self.reopen(reason);
            closing = closing.or(interrupted);
        }
        if let Err(reason) = self.write(&mut batch) {
            let interrupted = self.reopen(reason);
            closing = closing.or(interrupted);
        }
        self.batch = batch;
        closing
    }

    /// Closes the file.
    pub(super) fn finish(mut self, closing: Option<Closing>) {
        self.messages.close();
        let closed = match self.slot.replace(Held::Down("it is closed".to_owned())) {
            Held::Open(database) => {
                let failed =
                    |reason: &str| StoreError::Unavailable(format!("closing failed: {reason}"));
                match std::panic::catch_unwind(AssertUnwindSafe(|| database.close())) {
                    Ok(closed) => closed.map_err(|error| failed(&reason_of(&error.into()))),
                    Err(_) => Err(failed(NOT_AS_WRITTEN)),
                }
            }
            Held::Down(_) => Ok(()),
        };
        if let Some(reply) = closing {
            let _ = reply.send(closed);
        }
    }

    /// Writes and answers a batch. An error says why the file has to be opened again.
    fn write(&mut self, batch: &mut Vec<Request>) -> Result<(), String> {
        if batch.is_empty() {
            return Ok(());
        }
        if let Some(reason) = self.space.refusal() {
            self.status.refuse(reason.clone(), Some(self.space.disk()));
            answer_all(batch, &StoreError::Full(reason));
            return Ok(());
        }
        self.status.set_refusal(None);
        let began = Instant::now();
        let quick_repair = self.options.recovery == Recovery::Fast;
        // A panic in redb is damage that it met: it must cost this batch, never the writer.
        let written = self.slot.with(|database| {
            std::panic::catch_unwind(AssertUnwindSafe(|| {
                write_group(database, quick_repair, batch)
            }))
        });
        let (error, reason) = match written {
            Ok(Ok(Ok(answers))) => {
                self.count(batch.len() as u64, began.elapsed());
                for (request, answer) in batch.drain(..).zip(answers) {
                    let _ = request.reply.send(answer);
                }
                return Ok(());
            }
            Ok(Ok(Err(failed))) => {
                if failed.is_full {
                    self.space.was_full();
                }
                (failed.answer(), failed.reason)
            }
            Ok(Err(_)) => {
                let reason = format!("{NOT_AS_WRITTEN}; the file is damaged");
                (StoreError::Ambiguous(reason.clone()), reason)
            }
            Err(error) => {
                let reason = error.to_string();
                (error, reason)
            }
        };
        answer_all(batch, &error);
        Err(reason)
    }

    fn count(&self, commands: u64, took: Duration) {
        self.status.commits.fetch_add(commands, Ordering::Relaxed);
        self.status.groups.fetch_add(1, Ordering::Relaxed);
        self.status.busy_micros.fetch_add(took.as_micros() as u64, Ordering::Relaxed);
        metrics::histogram!(COMMIT_SECONDS_METRIC).record(took.as_secs_f64());
        metrics::histogram!(BATCH_SIZE_METRIC).record(commands as f64);
    }

    /// Opens the file again, however long it takes. Whoever asks meanwhile is refused with the
    /// reason.
    fn reopen(&mut self, reason: String) -> Option<Closing> {
        let mut reason = format!("{reason}; the file is being opened again");
        tracing::error!(path = %self.options.path.display(), reason, "the store cannot write");
        self.status.refuse(reason.clone(), None);
        // The failed database has nothing to say any more; dropping it releases the file. One that
        // panicked on damage may do so again: that is not to cost the writer.
        let failed = self.slot.replace(Held::Down(reason.clone()));
        let _ = std::panic::catch_unwind(AssertUnwindSafe(|| drop(failed)));
        let mut pause = REOPEN_PAUSE_MIN;
        loop {
            match (self.reopen)() {
                Ok(database) => {
                    self.slot.replace(Held::Open(Box::new(database)));
                    self.status.set_refusal(None);
                    tracing::info!(path = %self.options.path.display(), "the store writes again");
                    return None;
                }
                Err(error) => reason = error.to_string(),
            }
            self.slot.replace(Held::Down(reason.clone()));
            self.status.refuse(reason.clone(), None);
            match self.refuse_for(pause, &reason) {
                Patience::GoOn => pause = (pause * 2).min(REOPEN_PAUSE_MAX),
                Patience::Close(reply) => return Some(reply),
                Patience::Alone => return None,
            }
        }
    }

    /// Refuses whatever comes within this time.
    fn refuse_for(&mut self, pause: Duration, reason: &str) -> Patience {
        let mut left = pause;
        loop {
            match self.messages.try_recv() {
                Ok(Message::Do(request)) => {
                    let refused = StoreError::Unavailable(reason.to_owned());
                    let _ = request.reply.send(Err(refused));
                }
                Ok(Message::Reopen { .. }) => {}
                Ok(Message::Close(reply)) => return Patience::Close(reply),
                Err(TryRecvError::Disconnected) => return Patience::Alone,
                Err(TryRecvError::Empty) => {
                    if left.is_zero() {
                        return Patience::GoOn;
                    }
                    let step = left.min(REFUSE_EVERY);
                    (self.sleep)(step);
                    left -= step;
                }
            }
        }
    }
}

/// How a pause ended.
enum Patience {
    /// It is over.
    GoOn,
    /// The writer is to finish.
    Close(Closing),
    /// Nobody is left to write for.
    Alone,
}

fn answer_all(batch: &mut Vec<Request>, error: &StoreError) {
    for request in batch.drain(..) {
        let _ = request.reply.send(Err(error.clone()));
    }
}

/// One transaction: all commands, one commit.
fn write_group(
    database: &Database,
    quick_repair: bool,
    batch: &[Request],
) -> Result<Vec<Result<Answer, StoreError>>, GroupError> {
    crash_point::reach("store.before_write");
    let mut transaction =
        database.begin_write().map_err(|error| GroupError::new(&error.into(), false))?;
    // One phase alone loses a commit when two crashes meet (redb 4.2); quick repair implies two.
    transaction.set_two_phase_commit(true);
    transaction.set_quick_repair(quick_repair);
    let applied = Tables::open(&transaction).and_then(|tables| apply_all(tables, batch));
    let (answers, changed) = applied.map_err(|failure| match failure {
        Failure::Engine(error) => GroupError::new(&error, false),
        Failure::Store(error) => {
            GroupError { reason: error.to_string(), in_commit: false, is_full: false }
        }
    })?;
    if !changed {
        // Every answer speaks of what earlier transactions wrote: there is nothing to sync.
        let aborted = transaction.abort();
        aborted.map_err(|error| GroupError::new(&error.into(), false))?;
        return Ok(answers);
    }
    crash_point::reach("store.before_commit");
    transaction.commit().map_err(|error| GroupError::new(&error.into(), true))?;
    crash_point::reach("store.after_commit");
    Ok(answers)
}

/// The answer to every command, and whether there is anything to commit.
type Applied = (Vec<Result<Answer, StoreError>>, bool);

fn apply_all(tables: Tables<'_>, batch: &[Request]) -> Result<Applied, Failure> {
    let mut group = Group::begin(tables)?;
    let mut answers = Vec::with_capacity(batch.len());
    for request in batch {
        match group.apply(&request.command) {
            Ok(answer) => answers.push(Ok(answer)),
            Err(Failure::Store(error)) => answers.push(Err(error)),
            Err(failure) => return Err(failure),
        }
    }
    Ok((answers, group.finish()?))
}
