//! Random documents, random wishes, a random clock. The world checks what must always hold after
//! each decision; `PROPTEST_CASES` raises the number of walks.

use holdpoint::model::command::Command;
use holdpoint::model::time::Span;
use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_json::{Value, json};

use super::matrix::wishes;
use super::world::{World, definition};

/// Walks when nothing is said: some seconds.
const CASES: u32 = 48;

fn leaf() -> impl Strategy<Value = Value> {
    let error = json!({ "raise": { "error": { "type": "urn:x", "status": 500 } } });
    let call = |method: &str| {
        let with = json!({ "method": method, "endpoint": "https://a.test/" });
        json!({ "call": "http", "with": with })
    };
    let child = json!({
        "run": { "workflow": { "namespace": "test", "name": "other", "version": "1.0.0" } }
    });
    let listen = json!({ "listen": { "to": { "any": [{ "with": { "type": "ping" } }] } } });
    let each = json!({
        "listen": { "to": { "any": [{ "with": { "type": "ping" } }], "until": "length >= 2" } },
        "foreach": { "do": [{ "tell": call("get") }] },
    });
    let event = json!({ "emit": { "event": { "with": { "source": "urn:me", "type": "told" } } } });
    let gate = |blocking: bool, then: &str| {
        let with = json!({
            "title": "ok", "blocking": blocking, "expiresAfter": "PT2H", "onExpiry": then,
        });
        json!({ "call": "checkpoint", "with": with })
    };
    let with = json!({
        "title": "ok", "quorum": 2, "editable": "", "expiresAfter": "PT3H", "remindAfter": "PT30M",
        "escalateAfter": "PT1H", "escalateTo": ["role:operator", "role:admin"],
    });
    let several = json!({ "call": "checkpoint", "with": with });
    let agent = json!({ "call": "agent", "with": { "agent": "a" } });
    let judged = |rule: &str| {
        let rules = json!([{ "name": "rule", "when": rule, "message": "not yet" }]);
        json!({ "call": "evaluate", "with": { "rules": rules, "criteria": "any" } })
    };
    proptest::sample::select(vec![
        agent.clone(),
        agent,
        judged(".n == 1"),
        json!({ "call": "evaluate", "with": { "judge": "human", "onExpiry": "approve" } }),
        json!({ "set": { "n": "${ (.n? // 0) + 1 }" } }),
        json!({ "set": { "n": 1 }, "if": "false" }),
        json!({ "set": { "n": 1 }, "export": { "as": "{ seen: . }" } }),
        error,
        call("get"),
        call("post"),
        json!({ "wait": "PT1H" }),
        gate(true, "reject"),
        gate(true, "escalate"),
        several,
        gate(false, "reject"),
        child,
        listen,
        each,
        event,
    ])
}

fn task() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(3, 24, 3, |inner| {
        let list = || proptest::collection::vec(inner.clone(), 1..4).prop_map(named);
        prop_oneof![
            list().prop_map(|list| json!({ "do": list })),
            (list(), any::<bool>()).prop_map(
                |(list, compete)| json!({ "fork": { "branches": list, "compete": compete } })
            ),
            (list(), 0..3u32).prop_map(|(list, rounds)| {
                json!({ "for": { "in": format!("[range({rounds})]") }, "do": list })
            }),
            (list(), list())
                .prop_map(|(list, rescue)| { json!({ "try": list, "catch": { "do": rescue } }) }),
            list().prop_map(|list| {
                let retry = json!({ "delay": "PT1M", "limit": { "attempt": { "count": 2 } } });
                json!({ "try": list, "catch": { "retry": retry } })
            }),
            (inner.clone(), proptest::sample::select(vec!["continue", "exit", "end"]))
                .prop_map(|(task, then)| with_member(task, "then", json!(then))),
            inner
                .clone()
                .prop_map(|task| { with_member(task, "timeout", json!({ "after": "PT90M" })) }),
        ]
    })
}

fn with_member(mut task: Value, name: &str, value: Value) -> Value {
    task[name] = value;
    task
}

fn named(tasks: Vec<Value>) -> Value {
    let tasks = tasks.into_iter().enumerate();
    tasks.map(|(index, task)| json!({ format!("t{index}"): task })).collect()
}

/// One wish of the matrix, made as often as its kind deserves, or time that passes.
fn stride(world: &mut World, kind: u8, choice: u8) {
    let wishes = wishes(world);
    let common = [
        "settle: ok",
        "settle: ok",
        "settle: failed",
        "approve",
        "approve",
        "reject",
        "send back",
        "rearm",
        "deliver",
        "confirm child",
        "settle child: ok",
        "interrupt",
        "retry",
        "accept",
        "tick",
    ];
    match kind % 8 {
        0..=4 => {
            let name = common[usize::from(choice) % common.len()];
            let wish = wishes.into_iter().find(|(wish, _)| *wish == name).unwrap();
            let _ = world.send(wish.1);
        }
        5 | 6 => {
            let minutes = [0, 1, 30, 60, 120][usize::from(choice) % 5];
            world.pass(Span::from_secs(minutes * 60));
        }
        _ => {
            let (_, wish) = wishes[usize::from(choice) % wishes.len()].clone();
            let _ = world.send(wish);
            // What ended may go on: a walk that stands still finds nothing.
            let _ = world.send(Command::Resume);
            let _ = world.send(Command::Begin);
        }
    }
}

fn config() -> Config {
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    config
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_walk_never_breaks_what_always_holds(
        tasks in proptest::collection::vec(task(), 1..4),
        has_judge in any::<bool>(),
        strides in proptest::collection::vec((any::<u8>(), any::<u8>()), 1..40),
    ) {
        let definition = definition(&json!({ "do": named(tasks) }));
        let mut world = World::begun(definition, json!({ "n": 0 }));
        world.environment.has_judge = has_judge;
        for (kind, choice) in strides {
            stride(&mut world, kind, choice);
        }
    }
}
