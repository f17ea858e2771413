//! Every state and every wish: what follows, or why not. The table is compared exactly;
//! `UPDATE_GOLDEN=1` writes it anew.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use holdpoint::dsl::definition::Definition;
use holdpoint::machine::job_row;
use holdpoint::model::checkpoint::Verdict;
use holdpoint::model::command::{Command, DecideCheckpoint};
use holdpoint::model::event::Outcome;
use holdpoint::model::id::{CheckpointId, FrameId, JobId};
use holdpoint::model::job::FrameState;
use holdpoint::model::problem::{Kind, Problem};
use holdpoint::model::time::Span;
use holdpoint::model::voter::{ADMIN, Door, Voter};
use serde_json::{Value, json};

use super::world::{World, cloud_event, definition};

fn one(task: Value) -> Arc<Definition> {
    definition(&json!({ "do": [{ "task": task }] }))
}

fn get() -> Value {
    json!({ "call": "http", "with": { "method": "get", "endpoint": "https://a.test/" } })
}

fn post() -> Value {
    json!({ "call": "http", "with": { "method": "post", "endpoint": "https://a.test/" } })
}

fn gate() -> Value {
    json!({ "call": "checkpoint", "with": { "title": "ok" } })
}

fn needs_agent() -> Arc<Definition> {
    definition(&json!({
        "document": {
            "dsl": "1.0.3", "namespace": "test", "name": "scenario", "version": "0.1.0",
            "metadata": { "holdpoint": { "assignment": "required" } },
        },
        "do": [{ "task": get() }],
    }))
}

fn after(mut world: World, commands: Vec<Command>) -> World {
    for command in commands {
        world.send(command).unwrap();
    }
    world
}

fn begun(task: Value) -> World {
    World::begun(one(task), json!({}))
}

fn assign() -> Command {
    Command::Assign {
        agent: "a".to_owned(),
        inputs: Arc::new(json!({})),
        reason: None,
        report: None,
    }
}

fn suspend() -> Command {
    Command::Suspend { reason: "hold".to_owned() }
}

fn accept(frame: FrameId, attempt: u32) -> Command {
    Command::Accept {
        frame,
        attempt,
        status_url: Some("https://a.test/status".to_owned()),
        poll_after: Some(Span::from_secs(10)),
        expires_after: Span::from_secs(3600),
    }
}

fn raising(kind: Kind) -> World {
    begun(json!({ "raise": { "error": { "type": kind.uri(), "status": kind.status() } } }))
}

/// The states of the table, by name.
pub fn states() -> Vec<(&'static str, World)> {
    let mut states = plain_states();
    states.extend(board_states());
    states.extend(people_states());
    states
}

/// Those of checkpoints: votes, claims, and what nobody decided in time.
fn people_states() -> Vec<(&'static str, World)> {
    let gate = |with: Value| begun(json!({ "call": "checkpoint", "with": with }));
    let two = || gate(json!({ "title": "ok", "quorum": 2, "assignees": ["role:user"] }));
    let somebody = || Voter::person("bob", &["user"], Door::Session);
    let voted = || {
        let mut world = two();
        let row = world.checkpoint("/do/0/task").unwrap();
        let vote = DecideCheckpoint::new(row.id, Verdict::Approve, somebody());
        let vote = DecideCheckpoint { digest: Some(row.digest), ..vote };
        world.send(Command::Decide(vote)).unwrap();
        world
    };
    let claimed = || {
        let mut world = two();
        let checkpoint = world.checkpoint("/do/0/task").unwrap().id;
        world.send(Command::Claim { checkpoint, voter: somebody() }).unwrap();
        world
    };
    let expired = |then: &str| {
        let mut world = gate(json!({ "title": "ok", "onExpiry": then }));
        world.pass(Span::from_secs(24 * 3600));
        world
    };
    vec![
        ("gate with a vote", voted()),
        ("gate with a claim", claimed()),
        ("REJECTED by expiry", expired("reject")),
        ("FAILED by expiry", expired("fault")),
    ]
}

/// Those of the job board: searches for an agent, calls that wait, results to be judged.
fn board_states() -> Vec<(&'static str, World)> {
    let needy = || World::created(needs_agent(), json!({}));
    let asked = json!({ "call": "agent", "with": { "agent": "a" } });
    let to_call = |world: World, with: &dyn Fn(FrameId, u32) -> Command| {
        let (frame, attempt) = world.call("/do/0/task").unwrap();
        after(world, vec![with(frame, attempt)])
    };
    let waiting = || {
        to_call(begun(asked.clone()), &|frame, attempt| {
            let problem = Problem::new(Kind::Communication, "busy");
            Command::Retry { frame, attempt, problem, delay: Span::from_secs(60) }
        })
    };
    let accepted = || to_call(begun(asked.clone()), &accept);
    let polled = || {
        let mut world = accepted();
        world.pass(Span::from_secs(10));
        world
    };
    let unmatched = || {
        let report = Arc::new(json!({ "agents": [] }));
        let again_after = Some(Span::from_secs(60));
        after(
            needy(),
            vec![Command::Match, Command::FailMatching { round: 1, report, again_after }],
        )
    };
    vec![
        ("PENDING, matching", after(needy(), vec![Command::Match])),
        ("PENDING, no agent", unmatched()),
        ("call to be made again", waiting()),
        ("call made again, suspended", after(waiting(), vec![suspend()])),
        ("call accepted", accepted()),
        ("call polled", polled()),
        ("waits for a verdict", begun(json!({ "call": "evaluate" }))),
    ]
}

