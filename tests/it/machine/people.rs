//! The policy of a checkpoint, as the machine judges it: who may decide by which door, and what
//! every other wish of people leads to.

use std::sync::Arc;

use holdpoint::model::checkpoint::{Checkpoint, CheckpointStatus, Verdict};
use holdpoint::model::command::{Command, DecideCheckpoint};
use holdpoint::model::id::CheckpointId;
use holdpoint::model::principal::Principal;
use holdpoint::model::refusal::Refusal;
use holdpoint::model::status::Status;
use holdpoint::model::time::{Span, Timestamp};
use holdpoint::model::voter::{Door, Voter};
use serde_json::{Value, json};

use super::world::{World, definition};

pub const HOUR: Span = Span::from_secs(3_600);

/// A job of ada, requested by rita, that waits at a gate with these arguments and this input.
pub fn waiting(with: &Value, input: Value) -> World {
    let mut with = with.clone();
    with["title"] = json!("Go on?");
    let parts = json!({ "do": [{ "gate": { "call": "checkpoint", "with": with } }] });
    let mut world = World::created_with(definition(&parts), |spec| {
        spec.input = Arc::new(input);
        spec.requested_by = Some("rita".to_owned());
    });
    world.send(Command::Begin).unwrap();
    world
}

pub fn gate(world: &World) -> Arc<Checkpoint> {
    world.checkpoint("/do/0/gate").expect("a checkpoint")
}

/// A signed-in reviewer.
pub fn reviewer(id: &str) -> Voter {
    Voter::person(id, &["reviewer"], Door::Session)
}

fn admin(id: &str) -> Voter {
    Voter::person(id, &["admin"], Door::Session)
}

/// A decision about what is shown now.
pub fn wish(world: &World, voter: Voter, verdict: Verdict) -> DecideCheckpoint {
    let row = gate(world);
    DecideCheckpoint { digest: Some(row.digest), ..DecideCheckpoint::new(row.id, verdict, voter) }
}

/// Makes a wish; the names of the facts about people that follow, or the code of the refusal.
pub fn told(world: &mut World, command: Command) -> Result<Vec<&'static str>, &'static str> {
    told_why(world, command).map_err(|refusal| refusal.code())
}

fn told_why(world: &mut World, command: Command) -> Result<Vec<&'static str>, Refusal> {
    let events = world.send(command)?;
    let of_people = |name: &&str| {
        !(name.starts_with("task") || name.starts_with("run") || *name == "completed")
    };
    Ok(events.iter().map(|event| event.name()).filter(of_people).collect())
}

pub fn decide(
    world: &mut World,
    voter: Voter,
    verdict: Verdict,
) -> Result<Vec<&'static str>, &'static str> {
    let wish = wish(world, voter, verdict);
    told(world, Command::Decide(wish))
}

fn approve(world: &mut World, who: &str) -> Result<Vec<&'static str>, &'static str> {
    decide(world, reviewer(who), Verdict::Approve)
}

fn id(world: &World) -> CheckpointId {
    gate(world).id
}

fn result(world: &World) -> &Value {
    world.job().result.as_ref().expect("a result")
}

#[test]
fn a_quorum_takes_different_people_and_one_no_ends_it() {
    let mut world = waiting(&json!({ "quorum": 2 }), json!({}));
    let unseen =
        DecideCheckpoint { digest: None, ..wish(&world, reviewer("ann"), Verdict::Approve) };
    assert_eq!(told(&mut world, Command::Decide(unseen)), Err("digest-needed"));
    assert_eq!(approve(&mut world, "ann"), Ok(vec!["voted"]));
    assert_eq!(approve(&mut world, "ann"), Ok(vec![]), "the same person counts once");
    let waits = holdpoint::machine::job_row(world.job()).waiting_for.unwrap().text;
    assert_eq!(waits, "Waits for 1 more of 2 approvals of \"Go on?\" from reviewer");
    assert_eq!(decide(&mut world, reviewer("ann"), Verdict::Reject), Err("already-voted"));
    let mut vetoed = world.clone();
    assert_eq!(
        decide(&mut vetoed, reviewer("bob"), Verdict::Reject),
        Ok(vec!["decided", "rejected"])
    );
    assert_eq!(vetoed.job().status, Status::Rejected);
    assert_eq!(approve(&mut world, "bob"), Ok(vec!["decided"]));
    assert_eq!(world.job().status, Status::Completed);
    let by: Vec<&Value> =
        result(&world)["approvals"].as_array().unwrap().iter().map(|vote| &vote["by"]).collect();
    assert_eq!(by, ["ann", "bob"]);
    assert_eq!(approve(&mut world, "cy"), Ok(vec![]), "the same verdict changes nothing");
    assert_eq!(decide(&mut world, reviewer("cy"), Verdict::Reject), Err("already-decided"));
}

