//! Which kind a task is of, by the one member that says so.

use crate::dsl::check::{Check, Object};
use crate::dsl::definition::{DurationSpec, TaskKind};
use crate::dsl::expressions::Scopes;
use crate::dsl::suggest;
use crate::dsl::tasks::list::Place;
use crate::dsl::tasks::{
    call, emit, for_each, fork, list, listen, raise, run, set, switch, try_catch,
};

/// The members that make a task one of a kind, with the further members that it may have. `for` has
/// a `do` of its own, so it stands before it.
const KINDS: [(&str, &[&str]); 12] = [
    ("call", &["with"]),
    ("emit", &[]),
    ("for", &["while", "do"]),
    ("fork", &[]),
    ("listen", &["foreach"]),
    ("raise", &[]),
    ("run", &[]),
    ("set", &[]),
    ("switch", &[]),
    ("try", &["catch"]),
    ("wait", &[]),
    ("do", &[]),
];

/// The word that says what a task does: exactly one of them must be there.
pub(super) fn word(check: &mut Check<'_>, object: &Object) -> Option<&'static str> {
    let mut found: Vec<&'static str> =
        KINDS.iter().map(|(word, _)| *word).filter(|word| object.contains_key(*word)).collect();
    if found.contains(&"for") {
        found.retain(|word| *word != "do");
    }
    match found.as_slice() {
        [word] => Some(word),
        [] => {
            let words = || KINDS.iter().map(|(word, _)| *word);
            let near = object.keys().find_map(|name| suggest::nearest(name, words()));
            let hint = match near {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("one of {}", words().collect::<Vec<_>>().join(", ")),
            };
            check.defect_with("the task does not say what it does", hint);
            None
        }
        several => {
            check.defect_with(
                format!("the task is of several kinds: {}", several.join(", ")),
                "make a task of its own for each of them",
            );
            None
        }
    }
}

/// The members that a task of this kind may have, beside those of every task.
pub(super) fn members(word: &'static str) -> impl Iterator<Item = &'static str> {
    let further = KINDS.iter().find(|(kind, _)| *kind == word).map(|(_, further)| *further);
    std::iter::once(word).chain(further.unwrap_or_default().iter().copied())
}

/// Reads what a task of this kind does.
pub(super) fn read<'d>(
    check: &mut Check<'d>,
    word: &'static str,
    object: &'d Object,
    place: &Place<'_>,
    scopes: &Scopes,
    idempotent: Option<bool>,
) -> Option<TaskKind> {
    match word {
        "call" => call::read(check, object, scopes, idempotent),
        "for" => for_each::read(check, object, scopes),
        "listen" => listen::read(check, object, scopes),
        "try" => try_catch::read(check, object, scopes),
        _ => check.member(object, word, |check, value| match word {
            "emit" => emit::read(check, value, scopes),
            "fork" => fork::read(check, value, scopes),
            "raise" => raise::read(check, value, scopes),
            "run" => run::read(check, value, scopes),
            "set" => set::read(check, value, scopes),
            "switch" => switch::read(check, value, place, scopes),
            "wait" => wait(check.duration(value, &scopes.inside)),
            _ => list::list(check, value, scopes).map(|list| TaskKind::Do { list }),
        }),
    }
}

fn wait(duration: Option<DurationSpec>) -> Option<TaskKind> {
    Some(TaskKind::Wait { duration: duration? })
}
