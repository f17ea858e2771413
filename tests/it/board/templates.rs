//! Templates: what a request does not say is taken from them, and nothing of them changes a job
//! that exists.

use serde_json::json;

use super::{Board, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_job_from_a_template_has_what_the_request_does_not_say() {
    let board = Board::new().await;
    let agent = board.agent("/good", json!({})).await;
    let template = json!({"name": "monthly", "job": {
        "name": "Sum invoices", "description": "of the month", "acceptanceCriteria": "",
        "acceptanceRules": [{"name": "total", "when": ".text | test(\"total\")"}],
        "priority": 7, "agentId": agent, "inputData": {"task": "sum"}}});
    let kept = board.server.client.post("/api/templates", &template).await.expect(201);
    let id = text(&kept["template"]["id"]);
    for name in [id.as_str(), "Monthly"] {
        let new = json!({"template": name, "name": "January"});
        let created = board.server.client.post("/api/jobs", &new).await.expect(201);
        let job = &created["job"];
        assert_eq!((&job["name"], &job["priority"]), (&json!("January"), &json!(7)));
        assert_eq!(job["assignedAgentId"], agent);
        board.until_status(&text(&job["id"]), "COMPLETED").await;
    }
    let taken = board.server.client.post("/api/templates", &template).await;
    assert_eq!(taken.body["type"], "/problems/template-name-taken");
    let path = format!("/api/templates/{id}");
    let changed = json!({"name": "yearly", "shared": true, "job": {"priority": 1}});
    board.server.client.put(&path, &changed).await.expect(200);
    let list = board.get("/api/templates").await;
    assert_eq!(list["templates"].as_array().map(Vec::len), Some(1));
    assert_eq!(list["templates"][0]["shared"], true);
    board.server.client.delete(&path, None).await.expect(200);
    assert_eq!(board.server.client.get(&path).await.status, 404);
    let gone = board.server.client.post("/api/jobs", &json!({"template": "yearly"})).await;
    assert_eq!((gone.status, &gone.body["type"]), (404, &json!("/problems/no-such-template")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_job_has_cannot_stand_in_a_template() {
    let board = Board::new().await;
    let rows = [
        (json!({"name": "x", "job": {"surprise": 1}}), "/job/surprise"),
        (json!({"name": "x", "job": {"template": "y"}}), "/job/template"),
        (json!({"name": "x", "job": {"priority": "high"}}), "/job/priority"),
        (json!({"name": " ", "job": {}}), "/name"),
    ];
    for (body, pointer) in rows {
        let refused = board.server.client.post("/api/templates", &body).await;
        assert_eq!(refused.status, 422, "{:#}", refused.body);
        assert_eq!(refused.body["errors"][0]["pointer"], pointer);
    }
}
