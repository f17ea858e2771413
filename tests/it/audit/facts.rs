//! What is in the trail: who did what to what, from where, by whatever way it was done.

use holdpoint::http::authorize::Role;
use serde_json::{Value, json};

use crate::support::server::{TestServer, start};

/// A job that waits at a checkpoint: its id and the checkpoint.
pub async fn waiting(server: &TestServer) -> (String, Value) {
    let body = json!({"jobType": "code-generation", "taskDescription": "Generate auth module",
        "inputData": {"files": [{"path": "lib/auth.ts", "content": "export const x = 1;\n"}]}});
    let created = server.client.post("/api/agent-jobs", &body).await.expect(201);
    let job = created["job"]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/agent-jobs/{job}/checkpoints");
    let found = server.wait_until("a checkpoint", async || {
        let list = server.client.get(&path).await.expect(200);
        let found = list["checkpoints"][0].clone();
        (found["status"] == "PENDING").then_some(found)
    });
    (job, found.await)
}

/// A job whose checkpoint was approved, and that has ended: its id and the checkpoint.
pub async fn approved(server: &TestServer) -> (String, Value) {
    let (job, checkpoint) = waiting(server).await;
    let path = format!("/api/admin/agent-checkpoints/{}", checkpoint["id"].as_str().unwrap());
    server.client.post(&path, &json!({"comment": "fine"})).await.expect(200);
    server.wait_for_end(&job).await;
    (job, checkpoint)
}

async fn entries(server: &TestServer, query: &str) -> Vec<Value> {
    let list = server.client.get(&format!("/api/admin/audit?limit=200&{query}")).await.expect(200);
    list["entries"].as_array().unwrap().clone()
}

fn actions(entries: &[Value]) -> Vec<&str> {
    entries.iter().rev().map(|entry| entry["action"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_names_who_decided_about_what_was_shown() {
    let server = start(|_| {}).await;
    let (job, checkpoint) = approved(&server).await;
    let found = entries(&server, &format!("job={job}")).await;
    let actions = actions(&found);
    assert_eq!(actions[0], "created");
    assert_eq!(actions.iter().filter(|action| **action == "decided").count(), 1, "{actions:?}");
    let decided = found.iter().find(|entry| entry["action"] == "decided").unwrap();
    assert_eq!(decided["shown"], checkpoint["digest"]);
    assert_eq!(decided["hasReason"], true);
    let me = server.client.get("/api/auth/me").await.expect(200);
    assert_eq!(decided["by"], me["user"]["id"]);
    // Every commit of the job has its entry, and none is without an author.
    let events = server.app.engine.job(job.parse().unwrap()).await.unwrap().row.version;
    assert_eq!(found[0]["lastEvent"], events);
    assert!(found.iter().all(|entry| entry["by"].as_str().is_some_and(|by| !by.is_empty())));
    let by = decided["by"].as_str().unwrap();
    let mine = entries(&server, &format!("job={job}&by={by}&action=decided")).await;
    assert_eq!(mine, std::slice::from_ref(decided));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_configuration_has_its_entry() {
    let server = start(|_| {}).await;
    let client = &server.client;
    let started = entries(&server, "action=server.started").await;
    assert_eq!(started.len(), 1);
    assert_eq!(started[0]["detail"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(started[0]["detail"]["auditKey"], json!(server.app.engine.audit_key()));
    let shipped = entries(&server, "action=workflow.register&by=system:start").await;
    assert!(shipped.len() >= 3, "{shipped:?}");

    let document = json!({
        "document": {"dsl": "1.0.3", "namespace": "test", "name": "own", "version": "1.0.0"},
        "do": [{"one": {"set": {"a": 1}}}],
    });
    client.post("/api/admin/workflows", &document).await.expect(201);
    let template = json!({"name": "mine", "description": "", "job": {"priority": 3}});
    let made = client.post("/api/templates", &template).await.expect(201);
    let id = made["template"]["id"].as_str().unwrap();
    client.delete(&format!("/api/templates/{id}"), None).await.expect(200);
    client.delete("/api/admin/agent-worker", None).await.expect(200);
    client.post("/api/admin/agent-worker", &Value::Null).await.expect(200);
    client.post("/api/admin/backup", &Value::Null).await.expect(201);
    let agent = json!({
        "name": "sums", "description": "sums", "endpointURL": "https://127.0.0.1:9/sum",
    });
    // Its endpoint is refused, and a refused change is no change.
    assert_eq!(client.post("/api/admin/agents", &agent).await.status, 422);

    let me = client.get("/api/auth/me").await.expect(200);
    let by = me["user"]["id"].as_str().unwrap();
    let found = entries(&server, &format!("by={by}")).await;
    let mut done = actions(&found);
    done.retain(|action| !action.starts_with("login"));
    assert_eq!(
        done,
        [
            "workflow.register",
            "template.create",
            "template.delete",
            "worker.stop",
            "worker.start",
            "backup.make",
        ]
    );
    let template = entries(&server, "action=template").await;
    assert_eq!(actions(&template), ["template.create", "template.delete"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_override_names_its_verb_and_that_a_reason_was_given() {
    let server = start(|_| {}).await;
    let (job, _) = waiting(&server).await;
    let (wish, path) = (json!({"reason": "not needed"}), format!("/api/admin/jobs/{job}"));
    server.client.post(&format!("{path}/terminate"), &wish).await.expect(200);
    let last = &entries(&server, &format!("job={job}")).await[0];
    assert_eq!((&last["action"], &last["hasReason"]), (&json!("terminated"), &json!(true)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_pages_and_refuses_what_it_does_not_know() {
    let server = start(|_| {}).await;
    approved(&server).await;
    let whole = entries(&server, "").await;
    let (mut joined, mut cursor): (Vec<Value>, _) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/admin/audit?limit=3{cursor}");
        let page = server.client.get(&path).await.expect(200);
        joined.extend(page["entries"].as_array().unwrap().clone());
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    // What came meanwhile is newer than where the first page began.
    let from = joined.iter().position(|entry| entry["seq"] == whole[0]["seq"]).unwrap();
    assert_eq!(&joined[from..], &whole);
    let seqs: Vec<u64> = whole.iter().map(|entry| entry["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs.last(), Some(&1));
    assert!(seqs.windows(2).all(|two| two[0] == two[1] + 1), "{seqs:?}");
    let at = whole[whole.len() / 2]["at"].as_str().unwrap();
    let (later, earlier) = (
        entries(&server, &format!("from={at}")).await,
        entries(&server, &format!("to={at}")).await,
    );
    assert!(later.iter().all(|entry| entry["at"].as_str().unwrap() >= at));
    assert!(earlier.iter().all(|entry| entry["at"].as_str().unwrap() < at));
    for query in ["limit=0", "limit=999", "from=yesterday", "cursor=x", "what=1", "job=1&target=2"]
    {
        let refused = server.client.get(&format!("/api/admin/audit?{query}")).await;
        assert!((400..=422).contains(&refused.status), "{query}: {}", refused.status);
    }
    server.stop().await;
}

#[test]
fn only_an_admin_reads_the_trail() {
    use holdpoint::http::authorize::Action;
    assert_eq!(Action::ReadAudit.roles(), [Role::Admin]);
}
