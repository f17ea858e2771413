//! Verdicts and what follows from them: resubmission with the reasons, a person where nothing else
//! can decide, an admin's word in the end.

use serde_json::json;

use super::{Board, text};

#[tokio::test(flavor = "multi_thread")]
async fn the_second_request_carries_the_reasons_of_the_first_verdict() {
    let board = Board::new().await;
    let agent = board.agent("/learns", json!({})).await;
    let job = board.job(json!({})).await;
    board.assign(&job, &agent).await;
    let done = board.until_status(&job, "COMPLETED").await;
    assert!(text(&done["result"]["text"]).contains("EUR"));
    let seen = board.sim.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].body["feedback"], serde_json::Value::Null);
    assert!(seen[1].body["feedback"].to_string().contains("the currency is missing"));
    assert_ne!(seen[0].key, seen[1].key, "another round is other work");
}

/// After the last try the job waits for an admin, whose note goes to the agent with the reasons.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_never_good_enough_asks_for_a_resubmission() {
    let board = Board::new().await;
    let agent = board.agent("/good?text=total%2042", json!({})).await;
    let job = board.job(json!({})).await;
    board.assign(&job, &agent).await;
    let ended = board.until_status(&job, "RESUBMISSION_REQUIRED").await;
    assert!(text(&ended["error"]["detail"]).contains("the currency is missing"), "{ended:#}");
    let tries = board.keys("/good").len();
    assert!(tries > 1, "it was sent back at least once");
    let path = format!("/api/admin/jobs/{job}/resubmit");
    let note = json!({"reason": "write the currency behind the number"});
    let again = board.server.client.post(&path, &note).await.expect(200);
    assert_eq!(again["job"]["status"], "ASSIGNED");
    board.until(&job, "the second run", |job| job["runNumber"] == 2).await;
    board.until_status(&job, "RESUBMISSION_REQUIRED").await;
    let carried = board.sim.seen()[tries].body["feedback"].to_string();
    assert!(carried.contains("write the currency"), "{carried}");
    assert!(carried.contains("the currency is missing"), "{carried}");
    let path = format!("/api/admin/jobs/{job}/force-complete");
    let decree = json!({"result": {"text": "by hand"}, "reason": "the answer is known"});
    let done = board.server.client.post(&path, &decree).await.expect(200);
    assert_eq!(
        (&done["job"]["status"], &done["job"]["result"]["text"]),
        (&json!("COMPLETED"), &json!("by hand"))
    );
}

/// Without rules and without a model a person says whether it is good enough.
#[tokio::test(flavor = "multi_thread")]
async fn a_person_decides_where_nothing_else_can() {
    let board = Board::new().await;
    let agent = board.agent("/good", json!({})).await;
    for (verdict, status) in [("approve", "COMPLETED"), ("reject", "RESUBMISSION_REQUIRED")] {
        let criteria = "The text names a total";
        let new = json!({"acceptanceRules": [], "acceptanceCriteria": criteria});
        let job = board.job(new).await;
        board.assign(&job, &agent).await;
        let mut rounds = 0;
        loop {
            let at = board
                .until(&job, "a person or its end", |job| {
                    job["waitingFor"]["code"] == "checkpoint" || !job["completedAt"].is_null()
                })
                .await;
            if at["status"] == status {
                break;
            }
            rounds += 1;
            assert!(rounds < 10, "{at:#}");
            let inbox = board.get("/api/admin/agent-checkpoints").await;
            let open = inbox["checkpoints"].as_array().unwrap().iter();
            let open = open.into_iter().find(|row| row["jobId"] == *job).cloned();
            let open = open.unwrap_or_else(|| panic!("{inbox:#}"));
            let path = format!("/api/admin/agent-checkpoints/{}", text(&open["id"]));
            let shown = board.get(&path).await.to_string();
            assert!(shown.contains("total 42") && shown.contains(criteria), "{shown}");
            let body = json!({"decision": verdict, "digest": open["digest"],
                "reason": "it does not say of what"});
            let path = format!("{path}/decision");
            board.server.client.post(&path, &body).await.expect(200);
        }
        let logs = serde_json::to_string(&board.logs(&job).await).unwrap();
        assert!(logs.contains("it does not say of what"), "{logs}");
    }
}