/// The outer life cycle first, then whatever a run can wait for.
fn plain_states() -> Vec<(&'static str, World)> {
    let listen = json!({ "listen": { "to": { "one": { "with": { "type": "ping" } } } } });
    let child = json!({
        "run": { "workflow": { "namespace": "test", "name": "other", "version": "1.0.0" } }
    });
    let again = json!({ "try": [{ "ask": get() }], "catch": { "retry": { "delay": "PT1M" } } });
    let review = json!({ "call": "checkpoint", "with": { "title": "look", "blocking": false } });
    let needy = || World::created(needs_agent(), json!({}));
    let manual = || World::created_with(needs_agent(), |spec| spec.auto_execute = false);
    let interrupted = || {
        let mut world = begun(post());
        let (frame, attempt) = world.call("/do/0/task").unwrap();
        let reason = "crash".to_owned();
        world.send(Command::Interrupt { frame, attempt, reason, repeatable: None }).unwrap();
        world
    };
    let retrying = || {
        let mut world = begun(again.clone());
        world.fail("/do/0/task/try/0/ask", Problem::new(Kind::Communication, "down")).unwrap();
        world
    };
    let failed = || {
        let mut world = begun(get());
        world.fail("/do/0/task", Problem::new(Kind::Communication, "down")).unwrap();
        world
    };
    let cancelled = vec![Command::Terminate { reason: "enough".to_owned() }];
    let orphaned = {
        let mut world = begun(child.clone());
        let child = world.child("/do/0/task").unwrap();
        world.send(Command::ConfirmChild { child }).unwrap();
        after(world, cancelled.clone())
    };
    vec![
        ("PENDING", World::created(one(get()), json!({}))),
        ("PENDING needs an agent", needy()),
        ("ASSIGNED", after(needy(), vec![assign()])),
        ("ASSIGNED by hand", after(manual(), vec![assign()])),
        ("ASSIGNED asked to start", after(manual(), vec![assign(), Command::Execute])),
        ("IN_PROGRESS", begun(get())),
        ("IN_PROGRESS assigned", after(needy(), vec![assign(), Command::Begin])),
        ("COMPLETED", begun(json!({ "set": { "n": 1 } }))),
        ("FAILED", raising(Kind::Runtime)),
        ("REJECTED", raising(Kind::Rejected)),
        ("RESUBMISSION_REQUIRED", raising(Kind::Unsatisfactory)),
        ("CANCELLED", after(begun(get()), cancelled)),
        ("resubmitted", after(failed(), vec![Command::Resubmit { reason: "again".to_owned() }])),
        ("waits for a gate", begun(gate())),
        ("gate, suspended", after(begun(gate()), vec![suspend()])),
        ("waits for a time", begun(json!({ "wait": "PT1M" }))),
        ("time, suspended", after(begun(json!({ "wait": "PT1M" })), vec![suspend()])),
        ("waits for an event", begun(listen.clone())),
        ("event, suspended", after(begun(listen), vec![suspend()])),
        ("waits for a child", begun(child)),
        ("waits for a retry", retrying()),
        ("retry, suspended", after(retrying(), vec![suspend()])),
        ("call, suspended", after(begun(get()), vec![suspend()])),
        ("call in doubt", interrupted()),
        ("doubt, suspended", after(interrupted(), vec![suspend()])),
        ("COMPLETED with a review", begun(review)),
        ("CANCELLED with an orphan", orphaned),
    ]
}

/// A call of the run, whether it is under way or waits.
fn a_call(world: &World) -> Option<(FrameId, u32)> {
    let frames = &world.job().run.as_ref()?.frames;
    frames.iter().find_map(|(id, frame)| match &frame.state {
        FrameState::Call { attempt, .. } => Some((*id, *attempt)),
        _ => None,
    })
}

