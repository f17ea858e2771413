//! What is done with the file of a store that no server runs on: backup, restore, compaction. No
//! engine starts here, and nothing is overwritten that was not set aside.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter};
use std::path::{Path, PathBuf};

use crate::app::AppError;
use crate::clock::{Clock, System};
use crate::engine::Standing;
use crate::http::session::SESSIONS;
use crate::model::audit::{Author, Fact};
use crate::model::id::ContentHash;
use crate::store::durable_file::{beside, copy, create_private, folder_of, sync_folder};
use crate::store::redb::{UNFINISHED, compact};
use crate::store::stream::{self, Header, STREAM_FORMAT, StreamError, Trailer};
use crate::store::{
    BackupError, BackupOrder, Manifest, OpenError, Redb, RedbOptions, Report, Store, StoreError,
    verify,
};

/// The name of a restored store that is not whole yet, behind that of the store.
pub const RESTORING: &str = ".restoring";
/// Documents that are looked at at a time.
const PAGE: usize = 500;

/// Why a copy could not be made or put in place. What was there before is there still.
#[derive(Debug, thiserror::Error)]
pub enum StoppedError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] AppError),
    /// The copy cannot be written or read.
    #[error(transparent)]
    Copy(#[from] BackupError),
    /// A stream is not what was written.
    #[error("{} cannot be imported: {source}", path.display())]
    Stream {
        /// The stream.
        path: PathBuf,
        /// Which line, and what is wrong with it.
        source: StreamError,
    },
}

impl From<OpenError> for StoppedError {
    fn from(error: OpenError) -> Self {
        StoppedError::Open(error.into())
    }
}

impl From<StoreError> for StoppedError {
    fn from(error: StoreError) -> Self {
        StoppedError::Copy(error.into())
    }
}

/// A store that was put in place.
#[derive(Debug)]
pub struct Restored {
    /// What was found when it was verified.
    pub report: Report,
    /// When the backup was taken, as far as its manifest says.
    pub taken_at: Option<String>,
    /// What the store is now: its generation, and that it is held.
    pub standing: Standing,
    /// Where the store is that was there before.
    pub kept: Option<PathBuf>,
}

/// Opens a store that must exist: an empty one must not appear where none was.
pub(super) async fn open(path: &Path) -> Result<Redb, StoppedError> {
    if !path.is_file() {
        let error = io::Error::from(io::ErrorKind::NotFound);
        return Err(BackupError::io(path, "open store", &error).into());
    }
    let options = RedbOptions::new(path);
    match tokio::task::spawn_blocking(move || Redb::open(options)).await {
        Ok(opened) => Ok(opened?),
        Err(error) => Err(AppError::Engine(error.to_string()).into()),
    }
}

/// Takes a backup of the store in this file, which no server has open.
///
/// # Errors
/// Why there is none; the store is as it was.
pub async fn back_up(store: &Path, to: &Path) -> Result<Manifest, StoppedError> {
    let opened = open(store).await?;
    let taken = async {
        let standing = Standing::of(&opened).await?;
        let order = BackupOrder {
            file: to.to_owned(),
            taken_at: System::new().now(),
            generation: standing.generation,
        };
        let manifest = opened.backup(order).await?;
        let now = System::new().now().max(opened.last_time().await?);
        let detail = serde_json::json!({ "sha256": manifest.sha256 });
        let fact = Fact::new(Author::of_command_line(), "backup.make", manifest.file.as_str());
        opened.change_documents(Vec::new(), Some(fact.with(detail)), now).await?;
        Ok(manifest)
    };
    let taken = taken.await;
    opened.close().await?;
    taken
}

/// What is to be restored, and how.
#[derive(Clone, Debug)]
pub struct RestoreOrder {
    /// The backup.
    pub from: PathBuf,
    /// The file of the store.
    pub to: PathBuf,
    /// May a store be there? It is set aside.
    pub replace: bool,
    /// May the manifest be missing? Then only the store itself vouches for the backup.
    pub without_manifest: bool,
}

