//! What came of a scenario, as the API tells it, held against what must come of it.

use serde::Deserialize;
use serde_json::Value;

use super::plan::Expectation;

/// What came of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// `completed`, `faulted`, `cancelled`.
    pub phase: String,
    #[serde(default)]
    pub result: Value,
    #[serde(default)]
    pub error: Value,
    /// The tasks in order of start.
    #[serde(default)]
    pub timeline: Vec<Task>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    pub name: String,
    pub phase: String,
    /// RFC 3339 in UTC with milliseconds: texts in the order of times.
    pub started_at: String,
    pub ended_at: Option<String>,
    #[serde(default)]
    pub output: Value,
    #[serde(default)]
    pub error: Value,
}

impl Outcome {
    /// Does it keep what is expected? An error says what came instead.
    pub fn keeps(&self, expectation: &Expectation) -> Result<(), String> {
        match expectation {
            Expectation::Cancels => self.ended("cancelled"),
            Expectation::Completes(output) => {
                self.ended("completed")?;
                same("the output", &self.result, output.as_ref())
            }
            Expectation::Faults(error) => {
                self.ended("faulted")?;
                includes(&self.error, error.as_ref())
            }
            Expectation::HasProperties(paths) => {
                self.ended("completed")?;
                paths.iter().try_for_each(|path| self.property(path).map(drop))
            }
            Expectation::PropertyIs(path, value) => {
                self.ended("completed")?;
                same(path, self.property(path)?, Some(value))
            }
            Expectation::PropertyHolds(path, count) => {
                self.ended("completed")?;
                match self.property(path)? {
                    Value::Array(items) if items.len() == *count => Ok(()),
                    other => Err(format!("{path} does not hold {count} items: {other}")),
                }
            }
            Expectation::RunsFirst(name) => self.stands(name, self.ran().next()),
            Expectation::RunsLast(name) => self.stands(name, self.ran().last()),
            Expectation::InOrder(before, after) => self.in_order(before, after),
            Expectation::TaskCancels(name) => self.task(name, "cancelled").map(drop),
            Expectation::TaskCompletes(name, output) => {
                let task = self.task(name, "completed")?;
                same(&format!("the output of {name}"), &task.output, output.as_ref())
            }
            Expectation::TaskFaults(name, error) => {
                includes(&self.task(name, "faulted")?.error, error.as_ref())
            }
        }
    }

    fn ended(&self, phase: &str) -> Result<(), String> {
        let told = || format!("the workflow is {}, not {phase}: {:#}", self.phase, self.error);
        if self.phase == phase { Ok(()) } else { Err(told()) }
    }

    fn property(&self, path: &str) -> Result<&Value, String> {
        let found = path.split('.').try_fold(&self.result, |value, name| value.get(name));
        found.ok_or_else(|| format!("the output has no {path}: {:#}", self.result))
    }

    /// The tasks that ran, in order of start.
    fn ran(&self) -> impl Iterator<Item = &Task> {
        self.timeline.iter().filter(|task| task.phase != "skipped")
    }

    fn stands(&self, name: &str, there: Option<&Task>) -> Result<(), String> {
        let found = there.map_or("nothing", |task| task.name.as_str());
        if found == name { Ok(()) } else { Err(format!("{found} stands there: {}", self.order())) }
    }

    fn in_order(&self, before: &str, after: &str) -> Result<(), String> {
        let told = || format!("{before} does not run before {after}: {}", self.order());
        let first = self.ran().filter(|task| task.name == before).last().ok_or_else(told)?;
        let mut rest = self.ran().skip_while(|task| !std::ptr::eq(*task, first)).skip(1);
        let next = rest.find(|task| task.name == after).ok_or_else(told)?;
        let ended = first.ended_at.as_ref().ok_or_else(told)?;
        if *ended <= next.started_at { Ok(()) } else { Err(told()) }
    }

    /// The last round of a task; it must be in this phase.
    fn task(&self, name: &str, phase: &str) -> Result<&Task, String> {
        let task = self.timeline.iter().rfind(|task| task.name == name);
        let found = task.map_or("nowhere", |task| task.phase.as_str());
        task.filter(|task| task.phase == phase)
            .ok_or_else(|| format!("{name} is {found}, not {phase}: {}", self.order()))
    }