/// Every wish, with arguments that fit the state where anything does.
pub fn wishes(world: &World) -> Vec<(&'static str, Command)> {
    let due = world.due();
    let (frame, attempt) = a_call(world).unwrap_or((FrameId(77), 1));
    let child = due.children.first().map(|child| child.child);
    let child = child.or(due.orphans.first().copied()).unwrap_or(JobId::derived(&["none"]));
    let row = world.job().checkpoints.values().next().cloned();
    let checkpoint = row.as_ref().map_or(CheckpointId::derived(&["none"]), |row| row.id);
    let verdict = |verdict| {
        Command::Decide(DecideCheckpoint {
            digest: row.as_ref().map(|row| row.digest),
            ..DecideCheckpoint::new(checkpoint, verdict, anybody())
        })
    };
    let data = || Arc::new(json!({ "n": 1 }));
    let reason = || "because".to_owned();
    let failed = || Outcome::Failed(Problem::new(Kind::Communication, "down"));
    let succeeded = || Outcome::Succeeded(data());
    vec![
        ("create", Command::Create(world.job().spec.clone())),
        ("assign", assign()),
        ("match", Command::Match),
        ("fail-match", fail_match(world)),
        ("unassign", Command::Unassign { reason: None }),
        ("execute", Command::Execute),
        ("begin", Command::Begin),
        ("settle: ok", Command::Settle { frame, attempt, outcome: succeeded() }),
        ("settle: failed", Command::Settle { frame, attempt, outcome: failed() }),
        ("retry", retry(frame, attempt)),
        ("accept", accept(frame, attempt)),
        ("retry-task", Command::RetryTask { reason: reason() }),
        ("interrupt", Command::Interrupt { frame, attempt, reason: reason(), repeatable: None }),
        ("confirm child", Command::ConfirmChild { child }),
        ("settle child: ok", Command::SettleChild { child, outcome: succeeded() }),
        ("settle child: failed", Command::SettleChild { child, outcome: failed() }),
        ("drop child", Command::DropChild { child }),
        ("approve", verdict(Verdict::Approve)),
        ("reject", verdict(Verdict::Reject)),
        ("send back", verdict(Verdict::SendBack)),
        ("claim", Command::Claim { checkpoint, voter: anybody() }),
        ("release", Command::Release { checkpoint, voter: anybody() }),
        ("delegate", delegate(checkpoint)),
        ("comment", Command::Comment { checkpoint, text: reason(), voter: anybody() }),
        ("rearm", rearm(checkpoint)),
        ("deliver", Command::Deliver(cloud_event(json!({ "data": 5 })))),
        ("tick", Command::Tick),
        ("tick a week later", Command::Tick),
        ("suspend", suspend()),
        ("resume", Command::Resume),
        ("terminate", Command::Terminate { reason: reason() }),
        ("resubmit", Command::Resubmit { reason: reason() }),
        ("force-complete", Command::ForceComplete { result: data(), reason: reason() }),
        ("reassign", Command::Reassign { agent: "b".to_owned(), inputs: data(), reason: reason() }),
        ("poison", Command::Poison { reason: reason() }),
    ]
}

/// Somebody who may do everything.
fn anybody() -> Voter {
    Voter::person("ada", &[ADMIN], Door::Session)
}

fn delegate(checkpoint: CheckpointId) -> Command {
    let (to, voter) = ("bob".to_owned(), anybody());
    Command::Delegate { checkpoint, to, until: None, reason: None, voter }
}

fn rearm(checkpoint: CheckpointId) -> Command {
    let (expiry, reason) = (Span::from_secs(3600), "because".to_owned());
    Command::Rearm { checkpoint, expiry, reason, voter: anybody() }
}

fn fail_match(world: &World) -> Command {
    let round = world.job().matching.round;
    let again_after = Some(Span::from_secs(60));
    Command::FailMatching { round, report: Arc::new(json!({ "agents": [] })), again_after }
}

fn retry(frame: FrameId, attempt: u32) -> Command {
    let problem = Problem::new(Kind::Communication, "busy");
    Command::Retry { frame, attempt, problem, delay: Span::from_secs(60) }
}

/// One cell: where the job stands after the wish and by which events, or the refusal.
pub fn cell(state: &World, name: &str, wish: Command) -> String {
    let mut world = state.clone();
    if name == "tick a week later" {
        world.advance_clock(Span::from_secs(7 * 24 * 3600));
    }
    match world.send(wish) {
        Ok(events) => {
            let names: Vec<&str> = events.iter().map(|event| event.name()).collect();
            let row = job_row(world.job());
            format!("{} {} [{}]", row.status, row.phase, names.join(" "))
        }
        Err(refusal) => format!("refused {}: {refusal}", refusal.code()),
    }
}

#[test]
fn every_wish_in_every_state_leads_where_the_table_says() {
    let states = states();
    let mut table = String::new();
    for (name, world) in &states {
        let row = job_row(world.job());
        table.push_str(&format!("## {name}: {} {}\n", row.status, row.phase));
        for (wish, command) in wishes(world) {
            table.push_str(&format!("{wish:<22}{}\n", cell(world, wish, command)));
        }
        table.push('\n');
    }
    let names: BTreeSet<&str> = states.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), states.len(), "two states have one name");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/transitions.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    for (line, (found, wanted)) in table.lines().zip(golden.lines()).enumerate() {
        assert_eq!(found, wanted, "line {} of {}", line + 1, path.display());
    }
    assert_eq!(table, golden, "the table has other lines than {}", path.display());
}
