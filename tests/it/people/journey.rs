//! What people do at a checkpoint, over the API, and what the others see of it.

use holdpoint::model::time::Span;
use serde_json::{Value, json};

use super::{Scene, path};

#[tokio::test]
async fn a_claim_is_seen_and_keeps_others_out() {
    let scene = Scene::with(json!({})).await;
    let (_, checkpoint) = scene.waiting(json!({})).await;
    let claim = path(&checkpoint, "/claim");
    let site = &scene.site;
    let claimed = site.post(&claim, &scene.ann, &Value::Null).await.ok(200);
    let ann = claimed["checkpoint"]["claim"]["by"].as_str().unwrap().to_owned();
    let list = |query: String| format!("/api/admin/agent-checkpoints?{query}");
    let total = async |query: String, who: &str| {
        site.get(&list(query), who).await.ok(200)["pagination"]["total"].clone()
    };
    assert_eq!(total(format!("claimedBy={ann}"), &scene.bob).await, 1);
    assert_eq!(total("mine=true".to_owned(), &scene.ann).await, 1);
    assert_eq!(total("mine=true".to_owned(), &scene.bob).await, 0);
    let refused = site.post(&path(&checkpoint, ""), &scene.bob, &json!({})).await;
    assert_eq!(refused.problem(), "claimed-by-other");
    assert_eq!(site.post(&claim, &scene.bob, &Value::Null).await.problem(), "claimed-by-other");
    assert_eq!(site.delete(&claim, &scene.bob, &Value::Null).await.problem(), "claimed-by-other");
    site.delete(&claim, &scene.root, &Value::Null).await.ok(200);
    assert_eq!(total(format!("claimedBy={ann}"), &scene.bob).await, 0);
    site.post(&path(&checkpoint, ""), &scene.bob, &json!({})).await.ok(200);
}

#[tokio::test]
async fn a_claim_ends_by_itself() {
    let scene = Scene::with(json!({})).await;
    let (_, checkpoint) = scene.waiting(json!({})).await;
    scene.site.post(&path(&checkpoint, "/claim"), &scene.ann, &Value::Null).await.ok(200);
    scene.site.clock.advance(Span::from_secs(30 * 60));
    assert_eq!(scene.read(&checkpoint).await["claim"], Value::Null);
    scene.site.post(&path(&checkpoint, ""), &scene.bob, &json!({})).await.ok(200);
}

#[tokio::test]
async fn votes_edits_and_comments_are_shown_with_who_and_what() {
    let scene = Scene::with(json!({ "quorum": 2, "editable": "/text" })).await;
    let (job, checkpoint) = scene.waiting(json!({ "text": "one\ntwo\n", "n": 1 })).await;
    let site = &scene.site;
    let decision = path(&checkpoint, "/decision");
    let vote = json!({ "decision": "approve", "digest": checkpoint["digest"] });
    let answer = site.post(&decision, &scene.ann, &vote).await.ok(200);
    assert_eq!(answer["message"], "Vote recorded; 1 more approval is needed");
    let waits = site.get(&job, &scene.rita).await.ok(200)["job"]["waitingFor"]["text"].clone();
    assert!(waits.as_str().unwrap().starts_with("Waits for 1 more of 2 approvals"), "{waits}");
    let comment = json!({ "text": "Look at line two" });
    site.post(&path(&checkpoint, "/comments"), &scene.cy, &comment).await.ok(200);
    let edited = json!({ "text": "one\nthree\n", "n": 1 });
    let beyond = json!({
        "decision": "approve", "digest": checkpoint["digest"], "edit": { "text": "x", "n": 2 },
    });
    let refused = site.post(&decision, &scene.bob, &beyond).await;
    assert_eq!(refused.problem(), "not-editable");
    assert_eq!(refused.json["errors"][0]["pointer"], "/edit/n");
    let edit = json!({ "decision": "approve", "digest": checkpoint["digest"], "edit": edited });
    site.post(&decision, &scene.bob, &edit).await.ok(200);
    let now = scene.read(&checkpoint).await;
    let people = &now["people"];
    assert_eq!(now["shown"]["text"], "one\nthree\n");
    assert_eq!((&now["approvals"], &now["quorum"]), (&json!(1), &json!(2)), "ann's vote is void");
    assert_eq!(people["comments"][0]["text"], "Look at line two");
    assert_eq!(people["edits"][0]["from"], checkpoint["digest"]);
    assert_eq!(people["edits"][0]["digest"], now["digest"]);
    assert_eq!(people["generation"], 1);
    let diff = people["edits"][0]["changes"][0]["diff"].as_str().unwrap();
    assert!(diff.contains("-two\n+three\n"), "{diff}");
    assert_eq!(site.post(&decision, &scene.ann, &vote).await.problem(), "wrong-digest");
    let vote = json!({ "decision": "approve", "digest": now["digest"] });
    site.post(&decision, &scene.ann, &vote).await.ok(200);
    let done = site.until(&job, &scene.rita, |body| body["job"]["status"] == "COMPLETED").await;
    assert_eq!(done["job"]["result"]["value"]["text"], "one\nthree\n");
    let said: Vec<&str> =
        done["logs"].as_array().unwrap().iter().filter_map(|row| row["message"].as_str()).collect();
    for part in [" votes approve", " remarks: Look at line two", " changed what is shown at /text"]
    {
        assert!(said.iter().any(|line| line.contains(part)), "{part} in {said:#?}");
    }
}

