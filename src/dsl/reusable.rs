//! `use`: the parts of a document that its tasks refer to by name.

use std::sync::Arc;

use serde_json::Value;

use crate::dsl::check::{Check, Object};
use crate::dsl::expressions::Scopes;
use crate::dsl::{authentication, errors, retry, suggest, tasks};

/// Kinds of calls of the standard; a function of the same name could never be called.
const CALLS: [&str; 6] = ["http", "openapi", "grpc", "asyncapi", "a2a", "mcp"];

/// Reads `use` but for the parts that `read_unused` checks, and gives the names of the secrets.
pub(super) fn read<'d>(check: &mut Check<'d>, value: &'d Value) -> Option<Vec<String>> {
    let kinds = [
        "authentications",
        "catalogs",
        "errors",
        "extensions",
        "functions",
        "retries",
        "secrets",
        "timeouts",
    ];
    let object = check.members(value, "`use`", &[], &kinds)?;
    refuse(check, object.get("catalogs"), "catalogs", "catalogs by address come second");
    refuse(check, object.get("extensions"), "extensions", "extensions are not supported");
    let secrets = check.member(object, "secrets", secrets);
    each(check, object, "functions", function);
    secrets
}

/// Checks the parts that nothing refers to. The others were checked for each reference, with the
/// variables that exist there: those of loops and of caught errors.
pub(super) fn read_unused<'d>(check: &mut Check<'d>, value: &'d Value) -> Option<()> {
    let object = value.as_object()?;
    let inside = Scopes::of_task().inside;
    for kind in ["authentications", "errors", "retries", "timeouts"] {
        each(check, object, kind, |check, name, value| match kind {
            _ if check.used.contains(&(kind.to_owned(), name.to_owned())) => {}
            "authentications" => drop(authentication::policy(check, value, &inside, false)),
            "errors" => drop(errors::definition(check, value, &inside)),
            "retries" => drop(retry::policy(check, value, &inside.with("error"))),
            _ => drop(check.timeout_value(value, &inside)),
        });
    }
    Some(())
}

fn refuse(check: &mut Check<'_>, value: Option<&Value>, kind: &str, message: &str) {
    let is_used = match value {
        Some(Value::Object(members)) => !members.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(_) => true,
        None => false,
    };
    if is_used {
        check.at(kind, |check| check.defect(format!("{message} in this version"), None));
    }
}

fn secrets<'d>(check: &mut Check<'d>, value: &'d Value) -> Option<Vec<String>> {
    let list = check.list(value, "`secrets`")?;
    let mut names: Vec<String> = Vec::new();
    for (index, value) in list.iter().enumerate() {
        check.at(&index.to_string(), |check| {
            if let Some(name) = check.text(value, "the name of a secret") {
                names.push(name.to_owned());
            }
        });
    }
    Some(names)
}

fn each<'d>(
    check: &mut Check<'d>,
    object: &'d Object,
    kind: &str,
    mut read: impl FnMut(&mut Check<'d>, &'d str, &'d Value),
) {
    let Some(value) = object.get(kind) else { return };
    check.at(kind, |check| {
        let what = format!("`{kind}`");
        for (name, value) in check.object(value, &what).into_iter().flatten() {
            check.at(name, |check| read(check, name, value));
        }
    });
}

/// A function is a task. Here it is only checked; its tasks are built for each call of it, so what
/// was built here is thrown away.
fn function<'d>(check: &mut Check<'d>, name: &'d str, value: &'d Value) {
    if CALLS.contains(&name) {
        check.defect_with(format!("`{name}` is a call of the standard"), "choose another name");
    }
    let list: Arc<str> = check.reference().into();
    check.is_function = true;
    tasks::alone(check, value, &list, 0, name);
    check.is_function = false;
    check.tasks.clear();
    check.lists.clear();
    check.task_count = 0;
}

impl<'d> Check<'d> {
    /// The reusable part of this kind and name.
    pub fn reusable(&mut self, kind: &str, name: &str) -> Option<&'d Value> {
        let parts = self.document.get("use").and_then(|parts| parts.get(kind));
        let parts = parts.and_then(Value::as_object);
        let found = parts.and_then(|parts| parts.get(name));
        self.used.insert((kind.to_owned(), name.to_owned()));
        if found.is_none() {
            let known = parts.into_iter().flatten().map(|(name, _)| name.as_str());
            let hint = suggest::hint(name, known);
            self.defect(format!("there is no `{name}` under `use.{kind}`"), hint);
        }
        found
    }

    /// Notes a defect unless this secret is listed under `use.secrets`.
    pub fn secret(&mut self, name: &str) {
        let listed = self.document.get("use").and_then(|parts| parts.get("secrets"));
        let mut listed = listed.and_then(Value::as_array).into_iter().flatten();
        if !listed.any(|secret| secret.as_str() == Some(name)) {
            self.defect_with(
                format!("the secret `{name}` is not listed under `use.secrets`"),
                format!("add `{name}` to `use.secrets`"),
            );
        }
    }
}
