//! Whole journeys: from a request to what a job becomes.

use holdpoint::http::authorize::Role;
use serde_json::{Value, json};

use super::Site;

const EVERYTHING: &[Role] = &[Role::User, Role::Reviewer, Role::Operator, Role::Admin];

async fn site() -> (Site, String) {
    let site = Site::new().await;
    let cookie = site.signed_in("ann@x.org", EVERYTHING).await;
    (site, cookie)
}

fn simple() -> Value {
    json!({"jobType": "simple-task", "taskDescription": "Process user data\nand more",
        "inputData": {"userId": "user-123", "action": "update-profile"}, "priority": 5})
}

fn code() -> Value {
    json!({"jobType": "code-generation", "taskDescription": "Generate auth module",
        "inputData": {"files": [{"path": "lib/auth.ts", "content": "export const x = 1;\n"}]}})
}

async fn create(site: &Site, cookie: &str, body: &Value) -> String {
    let answer = site.post("/api/agent-jobs", cookie, body).await;
    let location = answer.header("location").to_owned();
    let id = answer.ok(201)["job"]["id"].as_str().unwrap_or_default().to_owned();
    assert_eq!(location, format!("/api/agent-jobs/{id}"));
    id
}

/// Creates a job that waits at a checkpoint: its id and the checkpoint.
async fn waiting(site: &Site, cookie: &str) -> (String, Value) {
    let id = create(site, cookie, &code()).await;
    let path = format!("/api/agent-jobs/{id}/checkpoints");
    let list =
        site.until(&path, cookie, |list| list["checkpoints"][0]["status"] == "PENDING").await;
    (id, list["checkpoints"][0].clone())
}