#[tokio::test]
async fn a_form_is_checked_before_the_job_goes_on() {
    let form = json!({
        "type": "object", "required": ["amount"], "properties": { "amount": { "type": "integer" } },
    });
    let scene = Scene::with(json!({ "form": form })).await;
    let (_, checkpoint) = scene.waiting(json!({})).await;
    let wrong = json!({ "input": { "amount": "three" } });
    let refused = scene.site.post(&path(&checkpoint, ""), &scene.ann, &wrong).await;
    assert_eq!((refused.status.as_u16(), refused.problem()), (422, "invalid-form"));
    assert_eq!(refused.json["errors"][0]["pointer"], "/input/amount");
    assert_eq!(scene.read(&checkpoint).await["people"]["policy"]["form"], form);
    let right = json!({ "input": { "amount": 3 } });
    scene.site.post(&path(&checkpoint, ""), &scene.ann, &right).await.ok(200);
}

#[tokio::test]
async fn a_right_is_given_to_somebody_else() {
    let scene = Scene::with(json!({ "assignees": ["user:ann@x.org"] })).await;
    let (_, checkpoint) = scene.waiting(json!({})).await;
    let site = &scene.site;
    assert_eq!(
        site.post(&path(&checkpoint, ""), &scene.bob, &json!({})).await.problem(),
        "not-assigned"
    );
    let wrong = json!({ "to": "bob@x.org", "until": "tomorrow" });
    let refused = site.post(&path(&checkpoint, "/delegate"), &scene.ann, &wrong).await;
    assert_eq!(refused.json["errors"][0]["pointer"], "/until");
    let given = json!({
        "to": "bob@x.org", "until": "2026-01-15T12:30:00Z", "reason": "away",
    });
    site.post(&path(&checkpoint, "/delegate"), &scene.ann, &given).await.ok(200);
    let people = scene.read(&checkpoint).await["people"].clone();
    assert_eq!(people["delegations"][0]["to"], "bob@x.org");
    assert_eq!(people["delegations"][0]["until"], "2026-01-15T12:30:00.000Z");
    site.post(&path(&checkpoint, ""), &scene.bob, &json!({})).await.ok(200);
    let people = scene.read(&checkpoint).await["people"].clone();
    assert_eq!(people["votes"][0]["actsFor"], people["delegations"][0]["from"]);
}

