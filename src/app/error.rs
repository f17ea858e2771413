//! Why the parts do not go together. The command line turns each into words and an exit code.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::http::BindError;
use crate::store::OpenError;

/// Why a start failed.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The store cannot be opened.
    #[error("{reason}")]
    Store {
        /// The file.
        path: PathBuf,
        /// What kind of trouble it is.
        fault: StoreFault,
        /// What the store said; it names the file and what was attempted.
        reason: String,
    },
    /// A setting makes no sense to the part that it is for.
    #[error("{part} cannot be used: {reason}")]
    Setting {
        /// The part, or the section of the configuration.
        part: &'static str,
        /// Why.
        reason: String,
    },
    /// The engine did not start.
    #[error("the engine cannot start: {0}")]
    Engine(String),
    /// An admin could not be made.
    #[error("the admin cannot be made: {0}")]
    Admin(String),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl AppError {
    /// A part that its settings do not fit.
    pub(super) fn setting(part: &'static str, reason: &dyn std::fmt::Display) -> Self {
        Self::Setting { part, reason: reason.to_string() }
    }
}

/// Why a store cannot be opened, as far as a person acts differently on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFault {
    /// Another process has it open.
    InUse,
    /// A newer Holdpoint wrote it.
    Newer,
    /// It does not hold what was written to it.
    Damaged,
    /// It is a file of something else.
    Foreign,
    /// The disk is full.
    NoSpace,
    /// The file cannot be read or written.
    Io,
}

impl From<OpenError> for AppError {
    fn from(error: OpenError) -> Self {
        let reason = error.to_string();
        let (path, fault) = match error {
            OpenError::Locked { path } => (path, StoreFault::InUse),
            OpenError::Newer { path, .. } => (path, StoreFault::Newer),
            OpenError::Damaged { path, .. } => (path, StoreFault::Damaged),
            OpenError::NotAStore { path, .. } => (path, StoreFault::Foreign),
            OpenError::NoSpace { path, .. } => (path, StoreFault::NoSpace),
            OpenError::Io { path, .. } => (path, StoreFault::Io),
        };
        Self::Store { path, fault, reason }
    }
}

impl From<BindError> for AppError {
    fn from(error: BindError) -> Self {
        match error {
            BindError::Options(error) => Self::setting("[http]", &error),
            BindError::Listen { address, source } => Self::Listen { address, source },
        }
    }
}