#[test]
fn four_eyes_makes_no_exception() {
    let with = json!({ "fourEyes": true, "editable": "/n" });
    let world = waiting(&with, json!({ "n": 1 }));
    for who in ["ada", "rita"] {
        for verdict in [Verdict::Approve, Verdict::Reject, Verdict::SendBack] {
            for role in ["reviewer", "admin"] {
                for door in [Door::Session, Door::Token, Door::System] {
                    let voter = Voter::person(who, &[role], door);
                    assert_eq!(decide(&mut world.clone(), voter, verdict), Err("four-eyes"));
                }
            }
        }
        let mut absent = reviewer("dan");
        absent.roles.clear();
        absent.acts_for = vec![who.to_owned()];
        assert_eq!(decide(&mut world.clone(), absent, Verdict::Approve), Err("not-assigned"));
        let (checkpoint, voter) = (id(&world), reviewer("ann"));
        let to = who.to_owned();
        let delegate = Command::Delegate { checkpoint, to, until: None, reason: None, voter };
        assert_eq!(told(&mut world.clone(), delegate), Err("four-eyes"));
    }
    // Another name of the same person is the same person.
    let mut alias = reviewer("another-id");
    alias.names.push("ADA".to_owned());
    assert_eq!(decide(&mut world.clone(), alias, Verdict::Approve), Err("four-eyes"));
    let mut plain = world.clone();
    assert_eq!(approve(&mut plain, "ann"), Ok(vec!["decided"]));
    // Who edits does not approve what they wrote, and may mend it.
    let mut world = world;
    for n in [2, 3] {
        let edit = Some(Arc::new(json!({ "n": n })));
        let edit = DecideCheckpoint { edit, ..wish(&world, reviewer("ann"), Verdict::Approve) };
        assert_eq!(told(&mut world, Command::Decide(edit.clone())), Ok(vec!["edited"]));
        assert_eq!(told(&mut world, Command::Decide(edit)), Ok(vec![]), "the same edit again");
    }
    assert_eq!(approve(&mut world, "ann"), Err("four-eyes"));
    assert_eq!(decide(&mut world, admin("ann"), Verdict::Approve), Err("four-eyes"));
    assert_eq!(approve(&mut world, "bob"), Ok(vec!["decided"]));
    assert_eq!(result(&world)["value"], json!({ "n": 3 }));
}

