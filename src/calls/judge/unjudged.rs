//! No judgement, and why. It is never a verdict.

use std::time::Duration;

use crate::calls::chat::Unavailable;
use crate::model::problem::{Kind, Problem};

/// Why there is no judgement.
#[derive(Clone, Debug, PartialEq)]
pub struct Unjudged {
    /// The error to raise.
    pub problem: Problem,
    /// May the same question be answered later, when nobody changes anything?
    pub may_pass: bool,
    /// The pause that the server of the model asked for, at most five minutes.
    pub retry_after: Option<Duration>,
}

impl Unjudged {
    /// Waiting does not help.
    pub(crate) fn for_good(problem: Problem) -> Self {
        Self { problem, may_pass: false, retry_after: None }
    }

    /// No model is configured.
    pub(crate) fn without_judge() -> Self {
        let reason = "no judge is configured (`[openai] base_url` and `model`)";
        Self::for_good(Problem::new(Kind::JudgeUnavailable, reason))
    }
}

impl From<Unavailable> for Unjudged {
    fn from(unavailable: Unavailable) -> Self {
        let problem = Problem::new(Kind::JudgeUnavailable, unavailable.to_string());
        let Unavailable { may_pass, retry_after, .. } = unavailable;
        Self { problem, may_pass, retry_after }
    }
}
