//! A copy of a store, made with plain reads while no server can have the file, verified whole, and
//! gone when it was read. The original is never opened as a store, so not a byte of it changes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::app::drill::{Order, Report, drill};
use crate::app::stopped::{self, StoppedError};
use crate::app::{AppError, StoreFault};
use crate::calls::Secrets;
use crate::store::durable_file::{copy, create_private};
use crate::store::{BackupError, Manifest, Memory, OpenError, Store, verify};

/// A folder that goes with this.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self, BackupError> {
        let name = format!("holdpoint-drill-{}", uuid::Uuid::now_v7());
        let folder = std::env::temp_dir().join(name);
        let made = fs::create_dir(&folder);
        made.map_err(|error| BackupError::io(&folder, "create folder", &error))?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// Drills the jobs of the store in this file: that of a stopped server, or a backup. `secrets` is
/// the folder of those of the server; only their names are used.
///
/// # Errors
/// When the file cannot be read, belongs to a running server, or is not what was written.
pub async fn of_file(
    file: &Path,
    order: Order,
    secrets: Option<&Path>,
) -> Result<Report, StoppedError> {
    let secrets = Secrets::load(secrets).map_err(|bad| AppError::setting("[secrets]", &bad))?;
    let folder = Folder::make()?;
    let path = folder.0.join("holdpoint.redb");
    make(file, &path)?;
    let checked = check(&path).await.map_err(|error| about_original(error, &path, file));
    checked?;
    let opened = stopped::open(&path).await;
    let store = Arc::new(opened.map_err(|error| about_original(error, &path, file))?);
    let scratch = Arc::new(|| Arc::new(Memory::new()) as Arc<dyn Store>);
    let report = drill(store.clone(), order, secrets, scratch).await;
    store.close().await?;
    Ok(report?)
}

/// Copies the file. Its lock keeps every server away for as long.
fn make(from: &Path, to: &Path) -> Result<(), StoppedError> {
    let unread = |error| BackupError::io(from, "open store", &error);
    let mut source = File::open(from).map_err(unread)?;
    if source.try_lock_shared().is_err() {
        return Err(OpenError::Locked { path: from.to_owned() }.into());
    }
    let unwritten = |error| BackupError::io(to, "write copy", &error);
    let mut target = create_private(to).map_err(unwritten)?;
    let (sha256, bytes) = copy(&mut source, &mut target).map_err(unwritten)?;
    match Manifest::read(from) {
        Ok(manifest) if (manifest.sha256, manifest.bytes) != (sha256, bytes) => {
            let reason = format!(
                "it is not what was backed up: it has {bytes} bytes with SHA-256 {sha256}, its \
                 manifest says {} bytes with {}",
                manifest.bytes, manifest.sha256
            );
            Err(BackupError::Unsound { path: from.to_owned(), reason }.into())
        }
        // The store of a server has no manifest; every page of the copy is looked at anyway.
        _ => Ok(()),
    }
}

/// Every page, record, chain and index of the copy.
async fn check(path: &Path) -> Result<(), StoppedError> {
    let copied = path.to_owned();
    let report = tokio::task::spawn_blocking(move || verify(&copied)).await;
    let report = report.map_err(|error| AppError::Engine(error.to_string()))??;
    match report.problems.first() {
        None => Ok(()),
        Some(defect) => {
            let found = report.problems.len();
            let reason = format!("it has {found} defects, the first in {defect}");
            Err(BackupError::Unsound { path: path.to_owned(), reason }.into())
        }
    }
}

/// What is wrong with a copy is wrong with the original: nobody else knows the copy.
fn about_original(error: StoppedError, copied: &Path, original: &Path) -> StoppedError {
    let (copied_name, name) = (copied.display().to_string(), original.display().to_string());
    match error {
        StoppedError::Open(AppError::Store { path, fault, reason }) => {
            let path = if path == copied { original.to_owned() } else { path };
            let fault = if fault == StoreFault::InUse { StoreFault::Io } else { fault };
            let reason = reason.replace(&copied_name, &name);
            AppError::Store { path, fault, reason }.into()
        }
        StoppedError::Copy(BackupError::Unsound { reason, .. }) => {
            BackupError::Unsound { path: original.to_owned(), reason }.into()
        }
        other => other,
    }
}
