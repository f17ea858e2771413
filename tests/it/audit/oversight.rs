//! Figures of how people decide, and the checks of a server of itself.

use holdpoint::app::audit::{VerifyOrder, verify_stopped};
use serde_json::{Value, json};

use super::facts::{approved, waiting};
use crate::support::server::start;

#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_counted_once_by_workflow_and_by_reviewer() {
    let server = start(|_| {}).await;
    approved(&server).await;
    let (job, checkpoint) = waiting(&server).await;
    let path = format!("/api/admin/agent-checkpoints/{}", checkpoint["id"].as_str().unwrap());
    server.client.delete(&path, Some(&json!({"reason": "no"}))).await.expect(200);
    server.wait_for_end(&job).await;
    let (stopped, _) = waiting(&server).await;
    let terminate = format!("/api/admin/jobs/{stopped}/terminate");
    server.client.post(&terminate, &json!({"reason": "not needed"})).await.expect(200);
    waiting(&server).await;
    let read = async |query: &str| {
        server.client.get(&format!("/api/admin/oversight{query}")).await.expect(200)
    };
    // Asking twice counts nothing twice.
    read("").await;
    let found = read("?by=workflow").await;
    let total = &found["total"];
    assert_eq!(total["open"]["total"], 1);
    assert_eq!(total["open"]["under1h"], 1);
    let counts = ["decided", "approved", "rejected", "expired", "overrides"];
    let counted: Vec<&Value> = counts.iter().map(|name| &total["decisions"][*name]).collect();
    assert_eq!(counted, [2, 1, 1, 0, 1]);
    assert_eq!(total["decisions"]["approvalRate"], 0.5);
    assert_eq!(total["decisions"]["expiryRate"], 0.0);
    assert!(total["decisions"]["timeToDecideP95Ms"].is_u64());
    let rows = found["rows"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[0]["name"]), (1, &json!("code-generation")));
    assert_eq!(rows[0]["decisions"], total["decisions"]);
    let me = server.client.get("/api/auth/me").await.expect(200);
    let by_reviewer = read("?by=reviewer").await;
    let rows = by_reviewer["rows"].as_array().unwrap();
    let mine = rows.iter().find(|row| row["name"] == me["user"]["id"]).unwrap();
    assert_eq!(mine["decisions"]["decided"], 2);
    let before = read("?to=2001-01-01T00:00:00Z").await;
    assert_eq!(before["total"]["decisions"]["decided"], 0);
    assert_eq!(server.client.get("/api/admin/oversight?by=mood").await.status, 422);
    server.app.engine.count_oversight().await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_follows_its_own_trail_and_signs_its_end() {
    let mut store = std::path::PathBuf::new();
    let mut heads = std::path::PathBuf::new();
    let folder = tempfile::tempdir().unwrap();
    let server = start(|config| {
        store = folder.path().join("holdpoint.redb");
        heads = folder.path().join("heads.jsonl");
        config.store.url = holdpoint::config::store::StoreUrl::Redb(store.clone());
        config.audit.heads_file = Some(heads.clone());
    })
    .await;
    approved(&server).await;
    server.app.engine.publish_head().await.unwrap();
    let answer = server.client.get("/api/admin/audit/verify").await.expect(200);
    let found = &answer["verification"];
    assert_eq!((&found["holds"], &found["findings"]), (&json!(true), &json!([])));
    assert!(found["heads"].as_u64().unwrap() >= 2, "{found}");
    server.stop().await;
    let order = VerifyOrder { store, anchors: vec![heads.clone()], key: None };
    let offline = verify_stopped(&order).await.unwrap().unwrap();
    assert_eq!((&offline.findings[..], &offline.notes[..]), (&[][..], &[][..]));
    // The stop signed what came after the last head.
    let last = std::fs::read_to_string(&heads).unwrap();
    let last: Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
    assert_eq!(last["count"], offline.entries);
    assert_eq!(last["key"], json!(offline.key));
}
