//! The model's part: it changes the order of those that suit and writes inputs; what it says is
//! checked, and without it the score decides.

use holdpoint::calls::{Caller, Options, Secrets};
use holdpoint::engine::matching::{Candidate, Found, Opening, pause_after, search};
use holdpoint::model::command::Command;
use holdpoint::model::time::Span;
use serde_json::{Value, json};

use super::{agent, taking, task};
use crate::judge::{caller, chat, models};

async fn with_model(model: &str, candidates: &[Candidate]) -> Found {
    let models = models().await;
    search(&caller(chat(&models, model)), "job/match/1", &task(), candidates).await
}

async fn without(candidates: &[Candidate]) -> Found {
    let caller = Caller::new(Options::default(), Secrets::default()).unwrap();
    search(&caller, "job/match/1", &task(), candidates).await
}

fn chosen(found: &Found) -> Option<&str> {
    found.chosen.as_ref().map(|(id, _)| id.as_str())
}

fn notes(found: &Found) -> String {
    found.report["notes"].to_string()
}

#[tokio::test]
async fn without_a_model_the_score_decides() {
    let found = without(&[agent("b"), agent("a")]).await;
    assert_eq!(chosen(&found), Some("a"));
    assert_eq!(found.report["chosen"], "a");
    assert_eq!(found.report["agents"].as_array().unwrap().len(), 2);
    let Command::Assign { agent, inputs, report, .. } = found.command(1) else { panic!() };
    assert_eq!(agent, "a");
    assert_eq!(inputs["task"], "Sum invoices");
    assert!(report.is_some());
}

#[tokio::test]
async fn the_model_changes_the_order_of_those_that_suit_and_of_nobody_else() {
    let unfit = Candidate { opening: Opening::Inactive, ..agent("z") };
    let candidates = [agent("a"), agent("b"), unfit];
    let found = with_model("ranks-reversed", &candidates).await;
    assert_eq!(chosen(&found), Some("b"));
    assert!(notes(&found).contains("the model put them in order: by script"), "{found:?}");
    let found = with_model("obeys-fence", &candidates).await;
    assert_eq!(chosen(&found), Some("a"));
}

#[tokio::test]
async fn a_model_that_names_somebody_else_or_says_nothing_is_not_followed() {
    let candidates = [agent("a"), agent("b")];
    for (model, reason) in [
        ("ranks-unknown", "it named somebody else"),
        ("garbage", "not one JSON object"),
        ("refuses", "it refused"),
        ("rate-limited", "answered 429"),
    ] {
        let found = with_model(model, &candidates).await;
        assert_eq!(chosen(&found), Some("a"), "{model}");
        assert!(notes(&found).contains(reason), "{model}: {}", notes(&found));
    }
}

fn wants(name: &str, kind: &str) -> Candidate {
    let schema = json!({
        "type": "object",
        "properties": {name: {"type": kind}},
        "required": [name],
        "additionalProperties": false,
    });
    taking(agent("a"), schema)
}

#[tokio::test]
async fn the_model_writes_inputs_where_the_job_has_none_that_fit() {
    let found = with_model("obeys-fence", &[wants("question", "string")]).await;
    assert_eq!(found.chosen, Some(("a".to_owned(), json!({"question": "from the model"}))));
    assert!(notes(&found).contains("the model wrote the inputs of agent a"));
    // Inputs that do not fit are not taken, and without a model there are none.
    let found = with_model("obeys-fence", &[wants("count", "integer")]).await;
    assert_eq!(found.chosen, None);
    assert!(notes(&found).contains("its inputs do not fit"), "{}", notes(&found));
    assert_eq!(without(&[wants("question", "string")]).await.chosen, None);
}

#[tokio::test]
async fn inputs_of_the_job_that_fit_are_left_alone() {
    let models = models().await;
    let mut task = task();
    task.input = json!({"question": "how much?"});
    let caller = caller(chat(&models, "obeys-fence"));
    let found = search(&caller, "key", &task, &[wants("question", "string")]).await;
    assert_eq!(found.chosen, Some(("a".to_owned(), task.input.clone())));
    assert!(models.seen().is_empty());
}

#[test]
fn rounds_come_less_and_less_often_and_end() {
    let pauses: Vec<Option<Span>> = [1, 2, 3, 7, 8, 39, 40, 1_000].map(pause_after).to_vec();
    let secs = |secs| Some(Span::from_secs(secs));
    assert_eq!(pauses, [secs(5), secs(10), secs(20), secs(320), secs(600), secs(600), None, None]);
    let nobody = Found { chosen: None, report: Value::Null };
    let Command::FailMatching { round, again_after, .. } = nobody.command(2) else { panic!() };
    assert_eq!((round, again_after), (2, secs(10)));
}
