//! What is decided about: the form, edits, some of the files, and how often a task is sent back.

use std::sync::Arc;

use holdpoint::model::checkpoint::Verdict;
use holdpoint::model::command::{Command, DecideCheckpoint};
use holdpoint::model::refusal::Refusal;
use serde_json::{Value, json};

use super::people::{approve, decide, gate, result, reviewer, told, told_why, waiting, wish};
use super::world::{World, definition};

#[test]
fn an_input_fits_the_form_before_the_job_goes_on() {
    let form = json!({
        "type": "object", "required": ["amount"], "additionalProperties": false,
        "properties": { "amount": { "type": "integer", "minimum": 1 } },
    });
    let mut world = waiting(&json!({ "form": form }), json!({}));
    let with = |world: &World, input: Option<Value>| {
        let input = input.map(Arc::new);
        Command::Decide(DecideCheckpoint {
            input,
            ..wish(world, reviewer("ann"), Verdict::Approve)
        })
    };
    let wrong = with(&world, Some(json!({ "amount": 0, "note": "x" })));
    let Err(Refusal::Form { violations }) = told_why(&mut world, wrong) else {
        panic!("it was taken")
    };
    let pointers: Vec<&str> = violations.iter().map(|(pointer, _)| &**pointer).collect();
    assert!(pointers.contains(&"/amount"), "{violations:?}");
    let without = with(&world, None);
    assert_eq!(told(&mut world, without), Err("invalid-form"));
    assert_eq!(
        decide(&mut world.clone(), reviewer("ann"), Verdict::Reject),
        Ok(vec!["decided", "rejected"]),
        "a no needs no form"
    );
    let right = with(&world, Some(json!({ "amount": 3 })));
    assert_eq!(told(&mut world, right), Ok(vec!["decided"]));
    assert_eq!(result(&world)["input"], json!({ "amount": 3 }));
}

#[test]
fn an_edit_stays_inside_and_voids_what_was_said_before() {
    let with = json!({ "quorum": 2, "editable": ["/files/0/content", "/note"] });
    let shown = json!({ "files": [{ "path": "a", "content": "x" }], "note": "n", "fixed": 1 });
    let mut world = waiting(&with, shown.clone());
    let before = gate(&world).digest;
    assert_eq!(approve(&mut world, "ann"), Ok(vec!["voted"]));
    let edited = |change: &dyn Fn(&mut Value)| {
        let mut value = shown.clone();
        change(&mut value);
        Some(Arc::new(value))
    };
    let outside = edited(&|value| value["fixed"] = json!(2));
    let outside =
        DecideCheckpoint { edit: outside, ..wish(&world, reviewer("bob"), Verdict::Approve) };
    let Err(Refusal::NotEditable { outside, .. }) = told_why(&mut world, Command::Decide(outside))
    else {
        panic!("it was taken")
    };
    assert_eq!(outside, ["/fixed"]);
    let longer = edited(&|value| value["files"].as_array_mut().unwrap().push(json!({})));
    let longer =
        DecideCheckpoint { edit: longer, ..wish(&world, reviewer("bob"), Verdict::Approve) };
    assert_eq!(told(&mut world, Command::Decide(longer)), Err("not-editable"));
    let rejected = edited(&|value| value["note"] = json!("m"));
    let rejected =
        DecideCheckpoint { edit: rejected, ..wish(&world, reviewer("bob"), Verdict::Reject) };
    assert_eq!(told(&mut world, Command::Decide(rejected)), Err("bad-decision"));
    let inside = edited(&|value| value["files"][0]["content"] = json!("y"));
    let inside =
        DecideCheckpoint { edit: inside, ..wish(&world, reviewer("bob"), Verdict::Approve) };
    let unseen = DecideCheckpoint { digest: None, ..inside.clone() };
    assert_eq!(told(&mut world, Command::Decide(unseen)), Err("digest-needed"));
    assert_eq!(told(&mut world, Command::Decide(inside.clone())), Ok(vec!["edited", "voted"]));
    assert_eq!(told(&mut world, Command::Decide(inside)), Ok(vec![]), "the same again");
    let row = gate(&world);
    assert_ne!(row.digest, before);
    assert_eq!(row.votes.len(), 1, "ann saw something else");
    assert_eq!((row.edits[0].from, row.edits[0].digest), (before, row.digest));
    assert_eq!(row.edits[0].changes[0].pointer, "/files/0/content");
    let old = DecideCheckpoint {
        digest: Some(before),
        ..wish(&world, reviewer("ann"), Verdict::Approve)
    };
    assert_eq!(told(&mut world, Command::Decide(old)), Err("wrong-digest"));
    assert_eq!(approve(&mut world, "ann"), Ok(vec!["decided"]));
    assert_eq!(result(&world)["value"]["files"][0]["content"], json!("y"));
}

