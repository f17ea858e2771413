//! Backups as the API shows them.

use crate::api::backup;
use crate::engine::Backup;

/// A backup.
pub fn present(backup: Backup) -> backup::Backup {
    let Backup { file, manifest, took } = backup;
    backup::Backup {
        name: manifest.file,
        file: file.display().to_string(),
        bytes: manifest.bytes,
        sha256: manifest.sha256.to_string(),
        format: manifest.format,
        program: manifest.program,
        store_id: manifest.store_id,
        generation: manifest.generation,
        jobs: manifest.jobs,
        events: manifest.events,
        checkpoints: manifest.checkpoints,
        feed: manifest.feed,
        taken_at: manifest.taken_at,
        seconds: took.map(|took| took.as_secs_f64()),
    }
}