#[tokio::test]
async fn a_simple_task_completes_and_tells_its_story_in_the_words_of_both_resources() {
    let (site, cookie) = site().await;
    let id = create(&site, &cookie, &simple()).await;
    let path = format!("/api/agent-jobs/{id}");
    let detail = site.until(&path, &cookie, |body| body["job"]["status"] == "COMPLETED").await;
    let job = &detail["job"];
    assert_eq!(job["taskDescription"], "Process user data\nand more");
    assert_eq!(job["name"], "Process user data");
    assert_eq!(job["result"]["processed"], true);
    assert_eq!((&job["phase"], &job["waitingFor"]), (&json!("completed"), &Value::Null));
    assert_eq!(job["createdAt"], "2026-01-15T10:30:00.000Z");
    assert_eq!(job["workflow"]["version"], "1.0.0");
    assert!(job.get("description").is_none());
    let logs = detail["logs"].as_array().unwrap();
    assert_eq!(logs.len() as u64, detail["logsTotal"].as_u64().unwrap());
    assert_eq!(logs.last().unwrap()["status"], "COMPLETED");
    assert_eq!(detail["checkpoints"][0]["blocking"], false);
    let names: Vec<&str> = detail["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["name"].as_str())
        .collect();
    assert_eq!(names, ["process", "review"]);

    let plain = site.get(&format!("/api/jobs/{id}"), &cookie).await.ok(200);
    assert_eq!(plain["job"]["description"], "Process user data\nand more");
    assert!(plain["job"].get("taskDescription").is_none() && plain.get("logs").is_none());
    let include = format!("/api/jobs/{id}?include=timeline,logs,checkpoints");
    let full = site.get(&include, &cookie).await.ok(200);
    assert_eq!(full["logs"], detail["logs"]);
    assert_eq!(full["timeline"], detail["timeline"]);
    let timeline = site.get(&format!("/api/jobs/{id}/timeline"), &cookie).await.ok(200);
    assert_eq!(timeline["timeline"], detail["timeline"]);
    let odd = site.get(&format!("/api/jobs/{id}?include=secrets"), &cookie).await;
    assert_eq!(odd.json["errors"][0]["parameter"], "include");

    let list =
        site.get("/api/agent-jobs?status=COMPLETED&jobType=simple-task&limit=1", &cookie).await;
    let list = list.ok(200);
    assert_eq!(list["jobs"][0]["id"], *id);
    let page = json!({"limit": 1, "offset": 0, "total": 1, "nextCursor": null});
    assert_eq!(list["pagination"], page);
    let none = site.get("/api/jobs?status=RUNNING", &cookie).await.ok(200);
    assert_eq!(none["jobs"], json!([]));
}

#[tokio::test]
async fn the_log_comes_in_pages_that_join() {
    let (site, cookie) = site().await;
    let id = create(&site, &cookie, &simple()).await;
    let path = format!("/api/jobs/{id}/logs");
    let is_done = |body: &Value| {
        body["logs"]
            .as_array()
            .is_some_and(|logs| logs.last().is_some_and(|row| row["status"] == "COMPLETED"))
    };
    let all = site.until(&path, &cookie, is_done).await;
    let all = all["logs"].as_array().unwrap();
    let mut joined = Vec::new();
    let mut next = format!("{path}?limit=2");
    for _ in 0..=all.len() {
        let page = site.get(&next, &cookie).await.ok(200);
        assert_eq!(page["pagination"]["total"], all.len());
        joined.extend(page["logs"].as_array().unwrap().clone());
        let Some(cursor) = page["pagination"]["nextCursor"].as_str() else { break };
        next = format!("{path}?limit=2&cursor={cursor}");
    }
    assert_eq!(&joined, all);
    let tail = site.get(&format!("{path}?offset=1"), &cookie).await.ok(200);
    assert_eq!(tail["logs"].as_array().unwrap()[..], all[1..]);
}

#[tokio::test]
async fn an_approval_lets_the_job_go_on_and_a_second_word_changes_nothing() {
    let (site, cookie) = site().await;
    let (id, checkpoint) = waiting(&site, &cookie).await;
    let inbox = site.get("/api/admin/agent-checkpoints", &cookie).await.ok(200);
    assert_eq!(inbox["checkpoints"][0]["id"], checkpoint["id"]);
    assert_eq!(checkpoint["expiresAt"], "2026-01-16T10:30:00.000Z");
    let job = site.get(&format!("/api/agent-jobs/{id}"), &cookie).await.ok(200);
    assert_eq!(job["job"]["status"], "RUNNING");
    assert_eq!(job["job"]["waitingFor"]["code"], "checkpoint");

    let path = format!("/api/admin/agent-checkpoints/{}", checkpoint["id"].as_str().unwrap());
    let detail = site.get(&path, &cookie).await.ok(200);
    assert_eq!(detail["checkpoint"]["shown"]["files"][0]["path"], "lib/auth.ts");
    let diff = "--- /dev/null\n+++ b/lib/auth.ts\n@@ -0,0 +1 @@\n+export const x = 1;\n";
    assert_eq!(detail["diff"][0]["diff"], diff);
    assert_eq!(detail["decisions"], json!([]));
    assert!(!detail["logs"].as_array().unwrap().is_empty());

    let other = json!({"digest": "0".repeat(64)});
    assert_eq!(site.post(&path, &cookie, &other).await.problem(), "wrong-digest");
    // Without a body, as a person with curl does it.
    let bare = || site.ask("POST", &path).by(&cookie);
    let approved = bare().to(&site.router).await.ok(200);
    assert_eq!(approved["message"], "Checkpoint approved successfully");
    let me = site.get("/api/auth/me", &cookie).await.ok(200)["user"]["id"].clone();
    let decided = &approved["checkpoint"];
    assert_eq!((&decided["status"], &decided["approvedBy"]), (&json!("APPROVED"), &me));
    assert_eq!(decided["approvedAt"], "2026-01-15T10:30:00.000Z");
    let again = bare().to(&site.router).await.ok(200);
    assert_eq!(again["checkpoint"], *decided);

    let late = site.delete(&path, &cookie, &json!({"reason": "late"})).await;
    assert_eq!((late.status.as_u16(), late.problem()), (409, "already-decided"));
    assert_eq!(late.json["currentStatus"], "APPROVED");
    assert_eq!(
        (&late.json["decision"]["status"], &late.json["decision"]["by"]),
        (&json!("APPROVED"), &me)
    );
    let path = format!("/api/agent-jobs/{id}");
    site.until(&path, &cookie, |body| body["job"]["status"] == "COMPLETED").await;
}

#[tokio::test]
async fn a_rejection_needs_a_reason_and_ends_the_job() {
    let (site, cookie) = site().await;
    let (id, checkpoint) = waiting(&site, &cookie).await;
    let path = format!("/api/admin/agent-checkpoints/{}", checkpoint["id"].as_str().unwrap());
    let none = site.delete(&path, &cookie, &json!({})).await;
    assert_eq!(none.json["errors"][0]["pointer"], "/reason", "{}", none.text);
    let blank = site.delete(&path, &cookie, &json!({"reason": " "})).await;
    assert_eq!(blank.json["errors"][0]["pointer"], "/reason");
    let reason = "Code doesn't meet security standards";
    let rejected = site.delete(&path, &cookie, &json!({"reason": reason})).await.ok(200);
    assert_eq!(rejected["message"], "Checkpoint rejected successfully");
    assert_eq!(rejected["checkpoint"]["status"], "REJECTED");
    assert_eq!(rejected["checkpoint"]["rejectionReason"], reason);
    let path = format!("/api/agent-jobs/{id}");
    let ended = site.until(&path, &cookie, |body| body["job"]["status"] == "REJECTED").await;
    assert_eq!(ended["job"]["error"]["type"], "urn:holdpoint:errors:rejected");
    let again = site.delete(&path, &cookie, &json!({})).await;
    assert_eq!(
        (again.problem(), &again.json["currentStatus"]),
        ("illegal-transition", &json!("REJECTED"))
    );
}

#[tokio::test]
async fn a_decision_says_which_and_for_what() {
    let (site, cookie) = site().await;
    let (_, checkpoint) = waiting(&site, &cookie).await;
    let path =
        format!("/api/admin/agent-checkpoints/{}/decision", checkpoint["id"].as_str().unwrap());
    let digest = &checkpoint["digest"];
    let cases = [
        (json!({"decision": "perhaps", "digest": digest}), "/decision"),
        (json!({"decision": "approve"}), "/digest"),
        (json!({"decision": "approve", "digest": "abc"}), "/digest"),
        (json!({"decision": "reject", "digest": digest}), "/reason"),
        (json!({"decision": "send-back", "digest": digest, "reason": ""}), "/reason"),
        (json!({"decision": "approve", "digest": digest, "edits": {}}), "/edits"),
        (json!({"decision": "approve", "digest": digest, "edit": {}}), "/edit/files"),
    ];
    for (body, pointer) in cases {
        let answer = site.post(&path, &cookie, &body).await;
        assert_eq!(answer.json["errors"][0]["pointer"], pointer, "{body}: {}", answer.text);
    }
    let body = json!({"decision": "send-back", "digest": digest, "comment": "add a test"});
    let answer = site.post(&path, &cookie, &body).await.ok(200);
    assert_eq!(answer["checkpoint"]["status"], "SENT_BACK");
    assert_eq!(answer["checkpoint"]["comment"], "add a test");
    let list = |query: &'static str| format!("/api/admin/agent-checkpoints{query}");
    assert_eq!(site.get(&list(""), &cookie).await.ok(200)["checkpoints"], json!([]));
    let all = site.get(&list("?status=all&sort=expiry"), &cookie).await.ok(200);
    assert_eq!(all["checkpoints"][0]["status"], "SENT_BACK");
    assert_eq!(site.get(&list("?sort=name"), &cookie).await.status.as_u16(), 422);
}

#[tokio::test]
async fn the_same_key_creates_one_job() {
    let (site, cookie) = site().await;
    let send = |body: Value, key: &'static str| {
        site.ask("POST", "/api/agent-jobs").by(&cookie).json(&body).header("idempotency-key", key)
    };
    let first = send(simple(), "k").to(&site.router).await;
    assert_eq!(first.header("idempotent-replayed"), "");
    let again = send(simple(), "k").to(&site.router).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(first.ok(201)["job"]["id"], again.ok(201)["job"]["id"]);
    let other = send(code(), "k").to(&site.router).await;
    assert_eq!((other.status.as_u16(), other.problem()), (422, "key-reused"));
    let bob = site.signed_in("bob@x.org", &[Role::User]).await;
    let body = site.ask("POST", "/api/agent-jobs").by(&bob).json(&simple());
    let of_bob = body.header("idempotency-key", "k").to(&site.router).await;
    assert_eq!(of_bob.header("idempotent-replayed"), "", "keys of different people never meet");
    assert_eq!(of_bob.status.as_u16(), 201);
}

