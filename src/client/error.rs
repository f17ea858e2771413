//! What can go wrong between a client and the server, in words for a tired operator: what was
//! attempted, on which address, and what to do. A secret is never part of it.

use std::fmt;
use std::time::Duration;

use crate::api::problem::Problem;

/// Why a request did not succeed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is none that a server can have.
    #[error("{given:?} is no address of a server: {reason}; write http://HOST:PORT")]
    Address {
        /// What was given.
        given: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The token cannot be sent.
    #[error("the token holds characters that no token has; check HOLDPOINT_TOKEN")]
    Token,
    /// Nobody answers there.
    #[error("no server answers at {url}: {reason}\n{hint}")]
    Unreachable {
        /// The address.
        url: String,
        /// What the system says.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// It answers, but too late.
    #[error(
        "{url} did not answer within {} s; it may be overloaded or its disk may hang: \
         look at its log", after.as_secs()
    )]
    TimedOut {
        /// The address.
        url: String,
        /// How long was waited.
        after: Duration,
    },
    /// The server said no.
    #[error("{0}")]
    Refused(Box<Refused>),
    /// What answers there is not this API.
    #[error(
        "{url} answered {status} with something that is not the API of Holdpoint ({reason}); \
         is another program listening there?"
    )]
    Foreign {
        /// The address.
        url: String,
        /// The status code.
        status: u16,
        /// What is odd about the answer.
        reason: String,
    },
    /// What was waited for did not come true.
    #[error("waited {} s in vain for {what}; last seen: {last}", after.as_secs())]
    InVain {
        /// What was waited for.
        what: String,
        /// How long was waited.
        after: Duration,
        /// The state at the end.
        last: String,
    },
}

/// A refusal of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its problem details.
    pub problem: Problem,
    /// When to try again, seconds.
    pub retry_after_s: Option<u64>,
}

impl ClientError {
    /// The status code that the server answered, if it answered.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refused) => Some(refused.problem.status),
            Self::Foreign { status, .. } => Some(*status),
            Self::Address { .. }
            | Self::Token
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::InVain { .. } => None,
        }
    }
}

impl Refused {
    /// The stable code: the last part of the problem's type.
    pub fn code(&self) -> &str {
        self.problem.kind.rsplit('/').next().unwrap_or_default()
    }

    /// What the person at the terminal can do, where the status alone tells it.
    fn advice(&self) -> Option<String> {
        match self.problem.status {
            401 => Some(
                "sign in: set HOLDPOINT_EMAIL and HOLDPOINT_PASSWORD, or HOLDPOINT_TOKEN".into(),
            ),
            403 => Some("this needs another role; ask an admin".into()),
            429 | 503 => self.retry_after_s.map(|after| format!("try again in {after} s")),
            _ => None,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { status, title, detail, errors, .. } = &self.problem;
        let said = if detail.is_empty() { title } else { detail };
        write!(f, "the server refused ({status} {}): {said}", self.code())?;
        for error in errors {
            let place = error.pointer.as_deref().or(error.parameter.as_deref());
            write!(f, "\n  {}: {}", place.unwrap_or("the body"), error.message)?;
            if let Some(hint) = &error.hint {
                write!(f, " ({hint})")?;
            }
        }
        match self.advice() {
            Some(advice) => write!(f, "\n{advice}"),
            None => Ok(()),
        }
    }
}