/// Puts a backup in the place of a store: verified, one generation on, and held.
///
/// # Errors
/// Why not; what was there before is there still.
pub async fn restore(order: &RestoreOrder) -> Result<Restored, StoppedError> {
    let RestoreOrder { from, to, .. } = order;
    let manifest = match Manifest::read(from) {
        Ok(manifest) => Some(manifest),
        Err(_) if order.without_manifest => None,
        Err(error) => return Err(error.into()),
    };
    let before = take_place(to, order.replace)?;
    let unfinished = beside(to, RESTORING);
    let made = async {
        copy_checked(from, &unfinished, manifest.as_ref())?;
        let report = check(&unfinished, manifest.as_ref())?;
        let taken_at = manifest.as_ref().map(|manifest| manifest.taken_at.clone());
        let taken = taken_at.as_ref().map(|at| format!(", taken at {at}")).unwrap_or_default();
        let reason = format!("restored from {}{taken}", from.display());
        let standing = hold(&unfinished, reason).await?;
        Ok::<_, StoppedError>((report, taken_at, standing))
    };
    let made = made.await;
    if made.is_err() {
        fs::remove_file(&unfinished).ok();
    }
    let (report, taken_at, standing) = made?;
    let kept = put_in_place(&unfinished, to, before.is_some())?;
    Ok(Restored { report, taken_at, standing, kept })
}

/// Looks whether a store may be put here. Who gets the file of a store that is there keeps every
/// server away from it for as long.
pub(super) fn take_place(to: &Path, replace: bool) -> Result<Option<File>, StoppedError> {
    let folder = folder_of(to);
    fs::create_dir_all(folder).map_err(|error| BackupError::io(folder, "create folder", &error))?;
    let file = match File::open(to) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(BackupError::io(to, "open store", &error).into()),
    };
    if !replace {
        return Err(BackupError::Exists { path: to.to_owned() }.into());
    }
    if file.try_lock().is_err() {
        return Err(OpenError::Locked { path: to.to_owned() }.into());
    }
    Ok(Some(file))
}

/// Copies the file, and compares what was copied with what the manifest says.
fn copy_checked(from: &Path, to: &Path, manifest: Option<&Manifest>) -> Result<(), StoppedError> {
    let mut source =
        File::open(from).map_err(|error| BackupError::io(from, "open backup", &error))?;
    fs::remove_file(to).ok();
    let written = create_private(to).and_then(|mut file| {
        let copied = copy(&mut source, &mut file)?;
        file.sync_all()?;
        Ok(copied)
    });
    let (sha256, bytes) = written.map_err(|error| BackupError::io(to, "write store", &error))?;
    match manifest {
        Some(manifest) if (manifest.sha256, manifest.bytes) != (sha256, bytes) => {
            Err(not_as_taken(from, manifest, sha256, bytes).into())
        }
        _ => Ok(()),
    }
}

fn not_as_taken(from: &Path, manifest: &Manifest, sha256: ContentHash, bytes: u64) -> BackupError {
    let reason = format!(
        "it is not what was backed up: it has {bytes} bytes with SHA-256 {sha256}, its manifest \
         says {} bytes with {}. Take another copy of it, or an older backup",
        manifest.bytes, manifest.sha256
    );
    BackupError::Unsound { path: from.to_owned(), reason }
}

/// The copy as a store: every page, record, chain and index.
fn check(path: &Path, manifest: Option<&Manifest>) -> Result<Report, StoppedError> {
    let report = verify(path)?;
    let unsound = |reason: String| BackupError::Unsound { path: path.to_owned(), reason };
    if let Some(defect) = report.problems.first() {
        let found = report.problems.len();
        return Err(unsound(format!("it has {found} defects, the first in {defect}")).into());
    }
    match manifest {
        Some(manifest) if manifest.store_id != report.store_id => {
            let (named, found) = (&manifest.store_id, &report.store_id);
            Err(unsound(format!("it is store {found}, its manifest names store {named}")).into())
        }
        _ => Ok(report),
    }
}

/// Makes a copy of a store one that does nothing until it is released. Logins end: those that were
/// ended after the backup must not come back.
pub(super) async fn hold(path: &Path, reason: String) -> Result<Standing, StoppedError> {
    let store = open(path).await?;
    let held = async {
        let clock = System::new();
        clock.raise(store.last_time().await?);
        loop {
            let sessions = store.documents(SESSIONS, None, PAGE).await?;
            if sessions.is_empty() {
                break;
            }
            for session in sessions {
                store.remove_document(SESSIONS, &session.id).await?;
            }
        }
        Standing::hold_copy(&store, clock.now(), reason).await
    };
    let held = held.await;
    store.close().await?;
    Ok(held?)
}

/// Gives the new store its name; one that was there is set aside under another.
pub(super) fn put_in_place(
    unfinished: &Path,
    to: &Path,
    is_there: bool,
) -> Result<Option<PathBuf>, StoppedError> {
    let named = |error: &io::Error| BackupError::io(to, "name store", error);
    let mut kept = None;
    if is_there {
        let time: String = System::new().now().to_rfc3339();
        let time: String = time.chars().filter(|c| !matches!(c, '-' | ':')).collect();
        let aside = beside(to, &format!(".before-{time}"));
        fs::rename(to, &aside).map_err(|error| named(&error))?;
        kept = Some(aside);
    }
    fs::rename(unfinished, to).map_err(|error| named(&error))?;
    sync_folder(to).map_err(|error| named(&error))?;
    Ok(kept)
}

