//! The outside work of one attempt: `call: http` and `write-files`, against servers and folders of
//! this test.

mod authentication;
mod failures;
mod files;
mod http;
mod secrets;
pub mod server;

use std::collections::BTreeMap;
use std::sync::Arc;

use holdpoint::calls::{Call, Caller, Function, Options, Outcome, Secrets};
use holdpoint::model::id::JobId;
use holdpoint::model::problem::{Kind, Problem};
use serde_json::Value;

/// Settings under which the servers of this test can be called.
pub fn local() -> Options {
    let allow = vec!["127.0.0.0/8".parse().expect("a network")];
    Options { allow, ..Options::default() }
}

pub fn caller(options: Options, secrets: &[(&str, Value)]) -> Caller {
    let secrets = secrets.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    let secrets = Secrets::from_values(secrets.collect::<BTreeMap<_, _>>());
    Caller::new(options, secrets).expect("a caller")
}

pub fn job() -> JobId {
    JobId::derived(&["calls"])
}

pub fn call(function: Function, arguments: Value) -> Call {
    Call { job: job(), key: "job/1/do.0/0/1".to_owned(), function, arguments: Arc::new(arguments) }
}

/// Runs one `call: http` and expects an output.
pub async fn output(caller: &Caller, arguments: Value) -> Value {
    match caller.run(&call(Function::Http, arguments)).await {
        Outcome::Succeeded(value) => value,
        Outcome::Failed(problem) => panic!("{problem:?}"),
    }
}

/// Runs one `call: http` and expects an error of this kind.
pub async fn failure(caller: &Caller, arguments: Value, kind: Kind) -> Problem {
    match caller.run(&call(Function::Http, arguments)).await {
        Outcome::Succeeded(value) => panic!("succeeded with {value}"),
        Outcome::Failed(problem) if problem.is(kind) => problem,
        Outcome::Failed(problem) => panic!("not {kind:?}: {problem:?}"),
    }
}

pub fn detail(problem: &Problem) -> &str {
    problem.detail.as_deref().unwrap_or_default()
}
