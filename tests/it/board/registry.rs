//! Registering agents: what is refused and why, what is shown to whom, what a change keeps.

use holdpoint::model::id::ContentHash;
use serde_json::{Value, json};

use super::{Board, CANARY, text};
use crate::calls::server::{Server, json as reply};

#[tokio::test(flavor = "multi_thread")]
async fn where_an_agent_is_and_its_secret_are_not_for_everybody() {
    let board = Board::new().await;
    let id = board.agent("/good", json!({})).await;
    for path in ["/api/agents".to_owned(), format!("/api/agents/{id}")] {
        let shown = board.get(&path).await.to_string();
        assert!(shown.contains("sums invoices") && shown.contains("\"available\""), "{shown}");
        assert!(!shown.contains("127.0.0.1") && !shown.contains(CANARY), "{shown}");
        assert!(!shown.contains("endpoint"), "{shown}");
    }
    let admin = board.get(&format!("/api/admin/agents/{id}")).await;
    assert_eq!(admin["agent"]["endpointURL"], board.sim.url("/good"));
    assert_eq!(admin["agent"]["auth"], json!({"scheme": "bearer"}));
    assert!(!admin.to_string().contains(CANARY));
    let by_name = board.get("/api/agents/GOOD").await;
    assert_eq!(text(&by_name["agent"]["id"]), id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_keeps_what_it_does_not_name() {
    let board = Board::new().await;
    let id = board.agent("/good", json!({"timeouts": {"totalMs": 700}})).await;
    let path = format!("/api/admin/agents/{id}");
    let before = board.get(&path).await["agent"].clone();
    let edit = json!({"timeouts": {"connectMs": 50}, "version": 1});
    let answer = board.server.client.patch(&path, &edit).await.expect(200);
    let after = &answer["agent"];
    assert_eq!(after["timeouts"]["connectMs"], 50);
    assert_eq!(after["timeouts"]["totalMs"], 700);
    assert_eq!(after["version"], 2);
    for member in ["endpointURL", "auth", "inputSchema", "outputSchema", "retry", "name"] {
        assert_eq!(after[member], before[member], "{member}");
    }
    let late = board.server.client.patch(&path, &edit).await;
    assert_eq!((late.status, &late.body["type"]), (409, &json!("/problems/agent-changed")));
    // The secret went nowhere: the agent still gets it.
    let job = board.job(json!({"agentId": id})).await;
    board.until_status(&job, "COMPLETED").await;
    let sent = board.sim.seen()[0].headers.get("authorization").cloned();
    let digest = ContentHash::of(format!("Bearer {CANARY}").as_bytes());
    let short = sent.as_deref().and_then(|sent| sent.strip_prefix("sha256:")).unwrap_or("?");
    assert!(digest.to_string().starts_with(short), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inactive_agent_is_assigned_nothing() {
    let board = Board::new().await;
    let id = board.agent("/good", json!({})).await;
    let path = format!("/api/admin/agents/{id}");
    let gone = board.server.client.delete(&path, None).await.expect(200);
    assert_eq!(gone["agent"]["active"], false);
    let job = board.job(json!({})).await;
    let body = json!({"agentId": id, "inputs": {}});
    let refused = board.server.client.post(&format!("/api/jobs/{job}/assign"), &body).await;
    assert_eq!((refused.status, &refused.body["type"]), (409, &json!("/problems/inactive-agent")));
    board.server.client.patch(&path, &json!({"active": true})).await.expect(200);
    board.assign(&job, &id).await;
    board.until_status(&job, "COMPLETED").await;
}

/// Every defect of a registration is named at its place.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_registered_is_named_member_by_member() {
    let board = Board::new().await;
    let base = json!({"name": "x", "endpointURL": board.sim.url("/good")});
    let rows = [
        (json!({"surprise": 1}), "/surprise", "surprise"),
        (json!({"endpointURL": "http://169.254.169.254/latest"}), "/endpointURL", "169.254"),
        (json!({"endpointURL": "http://10.0.0.7/"}), "/endpointURL", "10.0.0.7"),
        (json!({"endpointURL": "ftp://127.0.0.1/"}), "/endpointURL", "ftp"),
        (json!({"endpointURL": "http://u:p@127.0.0.1/"}), "/endpointURL", "password"),
        (
            json!({"inputSchema": {"$ref": "https://elsewhere.example/schema.json"}}),
            "/inputSchema/$ref",
            "nothing is fetched",
        ),
        (
            json!({"outputSchema": {"properties": {"a": {"pattern": "(a+)+(?=b)"}}}}),
            "/outputSchema/properties/a/pattern",
            "linear time",
        ),
        (json!({"mode": "carrier-pigeon"}), "/mode", "sync"),
        (json!({"auth": {"scheme": "bearer"}}), "/auth/secret", "missing"),
        (json!({"retry": {"maxAttempts": 0}}), "/retry/maxAttempts", "1"),
        (json!({"timeouts": {"totalMs": 0}}), "/timeouts/totalMs", "1"),
        (json!({"maxConcurrency": 0}), "/maxConcurrency", "1"),
        (json!({"name": " "}), "/name", "empty"),
    ];
    for (change, pointer, word) in rows {
        let mut body = base.clone();
        super::lay_over(&mut body, change);
        let refused = board.server.client.post("/api/admin/agents", &body).await;
        assert_eq!(refused.status, 422, "{pointer}: {:#}", refused.body);
        let errors = refused.body["errors"].as_array().cloned().unwrap_or_default();
        let found = errors.iter().find(|error| error["pointer"] == pointer);
        let found = found.unwrap_or_else(|| panic!("{pointer}: {:#}", refused.body));
        assert!(found["message"].as_str().unwrap_or_default().contains(word), "{found}");
    }
    let deep = (0..100).fold(json!({}), |inner, _| json!({"properties": {"a": inner}}));
    let mut body = base.clone();
    super::lay_over(&mut body, json!({"inputSchema": deep}));
    let refused = board.server.client.post("/api/admin/agents", &body).await;
    assert_eq!((refused.status, &refused.body["type"]), (400, &json!("/problems/malformed")));
    assert!(text(&refused.body["detail"]).contains("64 levels"), "{:#}", refused.body);
    assert_eq!(board.get("/api/agents").await["agents"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_says_what_came_back_and_leaves_no_trace() {
    let board = Board::new().await;
    let schema = json!({"type": "object", "required": ["task"]});
    let good = board.agent("/good", json!({"inputSchema": schema})).await;
    let malformed = board.agent("/malformed", json!({})).await;
    let trial = async |id: &str, input: Value| {
        let path = format!("/api/admin/agents/{id}/test");
        board.server.client.post(&path, &json!({"input": input})).await.expect(200)
    };
    let passed = trial(&good, json!({"task": "sum"})).await;
    assert_eq!((&passed["passed"], &passed["violations"]), (&json!(true), &Value::Null));
    assert!(text(&passed["result"]["text"]).contains("total 42"));
    let unfit = trial(&good, json!({})).await;
    assert!(text(&unfit["violations"][0]["message"]).contains("task"), "{unfit:#}");
    let failed = trial(&malformed, json!({})).await;
    assert_eq!(failed["passed"], false);
    assert!(text(&failed["problem"]["detail"]).to_lowercase().contains("json"), "{failed:#}");
    assert_eq!(board.get("/api/jobs").await["pagination"]["total"], 0);
}

/// The inputs of an assignment are checked by the schema of the agent, with every violation.
#[tokio::test(flavor = "multi_thread")]
async fn inputs_that_the_agent_does_not_take_are_refused_with_pointers() {
    let board = Board::new().await;
    let schema = json!({"type": "object", "required": ["task"], "additionalProperties": false,
        "properties": {"task": {"type": "string"}, "count": {"type": "integer"}}});
    let id = board.agent("/good", json!({"inputSchema": schema})).await;
    let job = board.job(json!({})).await;
    let body = json!({"agentId": id, "inputs": {"task": 1, "count": "two"}});
    let refused = board.server.client.post(&format!("/api/jobs/{job}/assign"), &body).await;
    assert_eq!((refused.status, &refused.body["type"]), (422, &json!("/problems/invalid-inputs")));
    let pointers: Vec<&Value> =
        refused.body["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(pointers, ["/inputs/count", "/inputs/task"]);
    let new = json!({"name": "n", "description": "d", "acceptanceCriteria": "", "agentId": id,
        "inputData": {"task": 1}});
    let refused = board.server.client.post("/api/jobs", &new).await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.body["errors"][0]["pointer"], "/inputData/task");
    assert_eq!(board.get("/api/jobs").await["pagination"]["total"], 1, "nothing was created");
}

/// An agent is registered by its card: its words and its address are taken, nothing else is.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_imported_by_its_card() {
    let board = Board::new().await;
    let endpoint = board.sim.url("/good");
    let card = json!({
        "name": "Invoices", "description": "Works on invoices.", "url": endpoint,
        "skills": [{"id": "sum", "name": "Summing", "description": "Sums invoices.",
            "tags": ["finance", "sums", "finance"]}],
        "inputSchema": {"type": "string"},
    });
    let cards = Server::start(move |seen| match seen.target.as_str() {
        "/card" => reply(200, card.clone()),
        "/list" => reply(200, json!([])),
        _ => reply(404, json!({})),
    })
    .await;
    let import = async |path: &str| {
        let body = json!({"agentCardUrl": cards.url(path), "name": "sums"});
        board.server.client.post("/api/admin/agents/import", &body).await
    };
    let agent = import("/card").await.expect(201)["agent"].take();
    assert_eq!((&agent["name"], &agent["endpointURL"]), (&json!("sums"), &json!(endpoint)));
    assert_eq!(agent["tags"], json!(["finance", "sums"]));
    assert!(text(&agent["description"]).contains("Sums invoices."), "{agent:#}");
    assert_eq!(agent["inputSchema"], json!(true));
    for path in ["/list", "/nothing"] {
        let refused = import(path).await;
        assert_eq!(refused.status, 422, "{path}: {:#}", refused.body);
        assert_eq!(refused.body["errors"][0]["pointer"], "/agentCardUrl", "{path}");
    }
    let job = board.job(json!({"agentId": "sums"})).await;
    board.until_status(&job, "COMPLETED").await;
}
