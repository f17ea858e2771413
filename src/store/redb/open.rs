//! Opening a store and creating it the first time. A store exists whole or not at all: it is made
//! under another name, closed, synced and renamed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

use ::redb::backends::FileBackend;
use ::redb::{Builder, Database, DatabaseError, ReadableDatabase, TableError};

use crate::model::crash_point;
use crate::store::redb::audit;
use crate::store::redb::error::{Failure, OpenError};
use crate::store::redb::older;
use crate::store::redb::tables::{META, META_CREATED_BY, META_FORMAT, META_STORE_ID, Tables};

/// The format that this program writes, and the newest that it reads. 1 had a record for each event
/// of a journal, 2 one for each append; both kept them under their job, and an index for each order
/// of a list. 3 keeps them in the order of the feed, and cards for lists. 4 has the audit trail.
pub const FORMAT_VERSION: u64 = 4;

/// The last format without an audit trail.
const LAST_WITHOUT_TRAIL: u64 = 3;

/// This program, as a store remembers its creator.
pub(super) const PROGRAM: &str = concat!("holdpoint ", env!("CARGO_PKG_VERSION"));

/// What a panic of redb means when it opens a file: it met a page that it cannot make sense of.
pub(super) const NOT_AS_WRITTEN: &str = "a page does not have the form that it was written with";

/// How a store is opened after a crash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recovery {
    /// Every page is verified whenever the store is opened: about 3 seconds for each GiB.
    #[default]
    Verify,
    /// Every commit saves what makes opening immediate, at 1.6 to 2.6 times its cost, and nothing
    /// is verified: for files over about 4 GiB. Damage then shows at the record that it hit, and
    /// an entry that it hides is missed without a word.
    Fast,
}

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct RedbOptions {
    /// The file.
    pub path: PathBuf,
    /// Memory for its pages.
    pub cache_bytes: usize,
    /// How it is opened after a crash.
    pub recovery: Recovery,
    /// Nothing is written while less is free on its disk.
    pub disk_floor_bytes: u64,
}

impl RedbOptions {
    /// The usual options for this file: 128 MiB of cache, full verification, 64 MiB of the disk
    /// left free.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            cache_bytes: 128 << 20,
            recovery: Recovery::Verify,
            disk_floor_bytes: 64 << 20,
        }
    }
}

/// Opens the store, or creates it where there is none.
pub(super) fn open_or_create(options: &RedbOptions) -> Result<Database, OpenError> {
    if !exists(&options.path)? {
        create(options)?;
    }
    open_existing(options)
}

fn exists(path: &Path) -> Result<bool, OpenError> {
    path.try_exists().map_err(|error| OpenError::io(path, "look for store", &error))
}

/// Opens a store that exists.
pub(super) fn open_existing(options: &RedbOptions) -> Result<Database, OpenError> {
    check_beginning(&options.path, &read_beginning(&options.path)?)?;
    open_with(options, |builder| builder.open(&options.path))
}

/// Opens a database that redb is told about like this.
pub(super) fn open_with(
    options: &RedbOptions,
    open: impl FnOnce(&Builder) -> Result<Database, DatabaseError>,
) -> Result<Database, OpenError> {
    let path = &options.path;
    let mut builder = Builder::new();
    builder
        .set_cache_size(options.cache_bytes)
        .set_check_integrity_on_open(options.recovery == Recovery::Verify);
    // Without verification redb trusts the file and may panic on damage, also when its first table
    // is read; that is a refusal, too.
    let opened = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let database = open(&builder).map_err(|error| OpenError::from_redb(path, error))?;
        check_format(path, &database)?;
        Ok(database)
    }));
    opened.unwrap_or_else(|_| Err(OpenError::damaged(path, "opening of the file", NOT_AS_WRITTEN)))
}

/// How every redb file begins.
pub(super) const BEGINNING: &[u8] = b"redb";

fn read_beginning(path: &Path) -> Result<Vec<u8>, OpenError> {
    let mut found = Vec::new();
    let read = File::open(path).and_then(|file| {
        io::Read::read_to_end(&mut io::Read::take(file, BEGINNING.len() as u64), &mut found)
    });
    read.map_err(|error| OpenError::io(path, "read store", &error))?;
    Ok(found)
}

