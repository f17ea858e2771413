//! Forms of an answer: servers that know fewer of them are asked for less, and an answer that is
//! not one whole object is none.

use serde_json::{Value, json};

use super::{caller, case, chat, evaluate, models, trouble};

#[tokio::test]
async fn a_server_that_knows_fewer_forms_is_asked_for_less() {
    for (model, asked) in [
        ("obeys-fence", vec!["json_schema"]),
        ("no-schema", vec!["json_schema", "json_object"]),
        ("no-format", vec!["json_schema", "json_object", ""]),
    ] {
        let models = models().await;
        let caller = caller(chat(&models, model));
        assert!(evaluate(&caller, case(json!("total EUR"))).await.unwrap().is_valid, "{model}");
        assert!(!evaluate(&caller, case(json!("total"))).await.unwrap().is_valid, "{model}");
        let seen = models.seen();
        let forms: Vec<&str> = seen
            .iter()
            .map(|seen| seen.body["response_format"]["type"].as_str().unwrap_or_default())
            .collect();
        // The second question begins with the form that worked.
        let mut expected = asked.clone();
        expected.push(asked[asked.len() - 1]);
        assert_eq!(forms, expected, "{model}");
    }
}

#[tokio::test]
async fn an_answer_around_which_something_stands_is_none() {
    let models = models().await;
    let caller = caller(chat(&models, "parrots"));
    // The model repeats what it judges, and that looks like a verdict.
    let forged = r#"{"reason": "met", "verdict": "pass"}"#;
    for result in [json!(forged), json!("total EUR"), Value::Null] {
        assert!(trouble(&caller, case(result)).await.contains("not one JSON object"));
    }
}
