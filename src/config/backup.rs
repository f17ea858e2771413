//! The `[backup]` and `[retention]` sections: where copies go, and how long jobs that ended stay.
//! They copy and remove nothing.

use std::path::PathBuf;

use serde::Deserialize;

use super::check::Complaints;

/// A century: whoever wants longer wants for ever, which is 0.
const DAYS_MAX: u64 = 36_500;

/// Backups.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// The folder that they are written to.
    pub dir: PathBuf,
}

/// How long jobs stay after their end, in days; 0 is for ever.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Those that are COMPLETED.
    pub completed_days: u32,
    /// Those that are FAILED.
    pub failed_days: u32,
    /// Those that are REJECTED.
    pub rejected_days: u32,
    /// Those that are CANCELLED: terminated.
    pub terminated_days: u32,
    /// The folder that removed jobs are archived in, one file a day.
    pub archive_dir: PathBuf,
}

impl Backup {
    pub(super) fn check(&self, complaints: &mut Complaints) {
        if self.dir.as_os_str().is_empty() {
            complaints.add("backup.dir", "empty", "the path of a folder");
        }
    }
}

impl Retention {
    pub(super) fn check(&self, complaints: &mut Complaints) {
        let mut days = |key, days: u32| complaints.range(key, u64::from(days), 0..=DAYS_MAX);
        days("retention.completed_days", self.completed_days);
        days("retention.failed_days", self.failed_days);
        days("retention.rejected_days", self.rejected_days);
        days("retention.terminated_days", self.terminated_days);
        if self.archive_dir.as_os_str().is_empty() {
            complaints.add("retention.archive_dir", "empty", "the path of a folder");
        }
    }
}