/// Is it a redb file at all? redb's own words for that do not tell damage from a wrong file.
pub(super) fn check_beginning(path: &Path, found: &[u8]) -> Result<(), OpenError> {
    if found == BEGINNING {
        return Ok(());
    }
    let reason =
        if found.is_empty() { "it is empty" } else { "it does not begin like a redb file" };
    Err(OpenError::NotAStore { path: path.to_owned(), reason: reason.to_owned() })
}

/// Was it written by a holdpoint that this program understands?
fn check_format(path: &Path, database: &Database) -> Result<(), OpenError> {
    const CHECK: &str = "format of the store";
    let read = || -> Result<Option<(String, String)>, Failure> {
        let transaction = database.begin_read()?;
        let meta = match transaction.open_table(META) {
            Ok(meta) => meta,
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let text = |name: &str| -> Result<String, Failure> {
            Ok(meta.get(name)?.map(|value| value.value().to_owned()).unwrap_or_default())
        };
        Ok(Some((text(META_FORMAT)?, text(META_CREATED_BY)?)))
    };
    let found = read().map_err(|failure| OpenError::from_failure(path, CHECK, failure))?;
    let Some((format, created_by)) = found else {
        let reason = "it is a redb file without the table \"meta\"".to_owned();
        return Err(OpenError::NotAStore { path: path.to_owned(), reason });
    };
    match format.parse::<u64>() {
        Ok(1..=FORMAT_VERSION) => Ok(()),
        Ok(found) if found > FORMAT_VERSION => Err(OpenError::Newer {
            path: path.to_owned(),
            found,
            supported: FORMAT_VERSION,
            written_by: created_by,
        }),
        _ => Err(OpenError::damaged(path, CHECK, format!("format {format:?} never existed"))),
    }
}

/// Turns a store of an earlier format into one of this, whole or not at all.
pub(super) fn raise_format(path: &Path, database: Database) -> Result<Database, OpenError> {
    const CHECK: &str = "raising of its format";
    let raised = std::panic::catch_unwind(AssertUnwindSafe(move || {
        raise(path, &database)?;
        Ok(database)
    }));
    let raised = raised.unwrap_or_else(|_| {
        Err(Failure::from(::redb::StorageError::Corrupted(NOT_AS_WRITTEN.to_owned())))
    });
    raised.map_err(|failure| match failure {
        Failure::Engine(::redb::Error::Io(error)) => {
            OpenError::io(path, "raise the format of store", &error)
        }
        other => OpenError::from_failure(path, CHECK, other),
    })
}

fn raise(path: &Path, database: &Database) -> Result<(), Failure> {
    let current = FORMAT_VERSION.to_string();
    let held = database.begin_read()?.open_table(META)?.get(META_FORMAT)?;
    let held = held.map(|held| held.value().to_owned()).unwrap_or_default();
    if held == current {
        return Ok(());
    }
    tracing::info!(
        path = %path.display(), from = held, to = current,
        "the store is being raised; a million jobs take some minutes, and if that is interrupted \
         the store stays as it was"
    );
    let mut transaction = database.begin_write()?;
    transaction.set_two_phase_commit(true);
    if is_older(&held) {
        older::raise(&transaction)?;
    }
    {
        let mut tables = Tables::open(&transaction)?;
        let at = audit::latest(&tables)?;
        audit::make_trail(&mut tables, &held, at)?;
    }
    transaction.open_table(META)?.insert(META_FORMAT, current.as_str())?;
    transaction.commit()?;
    tracing::info!(path = %path.display(), from = held, to = current, "the store was raised");
    Ok(())
}

/// Is the store of the format that this program writes?
pub(super) fn is_current(path: &Path, database: &Database) -> Result<bool, OpenError> {
    let read = || -> Result<bool, Failure> {
        let held = database.begin_read()?.open_table(META)?.get(META_FORMAT)?;
        Ok(held.is_some_and(|held| held.value() == FORMAT_VERSION.to_string()))
    };
    read().map_err(|failure| OpenError::from_failure(path, "format of the store", failure))
}

/// Has a store of this format an audit trail?
pub(super) fn has_trail(format: &str) -> bool {
    format.parse::<u64>().is_ok_and(|format| format > LAST_WITHOUT_TRAIL)
}

/// Is a store of this format laid out as formats 1 and 2 were?
pub(super) fn is_older(format: &str) -> bool {
    format.parse::<u64>().is_ok_and(|format| format <= older::LAST)
}

/// The name under which a store is made.
fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".creating");
    path.with_file_name(name)
}

