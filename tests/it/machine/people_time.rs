//! What time does to a checkpoint, and what an admin does about it; what expressions give, what
//! people remark, and what earlier versions wrote.

use holdpoint::model::checkpoint::{Checkpoint, CheckpointStatus, Verdict};
use holdpoint::model::command::{Command, DecideCheckpoint};
use holdpoint::model::refusal::Refusal;
use holdpoint::model::status::Status;
use holdpoint::model::time::{Span, Timestamp};
use holdpoint::model::voter::Voter;
use serde_json::{Value, json};

use super::people::{HOUR, admin, approve, decide, gate, id, result, reviewer, told, waiting};
use super::world::{World, definition};

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
