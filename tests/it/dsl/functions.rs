//! What calls of the functions of the default catalog become.

use holdpoint::dsl::definition::TaskKind;
use holdpoint::expr::Variables;
use holdpoint::model::evaluation::{JudgeMode, OnUnavailable};
use serde_json::json;

use super::accepted;

#[test]
fn calls_of_agents_and_evaluations_have_their_defaults() {
    let definition = accepted(
        "do:
  - ask: { call: agent, with: { agent: a } }
  - judge: { call: evaluate }
  - strict:
      call: evaluate:1.0.0@default
      with: { judge: model, votes: 3, onUnavailable: fault }
",
    );
    let TaskKind::Agent(ask) = &definition.tasks["/do/0/ask"].kind else { panic!("no agent") };
    let agent = ask.agent.as_ref().unwrap().evaluate(&json!({}), &Variables::default());
    assert_eq!(agent.unwrap(), json!("a"));
    assert!(ask.input.is_none() && ask.feedback.is_none() && ask.timeout.is_none());
    let judged = |name: &str| match &definition.tasks[name].kind {
        TaskKind::Evaluate(call) => (call.judge, call.votes, call.on_unavailable),
        other => panic!("{other:?}"),
    };
    assert_eq!(judged("/do/1/judge"), (JudgeMode::Auto, 1, OnUnavailable::Human));
    assert_eq!(judged("/do/2/strict"), (JudgeMode::Model, 3, OnUnavailable::Fault));
    assert!(!definition.is_cheap, "rules are data, and may be costly");
}
