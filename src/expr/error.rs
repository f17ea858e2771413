//! What can be wrong with an expression: a defect is found when it is compiled, an error when it
//! is evaluated. Messages speak to the author of a workflow and never carry a whole document.

use thiserror::Error;

/// Why a source is not an expression of the strict profile. Found at registration, never at run
/// time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}{}", hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default())]
pub struct ExpressionDefect {
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What the author can do about it.
    pub hint: Option<String>,
    /// Where in the source, bytes from its start.
    pub offset: usize,
}

/// A defect of one expression inside a JSON value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{pointer}: {defect}")]
pub struct TemplateDefect {
    /// JSON Pointer (RFC 6901) of the string inside the value; empty for the value itself.
    pub pointer: String,
    /// What is wrong with the expression there.
    pub defect: ExpressionDefect,
}

/// Why an evaluation gave no result. `source` is the expression, shortened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExpressionError {
    /// The expression itself failed: a wrong type, a missing key, `error(...)`.
    #[error("the expression `{expression}` failed: {message}")]
    Failed {
        /// The source, shortened.
        expression: String,
        /// What jq says.
        message: String,
    },
    /// It ran longer than an expression may.
    #[error(
        "the expression `{expression}` ran for more than {max_ms} ms; \
         make it do less, or move the work into a task"
    )]
    TimedOut {
        /// The source, shortened.
        expression: String,
        /// The longest time, milliseconds.
        max_ms: u128,
    },
    /// A result, or a value on the way to it, is larger than allowed.
    #[error("the expression `{expression}` built a value of {bytes} bytes or more; at most {max}")]
    TooLarge {
        /// The source, shortened.
        expression: String,
        /// Bytes counted when the evaluation was stopped; a lower bound.
        bytes: usize,
        /// The most bytes.
        max: usize,
    },
    /// A value nests deeper, or the evaluation recurses deeper, than allowed.
    #[error(
        "the expression `{expression}` nests too deeply, \
         in a value (at most {max} levels) or in itself"
    )]
    TooDeep {
        /// The source, shortened.
        expression: String,
        /// The most levels of a value.
        max: usize,
    },
    /// Every thread for expressions is held by an evaluation that does not end.
    #[error(
        "no thread is free to evaluate `{expression}`: evaluations that take too long \
         hold them all; try again later, or restart the process"
    )]
    Exhausted {
        /// The source, shortened.
        expression: String,
    },
}
