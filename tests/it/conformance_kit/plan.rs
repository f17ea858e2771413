//! What a scenario asks for: a document, an input, and what must come of it. The steps are those of
//! the kit's own README; a step that is not there is an error.

use serde_json::Value;

use super::gherkin::{Scenario, Step};

/// A scenario, understood.
#[derive(Debug)]
pub struct Plan {
    /// The workflow document, as it is written.
    pub definition: String,
    /// The input, if the scenario gives one.
    pub input: Option<Value>,
    pub expectations: Vec<(usize, Expectation)>,
}

/// What must come of it.
#[derive(Debug, PartialEq)]
pub enum Expectation {
    Cancels,
    /// With this output, if one is given.
    Completes(Option<Value>),
    /// With an error that has these members, if some are given.
    Faults(Option<Value>),
    HasProperties(Vec<String>),
    PropertyIs(String, Value),
    PropertyHolds(String, usize),
    RunsFirst(String),
    RunsLast(String),
    /// The first task runs before the second.
    InOrder(String, String),
    TaskCancels(String),
    TaskCompletes(String, Option<Value>),
    TaskFaults(String, Option<Value>),
}

/// Understands every step; an error names the line of the first that is not understood.
pub fn plan(scenario: &Scenario) -> Result<Plan, String> {
    let (mut definition, mut input, mut executed) = (None, None, false);
    let mut expectations = Vec::new();
    for step in &scenario.steps {
        let told = |problem: &str| format!("line {}: {problem}: {}", step.line, step.text);
        let mut document = step.document.as_deref();
        match step.text.as_str() {
            "a workflow with definition:" if !executed => {
                definition = document.take().map(str::to_owned);
            }
            "given the workflow input is:" | "the workflow input is:" if !executed => {
                input = value(&mut document).map_err(|error| told(&error))?;
            }
            "the workflow is executed" if !executed => executed = true,
            _ if executed => {
                let found = expectation(step, &mut document).map_err(|error| told(&error))?;
                expectations.push((step.line, found));
            }
            _ => return Err(told("not understood before the workflow is executed")),
        }
        if document.is_some() {
            return Err(told("takes no document"));
        }
    }
    let definition = definition.ok_or("no workflow is defined")?;
    if expectations.is_empty() {
        return Err("nothing is expected".to_owned());
    }
    Ok(Plan { definition, input, expectations })
}

fn expectation(step: &Step, document: &mut Option<&str>) -> Result<Expectation, String> {
    let (subject, verb) = step.text.split_once(" should ").ok_or("not understood")?;
    if subject == "the workflow output" {
        return about_output(verb, document);
    }
    let is_workflow = subject == "the workflow";
    let task = subject.to_owned();
    if !is_workflow && subject.contains(' ') {
        return Err("not understood".to_owned());
    }
    Ok(match verb {
        "cancel" if is_workflow => Expectation::Cancels,
        "cancel" => Expectation::TaskCancels(task),
        "complete" if is_workflow => Expectation::Completes(None),
        "complete" => Expectation::TaskCompletes(task, None),
        "complete with output:" if is_workflow => Expectation::Completes(Some(given(document)?)),
        "complete with output:" => Expectation::TaskCompletes(task, Some(given(document)?)),
        "fault" if is_workflow => Expectation::Faults(None),
        "fault" => Expectation::TaskFaults(task, None),
        "fault with error:" if is_workflow => Expectation::Faults(Some(given(document)?)),
        "fault with error:" => Expectation::TaskFaults(task, Some(given(document)?)),
        "run first" if !is_workflow => Expectation::RunsFirst(task),
        "run last" if !is_workflow => Expectation::RunsLast(task),
        other => match other.strip_prefix("run ").and_then(|rest| rest.split_once(' ')) {
            Some(("before", then)) => Expectation::InOrder(task, then.to_owned()),
            Some(("after", before)) => Expectation::InOrder(before.to_owned(), task),
            _ => return Err("not understood".to_owned()),
        },
    })
}

