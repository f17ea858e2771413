//! The policy of a checkpoint, as the machine judges it: who may decide by which door, and what
//! every other wish of people leads to.

use std::sync::Arc;

use holdpoint::model::checkpoint::{Checkpoint, Verdict};
use holdpoint::model::command::{Command, DecideCheckpoint};
use holdpoint::model::id::CheckpointId;
use holdpoint::model::principal::Principal;
use holdpoint::model::refusal::Refusal;
use holdpoint::model::status::Status;
use holdpoint::model::time::Span;
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

pub fn admin(id: &str) -> Voter {
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

pub fn told_why(world: &mut World, command: Command) -> Result<Vec<&'static str>, Refusal> {
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

pub fn approve(world: &mut World, who: &str) -> Result<Vec<&'static str>, &'static str> {
    decide(world, reviewer(who), Verdict::Approve)
}

pub fn id(world: &World) -> CheckpointId {
    gate(world).id
}

pub fn result(world: &World) -> &Value {
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
fn who_stands_in_for_somebody_has_their_one_vote() {
    let with = json!({ "quorum": 2, "assignees": ["user:ann@x.org", "user:bob"] });
    let mut world = waiting(&with, json!({}));
    // Doors know absent people by all of their names.
    let names = || vec!["ann".to_owned(), "ann@x.org".to_owned()];
    let stand_in = |id: &str| Voter { roles: Vec::new(), acts_for: names(), ..reviewer(id) };
    let ann = || Voter { names: names(), ..reviewer("ann") };
    let mut after_ann = world.clone();
    assert_eq!(decide(&mut after_ann, ann(), Verdict::Approve), Ok(vec!["voted"]));
    assert_eq!(decide(&mut after_ann, stand_in("dan"), Verdict::Approve), Err("standing-used"));
    assert_eq!(decide(&mut world, stand_in("dan"), Verdict::Approve), Ok(vec!["voted"]));
    assert_eq!(decide(&mut world, stand_in("eve"), Verdict::Approve), Err("standing-used"));
    assert_eq!(decide(&mut world, ann(), Verdict::Approve), Err("standing-used"));
    assert_eq!(approve(&mut world, "bob"), Ok(vec!["decided"]));
    // Who is excluded is so by every name.
    let with = json!({ "fourEyes": true, "assignees": ["user:ada@x.org"] });
    let mut world = waiting(&with, json!({}));
    let acts_for = vec!["ada".to_owned(), "ada@x.org".to_owned()];
    let voter = Voter { roles: Vec::new(), acts_for, ..reviewer("dan") };
    assert_eq!(decide(&mut world, voter, Verdict::Approve), Err("not-assigned"));
}