#[tokio::test]
async fn a_job_of_another_does_not_exist() {
    let (site, cookie) = site().await;
    let (id, _) = waiting(&site, &cookie).await;
    let bob = site.signed_in("bob@x.org", &[Role::User]).await;
    let routes = [
        ("GET", format!("/api/jobs/{id}")),
        ("GET", format!("/api/jobs/{id}/logs")),
        ("GET", format!("/api/jobs/{id}/timeline")),
        ("POST", format!("/api/jobs/{id}/terminate")),
        ("GET", format!("/api/agent-jobs/{id}")),
        ("GET", format!("/api/agent-jobs/{id}/checkpoints")),
        ("DELETE", format!("/api/agent-jobs/{id}")),
    ];
    for (method, path) in routes {
        let ask = site.ask(method, &path).by(&bob).json(&json!({"reason": "mine now"}));
        let theirs = ask.to(&site.router).await;
        let missing = path.replace(&id, "0190aaaa-0000-7000-8000-000000000000");
        let ask = site.ask(method, &missing).by(&bob).json(&json!({"reason": "mine now"}));
        let nothing = ask.to(&site.router).await;
        assert_eq!((theirs.status.as_u16(), theirs.problem()), (404, "no-such-job"), "{path}");
        assert_eq!(theirs.text.replace(&path, ""), nothing.text.replace(&missing, ""));
    }
    assert_eq!(site.get("/api/jobs", &bob).await.ok(200)["pagination"]["total"], 0);
    let none = site.get("/api/jobs/no-id", &bob).await;
    assert_eq!(none.problem(), "no-such-job");
    let seen = site.get(&format!("/api/admin/jobs/{id}?include=logs"), &cookie).await.ok(200);
    assert_eq!(seen["job"]["id"], *id);
}