fn about_output(verb: &str, document: &mut Option<&str>) -> Result<Expectation, String> {
    let unknown = "not understood";
    if let Some(list) = verb.strip_prefix("have properties ") {
        return list.split(", ").map(quoted).collect::<Option<_>>().map_or_else(
            || Err(unknown.to_owned()),
            |paths| Ok(Expectation::HasProperties(paths)),
        );
    }
    let rest = verb.strip_prefix("have a ").ok_or(unknown)?;
    let (path, verb) = rest.split_once(" property ").ok_or(unknown)?;
    let path = quoted(path).ok_or(unknown)?;
    if verb == "with value:" {
        return Ok(Expectation::PropertyIs(path, given(document)?));
    }
    let count = verb.strip_prefix("containing ").and_then(|rest| rest.strip_suffix(" items"));
    let count = count.and_then(|count| count.parse().ok()).ok_or(unknown)?;
    Ok(Expectation::PropertyHolds(path, count))
}

fn quoted(text: &str) -> Option<String> {
    text.strip_prefix('\'')?.strip_suffix('\'').map(str::to_owned)
}

fn given(document: &mut Option<&str>) -> Result<Value, String> {
    value(document)?.ok_or_else(|| "needs a document".to_owned())
}

fn value(document: &mut Option<&str>) -> Result<Option<Value>, String> {
    let parsed = document.take().map(serde_saphyr::from_str::<Value>).transpose();
    parsed.map_err(|error| format!("no YAML ({error})"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn understood(text: &str, document: Option<&str>) -> Result<Expectation, String> {
        let step = |text: &str, document: Option<&str>| Step {
            line: 1,
            text: text.to_owned(),
            document: document.map(str::to_owned),
        };
        let steps = vec![
            step("a workflow with definition:", Some("do: []")),
            step("the workflow is executed", None),
            step(text, document),
        ];
        let mut plan = plan(&Scenario { name: "S".to_owned(), steps })?;
        Ok(plan.expectations.remove(0).1)
    }

    #[test]
    fn every_step_of_the_kit_is_known() {
        use Expectation::*;
        let task = || "paint".to_owned();
        let path = || "a.b".to_owned();
        let cases = [
            ("the workflow should cancel", None, Cancels),
            ("the workflow should complete", None, Completes(None)),
            ("the workflow should complete with output:", Some("1"), Completes(Some(json!(1)))),
            ("the workflow should fault", None, Faults(None)),
            (
                "the workflow should fault with error:",
                Some("a: b"),
                Faults(Some(json!({"a": "b"}))),
            ),
            (
                "the workflow output should have properties 'a.b', 'c'",
                None,
                HasProperties(vec![path(), "c".to_owned()]),
            ),
            (
                "the workflow output should have a 'a.b' property with value:",
                Some("x"),
                PropertyIs(path(), json!("x")),
            ),
            (
                "the workflow output should have a 'a.b' property containing 2 items",
                None,
                PropertyHolds(path(), 2),
            ),
            ("paint should run first", None, RunsFirst(task())),
            ("paint should run last", None, RunsLast(task())),
            ("paint should run before dry", None, InOrder(task(), "dry".to_owned())),
            ("dry should run after paint", None, InOrder(task(), "dry".to_owned())),
            ("paint should cancel", None, TaskCancels(task())),
            ("paint should complete", None, TaskCompletes(task(), None)),
            (
                "paint should complete with output:",
                Some("[]"),
                TaskCompletes(task(), Some(json!([]))),
            ),
            ("paint should fault", None, TaskFaults(task(), None)),
            (
                "paint should fault with error:",
                Some("status: 1"),
                TaskFaults(task(), Some(json!({"status": 1}))),
            ),
        ];
        for (text, document, expected) in cases {
            assert_eq!(understood(text, document), Ok(expected), "{text}");
        }
    }

    #[test]
    fn another_step_is_an_error() {
        let cases = [
            ("the workflow should sing", None),
            ("the workflow should run first", None),
            ("the workflow is executed", None),
            ("the workflow should complete", Some("1")),
            ("the workflow should complete with output:", None),
            ("the workflow output should have properties a, 'b'", None),
            ("the workflow output should have a 'b' property containing some items", None),
            ("my paint should run first", None),
            ("paint should run around dry", None),
        ];
        for (text, document) in cases {
            assert!(understood(text, document).is_err(), "{text}");
        }
    }
}