#[test]
fn only_people_decide_and_only_by_doors_that_lead_there() {
    let person = || Principal::Person("ann".to_owned());
    let agent = || Principal::Agent("writer".to_owned());
    let system = || Principal::system("worker");
    let rule = || Door::Rule { id: "small-changes".to_owned(), version: 2 };
    let link = |confirmed| Door::Link { confirmed };
    let (plain, linked) = (json!({}), json!({ "linkConfirm": true }));
    let (eyes, two) = (json!({ "fourEyes": true }), json!({ "quorum": 2 }));
    let approved = "decided";
    let table = [
        (&plain, person(), Door::Session, approved),
        (&plain, person(), Door::Token, approved),
        (&plain, person(), Door::System, approved),
        (&plain, person(), link(false), "wrong-door"),
        (&plain, person(), link(true), "wrong-door"),
        (&linked, person(), link(false), "wrong-door"),
        (&linked, person(), link(true), approved),
        (&plain, person(), rule(), "wrong-door"),
        (&plain, system(), rule(), approved),
        (&eyes, system(), rule(), "wrong-door"),
        (&two, system(), rule(), "wrong-door"),
        (&plain, system(), Door::System, "not-a-person"),
        (&plain, system(), Door::Session, "not-a-person"),
        (&plain, system(), Door::Token, "not-a-person"),
        (&linked, system(), link(true), "not-a-person"),
        (&plain, agent(), Door::Session, "not-a-person"),
        (&plain, agent(), Door::Token, "not-a-person"),
        (&plain, agent(), Door::System, "not-a-person"),
        (&linked, agent(), link(true), "not-a-person"),
        (&plain, agent(), rule(), "not-a-person"),
    ];
    for (with, principal, door, expected) in table {
        for verdict in [Verdict::Approve, Verdict::Reject, Verdict::SendBack] {
            let mut world = waiting(with, json!({}));
            let voter = Voter { principal: principal.clone(), door: door.clone(), ..admin("ann") };
            let heard = decide(&mut world, voter.clone(), verdict);
            let heard = heard.map_or_else(|code| code, |events| events[0]);
            assert_eq!(heard, expected, "{with} {principal:?} {door:?} {verdict}");
            // Beside deciding there are people who are signed in, and nobody else.
            let is_signed_in = matches!(door, Door::Session | Door::Token | Door::System);
            let is_person = matches!(principal, Principal::Person(_));
            let claim = Command::Claim { checkpoint: id(&world), voter };
            let mut world = waiting(with, json!({}));
            assert_eq!(told(&mut world, claim).is_ok(), is_signed_in && is_person);
        }
    }
}

#[test]
fn assignees_are_roles_groups_and_users() {
    let mut finance = Voter::person("ann", &["user"], Door::Session);
    finance.groups = vec!["finance".to_owned()];
    finance.names.push("Ann@Example.com".to_owned());
    let table = [
        (json!(["role:user"]), true),
        (json!(["user"]), true),
        (json!(["group:finance"]), true),
        (json!(["user:ann"]), true),
        (json!(["user:ann@example.com"]), true),
        (json!(["ann"]), true),
        (json!(["role:reviewer", "user:ann"]), true),
        (json!(["role:finance"]), false),
        (json!(["finance"]), false),
        (json!(["group:user"]), false),
        (json!(["user:annabel"]), false),
        (json!(["role:operator", "reviewer"]), false),
    ];
    for (assignees, is_meant) in table {
        let mut world = waiting(&json!({ "assignees": assignees }), json!({}));
        let expected = if is_meant { Ok(vec!["decided"]) } else { Err("not-assigned") };
        let heard = decide(&mut world.clone(), finance.clone(), Verdict::Approve);
        assert_eq!(heard, expected, "{assignees}");
        assert_eq!(decide(&mut world, admin("root"), Verdict::Approve), Ok(vec!["decided"]));
    }
}

#[test]
fn a_claim_keeps_others_out_for_a_while() {
    let mut world = waiting(&json!({ "quorum": 2 }), json!({}));
    let claim =
        |world: &World, who: &str| Command::Claim { checkpoint: id(world), voter: reviewer(who) };
    let release = |world: &World, voter: Voter| Command::Release { checkpoint: id(world), voter };
    let wish = claim(&world, "ann");
    assert_eq!(told(&mut world, wish.clone()), Ok(vec!["claimed"]));
    assert_eq!(told(&mut world, wish), Ok(vec![]));
    let others = claim(&world, "bob");
    assert_eq!(told(&mut world, others), Err("claimed-by-other"));
    assert_eq!(decide(&mut world, admin("root"), Verdict::Reject), Err("claimed-by-other"));
    let broken = release(&world, reviewer("bob"));
    assert_eq!(told(&mut world, broken), Err("claimed-by-other"));
    // It ends by itself, …
    let mut later = world.clone();
    later.pass(Span::from_secs(31 * 60));
    assert_eq!(approve(&mut later, "bob"), Ok(vec!["voted"]));
    // … by an admin, …
    let mut world_of_admin = world.clone();
    let broken = release(&world, admin("root"));
    assert_eq!(told(&mut world_of_admin, broken), Ok(vec!["released"]));
    assert_eq!(approve(&mut world_of_admin, "bob"), Ok(vec!["voted"]));
    // … and with a vote.
    assert_eq!(approve(&mut world, "ann"), Ok(vec!["voted"]));
    assert_eq!(approve(&mut world, "bob"), Ok(vec!["decided"]));
}

