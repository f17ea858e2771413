//! The whole state of a stopped store: every page, record, chain and index, every row against its
//! journal, what lies around it that nobody needs, its backups, and how long the disk will last.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::app::stopped::{self, RESTORING, StoppedError};
use crate::clock::{Clock, System};
use crate::config::Config;
use crate::config::store::StoreUrl;
pub use crate::engine::Findings;
use crate::engine::{Examination, Hold, Standing, examine};
use crate::model::id::JobId;
use crate::model::time::Timestamp;
use crate::store::durable_file::beside;
use crate::store::redb::{UNFINISHED, used_bytes};
use crate::store::{LastBackup, Manifest, Report, Store, verify};

/// A file that belongs to nothing any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// The file or folder.
    pub path: PathBuf,
    /// What it was.
    pub what: &'static str,
}

/// What was found.
#[derive(Debug)]
pub struct Diagnosis {
    /// The file of the store.
    pub store: PathBuf,
    /// Pages, records, chains, indexes.
    pub report: Report,
    /// Jobs and the disk; nothing when the file has defects, for then its rows prove nothing.
    pub examination: Option<Examination>,
    /// Held, since when and why.
    pub hold: Option<Hold>,
    /// How often it was restored or imported.
    pub generation: u64,
    /// Files that belong to nothing.
    pub orphans: Vec<Orphan>,
    /// The newest backup that is there: the file, and when it was taken.
    pub backup: Option<(PathBuf, Timestamp)>,
    /// Bytes of the file that are in use.
    pub used_bytes: u64,
    /// The time of the diagnosis.
    pub at: Timestamp,
}

/// Looks at everything.
///
/// # Errors
/// When the store cannot be opened.
pub async fn diagnose(config: &Config) -> Result<Diagnosis, StoppedError> {
    let StoreUrl::Redb(path) = &config.store.url;
    let verified = path.clone();
    let report = tokio::task::spawn_blocking(move || verify(&verified)).await;
    let report = report.map_err(|error| crate::app::AppError::Engine(error.to_string()))??;
    let used_bytes = used_bytes(path)?;
    let store = stopped::open(path).await?;
    let looked = async {
        let clock = System::new();
        clock.raise(store.last_time().await?);
        let at = clock.now();
        let is_sound = report.problems.is_empty();
        let examination = if is_sound { Some(examine(&store, at, true).await?) } else { None };
        let standing = Standing::of(&store).await?;
        let orphans = orphans(config, path, &store).await?;
        Ok::<_, StoppedError>((at, examination, standing, orphans))
    };
    let looked = looked.await;
    store.close().await?;
    let (at, examination, standing, orphans) = looked?;
    let backup = newest_backup(&config.backup.dir, path);
    Ok(Diagnosis {
        store: path.clone(),
        report,
        examination,
        hold: standing.hold,
        generation: standing.generation,
        orphans,
        backup,
        used_bytes,
        at,
    })
}

/// The newest backup in the folder, or the one that was noted, if its file is there.
fn newest_backup(folder: &Path, store: &Path) -> Option<(PathBuf, Timestamp)> {
    let listed = Manifest::all_in(folder).unwrap_or_default();
    let listed = listed.into_iter().map(|(file, manifest)| (file, manifest.taken_at));
    let noted = LastBackup::of(store).filter(|last| last.file.is_file());
    let all = listed.chain(noted.map(|last| (last.file, last.taken_at)));
    let timed = all.filter_map(|(file, at)| Some((file, Timestamp::parse_rfc3339(&at)?)));
    timed.max_by_key(|(_, at)| *at)
}

async fn orphans(
    config: &Config,
    path: &Path,
    store: &dyn Store,
) -> Result<Vec<Orphan>, StoppedError> {
    let mut orphans = Vec::new();
    let leftovers = [
        (".creating", "a store that a start did not finish"),
        (RESTORING, "a store that a restore or import did not finish"),
        (".last-backup.json.writing", "a note that was not finished"),
    ];
    for (suffix, what) in leftovers {
        let left = beside(path, suffix);
        if left.exists() {
            orphans.push(Orphan { path: left, what });
        }
    }
    let names: BTreeSet<PathBuf> = entries(&config.backup.dir);
    for name in &names {
        let text = name.to_string_lossy();
        let manifest_of = text.strip_suffix(".manifest.json").map(PathBuf::from);
        let what = if text.ends_with(UNFINISHED) {
            Some("a backup that was not finished")
        } else if manifest_of.is_some_and(|file| !names.contains(&file)) {
            Some("the manifest of a backup that is not there")
        } else if text.ends_with(".redb") && !names.contains(&Manifest::path_for(name)) {
            Some("a backup without a manifest")
        } else {
            None
        };
        orphans.extend(what.map(|what| Orphan { path: name.clone(), what }));
    }
    for folder in entries(&config.artifacts.dir) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Ok(job) = name.parse::<JobId>() else { continue };
        if store.job(job).await?.is_none() {
            let what = "artifacts of a job that the store does not have";
            orphans.push(Orphan { path: folder, what });
        }
    }
    Ok(orphans)
}

/// What is in a folder; nothing when there is none.
fn entries(folder: &Path) -> BTreeSet<PathBuf> {
    let read = fs::read_dir(folder).into_iter().flatten();
    read.filter_map(|entry| Some(entry.ok()?.path())).collect()
}
