//! What a `call` can name: a call of the standard, a function of the document, or one of the
//! default catalog.

use crate::dsl::check::Check;
use crate::dsl::suggest;

/// What a `call` names.
pub(super) enum Callee<'d> {
    /// `call: http`.
    Http,
    /// A function under `use.functions`.
    Own(&'d str),
    /// `agent` of the default catalog.
    Agent,
    /// `checkpoint` of the default catalog.
    Checkpoint,
    /// `evaluate` of the default catalog.
    Evaluate,
    /// `write-files` of the default catalog.
    WriteFiles,
    /// `webhook` of the default catalog.
    Webhook,
}

/// Version of every function of the default catalog.
const CATALOG_VERSION: &str = "1.0.0";
/// Calls of the standard that this version does not make.
const LATER_CALLS: [&str; 5] = ["openapi", "a2a", "mcp", "asyncapi", "grpc"];
/// Functions of the default catalog.
const CATALOG: [&str; 5] = ["agent", "checkpoint", "evaluate", "webhook", "write-files"];

/// Finds what a `call` names, or notes why it names nothing.
pub(super) fn callee<'d>(check: &mut Check<'d>, name: &'d str) -> Option<Callee<'d>> {
    let functions = check.document.get("use").and_then(|parts| parts.get("functions"));
    let functions = functions.and_then(serde_json::Value::as_object);
    if name == "http" {
        return Some(Callee::Http);
    }
    if LATER_CALLS.contains(&name) {
        check.defect_with(
            format!("`call: {name}` comes second: this version does not make such calls"),
            "use `call: http`",
        );
        return None;
    }
    if functions.is_some_and(|functions| functions.contains_key(name)) {
        return Some(Callee::Own(name));
    }
    if name.contains("://") {
        check.defect_with(
            "functions by address come second: nothing is fetched",
            "copy the function to `use.functions`",
        );
        return None;
    }
    let (versioned, catalog) = name.split_once('@').unwrap_or((name, "default"));
    let (function, version) = versioned.split_once(':').unwrap_or((versioned, CATALOG_VERSION));
    if catalog != "default" {
        check.defect_with(
            format!("the catalog `{catalog}` is not there: catalogs by address come second"),
            "copy the function to `use.functions`",
        );
        return None;
    }
    let callee = match function {
        "agent" => Callee::Agent,
        "checkpoint" => Callee::Checkpoint,
        "evaluate" => Callee::Evaluate,
        "write-files" => Callee::WriteFiles,
        "webhook" => Callee::Webhook,
        _ => {
            let own = functions.into_iter().flatten().map(|(name, _)| name.as_str());
            let hint = suggest::hint(name, own.chain(CATALOG).chain(["http"]));
            check.defect(format!("there is no function `{name}`"), hint);
            return None;
        }
    };
    if version != CATALOG_VERSION {
        check.defect(
            format!("there is no version {version} of `{function}`"),
            Some(format!("write {function}:{CATALOG_VERSION}")),
        );
        return None;
    }
    Some(callee)
}
