//! Why there is no answer of a model. It says nothing about what was asked about.

use std::time::Duration;

use reqwest::StatusCode;

/// Longest pause that a server may ask for: some ask for hours, and a person waits meanwhile.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);
/// Most characters of a refusal that are shown.
const REFUSAL_CHARS_MAX: usize = 200;

/// No answer, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the model gave no answer: {reason}")]
pub struct Unavailable {
    /// What happened, for people. It holds no key.
    pub reason: String,
    /// The pause that the server asked for, at most five minutes.
    pub retry_after: Option<Duration>,
    /// May the same question be answered later, when nobody changes anything?
    pub may_pass: bool,
}

impl Unavailable {
    /// A trouble that may be over the next time.
    pub(crate) fn passing(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), retry_after: None, may_pass: true }
    }

    /// A trouble that somebody has to end.
    pub(crate) fn lasting(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), retry_after: None, may_pass: false }
    }

    /// The model answered, but not what was asked.
    pub(crate) fn garbage(reason: &str) -> Self {
        Self::passing(reason)
    }

    /// The model does not want to.
    pub(super) fn refused(text: Option<&str>) -> Self {
        let text: String = text.unwrap_or_default().chars().take(REFUSAL_CHARS_MAX).collect();
        let colon = if text.is_empty() { "" } else { ": " };
        Self::passing(format!("it refused{colon}{}", text.escape_debug()))
    }

    /// The server answered with this status.
    pub(super) fn status(
        label: &str,
        status: StatusCode,
        retry_after: Option<&str>,
        said: &str,
    ) -> Self {
        let number = status.as_u16();
        if matches!(number, 401 | 403) {
            return Self::lasting(format!(
                "{label} answered {number}: it refuses the key (`[openai] api_key_file`)"
            ));
        }
        let colon = if said.is_empty() { "" } else { ": " };
        let reason = format!("{label} answered {number}{colon}{said}");
        let may_pass = status.is_server_error() || matches!(number, 408 | 409 | 425 | 429);
        let seconds = retry_after.and_then(|text| text.trim().parse().ok());
        let retry_after = seconds.map(|s| Duration::from_secs(s).min(RETRY_AFTER_MAX));
        Self { reason, retry_after: retry_after.filter(|_| may_pass), may_pass }
    }
}
