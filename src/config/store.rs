//! The `[store]` section: which store, and how it is opened. It opens nothing.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

use super::check::Complaints;

/// The store.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// Which store.
    pub url: StoreUrl,
    /// Page cache.
    pub cache_mib: u32,
    /// What happens to a file that was not closed.
    pub recovery: Recovery,
    /// Free disk space under which new jobs are refused.
    pub disk_floor_mib: u32,
}

/// What happens when a store is opened that was not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Recovery {
    /// The whole file is checked: no damage is served, opening takes time with its size.
    Verify,
    /// The saved state of the allocator is trusted: opening takes milliseconds.
    Fast,
}

/// Which store, as `scheme://…`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum StoreUrl {
    /// One redb file; a relative path counts from the working directory.
    Redb(PathBuf),
}

impl TryFrom<String> for StoreUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.strip_prefix("redb://") {
            Some(path) if !path.is_empty() && !path.ends_with('/') => Ok(Self::Redb(path.into())),
            _ => Err(format!("{text:?} names no store; write redb://PATH, the path of a file")),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redb(path) => write!(f, "redb://{}", path.display()),
        }
    }
}

impl Store {
    pub(super) fn check(&self, complaints: &mut Complaints) {
        complaints.range("store.cache_mib", self.cache_mib.into(), 8..=65_536);
        complaints.range("store.disk_floor_mib", self.disk_floor_mib.into(), 0..=1_048_576);
    }
}
