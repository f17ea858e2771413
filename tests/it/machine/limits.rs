//! What is kept of feedback, reports and rules has an end, and what is beyond it is told.

use std::sync::Arc;

use holdpoint::model::command::Command;
use holdpoint::model::job::MatchingStage;
use holdpoint::model::limits::{
    FEEDBACK_BYTES_MAX, FEEDBACK_MAX, MATCHING_REPORT_BYTES_MAX, RULES_MAX,
};
use holdpoint::model::status::Status;
use serde_json::{Value, json};

use super::world::{World, definition};

#[test]
fn the_newest_feedback_is_kept_and_each_text_once() {
    let failing = definition(&json!({
        "do": [{ "no": { "raise": { "error": { "type": "urn:x", "status": 500 } } } }]
    }));
    let mut world = World::begun(failing, json!({}));
    let mut resubmit = |reason: String| {
        world.send(Command::Resubmit { reason }).unwrap();
        world.send(Command::Begin).unwrap();
        world.job().feedback.clone()
    };
    for n in 0..FEEDBACK_MAX + 5 {
        resubmit(format!("reason {n}"));
    }
    let kept = resubmit("reason 20".to_owned());
    assert_eq!(kept.len(), FEEDBACK_MAX);
    assert_eq!((kept[0].as_str(), kept.last().unwrap().as_str()), ("reason 5", "reason 20"));
    // Cut between characters: three bytes each.
    let kept = resubmit("…".repeat(FEEDBACK_BYTES_MAX));
    assert_eq!(kept.last().unwrap().len(), FEEDBACK_BYTES_MAX / 3 * 3);
}

#[test]
fn a_report_that_is_too_large_is_replaced_by_its_size() {
    let mut world = World::created(definition(&json!("agent-task")), json!({}));
    world.send(Command::Match).unwrap();
    let report = Arc::new(json!({ "text": "x".repeat(MATCHING_REPORT_BYTES_MAX) }));
    world.send(Command::FailMatching { round: 1, report, again_after: None }).unwrap();
    let MatchingStage::Failed { report, .. } = &world.job().matching.stage else {
        panic!("{:?}", world.job().matching);
    };
    assert!(report["message"].as_str().unwrap().contains("262144"), "{report}");
}

fn judged(rules: Value) -> World {
    let judge = definition(&json!({ "do": [{ "judge": { "call": "evaluate" } }] }));
    let mut world = World::created_with(judge, |spec| spec.acceptance_rules = Arc::new(rules));
    world.send(Command::Begin).unwrap();
    world
}

#[test]
fn more_rules_than_are_asked_are_an_error() {
    let rules = |count: usize| {
        (0..count).map(|n| json!({ "name": format!("{n}"), "when": "true" })).collect()
    };
    assert_eq!(judged(rules(RULES_MAX)).job().status, Status::Completed);
    let refused = judged(rules(RULES_MAX + 1));
    assert_eq!(refused.job().status, Status::Failed);
    let detail = refused.job().error.clone().unwrap().detail.unwrap();
    assert!(detail.contains("33, and 32 at most"), "{detail}");
}

#[test]
fn a_rule_that_does_not_end_is_not_met() {
    let world = judged(json!([{ "name": "slow", "when": "[range(100000000)] | length > 0" }]));
    assert_eq!(world.job().status, Status::ResubmissionRequired);
    let [reason] = &world.job().feedback[..] else { panic!("{:?}", world.job().feedback) };
    assert!(reason.starts_with("the rule \"slow\" is not met: "), "{reason}");
}
