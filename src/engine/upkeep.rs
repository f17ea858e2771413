//! What an operator asks of the engine as a whole: a backup while jobs run, and the release of a
//! store that is held.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::scheduler::SchedulerMsg;
use crate::engine::standing::{Hold, Release, Standing};
use crate::engine::wakes::WakesMsg;
use crate::engine::{Engine, EngineError, Examination, examine, recovery};
use crate::model::audit::Author;
use crate::model::time::Span;
use crate::store::{BackupError, BackupOrder, Manifest};

/// When to ask again for a backup while another one is being taken.
const BACKUP_RETRY: Span = Span::from_secs(10);

/// A backup that was taken, verified and named.
#[derive(Clone, Debug)]
pub struct Backup {
    /// The file.
    pub file: PathBuf,
    /// What its manifest says.
    pub manifest: Manifest,
    /// How long it took; unknown of one that was found in its folder.
    pub took: Option<Duration>,
}

impl Engine {
    /// The folder that backups are written to; none when there are to be none.
    pub fn backup_folder(&self) -> Option<PathBuf> {
        self.shared.parts.options.backups.clone()
    }

    /// Takes a backup into its folder while everything goes on. One at a time.
    ///
    /// # Errors
    /// `Busy` while another one is being taken; otherwise why there is none.
    pub async fn backup(&self) -> Result<Backup, EngineError> {
        let Some(folder) = self.backup_folder() else {
            return Err(EngineError::BackupFailed("no folder for backups is set".to_owned()));
        };
        let busy = EngineError::Busy { what: "a backup is being taken", retry_after: BACKUP_RETRY };
        let Ok(_alone) = self.shared.backing_up.try_lock() else { return Err(busy) };
        let began = self.now();
        let file = folder.join(file_name(&began.to_rfc3339()));
        let generation = self.shared.standing().generation;
        let order = BackupOrder { file: file.clone(), taken_at: began, generation };
        let manifest = self.shared.parts.store.backup(order).await?;
        let took = self.now().since(began).as_duration();
        tracing::info!(file = %file.display(), bytes = manifest.bytes, ?took, "backup taken");
        Ok(Backup { file, manifest, took: Some(took) })
    }

    /// The backups in the folder, newest first: every file with a manifest beside it.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub async fn backups(&self) -> Result<Vec<Backup>, EngineError> {
        let Some(folder) = self.backup_folder() else { return Ok(Vec::new()) };
        let listed = tokio::task::spawn_blocking(move || Manifest::all_in(&folder)).await;
        let listed = listed.map_err(|error| EngineError::Unavailable(error.to_string()))??;
        let backup = |(file, manifest)| Backup { file, manifest, took: None };
        Ok(listed.into_iter().map(backup).collect())
    }

    /// Looks at every job and at the disk, while everything goes on.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn examine(&self) -> Result<Examination, EngineError> {
        Ok(examine(&*self.shared.parts.store, self.now(), false).await?)
    }

    /// Held, since when and why.
    pub fn hold(&self) -> Option<Hold> {
        self.shared.standing().hold.clone()
    }

    /// What the store is among its copies.
    pub fn standing(&self) -> Arc<Standing> {
        self.shared.standing()
    }

    /// Lets a held store work: queue, timers and calls begin.
    ///
    /// # Errors
    /// `NotHeld`; `Unavailable` when that cannot be written.
    pub async fn release(&self, by: impl Into<Author>, reason: String) -> Result<(), EngineError> {
        let shared = &self.shared;
        if shared.is_stopping() {
            return Err(EngineError::Stopping);
        }
        let Author { by, origin } = by.into();
        let release = Release { at: self.now(), by, reason };
        let free = Standing::release(&*shared.parts.store, release, origin).await?;
        let free = free.ok_or(EngineError::NotHeld)?;
        tracing::warn!(released = ?free.released, "the store is released: work begins");
        shared.set_standing(free);
        recovery::revive_after_hold(shared).await?;
        shared.wakes.cast(WakesMsg::Ring);
        shared.scheduler.cast(SchedulerMsg::Look);
        self.resume_batches().await
    }
}

/// The name of a backup taken at this time: names sort as times do.
fn file_name(at: &str) -> String {
    let time: String = at.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    format!("holdpoint-{time}.redb")
}

impl From<BackupError> for EngineError {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Store(error) => error.into(),
            BackupError::NoSpace { .. } => EngineError::DiskFull(error.to_string()),
            BackupError::Busy { .. } => {
                EngineError::Busy { what: "a backup is being taken", retry_after: BACKUP_RETRY }
            }
            _ => EngineError::BackupFailed(error.to_string()),
        }
    }
}
