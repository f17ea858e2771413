//! Backups: one snapshot, copied table by table into a new file in small transactions while the
//! writer goes on; closed, opened again and verified; only then it gets its name.

use std::fs;
use std::path::Path;

use ::redb::backends::FileBackend;
use ::redb::{
    Builder, Database, Key, ReadTransaction, ReadableTable, TableDefinition, TableError, Value,
    WriteTransaction,
};

use crate::model::crash_point;
use crate::store::backup::{BackupError, BackupOrder, LastBackup, MANIFEST_FORMAT, Manifest};
use crate::store::durable_file::{beside, create_private, digest_of, folder_of, sync_folder};
use crate::store::error::StoreError;
use crate::store::redb::engine::Redb;
use crate::store::redb::error::{Failure, OpenError};
use crate::store::redb::open::{self, PROGRAM, RedbOptions};
use crate::store::redb::space;
use crate::store::redb::tables::{self, TableVisitor};
use crate::store::redb::verify::{Report, verify_within};
use crate::store::redb::{database::Slot, read};

/// Bytes of rows in one transaction of the copy: what is not written yet is held in memory.
const BATCH_BYTES: usize = 4 << 20;
/// Memory for pages of the copy, while it is written and while it is verified.
const CACHE_BYTES: usize = 16 << 20;

/// The name of a backup that is not whole yet, behind that of the file.
pub const UNFINISHED: &str = ".unfinished";

impl Redb {
    /// Takes a backup on this thread.
    pub(super) fn take_backup(
        order: &BackupOrder,
        store: &RedbOptions,
        slot: &Slot,
        may_go_on: &dyn Fn() -> Result<(), StoreError>,
    ) -> Result<Manifest, BackupError> {
        let file = &order.file;
        if file.try_exists().map_err(|error| BackupError::io(file, "look for", &error))? {
            return Err(BackupError::Exists { path: file.clone() });
        }
        let unfinished = beside(file, UNFINISHED);
        let folder = folder_of(file);
        fs::create_dir_all(folder)
            .map_err(|error| BackupError::io(folder, "create folder", &error))?;
        check_room(folder, store)?;
        open::remove_leftover(&unfinished).map_err(|error| refused(&unfinished, error))?;
        let written = write(order, &unfinished, slot, may_go_on);
        if written.is_err() {
            // Nothing else can be done about a leftover; the next backup removes it, too.
            fs::remove_file(&unfinished).ok();
        }
        let manifest = written?;
        // The manifest first: a file under its last name always has one.
        manifest.write(file)?;
        crash_point::reach("backup.before_rename");
        fs::rename(&unfinished, file)
            .and_then(|()| sync_folder(file))
            .map_err(|error| BackupError::io(file, "name backup", &error))?;
        crash_point::reach("backup.after_rename");
        // The backup is whole and has its name; that it is not noted takes nothing from it.
        if let Err(error) = LastBackup::note(&store.path, file, &manifest) {
            tracing::warn!(%error, "the backup is not noted beside the store");
        }
        Ok(manifest)
    }
}

/// A backup on the disk of the store must not be what stops the commits.
fn check_room(folder: &Path, store: &RedbOptions) -> Result<(), BackupError> {
    let bytes = fs::metadata(&store.path).map_or(0, |file| file.len());
    let needed = bytes.saturating_add(store.disk_floor_bytes);
    match space::free_bytes(folder) {
        Some(free) if free < needed => {
            let (path, attempted) = (folder.to_owned(), "keep a backup in");
            Err(BackupError::NoSpace { path, attempted })
        }
        _ => Ok(()),
    }
}

fn refused(path: &Path, error: OpenError) -> BackupError {
    match error {
        OpenError::Locked { path } => BackupError::Busy { path },
        OpenError::NoSpace { path, attempted } => BackupError::NoSpace { path, attempted },
        OpenError::Io { path, attempted, reason } => BackupError::Io { path, attempted, reason },
        other => BackupError::Unsound { path: path.to_owned(), reason: other.to_string() },
    }
}

fn write(
    order: &BackupOrder,
    unfinished: &Path,
    slot: &Slot,
    may_go_on: &dyn Fn() -> Result<(), StoreError>,
) -> Result<Manifest, BackupError> {
    // A failure of the copy is told apart from one of the store: their disks may differ.
    let mut failed = None;
    let copied = slot.read(|t| match copy(t, unfinished, may_go_on) {
        Ok(()) => Ok(Some((read::last_change(t)?, tables::lengths(t)?))),
        Err(CopyError::Source(failure)) => Err(failure),
        Err(CopyError::Copy(error)) => {
            failed = Some(error);
            Ok(None)
        }
    })?;
    let Some((feed, lengths)) = copied else {
        let reason = "the copy failed".to_owned();
        let unsaid = BackupError::Unsound { path: unfinished.to_owned(), reason };
        return Err(failed.unwrap_or(unsaid));
    };
    crash_point::reach("backup.copied");
    let report =
        verify_within(unfinished, CACHE_BYTES).map_err(|error| refused(unfinished, error))?;
    check(unfinished, &report, &lengths)?;
    let io = |attempted| move |error| BackupError::io(unfinished, attempted, &error);
    let file = fs::File::open(unfinished).map_err(io("open backup"))?;
    file.sync_all().map_err(io("sync backup"))?;
    let (sha256, bytes) = digest_of(file).map_err(io("read backup"))?;
    let rows = |table: &str| report.rows(table);
    Ok(Manifest {
        manifest: MANIFEST_FORMAT,
        file: order.file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        bytes,
        sha256,
        format: report.format,
        store_id: report.store_id.clone(),
        generation: order.generation,
        jobs: rows("jobs"),
        events: report.events,
        checkpoints: rows("checkpoints"),
        feed,
        taken_at: order.taken_at.to_rfc3339(),
        program: PROGRAM.to_owned(),
    })
}