/// Writes the store in this file, which no server has open, as a stream.
///
/// # Errors
/// Why not; there is no half stream then.
pub async fn export(store: &Path, out: &Path) -> Result<Trailer, StoppedError> {
    if out.exists() {
        return Err(BackupError::Exists { path: out.to_owned() }.into());
    }
    let opened = open(store).await?;
    let unfinished = beside(out, UNFINISHED);
    let written = async {
        let io = |error| BackupError::io(&unfinished, "write stream", &error);
        fs::remove_file(&unfinished).ok();
        let mut file = BufWriter::new(create_private(&unfinished).map_err(io)?);
        let header = Header {
            stream: STREAM_FORMAT,
            program: format!("holdpoint {}", env!("CARGO_PKG_VERSION")),
            exported_at: System::new().now().to_rfc3339(),
        };
        let exported = stream::export(&opened, header, &mut file).await;
        let trailer = exported.map_err(|error| of_stream(&unfinished, error))?;
        file.get_ref().sync_all().map_err(io)?;
        fs::rename(&unfinished, out).and_then(|()| sync_folder(out)).map_err(io)?;
        Ok(trailer)
    };
    let written = written.await;
    opened.close().await?;
    if written.is_err() {
        fs::remove_file(&unfinished).ok();
    }
    written
}

fn of_stream(path: &Path, error: StreamError) -> StoppedError {
    match error {
        StreamError::Store(error) => error.into(),
        StreamError::Io(error) => BackupError::io(path, "use stream", &error).into(),
        source @ StreamError::Line { .. } => StoppedError::Stream { path: path.to_owned(), source },
    }
}

/// Makes a store of a stream and puts it in place: verified, one generation on, and held.
///
/// # Errors
/// Why not; what was there before is there still.
pub async fn import(
    from: &Path,
    to: &Path,
    replace: bool,
) -> Result<(Trailer, Restored), StoppedError> {
    let opened = File::open(from).map_err(|error| BackupError::io(from, "open stream", &error))?;
    let before = take_place(to, replace)?;
    let unfinished = beside(to, RESTORING);
    fs::remove_file(&unfinished).ok();
    let made = async {
        let trailer = fill(&unfinished, from, &mut BufReader::new(opened)).await?;
        let report = check(&unfinished, None)?;
        let standing = hold(&unfinished, format!("imported from {}", from.display())).await?;
        Ok::<_, StoppedError>((trailer, report, standing))
    };
    let made = made.await;
    if made.is_err() {
        fs::remove_file(&unfinished).ok();
    }
    let (trailer, report, standing) = made?;
    let kept = put_in_place(&unfinished, to, before.is_some())?;
    Ok((trailer, Restored { report, taken_at: None, standing, kept }))
}

/// A new store with everything of a stream. It must hold then what the stream was made of.
async fn fill(
    path: &Path,
    from: &Path,
    stream: &mut BufReader<File>,
) -> Result<Trailer, StoppedError> {
    let options = RedbOptions::new(path);
    let store = tokio::task::spawn_blocking(move || Redb::open(options)).await;
    let store = store.map_err(|error| AppError::Engine(error.to_string()))??;
    let filled = async {
        let trailer = stream::import(&store, stream).await?;
        Ok::<_, StreamError>((stream::digest(&store).await?, trailer))
    };
    let filled = filled.await;
    store.close().await?;
    let (digest, trailer) = filled.map_err(|error| of_stream(from, error))?;
    if digest == trailer.digest {
        return Ok(trailer);
    }
    let reason = format!("the store made of it has digest {digest}, the stream {}", trailer.digest);
    Err(BackupError::Unsound { path: from.to_owned(), reason }.into())
}

/// Makes the file of a store as small as what is in it; answers its bytes before and after.
///
/// # Errors
/// Why not; the store is as it was.
pub async fn make_compact(store: &Path) -> Result<(u64, u64), StoppedError> {
    let path = store.to_owned();
    if !path.is_file() {
        let error = io::Error::from(io::ErrorKind::NotFound);
        return Err(BackupError::io(store, "open store", &error).into());
    }
    match tokio::task::spawn_blocking(move || compact(&path)).await {
        Ok(compacted) => Ok(compacted?),
        Err(error) => Err(AppError::Engine(error.to_string()).into()),
    }
}