#[test]
fn some_files_are_approved_and_the_others_are_not() {
    let file = |path: &str| json!({ "path": path, "content": "x" });
    let shown = json!({ "files": [file("a"), file("b"), file("c")], "more": 1 });
    let choose = |world: &World, who: &str, files: &[&str]| {
        let files = Some(files.iter().map(|path| (*path).to_owned()).collect());
        let wish = wish(world, reviewer(who), Verdict::Approve);
        Command::Decide(DecideCheckpoint { files, ..wish })
    };
    let mut world = waiting(&json!({}), shown.clone());
    for wrong in [&["a", "d"][..], &[]] {
        let wrong = choose(&world, "ann", wrong);
        assert_eq!(told(&mut world, wrong), Err("bad-decision"));
    }
    let some = choose(&world, "ann", &["c", "a", "a"]);
    assert_eq!(told(&mut world, some), Ok(vec!["decided"]));
    let value = &result(&world)["value"];
    assert_eq!(value, &json!({ "files": [file("a"), file("c")], "more": 1 }));
    assert_eq!(result(&world)["notApproved"], json!(["b"]));
    // Of a quorum, what everybody approves of.
    let mut world = waiting(&json!({ "quorum": 2 }), shown);
    let first = choose(&world, "ann", &["a", "b"]);
    assert_eq!(told(&mut world, first), Ok(vec!["voted"]));
    let nothing = choose(&world, "bob", &["c"]);
    assert_eq!(told(&mut world, nothing), Err("bad-decision"));
    let second = choose(&world, "bob", &["b", "c"]);
    assert_eq!(told(&mut world, second), Ok(vec!["decided"]));
    assert_eq!(result(&world)["value"]["files"], json!([file("b")]));
    let mut world = waiting(&json!({}), json!({ "n": 1 }));
    let none = choose(&world, "ann", &["a"]);
    assert_eq!(told(&mut world, none), Err("bad-decision"), "no files are shown");
}

#[test]
fn a_task_is_sent_back_only_so_often() {
    let gate = json!({ "call": "checkpoint", "with": { "title": "ok?", "reworks": 2 } });
    let catch = json!({ "errors": { "with": { "type": "urn:holdpoint:errors:sent-back" } } });
    let again = json!({ "try": [{ "gate": gate }], "catch": catch });
    let parts = json!({ "do": [{
        "rework": { "for": { "in": "[range(9)]" }, "do": [{ "again": again }] },
    }] });
    let mut world = World::begun(definition(&parts), json!({}));
    let reference = "/do/0/rework/do/0/again/try/0/gate";
    let send_back = |world: &mut World| {
        let row = world.checkpoint(reference).expect("a checkpoint");
        let wish = DecideCheckpoint::new(row.id, Verdict::SendBack, reviewer("ann"));
        let heard = told(world, Command::Decide(wish)).map(|events| events[0]);
        (row.round, heard)
    };
    assert_eq!(send_back(&mut world), (0, Ok("decided")));
    assert_eq!(send_back(&mut world), (1, Ok("decided")));
    assert_eq!(send_back(&mut world), (2, Err("reworks-spent")));
    let row = world.checkpoint(reference).unwrap();
    let yes = DecideCheckpoint::new(row.id, Verdict::Approve, reviewer("ann"));
    assert!(world.send(Command::Decide(yes)).is_ok());
}
