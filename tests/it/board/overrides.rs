//! What an admin does to a job against its course, and what the agent that had it still brings.

use serde_json::json;

use super::Board;
use crate::calls::server::{Server, json as reply};

#[tokio::test(flavor = "multi_thread")]
async fn a_reassigned_job_takes_nothing_from_its_first_agent() {
    let board = Board::new().await;
    let sleeper = Server::start(|_| reply(202, json!({}))).await;
    let elsewhere = json!({"mode": "async", "endpointURL": sleeper.url("/run")});
    let slow = board.agent("/sleeps", elsewhere).await;
    let good = board.agent("/good", json!({})).await;
    let job = board.job(json!({})).await;
    board.assign(&job, &slow).await;
    board.until(&job, "its callback", |job| job["waitingFor"]["code"] == "callback").await;
    let first = sleeper.seen()[0].header("holdpoint-callback-url").to_owned();
    let body = json!({"agentId": good, "inputs": {}, "reason": "the first one sleeps"});
    let path = format!("/api/admin/jobs/{job}/reassign");
    board.server.client.post(&path, &body).await.expect(200);
    board.until_status(&job, "COMPLETED").await;
    let token = first.rsplit('/').next().unwrap();
    let late = json!({"text": "from the first agent"});
    let refused = board.server.client.post(&format!("/api/callbacks/{token}"), &late).await;
    assert_eq!((refused.status, &refused.body["type"]), (409, &json!("/problems/callback-over")));
    let forged = board.server.client.post("/api/callbacks/forged", &late).await;
    assert_eq!(forged.status, 404);
}

/// A call that waits for its next attempt is made at once, under the same key.
#[tokio::test(flavor = "multi_thread")]
async fn an_admin_makes_a_waiting_call_again_at_once() {
    let board = Board::new().await;
    let retry = json!({"retry": {"maxAttempts": 3, "backoffMs": 3600000, "backoffMaxMs": 3600000}});
    let agent = board.agent("/flaky?fail=1&after=3600", retry).await;
    let job = board.job(json!({})).await;
    board.assign(&job, &agent).await;
    let waiting = board.until(&job, "a retry", |job| job["waitingFor"]["code"] == "retry").await;
    assert!(!waiting["waitingFor"]["until"].is_null(), "{waiting:#}");
    let path = format!("/api/admin/jobs/{job}/retry-task");
    board.server.client.post(&path, &json!({"reason": "it is back"})).await.expect(200);
    board.until_status(&job, "COMPLETED").await;
    let keys = board.keys("/flaky");
    assert_eq!((keys.len(), &keys[0]), (2, &keys[1]));
    let late = board.server.client.post(&path, &json!({"reason": "again"})).await;
    assert_eq!(late.status, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn overrides_need_a_reason_and_keep_it() {
    let board = Board::new().await;
    let job = board.job(json!({})).await;
    for (verb, body) in [
        ("resubmit", json!({})),
        ("complete", json!({"result": 1})),
        ("reassign", json!({"agentId": "x", "inputs": {}})),
        ("retry-task", json!({})),
        ("terminate", json!({})),
    ] {
        let path = format!("/api/admin/jobs/{job}/{verb}");
        let refused = board.server.client.post(&path, &body).await;
        assert_eq!(refused.status, 422, "{verb}: {:#}", refused.body);
        assert_eq!(refused.body["errors"][0]["pointer"], "/reason", "{verb}");
    }
    let early = json!({"reason": "too early"});
    let path = format!("/api/admin/jobs/{job}/resubmit");
    assert_eq!(board.server.client.post(&path, &early).await.status, 409);
    let path = format!("/api/admin/jobs/{job}/terminate");
    board.server.client.post(&path, &json!({"reason": "a mistake"})).await.expect(200);
    let logs = serde_json::to_string(&board.logs(&job).await).unwrap();
    assert!(logs.contains("a mistake"), "{logs}");
}

/// Cancelling takes the assignment back, not the job.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_assignment_leaves_the_job_pending() {
    let board = Board::new().await;
    let agent = board.agent("/good", json!({})).await;
    let job = board.job(json!({"autoExecute": false})).await;
    let execute = format!("/api/jobs/{job}/execute");
    assert_eq!(board.server.client.post(&execute, &json!({})).await.status, 409);
    board.assign(&job, &agent).await;
    let path = format!("/api/jobs/{job}/cancel");
    let cancelled = board.server.client.post(&path, &json!({})).await.expect(200);
    assert_eq!(cancelled["job"]["status"], "PENDING");
    assert!(cancelled["job"]["assignedAgentId"].is_null());
    assert_eq!(board.server.client.post(&path, &json!({})).await.status, 409);
    let logs = serde_json::to_string(&board.logs(&job).await).unwrap();
    assert!(logs.contains("CANCELLED"), "{logs}");
}
