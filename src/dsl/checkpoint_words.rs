//! What the members of a checkpoint's `with` may be, whether a document says it or an expression
//! gives it: one reading for both, so that a constant that passes never fails at run time.

use serde_json::Value;

use crate::model::checkpoint::{OnExpiry, REWORKS};
use crate::model::limits::NAME_BYTES_MAX;

/// Who may decide when the document does not say.
pub const ASSIGNEE_DEFAULT: &str = "reviewer";
/// Most names in a list of people: a person reads it.
pub const NAMES_MAX: usize = 100;
/// Most approvals of one checkpoint.
pub const QUORUM_MAX: u32 = 50;
/// Most send-backs of one task.
pub const REWORKS_MAX: u32 = 1_000;
/// Most places that may be edited.
pub const POINTERS_MAX: usize = 100;
/// What may stand before the name of somebody.
const KINDS: [&str; 3] = ["role", "group", "user"];

/// A member as the machine takes it, or what is wrong with it: a sentence's end.
pub type Read<T> = Result<T, String>;

/// `assignees`: roles, groups and users; null for the default.
pub fn assignees(value: &Value) -> Read<Vec<String>> {
    match value {
        Value::Null => Ok(vec![ASSIGNEE_DEFAULT.to_owned()]),
        Value::Array(list) if list.is_empty() => {
            Err("nobody could decide: the list is empty".to_owned())
        }
        other => names(other),
    }
}

/// `onExpiry`; null for the default.
pub fn on_expiry(value: &Value) -> Read<OnExpiry> {
    if value.is_null() {
        return Ok(OnExpiry::Reject);
    }
    let word = value.as_str().and_then(|word| word.parse().ok());
    word.ok_or_else(|| {
        let words: Vec<&str> = OnExpiry::ALL.iter().map(|word| word.as_str()).collect();
        format!("{} is none of {}", brief(value), words.join(", "))
    })
}

/// `exclude`: ids or addresses of who may not decide, whatever they are; null for nobody.
pub fn excluded(value: &Value) -> Read<Vec<String>> {
    let list = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) if list.len() <= NAMES_MAX => list,
        other => return Err(format!("{} is no list of up to {NAMES_MAX} ids", brief(other))),
    };
    let id = |value: &Value| {
        let id = value.as_str().filter(|id| !id.is_empty() && id.len() <= NAME_BYTES_MAX);
        id.map(str::to_owned).ok_or_else(|| format!("{} is no id", brief(value)))
    };
    list.iter().map(id).collect()
}

/// `escalateTo`: who is asked too, one after the other; null for nobody.
pub fn chain(value: &Value) -> Read<Vec<String>> {
    match value {
        Value::Null => Ok(Vec::new()),
        other => names(other),
    }
}

fn names(value: &Value) -> Read<Vec<String>> {
    let list = value.as_array().ok_or_else(|| format!("{} is no list of names", brief(value)))?;
    if list.len() > NAMES_MAX {
        return Err(format!("{} names are more than the {NAMES_MAX} that it may have", list.len()));
    }
    list.iter().map(|value| name(value).map(str::to_owned)).collect()
}

/// One name: `role:…`, `group:…`, `user:…`, or a bare role, id or address.
pub fn name(value: &Value) -> Read<&str> {
    let name = value.as_str().ok_or_else(|| format!("{} is no name", brief(value)))?;
    if name.trim().is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(format!("a name has from 1 to {NAME_BYTES_MAX} bytes"));
    }
    match name.split_once(':') {
        Some((kind, _)) if !KINDS.contains(&kind) => {
            Err(format!("`{name}` names nobody: before the colon stands role, group or user"))
        }
        Some((_, "")) => Err(format!("`{name}` names nobody: nothing follows the colon")),
        _ => Ok(name),
    }
}

/// `quorum`: approvals of different people; null for one.
pub fn quorum(value: &Value) -> Read<u32> {
    match value {
        Value::Null => Ok(1),
        other => number(other, 1, QUORUM_MAX),
    }
}

/// `reworks`: send-backs that are allowed; null for the default.
pub fn reworks(value: &Value) -> Read<u32> {
    match value {
        Value::Null => Ok(REWORKS),
        other => number(other, 0, REWORKS_MAX),
    }
}

/// `fourEyes` and `linkConfirm`; null for no.
pub fn flag(value: &Value) -> Read<bool> {
    match value {
        Value::Null => Ok(false),
        Value::Bool(flag) => Ok(*flag),
        other => Err(format!("{} is neither true nor false", brief(other))),
    }
}

/// `editable`: a JSON Pointer or a list of them; null for none.
pub fn pointers(value: &Value) -> Read<Vec<String>> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(list) if list.len() > POINTERS_MAX => {
            Err(format!("{} places are more than the {POINTERS_MAX} it may have", list.len()))
        }
        Value::Array(list) => list.iter().map(pointer).collect(),
        other => pointer(other).map(|pointer| vec![pointer]),
    }
}

fn pointer(value: &Value) -> Read<String> {
    let wrong = || format!("{} is no JSON Pointer such as /files/0/content", brief(value));
    let text = value.as_str().ok_or_else(wrong)?;
    let mut tokens = text.split('/');
    let begins = tokens.next() == Some("");
    let is_escaped =
        |token: &str| token.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    if begins && tokens.all(is_escaped) { Ok(text.to_owned()) } else { Err(wrong()) }
}

fn number(value: &Value, least: u32, most: u32) -> Read<u32> {
    let whole = value.as_u64().or_else(|| {
        let number = value.as_f64().filter(|number| number.fract() == 0.0 && *number >= 0.0)?;
        Some(number as u64)
    });
    let number = whole.and_then(|number| u32::try_from(number).ok());
    let number = number.filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("{} is no whole number from {least} to {most}", brief(value)))
}

/// A value as it is quoted in a message: never long.
fn brief(value: &Value) -> String {
    const CHARS_MAX: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