/// A copy that would be refused when it is needed is no backup.
fn check(path: &Path, report: &Report, lengths: &[(&str, u64)]) -> Result<(), BackupError> {
    let unsound = |reason: String| BackupError::Unsound { path: path.to_owned(), reason };
    if let Some(defect) = report.problems.first() {
        let found = report.problems.len();
        return Err(unsound(format!(
            "the copy was verified and has {found} defects, the first in {defect}; the store \
             itself has them: see `holdpoint doctor`"
        )));
    }
    match lengths.iter().find(|(table, rows)| report.rows(table) != *rows) {
        Some((table, rows)) => {
            let found = report.rows(table);
            Err(unsound(format!("{table} has {found} rows in the copy, {rows} in the store")))
        }
        None => Ok(()),
    }
}

/// Where a copy failed.
enum CopyError {
    Source(Failure),
    Copy(BackupError),
}

/// Copies every table of a snapshot into a new file and closes it.
fn copy(
    t: &ReadTransaction,
    path: &Path,
    may_go_on: &dyn Fn() -> Result<(), StoreError>,
) -> Result<(), CopyError> {
    let failed =
        |error: &std::io::Error| CopyError::Copy(BackupError::io(path, "write backup", error));
    let of_copy = |failure: Failure| match failure {
        Failure::Engine(::redb::Error::Io(error)) => failed(&error),
        Failure::Engine(error) => {
            let reason = error.to_string();
            CopyError::Copy(BackupError::Unsound { path: path.to_owned(), reason })
        }
        Failure::Store(error) => CopyError::Source(error.into()),
    };
    let file = create_private(path).map_err(|error| failed(&error))?;
    let backend = FileBackend::new(file).map_err(|error| of_copy(error.into()))?;
    let to = Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(backend);
    let to = to.map_err(|error| of_copy(error.into()))?;
    let mut copier = Copier { from: t, to: &to, may_go_on, of_copy: &of_copy, begun: None };
    tables::each(&mut copier)?;
    copier.commit()?;
    to.close().map_err(|error| of_copy(error.into()))
}

struct Copier<'a> {
    from: &'a ReadTransaction,
    to: &'a Database,
    may_go_on: &'a dyn Fn() -> Result<(), StoreError>,
    of_copy: &'a dyn Fn(Failure) -> CopyError,
    /// A transaction, and the bytes of the rows in it.
    begun: Option<(WriteTransaction, usize)>,
}

impl Copier<'_> {
    /// The transaction that rows go into; a full one is committed first.
    fn room(&mut self) -> Result<(WriteTransaction, usize), CopyError> {
        if self.begun.as_ref().is_some_and(|(_, bytes)| *bytes >= BATCH_BYTES) {
            self.commit()?;
        }
        (self.may_go_on)().map_err(|error| CopyError::Source(error.into()))?;
        match self.begun.take() {
            Some(begun) => Ok(begun),
            None => {
                let begun = self.to.begin_write();
                Ok((begun.map_err(|error| (self.of_copy)(error.into()))?, 0))
            }
        }
    }

    fn commit(&mut self) -> Result<(), CopyError> {
        match self.begun.take() {
            Some((begun, _)) => begun.commit().map_err(|error| (self.of_copy)(error.into())),
            None => Ok(()),
        }
    }
}

impl TableVisitor for Copier<'_> {
    type Error = CopyError;

    fn visit<K: Key + 'static, V: Value + 'static>(
        &mut self,
        table: TableDefinition<'static, K, V>,
    ) -> Result<(), CopyError> {
        let source = |error: Failure| CopyError::Source(error);
        let from = match self.from.open_table(table) {
            Ok(from) => from,
            Err(TableError::TableDoesNotExist(_)) => return Ok(()),
            Err(error) => return Err(source(error.into())),
        };
        let mut rows = from.iter().map_err(|error| source(error.into()))?;
        let mut is_done = false;
        while !is_done {
            let (transaction, mut bytes) = self.room()?;
            let copied = |error: Failure| (self.of_copy)(error);
            let mut to = transaction.open_table(table).map_err(|error| copied(error.into()))?;
            while bytes < BATCH_BYTES {
                let Some(row) = rows.next() else {
                    is_done = true;
                    break;
                };
                let (key, value) = row.map_err(|error| source(error.into()))?;
                bytes += K::as_bytes(&key.value()).as_ref().len()
                    + V::as_bytes(&value.value()).as_ref().len();
                to.insert(key.value(), value.value()).map_err(|error| copied(error.into()))?;
            }
            drop(to);
            self.begun = Some((transaction, bytes));
        }
        Ok(())
    }
}