#[tokio::test]
async fn a_job_is_held_and_let_go_on_and_ended() {
    let (site, cookie) = site().await;
    let (id, _) = waiting(&site, &cookie).await;
    let admin = format!("/api/admin/jobs/{id}");
    let no_reason = site.post(&format!("{admin}/suspend"), &cookie, &json!({})).await;
    assert_eq!(no_reason.json["errors"][0]["pointer"], "/reason");
    let held = site.post(&format!("{admin}/suspend"), &cookie, &json!({"reason": "look"})).await;
    assert_eq!(held.ok(200)["job"]["phase"], "suspended");
    let resume = site.ask("POST", &format!("{admin}/resume")).by(&cookie).to(&site.router).await;
    assert_eq!(resume.ok(200)["job"]["phase"], "waiting");
    let again = site.post(&format!("{admin}/resume"), &cookie, &json!({"reason": "x"})).await;
    assert_eq!(again.ok(200)["job"]["phase"], "waiting", "the same word again is harmless");
    let path = format!("/api/jobs/{id}/terminate");
    let ended = site.post(&path, &cookie, &json!({"reason": "enough"})).await.ok(200);
    assert_eq!(ended["job"]["status"], "CANCELLED");
    let path = format!("/api/agent-jobs/{id}");
    let twice = site.ask("DELETE", &path).by(&cookie).to(&site.router).await.ok(200);
    assert_eq!(twice["job"]["status"], "CANCELLED", "the same word again is harmless");
    let done = create(&site, &cookie, &simple()).await;
    let path = format!("/api/agent-jobs/{done}");
    site.until(&path, &cookie, |body| body["job"]["status"] == "COMPLETED").await;
    let late = site.delete(&path, &cookie, &json!({})).await;
    assert_eq!((late.status.as_u16(), late.problem()), (409, "illegal-transition"));
    assert_eq!(late.json["currentStatus"], "COMPLETED");
    let all = site.get("/api/admin/agent-checkpoints?status=CANCELLED", &cookie).await.ok(200);
    assert_eq!(all["checkpoints"][0]["jobId"], *id);
}