#[test]
fn a_delegated_right_counts_once_and_ends() {
    let with = json!({ "quorum": 2, "assignees": ["user:ann", "user:bob"] });
    let mut world = waiting(&with, json!({}));
    let until = Some(world.now.after(HOUR));
    let delegate = |world: &World, voter: Voter, to: &str| {
        let (checkpoint, to) = (id(world), to.to_owned());
        Command::Delegate { checkpoint, to, until, reason: Some("away".to_owned()), voter }
    };
    let zoe = || Voter { roles: Vec::new(), ..reviewer("zoe") };
    assert_eq!(decide(&mut world, zoe(), Verdict::Approve), Err("not-assigned"));
    let wish = delegate(&world, reviewer("cy"), "zoe");
    assert_eq!(told(&mut world, wish), Err("not-assigned"), "who has no right gives none");
    let wish = delegate(&world, reviewer("ann"), "zoe");
    assert_eq!(told(&mut world, wish.clone()), Ok(vec!["delegated"]));
    assert_eq!(told(&mut world, wish), Ok(vec![]));
    let wish = delegate(&world, zoe(), "max");
    assert_eq!(told(&mut world, wish), Err("bad-decision"), "and passes none on");
    let mut late = world.clone();
    late.pass(HOUR);
    assert_eq!(decide(&mut late, zoe(), Verdict::Approve), Err("not-assigned"));
    assert_eq!(decide(&mut world, zoe(), Verdict::Approve), Ok(vec!["voted"]));
    assert_eq!(gate(&world).votes[0].acts_for.as_deref(), Some("ann"));
    assert_eq!(approve(&mut world, "ann"), Err("standing-used"), "it is one vote for both");
    assert_eq!(approve(&mut world, "bob"), Ok(vec!["decided"]));
}

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

