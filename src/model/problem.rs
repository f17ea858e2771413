//! Errors of a workflow as problem details (RFC 9457), with the standard's types. Data, never
//! control flow by text.

use serde::{Deserialize, Serialize};

/// The prefix of the standard's error types (dsl-reference.md, "Standard Error Types").
pub const STANDARD: &str = "https://serverlessworkflow.io/spec/1.0.0/errors/";
/// The prefix of Holdpoint's own error types.
pub const OURS: &str = "urn:holdpoint:errors:";

/// The kinds of error that the engine itself raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A setting is missing or wrong (400).
    Configuration,
    /// Data does not fit its schema (400).
    Validation,
    /// An expression failed (400).
    Expression,
    /// Credentials were refused (401).
    Authentication,
    /// Something is not allowed (403).
    Authorization,
    /// Time ran out (408).
    Timeout,
    /// The outside did not answer as hoped (500 or the outside's status).
    Communication,
    /// Anything else at run time (500).
    Runtime,
    /// A person said no (403).
    Rejected,
    /// A person wants it reworked (409).
    SentBack,
    /// Nobody decided in time (408).
    Expired,
    /// The result is not good enough (422).
    Unsatisfactory,
    /// The judge of a result cannot be reached (503): no verdict, neither yes nor no.
    JudgeUnavailable,
    /// The job cannot be carried on by this program (500).
    Poisoned,
}

impl Kind {
    /// The type URI.
    pub fn uri(self) -> String {
        let word = match self {
            Kind::Configuration => "configuration",
            Kind::Validation => "validation",
            Kind::Expression => "expression",
            Kind::Authentication => "authentication",
            Kind::Authorization => "authorization",
            Kind::Timeout => "timeout",
            Kind::Communication => "communication",
            Kind::Runtime => "runtime",
            Kind::Rejected => return format!("{OURS}rejected"),
            Kind::SentBack => return format!("{OURS}sent-back"),
            Kind::Expired => return format!("{OURS}expired"),
            Kind::Unsatisfactory => return format!("{OURS}unsatisfactory"),
            Kind::JudgeUnavailable => return format!("{OURS}judge-unavailable"),
            Kind::Poisoned => return format!("{OURS}poisoned"),
        };
        format!("{STANDARD}{word}")
    }

    /// The status that belongs to it when nothing better is known.
    pub fn status(self) -> u16 {
        match self {
            Kind::Configuration | Kind::Validation | Kind::Expression => 400,
            Kind::Authentication => 401,
            Kind::Authorization | Kind::Rejected => 403,
            Kind::Timeout | Kind::Expired => 408,
            Kind::SentBack => 409,
            Kind::Unsatisfactory => 422,
            Kind::JudgeUnavailable => 503,
            Kind::Communication | Kind::Runtime | Kind::Poisoned => 500,
        }
    }

    /// One line for people.
    pub fn title(self) -> &'static str {
        match self {
            Kind::Configuration => "Wrong configuration",
            Kind::Validation => "Invalid data",
            Kind::Expression => "Expression failed",
            Kind::Authentication => "Authentication failed",
            Kind::Authorization => "Not allowed",
            Kind::Timeout => "Timed out",
            Kind::Communication => "Communication failed",
            Kind::Runtime => "Runtime error",
            Kind::Rejected => "Rejected at a checkpoint",
            Kind::SentBack => "Sent back at a checkpoint",
            Kind::Expired => "Checkpoint expired",
            Kind::Unsatisfactory => "Unsatisfactory result",
            Kind::JudgeUnavailable => "Judge unavailable",
            Kind::Poisoned => "Poisoned job",
        }
    }
}

/// An error of a workflow. `instance` is the reference of the task that raised it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What kind of error it is: a URI.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status code of this occurrence.
    pub status: u16,
    /// One line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What happened this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// JSON Pointer of the task, such as `/do/2/review`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

impl Problem {
    /// An error of this kind with its usual status and title.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind: kind.uri(),
            status: kind.status(),
            title: Some(kind.title().to_owned()),
            detail: Some(detail.into()),
            instance: None,
        }
    }

    /// The same error with another status.
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same error, raised at this task unless it already names one.
    pub fn at(mut self, reference: &str) -> Self {
        self.instance.get_or_insert_with(|| reference.to_owned());
        self
    }

    /// Is it of this kind? The standard's older spellings of a type count as the same type.
    pub fn is(&self, kind: Kind) -> bool {
        same_type(&self.kind, &kind.uri())
    }
}

/// Do two type URIs name the same error? The standard's own documents spell its types in several
/// ways (`…/spec/1.0.0/errors/X`, `…/dsl/errors/types/X`, `…/errors/types/X`, `…/errors/X`).
pub fn same_type(left: &str, right: &str) -> bool {
    fn standard_word(uri: &str) -> Option<&str> {
        let rest = uri.strip_prefix("https://serverlessworkflow.io/")?;
        ["spec/1.0.0/errors/", "dsl/errors/types/", "errors/types/", "errors/"]
            .iter()
            .find_map(|prefix| rest.strip_prefix(prefix))
    }
    left == right
        || matches!((standard_word(left), standard_word(right)), (Some(a), Some(b)) if a == b)
}