#[tokio::test]
async fn the_worker_stops_and_starts() {
    let (site, cookie) = site().await;
    let path = "/api/admin/agent-worker";
    let started = site.ask("POST", path).by(&cookie).to(&site.router).await.ok(200);
    let worker =
        json!({"isRunning": true, "activeJobs": 0, "maxConcurrentJobs": 3, "pollInterval": 5000});
    assert_eq!(started["worker"], worker);
    let stopped = site.ask("DELETE", path).by(&cookie).to(&site.router).await.ok(200);
    assert_eq!(stopped["worker"]["isRunning"], false);
    let id = create(&site, &cookie, &simple()).await;
    let body = site.get(path, &cookie).await.ok(200);
    let counted = [("pending", 1), ("running", 0), ("completed", 0), ("failed", 0)];
    for (word, count) in counted {
        assert_eq!(body["jobs"][word], count, "{word} in {body}");
    }
    let job = site.get(&format!("/api/agent-jobs/{id}"), &cookie).await.ok(200);
    assert_eq!(
        (&job["job"]["status"], &job["job"]["waitingFor"]["code"]),
        (&json!("PENDING"), &json!("slot"))
    );
    site.ask("POST", path).by(&cookie).to(&site.router).await.ok(200);
    let path = format!("/api/agent-jobs/{id}");
    site.until(&path, &cookie, |body| body["job"]["status"] == "COMPLETED").await;
}

