//! The verdict in an answer. It is taken from the structured answer only, and an answer that is not
//! exactly of its form holds none.

use serde::Deserialize;
use serde_json::Value;

use crate::calls::chat::{Told, Unavailable};
use crate::model::evaluation::Vote;

/// Most characters of a reason that are kept.
const REASON_CHARS_MAX: usize = 2_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    reason: String,
    verdict: Word,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Word {
    Pass,
    Fail,
}

/// The vote in this answer.
pub(super) fn vote(told: &Told) -> Result<Vote, Unavailable> {
    let garbage = |text: &str| Err(Unavailable::garbage(text));
    // From the text: a member that stands there twice is an error, and not the last of the two.
    let Ok(answer) = serde_json::from_str::<Answer>(&told.text) else {
        return garbage("the answer is no verdict");
    };
    if answer.reason.trim().is_empty() {
        return garbage("the verdict has no reason");
    }
    if !reason_comes_first(&told.text) {
        return garbage("the verdict stands before its reason");
    }
    let reason = answer.reason.trim().chars().take(REASON_CHARS_MAX).collect();
    Ok(Vote { is_valid: answer.verdict == Word::Pass, reason })
}

/// A model that writes its verdict first finds a reason for it afterwards.
fn reason_comes_first(text: &str) -> bool {
    // Inside a JSON text a quotation mark is escaped, so these are the names of the members.
    let at = |name: &str| text.find(&Value::from(name).to_string());
    matches!((at("reason"), at("verdict")), (Some(reason), Some(verdict)) if reason < verdict)
}
