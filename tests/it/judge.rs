//! The judge, against scripted models: verdicts, votes, forms of an answer, and everything that is
//! no answer.

mod forms;
mod injections;
mod unavailable;
mod votes;

use std::sync::Arc;
use std::time::Duration;

use holdpoint::calls::{
    ApiKey, Call, Caller, ChatOptions, Function, Options, Outcome, Price, Secrets,
};
use holdpoint::cli::agent_sim::AgentSim;
use holdpoint::model::evaluation::Judgement;
use holdpoint::model::id::JobId;
use holdpoint::model::problem::{Kind, Problem};
use serde_json::{Value, json};

/// A server of scripted models.
pub async fn models() -> AgentSim {
    AgentSim::start("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

/// Settings for one of them.
pub fn chat(models: &AgentSim, model: &str) -> ChatOptions {
    ChatOptions {
        base_url: models.url("/v1"),
        api_key: ApiKey::new("canary-key-7781"),
        model: model.to_owned(),
        timeout: Duration::from_secs(30),
        votes: 1,
        input_price: Price(Some(150_000)),
        output_price: Price(Some(600_000)),
    }
}

pub fn caller(chat: ChatOptions) -> Caller {
    let allow = vec!["127.0.0.0/8".parse().unwrap()];
    let options = Options { allow, chat: Some(chat), ..Options::default() };
    Caller::new(options, Secrets::default()).unwrap()
}

/// A case whose criteria want two words of the result.
pub fn case(result: Value) -> Value {
    json!({
        "result": result,
        "criteria": "The text names a total in EUR",
        "task": {"name": "Sum invoices", "description": "Sum the invoices"},
    })
}

pub async fn evaluate(caller: &Caller, arguments: Value) -> Result<Judgement, Problem> {
    let call = Call {
        job: JobId::derived(&["judge"]),
        key: "job/1/do.1/0/1".to_owned(),
        function: Function::Evaluate,
        arguments: Arc::new(arguments),
    };
    match caller.run(&call).await {
        Outcome::Succeeded(value) => Ok(serde_json::from_value(value).unwrap()),
        Outcome::Failed(problem) => Err(problem),
    }
}

/// The trouble of a judge that gave no answer. It is never a verdict.
pub async fn trouble(caller: &Caller, arguments: Value) -> String {
    match evaluate(caller, arguments).await {
        Ok(judgement) => panic!("a judgement: {judgement:?}"),
        Err(problem) => {
            assert!(problem.is(Kind::JudgeUnavailable), "{problem:?}");
            assert_eq!(problem.status, 503);
            let detail = problem.detail.unwrap();
            assert!(!detail.contains("canary"), "{detail}");
            detail
        }
    }
}

#[tokio::test]
async fn a_good_result_passes_and_a_bad_one_fails_with_the_reason() {
    let models = models().await;
    let caller = caller(chat(&models, "obeys-fence"));
    let good = evaluate(&caller, case(json!({"text": "total 42, in EUR"}))).await.unwrap();
    assert!(good.is_valid);
    assert_eq!(good.model, "obeys-fence");
    assert_eq!(good.votes.len(), 1);
    let bad = evaluate(&caller, case(json!({"text": "total 42"}))).await.unwrap();
    assert!(!bad.is_valid);
    assert_eq!(bad.reason, "the result lacks: eur");
}

#[tokio::test]
async fn tokens_and_costs_are_those_that_the_server_counted() {
    let models = models().await;
    let arguments = case(json!("total EUR"));
    let priced = caller(chat(&models, "obeys-fence"));
    let judgement = evaluate(&priced, arguments.clone()).await.unwrap();
    assert!(judgement.input_tokens > 100 && judgement.output_tokens > 5, "{judgement:?}");
    let cost = (judgement.input_tokens * 150_000).div_ceil(1_000_000)
        + (judgement.output_tokens * 600_000).div_ceil(1_000_000);
    assert_eq!(judgement.cost_micros, Some(cost));
    let free = ChatOptions { output_price: Price(None), ..chat(&models, "obeys-fence") };
    let judgement = evaluate(&caller(free), arguments).await.unwrap();
    assert_eq!(judgement.cost_micros, None);
}

#[tokio::test]
async fn the_request_carries_the_key_and_asks_for_the_reason_first() {
    let models = models().await;
    evaluate(&caller(chat(&models, "obeys-fence")), case(json!("x"))).await.unwrap();
    let seen = models.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].path, "/v1/chat/completions");
    // `Bearer canary-key-7781`, as its digest.
    let digest: String = {
        use sha2::Digest;
        let hash = sha2::Sha256::digest(b"Bearer canary-key-7781");
        hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    };
    assert_eq!(seen[0].headers["authorization"], format!("sha256:{digest}"));
    let format = &seen[0].body["response_format"]["json_schema"];
    assert_eq!(format["strict"], true);
    assert_eq!(format["schema"]["additionalProperties"], false);
    let written = format["schema"]["properties"].to_string();
    assert!(written.find("reason").unwrap() < written.find("verdict").unwrap());
    // Nothing came by way of the environment.
    assert!(!seen[0].headers.contains_key("openai-organization"));
    assert!(!seen[0].headers.contains_key("openai-project"));
}

#[tokio::test]
async fn without_a_model_there_is_no_judge() {
    let caller = Caller::new(Options::default(), Secrets::default()).unwrap();
    assert!(!caller.has_judge());
    assert!(trouble(&caller, case(json!("x"))).await.contains("[openai] base_url"));
}
