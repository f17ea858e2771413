//! Free space on the disk of the store: below the floor nothing is written, so that the file can
//! always be closed, reopened and repaired.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Time between two looks at the disk: a group of commits is far smaller than the floor.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Room that there must be again on a disk that was found full, whatever the floor: enough for a
/// group of commits and for the opening of the file.
const ROOM_AGAIN_BYTES: u64 = 1 << 20;

/// Bytes that this process may still write on the disk of a path; none when the system does not
/// say.
pub(super) fn free_bytes(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// The disk of a file, and how much of it must stay free.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    path: PathBuf,
    floor_bytes: u64,
}

impl Disk {
    /// Why nothing may be written, if so.
    pub(super) fn refusal(&self) -> Option<String> {
        let free = free_bytes(&self.path)?;
        (free < self.floor_bytes).then(|| {
            format!(
                "the disk is nearly full: {free} bytes are free on the disk of {}, and nothing is \
                 written below {}; free some space and it goes on by itself",
                self.path.display(),
                self.floor_bytes
            )
        })
    }
}

/// Looks at the disk now and then.
#[derive(Debug)]
pub(super) struct SpaceGuard {
    disk: Disk,
    looked: Option<(Instant, Option<String>)>,
}

impl SpaceGuard {
    /// A guard of the disk of this file.
    pub(super) fn new(path: &Path, floor_bytes: u64) -> Self {
        Self { disk: Disk { path: path.to_owned(), floor_bytes }, looked: None }
    }

    /// Why nothing may be written, if so.
    pub(super) fn refusal(&mut self) -> Option<String> {
        match &self.looked {
            Some((at, refusal)) if at.elapsed() < LOOK_EVERY => refusal.clone(),
            _ => {
                let refusal = self.disk.refusal();
                self.looked = Some((Instant::now(), refusal.clone()));
                refusal
            }
        }
    }

    /// A write found the disk full. Until there is some room again no other is tried, because each
    /// would leave an outcome that nobody knows.
    pub(super) fn was_full(&mut self) {
        self.disk.floor_bytes = self.disk.floor_bytes.max(ROOM_AGAIN_BYTES);
        self.looked = None;
    }

    /// What it looks at.
    pub(super) fn disk(&self) -> Disk {
        self.disk.clone()
    }
}