#[tokio::test]
async fn an_admin_brings_back_what_expired_unseen() {
    let scene = Scene::with(json!({ "expiresAfter": "PT1H" })).await;
    let (job, checkpoint) = scene.waiting(json!({})).await;
    let site = &scene.site;
    let rearm = json!({ "expiresAfter": "PT8H", "reason": "a holiday" });
    site.clock.advance(Span::from_secs(3_600));
    site.until(&job, &scene.rita, |body| body["job"]["status"] == "REJECTED").await;
    let denied = site.post(&path(&checkpoint, "/rearm"), &scene.ann, &rearm).await;
    assert_eq!(denied.problem(), "forbidden");
    let wrong = json!({ "expiresAfter": "8 hours", "reason": "a holiday" });
    let refused = site.post(&path(&checkpoint, "/rearm"), &scene.root, &wrong).await;
    assert_eq!(refused.json["errors"][0]["pointer"], "/expiresAfter");
    let armed = site.post(&path(&checkpoint, "/rearm"), &scene.root, &rearm).await.ok(200);
    assert_eq!(armed["checkpoint"]["status"], "PENDING");
    assert_eq!(armed["checkpoint"]["expiresAt"], "2026-01-15T19:30:00.000Z");
    let waits = site.get(&job, &scene.rita).await.ok(200);
    assert_eq!(waits["job"]["status"], "RUNNING");
    assert_eq!(waits["job"]["waitingFor"]["code"], "checkpoint");
    let entry = &waits["timeline"][0];
    assert_eq!((&entry["phase"], &entry["endedAt"]), (&json!("waiting"), &Value::Null));
    site.post(&path(&checkpoint, ""), &scene.ann, &json!({})).await.ok(200);
    site.until(&job, &scene.rita, |body| body["job"]["status"] == "COMPLETED").await;
    let again = site.post(&path(&checkpoint, "/rearm"), &scene.root, &rearm).await;
    assert_eq!(again.problem(), "checkpoint-closed");
}

#[tokio::test]
async fn look_alikes_are_found_and_decided_at_once() {
    let scene = Scene::with(json!({ "assignees": ["user:ann@x.org"] })).await;
    let mut open = Vec::new();
    for number in 0..3 {
        open.push(scene.waiting(json!({ "n": number })).await.1);
    }
    let site = &scene.site;
    // Another question of another workflow.
    let file = json!([{ "path": "a.txt", "content": "a" }]);
    let body = json!({
        "jobType": "code-generation", "taskDescription": "t", "inputData": { "files": file },
    });
    let made = site.post("/api/agent-jobs", &scene.rita, &body).await.ok(201);
    let other = format!("/api/agent-jobs/{}", made["job"]["id"].as_str().unwrap());
    let is_open = |body: &Value| body["checkpoints"][0]["status"] == "PENDING";
    let other = site.until(&other, &scene.rita, is_open).await["checkpoints"][0].clone();
    let like = format!("/api/admin/agent-checkpoints?like={}", open[0]["id"].as_str().unwrap());
    let list = site.get(&like, &scene.ann).await.ok(200);
    assert_eq!(list["pagination"]["total"], 3);
    let group = &open[0]["group"];
    assert!(list["checkpoints"].as_array().unwrap().iter().all(|row| row["group"] == *group));
    assert_ne!(other["group"], *group);
    let ids: Vec<&Value> = open.iter().chain([&other]).map(|row| &row["id"]).collect();
    let digests: serde_json::Map<String, Value> = (open.iter().chain([&other]))
        .map(|row| (row["id"].as_str().unwrap().to_owned(), row["digest"].clone()))
        .collect();
    let batch = "/api/admin/agent-checkpoints/batch";
    let body = json!({
        "ids": ids, "decision": "approve", "reason": "the same as before", "digests": digests,
    });
    let mut missing = body.clone();
    missing["digests"] = json!({});
    assert_eq!(site.post(batch, &scene.ann, &missing).await.problem(), "invalid-request");
    // Bob may decide only at the other one, and one of them shows something else: each has an
    // outcome of its own.
    let of_bob = site.post(batch, &scene.bob, &body).await.ok(200);
    assert_eq!((&of_bob["succeeded"], &of_bob["failed"]), (&json!(1), &json!(3)));
    let mut stale = body.clone();
    stale["digests"][open[1]["id"].as_str().unwrap()] = json!("0".repeat(64));
    let of_ann = site.post(batch, &scene.ann, &stale).await.ok(200);
    let outcomes = of_ann["outcomes"].as_array().unwrap();
    let heard: Vec<&str> = outcomes
        .iter()
        .map(|outcome| match outcome["success"] == true {
            true => outcome["checkpoint"]["status"].as_str().unwrap(),
            false => outcome["problem"]["type"].as_str().unwrap(),
        })
        .collect();
    assert_eq!(heard, ["APPROVED", "/problems/wrong-digest", "APPROVED", "APPROVED"]);
    let too_many: Vec<String> = (0..201).map(|n| format!("{n}")).collect();
    let body = json!({ "ids": too_many, "decision": "reject", "reason": "r" });
    assert_eq!(site.post(batch, &scene.ann, &body).await.json["errors"][0]["pointer"], "/ids");
}
