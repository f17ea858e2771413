//! Random people at one checkpoint: whatever they try and in whatever order, votes are of different
//! people and about what is shown, it is decided at most once, and it never waits for ever.

use std::collections::BTreeSet;
use std::sync::Arc;

use holdpoint::machine::{due, job_row};
use holdpoint::model::checkpoint::{Checkpoint, CheckpointStatus, Verdict};
use holdpoint::model::command::{Command, DecideCheckpoint};
use holdpoint::model::principal::Principal;
use holdpoint::model::row::Place;
use holdpoint::model::time::Span;
use holdpoint::model::voter::{Door, Voter};
use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_json::{Value, json};

use super::people::{gate, waiting};
use super::world::World;

/// Walks when nothing is said: some seconds.
const CASES: u32 = 96;
/// Who comes by. `ada` owns the job, `rita` requested it, `root` is an admin.
const PEOPLE: [&str; 7] = ["ada", "rita", "ann", "bob", "cy", "zoe", "root"];

fn person(number: u8, door: u8) -> Voter {
    let id = PEOPLE[usize::from(number) % PEOPLE.len()];
    let roles: &[&str] = match id {
        "root" => &["admin"],
        "zoe" => &[],
        _ => &["reviewer"],
    };
    let mut voter = Voter::person(id, roles, Door::Session);
    match door % 16 {
        0 => voter.principal = Principal::Agent(id.to_owned()),
        1 => voter.door = Door::Link { confirmed: true },
        2 => {
            voter.principal = Principal::system("rules");
            voter.door = Door::Rule { id: "r".to_owned(), version: 1 };
        }
        3 => voter.acts_for = vec!["ann".to_owned()],
        _ => {}
    }
    voter
}

/// What somebody tries. What they saw may be what was shown at first.
fn attempt(world: &World, first: &Checkpoint, what: u8, who: Voter, detail: u8) -> Command {
    let row = gate(world);
    let checkpoint = row.id;
    let digest = match detail % 4 {
        0 => None,
        1 => Some(first.digest),
        _ => Some(row.digest),
    };
    let verdict = match what % 12 {
        0..=5 => Verdict::Approve,
        6 => Verdict::Reject,
        7 => Verdict::SendBack,
        8 => return Command::Claim { checkpoint, voter: who },
        9 => return Command::Release { checkpoint, voter: who },
        10 => {
            let to = PEOPLE[usize::from(detail) % PEOPLE.len()].to_owned();
            return Command::Delegate { checkpoint, to, until: None, reason: None, voter: who };
        }
        _ => {
            let (expiry, reason) = (Span::from_secs(3_600), "again".to_owned());
            return Command::Rearm { checkpoint, expiry, reason, voter: who };
        }
    };
    let edit = detail.is_multiple_of(5).then(|| {
        let mut shown = (*row.shown).clone();
        shown["n"] = json!(detail);
        Arc::new(shown)
    });
    let edit = edit.filter(|_| verdict == Verdict::Approve);
    let decision = DecideCheckpoint::new(checkpoint, verdict, who);
    Command::Decide(DecideCheckpoint { digest, edit, ..decision })
}

/// What holds whatever happened.
fn check(world: &World, quorum: usize) {
    let row = gate(world);
    let voters: BTreeSet<&str> = row.votes.iter().map(|vote| vote.by.id()).collect();
    assert_eq!(voters.len(), row.votes.len(), "somebody has two votes: {row:#?}");
    assert!(row.votes.len() < quorum, "more votes than are missing: {row:#?}");
    let standings = row.votes.iter().map(|vote| vote.acts_for.as_deref().unwrap_or(vote.by.id()));
    assert_eq!(standings.collect::<BTreeSet<_>>().len(), row.votes.len(), "{row:#?}");
    for vote in row.votes.iter().chain(&row.decision) {
        assert_eq!(vote.digest, Some(row.digest), "a vote for something else: {row:#?}");
        assert!(!matches!(vote.by, Principal::Agent(_)), "{row:#?}");
        let spoken_for = vote.acts_for.as_deref().unwrap_or(vote.by.id());
        let excluded = row.excluded();
        assert!(!excluded.iter().any(|id| id == vote.by.id() || id == spoken_for), "{row:#?}");
    }
    match row.status {
        CheckpointStatus::Pending => {
            assert!(row.decision.is_none() && row.expires_at.is_some(), "{row:#?}");
            assert!(matches!(job_row(world.job()).place, Place::Parked(Some(_))), "{row:#?}");
            assert!(due(world.job()).wake.is_some(), "it would wait for ever");
        }
        CheckpointStatus::Approved => {
            let deciding = row.decision.as_ref().unwrap();
            assert_eq!(row.votes.len() + 1, quorum, "{row:#?}");
            assert!(!voters.contains(deciding.by.id()), "{row:#?}");
        }
        CheckpointStatus::Expired => assert!(row.decision.is_none(), "{row:#?}"),
        _ => assert!(row.decision.is_some(), "{row:#?}"),
    }
}

fn config() -> Config {
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    config
}

fn with(quorum: usize, four_eyes: bool) -> Value {
    json!({
        "quorum": quorum, "fourEyes": four_eyes, "editable": "/n", "linkConfirm": true,
        "assignees": ["user:ann", "user:bob", "role:reviewer"], "expiresAfter": "PT6H",
        "remindAfter": "PT1H", "escalateAfter": "PT2H", "escalateTo": ["role:user", "group:x"],
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whoever_tries_whatever_there_is_one_decision(
        quorum in 1usize..4,
        four_eyes in any::<bool>(),
        tries in proptest::collection::vec(any::<(u8, u8, u8, u8)>(), 1..60),
    ) {
        let mut world = waiting(&with(quorum, four_eyes), json!({ "n": 1, "m": 2 }));
        let first = gate(&world);
        for (what, who, door, detail) in tries {
            let closed = gate(&world);
            let wish = attempt(&world, &first, what, person(who, door), detail);
            let is_rearm = matches!(wish, Command::Rearm { .. });
            let heard = world.send(wish);
            if closed.status != CheckpointStatus::Pending && !is_rearm {
                prop_assert!(heard.is_err() || heard.is_ok_and(|events| events.is_empty()));
                prop_assert_eq!(&*gate(&world), &*closed, "what is closed changes no more");
            }
            check(&world, quorum);
            world.pass(Span::from_secs(60 * u64::from(detail % 40)));
            check(&world, quorum);
        }
        // Nobody comes any more: it ends all the same.
        for _ in 0..9 {
            let Some(wake) = due(world.job()).wake else { break };
            world.pass(wake.since(world.now));
            check(&world, quorum);
        }
        prop_assert!(gate(&world).status != CheckpointStatus::Pending);
        prop_assert!(world.job().status.is_ended());
    }
}
