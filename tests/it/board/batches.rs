//! The same wish for many jobs: each ends by itself, and every refusal is named.

use serde_json::{Value, json};

use super::{Board, text};

async fn take(board: &Board, body: Value) -> Value {
    let taken = board.server.client.post("/api/jobs/batch", &body).await.expect(202);
    let path = format!("/api/batches/{}", text(&taken["batch"]["id"]));
    board
        .server
        .wait_until("the batch", async || {
            // The last note of a batch is no commit of a job: it is looked for again and again.
            loop {
                let batch = board.get(&path).await["batch"].take();
                if !batch["endedAt"].is_null() {
                    return Some(batch);
                }
                tokio::task::yield_now().await;
            }
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn many_jobs_are_created_assigned_and_carried_out() {
    let board = Board::new().await;
    let agent = board.agent("/good", json!({})).await;
    let job = |number: u32| {
        json!({"name": format!("job {number}"), "description": "d", "acceptanceCriteria": "",
            "acceptanceRules": [{"name": "total", "when": ".text | test(\"total\")"}],
            "autoExecute": false, "labels": {"batch": "one"}})
    };
    let jobs: Vec<Value> = (0..40).map(job).collect();
    let created = take(&board, json!({"action": "create", "jobs": jobs})).await;
    assert_eq!((&created["done"], &created["failed"]), (&json!(40), &json!(0)));
    let ids = created["jobIds"].clone();
    let assign =
        json!({"action": "assign", "ids": ids, "agentId": agent, "inputs": {"task": "sum"}});
    assert_eq!(take(&board, assign).await["done"], 40);
    let execute =
        json!({"action": "execute", "filter": {"label": "batch:one", "status": "ASSIGNED"}});
    assert_eq!(take(&board, execute).await["done"], 40);
    for id in ids.as_array().unwrap() {
        board.until_status(&text(id), "COMPLETED").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_named_and_the_others_are_done() {
    let board = Board::new().await;
    let (first, second) = (board.job(json!({})).await, board.job(json!({})).await);
    let nobody = "0190aaaa-0000-7000-8000-000000000000";
    let body = json!({"action": "terminate", "ids": [first, nobody, second], "reason": "over"});
    let batch = take(&board, body).await;
    assert_eq!(
        (&batch["total"], &batch["done"], &batch["failed"]),
        (&json!(3), &json!(2), &json!(1))
    );
    assert_eq!(batch["failures"][0]["index"], 1);
    assert_eq!(batch["failures"][0]["jobId"], nobody);
    let rows = [
        (json!({"action": "dance", "ids": []}), "/action"),
        (json!({"action": "terminate", "ids": [first]}), "/reason"),
        (json!({"action": "execute", "ids": ["x"]}), "/ids/0"),
        (json!({"action": "execute"}), "/ids"),
        (json!({"action": "execute", "ids": vec![nobody; 1_001]}), "/ids"),
        (json!({"action": "create", "jobs": [{"name": "n"}]}), "/jobs/0/description"),
    ];
    for (body, pointer) in rows {
        let refused = board.server.client.post("/api/jobs/batch", &body).await;
        assert_eq!(refused.status, 422, "{pointer}: {:#}", refused.body);
        assert_eq!(refused.body["errors"][0]["pointer"], pointer);
    }
}