#[tokio::test]
async fn the_engine_shows_itself() {
    let (site, cookie) = site().await;
    let tree = site.get("/api/admin/actors", &cookie).await.ok(200);
    assert_eq!(tree["actors"]["kind"], "root");
    assert!(!tree["actors"]["children"].as_array().unwrap().is_empty());
    let text = site.get("/api/admin/actors?format=text", &cookie).await.text;
    assert!(text.starts_with("root ") && text.contains("\n  scheduler "), "{text}");
    let dot = site.get("/api/admin/actors?format=dot", &cookie).await.text;
    assert!(dot.starts_with("digraph actors {"), "{dot}");
    let odd = site.get("/api/admin/actors?format=png", &cookie).await;
    assert_eq!(odd.json["errors"][0]["parameter"], "format");
    let status = site.get("/api/admin/status", &cookie).await.ok(200);
    assert_eq!(status["status"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["status"]["recovery"]["poisoned"], 0);
}

const GREET: &str = "document:\n  dsl: '1.0.3'\n  namespace: examples\n  name: greet\n  \
    version: '1.0.0'\ndo:\n  - greet:\n      set:\n        greeting: hello\n";

#[tokio::test]
async fn a_document_is_checked_registered_and_run() {
    let (site, cookie) = site().await;
    let send = |query: &str, kind: &str, text: &str| {
        let path = format!("/api/admin/workflows{query}");
        site.ask("POST", &path).by(&cookie).text(kind, text)
    };
    send("?dryRun=true", "application/yaml", GREET).to(&site.router).await.ok(200);
    assert_eq!(site.get("/api/workflows/greet", &cookie).await.problem(), "no-such-workflow");
    let made = send("", "application/yaml", GREET).to(&site.router).await.ok(201);
    assert_eq!(made["workflow"]["hash"].as_str().map(str::len), Some(64));
    let read = site.get("/api/workflows/greet", &cookie).await.ok(200);
    assert_eq!(read["workflow"]["document"]["document"]["name"], "greet");
    let versions = site.get("/api/admin/workflows/greet/versions", &cookie).await.ok(200);
    assert_eq!(versions["versions"].as_array().map(Vec::len), Some(1));
    let names = site.get("/api/workflows", &cookie).await.ok(200);
    assert_eq!(names["workflows"].as_array().map(Vec::len), Some(5));

    let broken = GREET.replace("set:", "sett:");
    let answer = send("", "application/yaml", &broken).to(&site.router).await;
    assert_eq!((answer.status.as_u16(), answer.problem()), (422, "broken-workflow"));
    let first = &answer.json["errors"][0];
    assert!(first["pointer"].is_string() && first["line"].is_u64(), "{}", answer.text);
    let kind = send("", "text/plain", GREET).to(&site.router).await;
    assert_eq!(kind.problem(), "wrong-content-type");

    let body = json!({"jobType": "greet", "taskDescription": "greet"});
    let id = create(&site, &cookie, &body).await;
    let path = format!("/api/agent-jobs/{id}");
    let done = site.until(&path, &cookie, |body| body["job"]["status"] == "COMPLETED").await;
    assert_eq!(done["job"]["result"], json!({"greeting": "hello"}));
}

#[tokio::test]
async fn an_event_reaches_the_job_that_listens() {
    let (site, cookie) = site().await;
    let document = "document:\n  dsl: '1.0.3'\n  namespace: examples\n  name: hear\n  \
        version: '1.0.0'\ndo:\n  - hear:\n      listen:\n        to:\n          one:\n            \
        with:\n              type: com.example.paid\n";
    let ask = site.ask("POST", "/api/admin/workflows").by(&cookie);
    ask.text("application/yaml", document).to(&site.router).await.ok(201);
    let body = json!({"jobType": "hear", "taskDescription": "wait for it"});
    let id = create(&site, &cookie, &body).await;
    let path = format!("/api/agent-jobs/{id}");
    site.until(&path, &cookie, |body| body["job"]["waitingFor"]["code"] == "event").await;
    let event = json!({"specversion": "1.0", "id": "1", "source": "/shop",
        "type": "com.example.paid", "data": {"order": 1}});
    let send = |kind: &str, event: &Value| {
        site.ask("POST", "/api/cloudevents").by(&cookie).text(kind, &event.to_string())
    };
    let bad = send("application/json", &json!({"id": "1"})).to(&site.router).await;
    assert_eq!(bad.json["errors"][0]["pointer"], "/specversion");
    let answer = send("application/cloudevents+json", &event).to(&site.router).await.ok(200);
    assert_eq!(answer["delivered"], 1);
    let done = site.until(&path, &cookie, |body| body["job"]["status"] == "COMPLETED").await;
    assert_eq!(done["job"]["result"], json!([{"order": 1}]));
}

#[tokio::test]
async fn a_checkpoint_for_others_is_not_decided() {
    let (site, cookie) = site().await;
    let document = "document:\n  dsl: '1.0.3'\n  namespace: examples\n  name: gate\n  \
        version: '1.0.0'\ndo:\n  - gate:\n      call: checkpoint\n      with:\n        \
        title: Yes?\n        assignees: [ 'user:bob@x.org' ]\n";
    let ask = site.ask("POST", "/api/admin/workflows").by(&cookie);
    ask.text("application/yaml", document).to(&site.router).await.ok(201);
    let id = create(&site, &cookie, &json!({"jobType": "gate", "taskDescription": "t"})).await;
    let path = format!("/api/agent-jobs/{id}/checkpoints");
    let list =
        site.until(&path, &cookie, |list| list["checkpoints"][0]["status"] == "PENDING").await;
    let path =
        format!("/api/admin/agent-checkpoints/{}", list["checkpoints"][0]["id"].as_str().unwrap());
    let cid = site.signed_in("cid@x.org", &[Role::Reviewer]).await;
    assert_eq!(site.post(&path, &cid, &json!({})).await.problem(), "not-assigned");
    let bob = site.signed_in("bob@x.org", &[Role::Reviewer]).await;
    site.post(&path, &bob, &json!({})).await.ok(200);
}
