//! Copies of a store: consistent under load, whole after a kill, held until they are released.

mod commands;
mod doctor;
mod held;
#[cfg(feature = "fault-injection")]
mod killed;
mod lost_rows;
mod requests;
mod retention;
mod secrets;
mod streams;
mod under_load;

use std::path::{Path, PathBuf};

use holdpoint::app::stopped::{RestoreOrder, Restored, StoppedError, restore};

/// Puts a backup in the place of a store that must not be there.
pub async fn restored(from: &Path, to: PathBuf) -> Result<Restored, StoppedError> {
    let from = from.to_owned();
    restore(&RestoreOrder { from, to, replace: false, without_manifest: false }).await
}