#[test]
fn people_are_reminded_and_others_asked_each_at_its_time() {
    let with = json!({
        "assignees": ["user:ann"], "expiresAfter": "PT8H", "remindAfter": "PT1H",
        "escalateAfter": "PT2H", "escalateTo": ["role:operator", "group:board"],
    });
    let mut world = waiting(&with, json!({}));
    let start = world.now;
    let at = |hours: u64| start.after(Span(HOUR.0 * hours));
    let mut late = world.clone();
    let mut seen = Vec::new();
    while let Some(wake) = world.due().wake {
        world.advance_clock(wake.since(world.now));
        let names = told(&mut world, Command::Tick).unwrap();
        seen.push((wake, names, gate(&world).assignees.len()));
        if gate(&world).status != CheckpointStatus::Pending {
            break;
        }
    }
    let names = |names: &[&'static str]| names.to_vec();
    assert_eq!(
        seen,
        [
            (at(1), names(&["reminded"]), 1),
            (at(2), names(&["escalated"]), 2),
            (at(4), names(&["escalated"]), 3),
            (at(8), names(&["expired", "rejected"]), 3),
        ]
    );
    // A process that was down catches up with what it missed.
    late.advance_clock(Span(HOUR.0 * 5));
    assert_eq!(told(&mut late, Command::Tick).unwrap(), ["reminded", "escalated", "escalated"]);
    assert_eq!(gate(&late).assignees, ["user:ann", "role:operator", "group:board"]);
    let mut of_board = reviewer("eve");
    of_board.groups.push("board".to_owned());
    assert_eq!(decide(&mut late, of_board, Verdict::Approve), Ok(vec!["decided"]));
}

fn rearm(world: &World, voter: Voter) -> Command {
    let reason = "a holiday".to_owned();
    Command::Rearm { checkpoint: id(world), expiry: HOUR, reason, voter }
}

#[test]
fn an_admin_gives_time_again() {
    let with = json!({ "expiresAfter": "PT2H", "remindAfter": "PT30M" });
    let mut world = waiting(&with, json!({ "n": 1 }));
    let by_reviewer = rearm(&world, reviewer("ann"));
    assert_eq!(told(&mut world, by_reviewer), Err("needs-role"));
    world.pass(HOUR);
    let wish = rearm(&world, admin("root"));
    assert_eq!(told(&mut world, wish), Ok(vec!["rearmed"]));
    assert_eq!(gate(&world).expires_at, Some(world.now.after(HOUR)));
    assert_eq!(gate(&world).remind_at, Some(world.now.after(Span(HOUR.0 / 2))));
    world.pass(HOUR);
    assert_eq!(world.job().status, Status::Rejected);
    assert_eq!(gate(&world).status, CheckpointStatus::Expired);
    assert!(gate(&world).decision.is_none(), "nobody said no");
    // The run stands where it stood, and goes on from there.
    let wish = rearm(&world, admin("root"));
    assert_eq!(told(&mut world, wish), Ok(vec!["rearmed"]));
    assert_eq!(world.job().status, Status::InProgress);
    assert_eq!(world.due().wake, Some(world.now.after(Span(HOUR.0 / 2))));
    assert_eq!(approve(&mut world, "ann"), Ok(vec!["decided"]));
    assert_eq!(world.job().status, Status::Completed);
    assert_eq!(result(&world)["value"], json!({ "n": 1 }));
    let wish = rearm(&world, admin("root"));
    assert_eq!(told(&mut world, wish), Err("checkpoint-closed"));
}

#[test]
fn an_expired_gate_comes_back_only_where_nothing_else_was_lost() {
    let gate = |with: Value| {
        let mut with = with;
        with["title"] = json!("ok?");
        with["expiresAfter"] = json!("PT1H");
        json!({ "call": "checkpoint", "with": with })
    };
    let post =
        json!({ "call": "http", "with": { "method": "post", "endpoint": "https://a.test/" } });
    let branches = json!([{ "gate": gate(json!({})) }, { "call": post }]);
    let table = [
        (json!([{ "a": gate(json!({})) }]), None),
        (json!([{ "a": gate(json!({ "onExpiry": "fault" })) }]), None),
        (json!([{ "a": { "do": [{ "b": gate(json!({})) }] } }]), None),
        (json!([{ "a": { "fork": { "branches": branches } } }]), Some("was cancelled")),
        (
            json!([{ "a": { "try": [{ "b": gate(json!({})) }], "catch": { "do": [
                { "c": { "raise": { "error": { "type": "urn:x", "status": 500 } } } }
            ] } } }]),
            Some("gone on without it"),
        ),
        (
            json!([{ "a": { "do": [{ "b": gate(json!({})) }], "timeout": { "after": "PT90M" } } }]),
            Some("`timeout`"),
        ),
        (json!([{ "a": gate(json!({ "onExpiry": "approve" })) }]), Some("gone on without it")),
    ];
    for (tasks, refused) in table {
        let mut world = World::begun(definition(&json!({ "do": tasks })), json!({}));
        world.pass(HOUR);
        world.advance_clock(HOUR);
        let row = world.job().checkpoints.values().next().unwrap().clone();
        assert_eq!(row.status, CheckpointStatus::Expired, "{tasks}");
        let (reason, voter) = ("a holiday".to_owned(), admin("root"));
        let wish = Command::Rearm { checkpoint: row.id, expiry: HOUR, reason, voter };
        match (world.send(wish), refused) {
            (Ok(_), None) => {
                assert_eq!(world.job().status, Status::InProgress, "{tasks}");
                let yes = DecideCheckpoint::new(row.id, Verdict::Approve, reviewer("ann"));
                world.send(Command::Decide(yes)).unwrap();
                assert_eq!(world.job().status, Status::Completed, "{tasks}");
            }
            (Err(Refusal::CheckpointClosed { hint, .. }), Some(why)) => {
                assert!(hint.contains(why) && hint.contains("resubmit"), "{tasks}: {hint}");
            }
            (heard, _) => panic!("{tasks}: {heard:?}"),
        }
    }
}

#[test]
fn an_expired_review_waits_again_also_after_the_end() {
    let mut world = waiting(&json!({ "blocking": false, "expiresAfter": "PT1H" }), json!({}));
    assert_eq!(world.job().status, Status::Completed);
    world.pass(HOUR);
    assert_eq!(gate(&world).status, CheckpointStatus::Expired);
    let wish = rearm(&world, admin("root"));
    assert_eq!(told(&mut world, wish), Ok(vec!["rearmed"]));
    assert_eq!(world.job().status, Status::Completed);
    assert_eq!(approve(&mut world, "ann"), Ok(vec!["decided"]));
}

#[test]
fn everything_may_come_from_the_input() {
    let with = json!({
        "assignees": "${ .who }", "quorum": "${ .many }", "fourEyes": "${ .many > 1 }",
        "form": "${ .form }", "editable": "${ .places }", "remindAfter": "${ .soon }",
        "escalateAfter": "${ .later }", "escalateTo": "${ .others }", "reworks": "${ .many }",
        "linkConfirm": "${ .many == 2 }", "expiresAfter": "${ .end }",
    });
    let input = json!({
        "who": ["group:finance"], "many": 2, "form": { "type": "object" }, "places": "/many",
        "soon": "PT1H", "later": "PT2H", "others": ["role:admin"], "end": "PT9H",
    });
    let world = waiting(&with, input.clone());
    let row = gate(&world);
    let policy = &row.policy;
    assert_eq!((policy.quorum, policy.four_eyes, policy.link_confirm), (2, true, true));
    assert_eq!((row.assignees.clone(), policy.reworks), (vec!["group:finance".to_owned()], 2));
    assert_eq!(policy.excluded, ["ada", "rita"]);
    assert_eq!(policy.editable, ["/many"]);
    assert_eq!(row.remind_at, Some(world.now.after(HOUR)));
    // What is wrong faults the task and says which member it is.
    for (name, value) in [
        ("who", json!([])),
        ("who", json!("ann")),
        ("who", json!(["team:x"])),
        ("many", json!(0)),
        ("many", json!("2")),
        ("form", json!({ "type": "thing" })),
        ("places", json!("many")),
        ("others", json!([7])),
        ("end", json!("tomorrow")),
    ] {
        let mut input = input.clone();
        input[name] = value.clone();
        let world = waiting(&with, input);
        assert_eq!(world.job().status, Status::Failed, "{name} = {value}");
        let error = world.job().error.as_ref().unwrap();
        assert!(error.kind.ends_with("expression"), "{error:?}");
    }
}

#[test]
fn comments_decide_nothing_and_are_bounded() {
    let mut world = waiting(&json!({}), json!({}));
    let comment = |world: &World, text: &str| {
        let (checkpoint, text) = (id(world), text.to_owned());
        Command::Comment { checkpoint, text, voter: Voter { roles: Vec::new(), ..reviewer("ada") } }
    };
    for empty in ["", "  ", &"x".repeat(4_097)] {
        let wish = comment(&world, empty);
        assert_eq!(told(&mut world, wish), Err("bad-decision"));
    }
    world.is_thorough = false;
    for number in 0..200 {
        let wish = comment(&world, &format!("remark {number}"));
        assert_eq!(told(&mut world, wish), Ok(vec!["commented"]));
    }
    let wish = comment(&world, "one more");
    assert_eq!(told(&mut world, wish), Err("bad-decision"));
    assert_eq!(approve(&mut world, "ann"), Ok(vec!["decided"]));
    let wish = comment(&world, "too late");
    assert_eq!(told(&mut world, wish), Err("checkpoint-closed"));
}

#[test]
fn a_checkpoint_of_an_earlier_version_is_decided_by_one_person() {
    let world = waiting(&json!({}), json!({}));
    let mut json = serde_json::to_value(&*gate(&world)).unwrap();
    for added in ["policy", "round", "votes", "claim", "edits", "generation", "remindAt"] {
        json.as_object_mut().unwrap().remove(added);
    }
    let read: Checkpoint = serde_json::from_value(json).unwrap();
    assert_eq!((read.policy.quorum, read.policy.four_eyes), (1, false));
    assert_eq!(read, *gate(&world));
    assert_eq!(read.claim_at(Timestamp(0)), None);
}
