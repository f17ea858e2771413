//! The `[log]` section: the form of log lines and which of them are written. It cannot send them
//! anywhere but to standard error.

use serde::Deserialize;

use super::check::Complaints;
use crate::telemetry::logging;

/// Log lines.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Their form.
    pub format: Format,
    /// Which are written.
    pub filter: String,
}

/// The form of the log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One line of text, for a person.
    Text,
    /// One JSON object a line, for a collector.
    Json,
}

impl From<Format> for logging::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Text => Self::Text,
            Format::Json => Self::Json,
        }
    }
}

impl Log {
    pub(super) fn check(&self, complaints: &mut Complaints) {
        if let Err(error) = logging::check(&self.filter) {
            let expected = "level or target=level, separated by commas, as in info,hyper=warn";
            complaints.add("log.filter", error.to_string(), expected);
        }
    }
}
