//! A judge that gives no answer is unavailable, with a reason: neither pass nor fail.

use std::time::Duration;

use holdpoint::calls::{ChatOptions, Question, Unavailable};
use serde_json::json;

use super::{caller, case, chat, models, trouble};

#[tokio::test]
async fn every_trouble_has_its_reason_and_none_is_a_verdict() {
    let models = models().await;
    for (model, reason) in [
        ("refuses", "it refused: I cannot help with that."),
        ("garbage", "the answer is not one JSON object"),
        ("empty", "the answer is empty"),
        ("truncated", "cut off at the model's limit"),
        ("rate-limited", "answered 429"),
        ("down", "answered 500"),
        ("unauthorized", "it refuses the key"),
        ("nobody", "answered 404"),
        ("ranks-reversed", "the answer is no verdict"),
    ] {
        let caller = caller(chat(&models, model));
        // A result that every model that judges would pass.
        let detail = trouble(&caller, case(json!("total EUR"))).await;
        assert!(detail.contains(reason), "{model}: {detail}");
    }
}

#[tokio::test]
async fn a_slow_model_is_given_up() {
    let models = models().await;
    let hurried = ChatOptions { timeout: Duration::from_millis(200), ..chat(&models, "slow") };
    let detail = trouble(&caller(hurried), case(json!("total EUR"))).await;
    assert!(detail.contains("`[openai] timeout_ms`"), "{detail}");
}

#[tokio::test]
async fn an_address_that_the_guard_refuses_is_not_called() {
    let models = models().await;
    let options = holdpoint::calls::Options {
        chat: Some(chat(&models, "obeys-fence")),
        ..holdpoint::calls::Options::default()
    };
    let caller = holdpoint::calls::Caller::new(options, Default::default()).unwrap();
    let detail = trouble(&caller, case(json!("total EUR"))).await;
    assert!(detail.contains("[egress] allow"), "{detail}");
    assert!(models.seen().is_empty());
}

async fn unavailable(chat: ChatOptions) -> Unavailable {
    let question = Question {
        name: "verdict",
        system: "judge".to_owned(),
        user: "this".to_owned(),
        schema: json!({"type": "object"}),
    };
    caller(chat).ask(&question).await.unwrap().unwrap_err()
}

#[tokio::test]
async fn a_pause_that_a_server_asks_for_is_kept_within_reason() {
    let models = models().await;
    let limited = unavailable(chat(&models, "rate-limited")).await;
    assert_eq!(limited.retry_after, Some(Duration::from_secs(300)));
    assert!(limited.may_pass);
    // One request: the client repeats nothing by itself.
    assert_eq!(models.seen().len(), 1);
    assert!(unavailable(chat(&models, "down")).await.may_pass);
    assert!(!unavailable(chat(&models, "unauthorized")).await.may_pass);
    assert!(!unavailable(chat(&models, "nobody")).await.may_pass);
    assert_eq!(models.seen().len(), 4);
}
