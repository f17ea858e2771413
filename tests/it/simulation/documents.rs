//! The workflows of the simulation: every kind of waiting, in documents whose expressions are all
//! cheap, so that no decision leaves the one thread.

use serde_json::{Value, json};

/// Job types that clients order. The others are run by these.
pub const ORDERED: &[&str] = &[
    "calls", "retrying", "once", "gate", "escalate", "wait", "listen", "fork", "race", "parent",
    "detached", "loop", "long", "limited", "assigned", "review",
];

/// A call to the agent. `once` must not be repeated by the engine.
fn call(place: &str, method: &str) -> Value {
    let with = json!({ "method": method, "endpoint": format!("https://agent.test/{place}") });
    json!({ "call": "http", "with": with, "timeout": { "after": "PT3M" } })
}

fn checkpoint(title: &str, expiry: &str, on_expiry: &str) -> Value {
    json!({ "call": "checkpoint", "with": {
        "title": title, "show": { "title": title },
        "expiresAfter": expiry, "onExpiry": on_expiry,
    } })
}

fn patient(title: &str) -> Value {
    json!({ "call": "checkpoint", "with": { "title": title } })
}

fn run(name: &str, awaited: bool) -> Value {
    let workflow = json!({ "namespace": "simulation", "name": name, "version": "1.0.0" });
    json!({ "run": { "workflow": workflow, "await": awaited } })
}

/// Whatever goes wrong inside, the job goes on.
fn sheltered(tasks: Value) -> Value {
    json!({ "try": tasks, "catch": { "as": "error", "do": [
        { "note": { "set": { "caught": "${ $error.type }" } } },
    ] } })
}

fn retried(tasks: Value) -> Value {
    let retry = json!({
        "delay": "PT2S", "backoff": { "exponential": {} }, "limit": { "attempt": { "count": 4 } },
    });
    json!({ "try": tasks, "catch": { "retry": retry, "do": [
        { "gaveUp": { "set": { "gaveUp": true } } },
    ] } })
}

fn each(items: Value, tasks: Value) -> Value {
    json!({ "for": { "each": "item", "in": items }, "do": tasks })
}

fn listening() -> Value {
    let one = json!({ "one": { "with": { "type": "simulation.go" } } });
    let both = json!({ "all": [
        { "with": { "type": "simulation.go" } }, { "with": { "type": "simulation.on" } },
    ] });
    json!([
        { "hear": { "listen": { "to": one }, "timeout": { "after": "PT50M" } } },
        { "both": sheltered(json!([
            { "hear": { "listen": { "to": both }, "timeout": { "after": "PT40M" } } },
        ])) },
    ])
}

fn tasks(name: &str) -> Value {
    let get = call("get", "get");
    match name {
        "calls" => json!([
            { "one": get }, { "two": call("put", "put") }, { "three": call("more", "get") },
        ]),
        "retrying" => json!([{ "again": retried(json!([{ "ask": get }])) }]),
        "once" => json!([
            { "pay": sheltered(json!([{ "post": call("once", "post") }])) },
            { "look": checkpoint("Paid?", "PT2H", "approve") },
            { "payAgain": sheltered(json!([{ "post": call("once", "post") }])) },
        ]),
        "gate" => json!([
            { "draft": sheltered(json!([{ "ask": get }])) },
            { "ok": checkpoint("Good?", "PT10M", "reject") },
            { "publish": retried(json!([{ "put": call("publish", "put") }])) },
        ]),
        "escalate" => json!([{ "ok": checkpoint("Now?", "PT5M", "escalate") }]),
        "wait" => json!([{ "long": { "wait": "PT7M" } }, { "short": { "wait": "PT1S" } }]),
        "listen" => listening(),
        "fork" => json!([{ "all": { "fork": { "branches": [
            { "ask": get }, { "ok": patient("Both?") }, { "wait": { "wait": "PT1M" } },
            { "post": sheltered(json!([{ "post": call("once", "post") }])) },
        ] } } }]),
        "race" => json!([{ "race": { "fork": { "compete": true, "branches": [
            { "ask": sheltered(json!([{ "ask": get }])) }, { "ok": patient("Or you?") },
            { "down": run("leaf", true) },
        ] } } }, { "after": get }]),
        "parent" => json!([
            { "down": sheltered(json!([{ "down": run("middle", true) }])) }, { "after": get },
        ]),
        "detached" => json!([{ "down": run("leaf", false) }]),
        "middle" => json!([{ "down": run("leaf", true) }]),
        "leaf" => json!([{ "ask": get }, { "ok": checkpoint("Leaf?", "PT15M", "fault") }]),
        "loop" => json!([
            { "each": each(json!("${ [1, 2, 3] }"), json!([
                { "ask": retried(json!([{ "a": get }])) },
            ])) },
        ]),
        // More events than lie between two snapshots.
        "long" => {
            let items = format!("${{ {} }}", json!((0..40).collect::<Vec<u8>>()));
            json!([{ "each": each(json!(items), json!([
                { "ask": sheltered(json!([{ "a": get }])) },
            ])) }])
        }
        "limited" => json!([{ "short": sheltered(json!([
            { "ask": { "timeout": { "after": "PT20S" }, "do": [{ "a": get }, { "b": get }] } },
        ])) }, { "after": { "set": { "done": true } } }]),
        "assigned" => json!([{ "ask": get }]),
        "review" => json!([
            { "make": { "set": { "made": true } } },
            { "look": { "call": "checkpoint", "with": { "title": "Fine?", "blocking": false } } },
        ]),
        other => unreachable!("no workflow {other}"),
    }
}

/// The documents of these job types, and of the jobs that they run.
pub fn of(types: &[&str]) -> Vec<Value> {
    let inner: &[&str] =
        match types.iter().any(|name| ["race", "parent", "detached"].contains(name)) {
            true => &["middle", "leaf"],
            false => &[],
        };
    let names = inner.iter().chain(types);
    names
        .map(|name| {
            let assignment = if *name == "assigned" { "required" } else { "none" };
            json!({
                "document": {
                    "dsl": "1.0.3", "namespace": "simulation", "name": name, "version": "1.0.0",
                    "metadata": { "holdpoint": { "assignment": assignment } },
                },
                "do": tasks(name),
            })
        })
        .collect()
}