fn create(options: &RedbOptions) -> Result<(), OpenError> {
    let path = &options.path;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    make_folder(folder)?;
    let unfinished = unfinished(path);
    remove_leftover(&unfinished)?;
    let failed = |error: &io::Error| OpenError::io(&unfinished, "create store", error);
    // `create_new` lets only one of two processes make the store; the other finds it or fails.
    let file =
        OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&unfinished);
    let file = file.map_err(|error| failed(&error))?;
    let synced = file.try_clone().map_err(|error| failed(&error))?;
    fill(file).map_err(|failure| match failure {
        Failure::Engine(::redb::Error::Io(error)) => failed(&error),
        Failure::Engine(::redb::Error::DatabaseAlreadyOpen) => {
            OpenError::Locked { path: path.clone() }
        }
        Failure::Engine(error) => failed(&io::Error::other(error.to_string())),
        Failure::Store(error) => failed(&io::Error::other(error.to_string())),
    })?;
    synced.sync_all().map_err(|error| failed(&error))?;
    crash_point::reach("store.create.before_rename");
    // Somebody who was faster owns the name now; their store stays.
    if exists(path)? {
        return remove_leftover(&unfinished);
    }
    fs::rename(&unfinished, path).map_err(|error| failed(&error))?;
    crash_point::reach("store.create.after_rename");
    sync_folder(folder)
}

/// Makes the folder of the store. A folder that is new is on disk only once the one that holds it
/// is synced, too.
fn make_folder(folder: &Path) -> Result<(), OpenError> {
    let is_named = |folder: &&Path| !folder.as_os_str().is_empty();
    let missing = folder.ancestors().take_while(|folder| is_named(folder) && !folder.is_dir());
    let missing: Vec<&Path> = missing.collect();
    fs::create_dir_all(folder).map_err(|error| OpenError::io(folder, "create folder", &error))?;
    missing
        .into_iter()
        .try_for_each(|made| sync_folder(made.parent().filter(is_named).unwrap_or(Path::new("."))))
}

fn sync_folder(folder: &Path) -> Result<(), OpenError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| OpenError::io(folder, "sync folder", &error))
}

/// Writes an empty store into a new file and closes it.
fn fill(file: File) -> Result<(), Failure> {
    let database = Builder::new().create_with_backend(FileBackend::new(file)?)?;
    found(&database)?;
    Ok(database.close()?)
}

/// Makes an empty store of an empty database.
pub(super) fn found(database: &Database) -> Result<(), Failure> {
    let mut transaction = database.begin_write()?;
    transaction.set_two_phase_commit(true);
    {
        let mut tables = Tables::open(&transaction)?;
        tables.meta.insert(META_FORMAT, FORMAT_VERSION.to_string().as_str())?;
        tables.meta.insert(META_CREATED_BY, PROGRAM)?;
        tables.meta.insert(META_STORE_ID, random_id()?.as_str())?;
    }
    Ok(transaction.commit()?)
}

fn random_id() -> Result<String, Failure> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| ::redb::StorageError::Io(io::Error::other(error.to_string())))?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
}

/// Removes what a creation left that crashed, unless that creation is still going on.
pub(super) fn remove_leftover(unfinished: &Path) -> Result<(), OpenError> {
    let file = match File::open(unfinished) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(OpenError::io(unfinished, "open leftover", &error)),
    };
    if file.try_lock().is_err() {
        return Err(OpenError::Locked { path: unfinished.to_owned() });
    }
    fs::remove_file(unfinished)
        .map_err(|error| OpenError::io(unfinished, "remove leftover", &error))
}
