//! Unified diffs of shown files against their last approved version. Bounded: what is too large is
//! left out.

use std::time::Duration;

use serde_json::Value;
use similar::TextDiff;

use crate::api::checkpoint::FileDiff;
use crate::model::checkpoint::Changed;
use crate::model::limits::FILES_MAX;

/// Largest pair of texts that is compared, bytes: comparing costs the square of the changes at
/// worst.
const PAIR_BYTES_MAX: usize = 512 * 1024;
/// Longest time for one pair; after it the rest counts as replaced.
const PAIR_TIME_MAX: Duration = Duration::from_millis(100);
/// Longest text of all diffs together, bytes.
const DIFF_BYTES_MAX: usize = 1024 * 1024;
/// Longest time for all pairs together: an answer must not wait for a large set.
const SET_TIME_MAX: Duration = Duration::from_secs(2);

/// The diffs of `shown.files [{path, content, before?}]`; nothing when no files are shown. Blocks:
/// it computes.
pub fn of_files(shown: &Value) -> Option<Vec<FileDiff>> {
    let files = shown.get("files")?.as_array()?;
    let text = |file: &Value, name: &str| file.get(name).and_then(Value::as_str).map(str::to_owned);
    let mut left = DIFF_BYTES_MAX;
    let mut pairs_left = SET_TIME_MAX.as_millis() / PAIR_TIME_MAX.as_millis();
    let mut diffs = Vec::new();
    for file in files.iter().take(FILES_MAX) {
        let (Some(path), Some(after)) = (text(file, "path"), text(file, "content")) else {
            continue;
        };
        let before = text(file, "before").unwrap_or_default();
        let is_costly = !before.is_empty();
        let diff =
            if is_costly && pairs_left == 0 { None } else { unified(&path, &before, &after) };
        pairs_left = pairs_left.saturating_sub(u128::from(is_costly));
        let diff = diff.filter(|diff| diff.len() <= left);
        left -= diff.as_ref().map_or(0, String::len);
        diffs.push(FileDiff { path, diff });
    }
    Some(diffs)
}

/// The diff of a place that an edit changed; nothing when it is no text, or one that is too large
/// or of one line, which shows itself. Blocks: it computes.
pub fn of_edit(changed: &Changed) -> Option<String> {
    let before = changed.before.as_ref().and_then(|value| value.as_str())?;
    let after = changed.after.as_ref().and_then(|value| value.as_str())?;
    let is_short = !before.contains('\n') && !after.contains('\n');
    if is_short || before.len() + after.len() > PAIR_BYTES_MAX {
        return None;
    }
    let diff = TextDiff::configure().timeout(PAIR_TIME_MAX).diff_lines(before, after);
    Some(diff.unified_diff().context_radius(3).header("before", "after").to_string())
}

fn unified(path: &str, before: &str, after: &str) -> Option<String> {
    if before.len() + after.len() > PAIR_BYTES_MAX {
        return None;
    }
    let diff = TextDiff::configure().timeout(PAIR_TIME_MAX).diff_lines(before, after);
    let old = if before.is_empty() { "/dev/null".to_owned() } else { format!("a/{path}") };
    Some(diff.unified_diff().context_radius(3).header(&old, &format!("b/{path}")).to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn shows_what_changes_and_leaves_out_what_is_too_large() {
        let large = "x\n".repeat(PAIR_BYTES_MAX);
        let shown = json!({"files": [
            {"path": "new.txt", "content": "one\n"},
            {"path": "old.txt", "before": "one\ntwo\n", "content": "one\nthree\n"},
            {"path": "large.txt", "content": large},
            {"path": "no content"},
        ]});
        let diffs = of_files(&shown).expect("files are shown");
        let paths: Vec<&str> = diffs.iter().map(|diff| diff.path.as_str()).collect();
        assert_eq!(paths, ["new.txt", "old.txt", "large.txt"]);
        let text = |at: usize| diffs[at].diff.as_deref();
        assert_eq!(text(0), Some("--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1 @@\n+one\n"));
        let changed = "--- a/old.txt\n+++ b/old.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n";
        assert_eq!(text(1), Some(changed));
        assert_eq!(text(2), None);
        assert_eq!(of_files(&json!({"plan": 1})), None);
    }
}