    fn order(&self) -> String {
        let told = |task: &Task| {
            let ended = task.ended_at.as_deref().unwrap_or("…");
            format!("\n  {} {} {} to {ended}", task.name, task.phase, task.started_at)
        };
        self.timeline.iter().map(told).collect()
    }
}

fn same(what: &str, found: &Value, expected: Option<&Value>) -> Result<(), String> {
    match expected {
        Some(expected) if found != expected => Err(format!("{what} is {found}, not {expected}")),
        _ => Ok(()),
    }
}

/// An error may say more than is expected of it (its detail), and nothing else.
fn includes(error: &Value, expected: Option<&Value>) -> Result<(), String> {
    let mut members = expected.and_then(Value::as_object).into_iter().flatten();
    members.try_for_each(|(name, value)| same(name, &error[name.as_str()], Some(value)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outcome(phase: &str) -> Outcome {
        let task = |name: &str, phase: &str, from: &str, to: &str| {
            json!({"name": name, "phase": phase, "startedAt": from, "endedAt": to, "output": name,
                "error": {"status": 400}})
        };
        let timeline = [
            task("never", "skipped", "1", "1"),
            task("red", "completed", "1", "2"),
            task("green", "faulted", "2", "3"),
            task("blue", "cancelled", "3", "5"),
            task("grey", "completed", "4", "4"),
            task("last", "skipped", "5", "5"),
        ];
        let told = json!({"phase": phase, "result": {"a": {"b": [1]}}, "timeline": timeline,
            "error": {"type": "t", "status": 400, "detail": "d"}});
        serde_json::from_value(told).unwrap()
    }

    /// Each with what it holds of, and its twin that must be refused.
    #[test]
    fn every_expectation_can_fail() {
        use Expectation::*;
        let name = |name: &str| name.to_owned();
        let output = json!({"a": {"b": [1]}});
        let error = || Some(json!({"type": "t", "status": 400}));
        let cases = [
            ("cancelled", Cancels, Completes(None)),
            ("completed", Completes(None), Cancels),
            ("completed", Completes(Some(output)), Completes(Some(json!({"a": 1})))),
            ("completed", HasProperties(vec![name("a.b")]), HasProperties(vec![name("a.c")])),
            ("completed", PropertyIs(name("a.b"), json!([1])), PropertyIs(name("a.b"), json!([]))),
            ("completed", PropertyHolds(name("a.b"), 1), PropertyHolds(name("a.b"), 2)),
            ("completed", PropertyHolds(name("a.b"), 1), PropertyHolds(name("a"), 1)),
            ("faulted", Faults(None), PropertyHolds(name("a.b"), 1)),
            ("faulted", Faults(error()), Faults(Some(json!({"status": 401})))),
            ("faulted", Faults(error()), Faults(Some(json!({"instance": "/do/0/red"})))),
            ("completed", RunsFirst(name("red")), RunsFirst(name("never"))),
            ("completed", RunsLast(name("grey")), RunsLast(name("last"))),
            ("completed", InOrder(name("red"), name("blue")), InOrder(name("blue"), name("red"))),
            ("completed", InOrder(name("red"), name("grey")), InOrder(name("blue"), name("grey"))),
            ("completed", InOrder(name("red"), name("grey")), InOrder(name("red"), name("red"))),
            ("completed", TaskCancels(name("blue")), TaskCancels(name("red"))),
            ("completed", TaskCompletes(name("red"), None), TaskCompletes(name("green"), None)),
            (
                "completed",
                TaskCompletes(name("red"), Some(json!("red"))),
                TaskCompletes(name("red"), Some(json!("blue"))),
            ),
            ("completed", TaskFaults(name("green"), None), TaskFaults(name("nobody"), None)),
            (
                "completed",
                TaskFaults(name("green"), Some(json!({"status": 400}))),
                TaskFaults(name("green"), Some(json!({"status": 401}))),
            ),
        ];
        for (phase, holds, fails) in cases {
            let outcome = outcome(phase);
            assert_eq!(outcome.keeps(&holds), Ok(()), "{holds:?}");
            assert!(outcome.keeps(&fails).is_err(), "{fails:?}");
        }
    }
}
