//! Gates are opened once, decided by others, and end in a way of their own each.

use holdpoint::dsl::canonical_hash;
use holdpoint::http::authorize::Role;
use holdpoint::model::time::Span;
use serde_json::{Value, json};

use super::{REVIEWER, Stand, USER, Who, text};

/// An admin, a program with a token, and a reviewer.
async fn cast(stand: &Stand) -> (Who, Who, Who) {
    let admin = stand.person("root@x.org", Role::ALL).await;
    let program = stand.program(&admin, "deployer").await;
    (admin, program, stand.person("rita@x.org", REVIEWER).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_asks_and_a_person_decides() {
    let stand = Stand::new().await;
    let (_, program, rita) = cast(&stand).await;
    let show = json!({"build": 7, "tests": "green"});
    let body = json!({"summary": "**ship** it", "show": show, "labels": {"env": "prod"}});
    let gate = stand.open(&program, body).await;
    assert_eq!((&gate["status"], &gate["decision"]), (&json!("PENDING"), &Value::Null));
    assert_eq!(gate["digest"], canonical_hash(&show).to_string());
    assert_eq!(gate["labels"], json!({"env": "prod"}));
    assert_eq!(
        text(&gate["url"]),
        format!("http://localhost:3000/api/gates/{}", text(&gate["id"]))
    );
    // No token of a program decides, whatever it asks for.
    let refused = stand.decide(&gate, &program, "approve").await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    stand.decide(&gate, &rita, "approve").await.expect(200);
    let done = stand.until_status(&gate, &program, "APPROVED").await;
    let decision = &done["decision"];
    assert_eq!((&decision["by"], &decision["comment"]), (&json!(rita.id()), &json!("because")));
    assert_eq!(decision["value"], show);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_opened_a_gate_never_decides_it() {
    let stand = Stand::new().await;
    let (admin, _, rita) = cast(&stand).await;
    for four_eyes in [false, true] {
        let gate = stand.open(&admin, json!({"fourEyes": four_eyes})).await;
        for decision in ["approve", "reject", "send-back"] {
            let refused = stand.decide(&gate, &admin, decision).await;
            assert_eq!((refused.status, refused.problem()), (403, "four-eyes"), "{decision}");
        }
        stand.decide(&gate, &rita, "reject").await.expect(200);
        stand.until_status(&gate, &admin, "REJECTED").await;
    }
}

/// Does this to a gate and waits for the status.
async fn ended(stand: &Stand, program: &Who, rita: &Who, way: &str, status: &str) -> Value {
    let mut members = json!({"expiresAfter": "PT1H"});
    if way == "approve on expiry" {
        members["onExpiry"] = json!("approve");
    }
    let gate = stand.open(program, members).await;
    match way {
        "withdraw" => {
            let path = format!("/api/gates/{}", text(&gate["id"]));
            stand.ask("DELETE", &path, program, None).await.expect(200);
        }
        "expire" | "approve on expiry" => stand.clock.advance(Span::from_secs(3_601)),
        decision => {
            stand.decide(&gate, rita, decision).await.expect(200);
        }
    }
    stand.until_status(&gate, program, status).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_a_gate_ends_has_a_status_of_its_own_by_which_it_is_found() {
    let stand = Stand::new().await;
    let (_, program, rita) = cast(&stand).await;
    let rows = [
        ("approve", "APPROVED"),
        ("reject", "REJECTED"),
        ("send-back", "SENT_BACK"),
        ("expire", "EXPIRED"),
        ("withdraw", "CANCELLED"),
        ("approve on expiry", "APPROVED"),
    ];
    let mut by_status = std::collections::BTreeMap::<&str, Vec<String>>::new();
    for (way, status) in rows {
        let gate = ended(&stand, &program, &rita, way, status).await;
        let by = match way {
            "approve" | "reject" | "send-back" => json!(rita.id()),
            _ => Value::Null,
        };
        assert_eq!(gate["decision"]["by"], by, "{way}");
        let is_approved = status == "APPROVED";
        assert_eq!(gate["decision"]["value"].is_null(), !is_approved, "{way}");
        by_status.entry(status).or_default().insert(0, text(&gate["id"]));
    }
    let open = stand.open(&program, json!({})).await;
    by_status.insert("PENDING", vec![text(&open["id"])]);
    for (status, expected) in by_status {
        let mut feed = stand.engine.feed();
        let list = loop {
            let path = format!("/api/gates?status={status}");
            let list = stand.get(&path, &program).await.expect(200);
            // The job of a gate that was decided ends with the next commit.
            if list["pagination"]["total"] == expected.len() {
                break list;
            }
            tokio::time::timeout(super::PATIENCE, feed.changed()).await.unwrap().unwrap();
        };
        let gates = list["gates"].as_array().unwrap();
        let ids: Vec<String> = gates.iter().map(|gate| text(&gate["id"])).collect();
        assert_eq!(ids, expected, "{status}");
        assert!(gates.iter().all(|gate| gate["status"] == status), "{list:#}");
    }
    let first = stand.get("/api/gates?limit=3", &program).await.expect(200);
    let cursor = text(&first["pagination"]["nextCursor"]);
    let rest = stand.get(&format!("/api/gates?limit=9&cursor={cursor}"), &program).await;
    assert_eq!(rest.expect(200)["gates"].as_array().unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_cannot_be_withdrawn() {
    let stand = Stand::new().await;
    let (_, program, rita) = cast(&stand).await;
    let gate = ended(&stand, &program, &rita, "approve", "APPROVED").await;
    let path = format!("/api/gates/{}", text(&gate["id"]));
    let refused = stand.ask("DELETE", &path, &program, None).await;
    assert_eq!((refused.status, refused.problem()), (409, "gate-over"));
    assert_eq!(refused.json["currentStatus"], "APPROVED");
    let gone = ended(&stand, &program, &rita, "withdraw", "CANCELLED").await;
    let path = format!("/api/gates/{}", text(&gone["id"]));
    stand.ask("DELETE", &path, &program, None).await.expect(200);
    assert_eq!(stand.decide(&gone, &rita, "approve").await.status, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_opens_one_gate_and_shows_its_secret_again() {
    let stand = Stand::new().await;
    let (_, program, _) = cast(&stand).await;
    let open = async |body: &Value| stand.open_with_key(&program, "order-1", body).await;
    let callback = json!({"url": "http://127.0.0.1:9/hook"});
    let body = json!({"title": "Pay?", "show": 1, "callback": callback});
    let first = open(&body).await.expect(201);
    let secret = text(&first["gate"]["callback"]["secret"]);
    assert!(secret.starts_with("whsec_"), "{secret}");
    let again = open(&body).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    let again = again.expect(201);
    assert_eq!(again["gate"]["id"], first["gate"]["id"]);
    assert_eq!(again["gate"]["callback"]["secret"], secret, "who lost the answer has not lost it");
    let other = open(&json!({"title": "Pay more?", "show": 1, "callback": callback})).await;
    assert_eq!((other.status, other.problem()), (422, "key-reused"));
    let list = stand.get("/api/gates", &program).await.expect(200);
    assert_eq!(list["pagination"]["total"], 1);
    assert!(list["gates"][0]["callback"].get("secret").is_none(), "{list:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn gates_of_others_do_not_exist() {
    let stand = Stand::new().await;
    let (admin, program, _) = cast(&stand).await;
    let gate = stand.open(&program, json!({})).await;
    let id = text(&gate["id"]);
    let unknown = "0190aaaa-0000-7000-8000-000000000000";
    let ulf = stand.person("ulf@x.org", USER).await;
    let neighbour = stand.program(&admin, "neighbour").await;
    for who in [&ulf, &neighbour, &admin] {
        for (method, end) in [("GET", ""), ("GET", "/events"), ("DELETE", "")] {
            let theirs = stand.ask(method, &format!("/api/gates/{id}{end}"), who, None).await;
            let none = stand.ask(method, &format!("/api/gates/{unknown}{end}"), who, None).await;
            assert_eq!(theirs.status, 404, "{method} {end}");
            assert_eq!(theirs.text.replace(&id, ""), none.text.replace(unknown, ""));
        }
        let list = stand.get("/api/gates", who).await.expect(200);
        assert_eq!(list["pagination"]["total"], 0);
    }
    // A job that is no gate is none here either.
    let scoped = stand.get("/api/jobs", &program).await;
    assert_eq!(scoped.status, 403, "the token may use gates and nothing else");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named_and_nothing_is_opened() {
    let stand = Stand::new().await;
    let (_, program, _) = cast(&stand).await;
    let rows = [
        (json!({"title": " "}), "/title"),
        (json!({"title": "two\nlines"}), "/title"),
        (json!({"quorum": 0}), "/quorum"),
        (json!({"assignees": []}), "/assignees"),
        (json!({"assignees": ["team:x"]}), "/assignees"),
        (json!({"expiresAfter": "1 hour"}), "/expiresAfter"),
        (json!({"remindAfter": "P1Y"}), "/remindAfter"),
        (json!({"onExpiry": "shrug"}), "/onExpiry"),
        (json!({"editable": "amount"}), "/editable"),
        (json!({"form": {"type": "strange"}}), "/form"),
        (json!({"callback": {"url": "http://10.0.0.1/x"}}), "/callback/url"),
        (json!({"callback": {"url": "file:///etc/passwd"}}), "/callback/url"),
        (json!({"callback": {"url": "http://127.0.0.1:9", "secret": "weak"}}), "/callback/secret"),
        (json!({"surprise": 1}), ""),
    ];
    for (members, pointer) in rows {
        let mut body = json!({"title": "Pay?", "show": 1});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let refused = stand.post("/api/gates", &program, &body).await;
        assert_eq!(refused.status, 422, "{members}: {}", refused.text);
        let found = text(&refused.json["errors"][0]["pointer"]);
        assert!(found.starts_with(pointer), "{members}: {}", refused.text);
    }
    let list = stand.get("/api/gates", &program).await.expect(200);
    assert_eq!(list["pagination"]["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_of_a_gate_is_that_of_its_checkpoint() {
    let stand = Stand::new().await;
    let (_, program, rita) = cast(&stand).await;
    let (bob, eve) =
        (stand.person("bob@x.org", REVIEWER).await, stand.person("eve@x.org", REVIEWER).await);
    let members = json!({
        "quorum": 2, "assignees": ["user:rita@x.org", "user:bob@x.org"], "editable": "/amount",
        "form": {"type": "object", "required": ["seen"]}, "onExpiry": "escalate",
        "remindAfter": "PT1H", "escalateAfter": "PT2H", "expiresAfter": "PT4H",
    });
    let gate = stand.open(&program, members).await;
    assert_eq!(stand.decide(&gate, &eve, "approve").await.problem(), "not-assigned");
    assert_eq!(stand.decide(&gate, &rita, "approve").await.problem(), "invalid-form");
    let path = format!("/api/admin/agent-checkpoints/{}/decision", text(&gate["checkpointId"]));
    for who in [&rita, &bob] {
        let body = json!({"decision": "approve", "digest": gate["digest"],
            "input": {"seen": true}});
        stand.post(&path, who, &body).await.expect(200);
    }
    let done = stand.until_status(&gate, &program, "APPROVED").await;
    assert_eq!(done["decision"]["input"], json!({"seen": true}));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_built_in_documents_are_started_by_nobody_and_taken_by_nobody() {
    let stand = Stand::new().await;
    let (admin, _, _) = cast(&stand).await;
    for name in ["approval-gate", "approval-callback"] {
        let job = json!({"jobType": name, "name": "x", "description": "x",
            "acceptanceCriteria": "", "inputData": {}});
        let refused = stand.post("/api/jobs", &admin, &job).await;
        assert_eq!(refused.problem(), "unknown-workflow", "{name}");
        let document = json!({
            "document": {"dsl": "1.0.3", "namespace": "mine", "name": name, "version": "9.0.0"},
            "do": [{"one": {"set": {"a": 1}}}],
        });
        let refused = stand.post("/api/admin/workflows", &admin, &document).await;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(refused.text.contains("belongs to a built-in document"), "{}", refused.text);
    }
    let list = stand.get("/api/workflows", &admin).await.expect(200);
    assert!(!list.to_string().contains("approval-gate"), "{list:#}");
}
