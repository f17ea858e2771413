//! A change of what is shown, made with an approval. It touches nothing but what the document lets
//! people edit, and it voids the votes for what was shown before.

use std::sync::Arc;

use serde_json::Value;

use crate::dsl::canonical_hash;
use crate::machine::scratch::Scratch;
use crate::machine::weight;
use crate::model::checkpoint::{Changed, Checkpoint, Edit, Verdict};
use crate::model::command::DecideCheckpoint;
use crate::model::event::Event;
use crate::model::refusal::Refusal;

/// Most edits of one checkpoint: each is kept with its diff.
const EDITS_MAX: usize = 50;
/// Most bytes of the diffs of one checkpoint: they are kept with the job, whose run would fault
/// when its state grew too large.
const CHANGES_BYTES_MAX: usize = 1024 * 1024;
/// Most places that one edit changes: a person reads each of them.
const CHANGES_MAX: usize = 1_000;

impl Scratch<'_> {
    /// The fact of an edit, if the wish brings one that changes something.
    pub(super) fn checked_edit(
        &self,
        row: &Checkpoint,
        wish: &DecideCheckpoint,
    ) -> Result<Option<Event>, Refusal> {
        let Some(wanted) = wish.edit.as_ref().filter(|_| wish.verdict == Verdict::Approve) else {
            return Ok(None);
        };
        let bad = |message: String| Err(Refusal::BadDecision { member: "edit", message });
        if let Err(problem) = weight::check(wanted, "what the checkpoint shows") {
            return bad(problem.detail.unwrap_or_default());
        }
        let mut changes = Vec::new();
        compare(&row.shown, wanted, &mut String::new(), &mut changes);
        if changes.is_empty() {
            return Ok(None);
        }
        let is_allowed = |changed: &&Changed| {
            row.policy.editable.iter().any(|at| is_at_or_below(&changed.pointer, at))
        };
        let outside = changes.iter().filter(|changed| !is_allowed(changed));
        let outside: Vec<String> = outside.map(|changed| changed.pointer.clone()).collect();
        if !outside.is_empty() {
            let editable = row.policy.editable.clone();
            return Err(Refusal::NotEditable { editable, outside });
        }
        let kept: usize = row.edits.iter().flat_map(|edit| &edit.changes).map(bytes).sum();
        let brought: usize = changes.iter().map(bytes).sum();
        if row.edits.len() >= EDITS_MAX
            || changes.len() > CHANGES_MAX
            || kept + brought > CHANGES_BYTES_MAX
        {
            return bad(format!(
                "is more than is kept: {EDITS_MAX} edits, {CHANGES_MAX} places in each, and \
                 {CHANGES_BYTES_MAX} bytes of changes in all; send it back instead"
            ));
        }
        let edit = Edit {
            by: wish.voter.principal.clone(),
            at: self.now(),
            from: row.digest,
            digest: canonical_hash(wanted),
            changes,
        };
        let checkpoint = wish.checkpoint;
        Ok(Some(Event::Edited { checkpoint, edit, shown: wanted.clone() }))
    }
}

/// Is this the edit that the same person made last?
pub(super) fn edit_again(row: &Checkpoint, wish: &DecideCheckpoint) -> bool {
    let (Some(last), Some(wanted)) = (row.edits.last(), &wish.edit) else { return false };
    last.by == wish.voter.principal
        && last.digest == canonical_hash(wanted)
        && wish.digest.is_none_or(|given| given == last.from || given == last.digest)
}

fn bytes(changed: &Changed) -> usize {
    let values = [&changed.before, &changed.after].into_iter().flatten();
    changed.pointer.len() + values.map(|value| weight::of(value)).sum::<usize>()
}

fn is_at_or_below(pointer: &str, base: &str) -> bool {
    pointer.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Every place at which two values differ: members of objects, items of lists of the same length.
fn compare(before: &Value, after: &Value, pointer: &mut String, found: &mut Vec<Changed>) {
    if before == after {
        return;
    }
    let length = pointer.len();
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            for name in old.keys().chain(new.keys().filter(|name| !old.contains_key(*name))) {
                push(pointer, name);
                match (old.get(name), new.get(name)) {
                    (Some(old), Some(new)) => compare(old, new, pointer, found),
                    (old, new) => found.push(changed(pointer, old, new)),
                }
                pointer.truncate(length);
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                push(pointer, &index.to_string());
                compare(old, new, pointer, found);
                pointer.truncate(length);
            }
        }
        (old, new) => found.push(changed(pointer, Some(old), Some(new))),
    }
}

fn changed(pointer: &str, before: Option<&Value>, after: Option<&Value>) -> Changed {
    let shared = |value: Option<&Value>| value.map(|value| Arc::new(value.clone()));
    Changed { pointer: pointer.to_owned(), before: shared(before), after: shared(after) }
}

fn push(pointer: &mut String, token: &str) {
    pointer.push('/');
    pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_the_smallest_places_that_differ() {
        let before = json!({ "a": { "x/y": 1, "gone": 2 }, "list": [1, 2], "long": [1] });
        let after = json!({ "a": { "x/y": 3, "new": 4 }, "list": [1, 5], "long": [1, 2] });
        let mut found = Vec::new();
        compare(&before, &after, &mut String::new(), &mut found);
        let mut places: Vec<&str> = found.iter().map(|changed| &*changed.pointer).collect();
        places.sort_unstable();
        assert_eq!(places, ["/a/gone", "/a/new", "/a/x~1y", "/list/1", "/long"]);
    }

    #[test]
    fn a_name_that_begins_alike_is_not_below() {
        assert!(is_at_or_below("/files/0/content", "/files/0"));
        assert!(is_at_or_below("/files/0", "/files/0"));
        assert!(is_at_or_below("/files", ""));
        assert!(!is_at_or_below("/files/01", "/files/0"));
    }
}
