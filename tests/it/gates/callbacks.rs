//! Callbacks: signed, sent again under the same id, told to nobody else, and without any power over
//! the decision.

use std::sync::Mutex;

use holdpoint::calls::{SignedMessage, WebhookSecret};
use holdpoint::clock::Clock;
use holdpoint::http::authorize::Role;
use holdpoint::model::time::Span;
use serde_json::{Value, json};

use super::signatures::SECRET;
use super::{REVIEWER, Stand, Who, text};
use crate::calls::server::{Reply, Seen, Server, json as json_reply, redirect, with_header};

/// A secret that must be found nowhere but in the answer that hands it out.
const CANARY: &str = "whsec_Y2FuYXJ5LWNhbmFyeS1jYW5hcnktNzc4MQ==";

async fn cast(stand: &Stand) -> (Who, Who, Who) {
    let admin = stand.person("root@x.org", Role::ALL).await;
    let program = stand.program(&admin, "told").await;
    (admin, program, stand.person("rita@x.org", REVIEWER).await)
}

/// A receiver that answers with these, one after the other, and then takes everything.
async fn receiver(mut replies: Vec<Reply>) -> Server {
    replies.reverse();
    let replies = Mutex::new(replies);
    let next = move || replies.lock().unwrap().pop();
    Server::start(move |_: &Seen| next().unwrap_or_else(|| json_reply(200, json!({})))).await
}

/// Checks the signature of a message that arrived, and gives what it says.
fn verified(stand: &Stand, seen: &Seen, secret: &str) -> Value {
    let message = SignedMessage {
        id: seen.header("webhook-id"),
        timestamp: seen.header("webhook-timestamp"),
        signatures: seen.header("webhook-signature"),
        body: seen.body.as_bytes(),
    };
    let secrets = [WebhookSecret::parse(secret).unwrap()];
    message.verify(&secrets, stand.clock.now()).expect("a good signature");
    assert!(!message.id.contains('.') && !message.id.is_empty(), "{}", message.id);
    serde_json::from_str(&seen.body).unwrap()
}

fn callback(server: &Server) -> Value {
    json!({"callback": {"url": server.url("/hook")}, "expiresAfter": "PT1H"})
}

fn is_told(gate: &Value) -> bool {
    gate["callback"]["status"] != "PENDING"
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_becomes_of_a_gate_is_told_once_and_signed() {
    let stand = Stand::new().await;
    let (_, program, rita) = cast(&stand).await;
    let rows = [
        ("approve", "gate.approved"),
        ("reject", "gate.rejected"),
        ("send-back", "gate.sent-back"),
        ("expire", "gate.expired"),
    ];
    for (way, kind) in rows {
        let server = receiver(Vec::new()).await;
        let gate = stand.open(&program, callback(&server)).await;
        let secret = text(&gate["callback"]["secret"]);
        assert_eq!(server.seen().len(), 0, "nothing is told before it is decided");
        match way {
            "expire" => stand.clock.advance(Span::from_secs(3_601)),
            decision => {
                stand.decide(&gate, &rita, decision).await.expect(200);
            }
        }
        let done = stand.until(&gate, &program, is_told).await;
        assert_eq!(done["callback"]["status"], "DELIVERED", "{way}: {done:#}");
        assert_eq!((&done["callback"]["attempts"], server.seen().len()), (&json!(1), 1), "{way}");
        let told = verified(&stand, &server.seen()[0], &secret);
        assert_eq!(told["type"], kind);
        // What is told is what whoever asks is answered.
        let mut asked = done.clone();
        for absent in ["callback", "labels"] {
            asked.as_object_mut().unwrap().remove(absent);
        }
        assert_eq!(told["data"]["gate"], asked, "{way}");
        let sent = &server.seen()[0];
        assert!(!sent.headers.contains_key("authorization") && !sent.body.contains("whsec_"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_again_under_the_same_id_until_it_is_taken() {
    let stand = Stand::new().await;
    let (_, program, rita) = cast(&stand).await;
    let busy = with_header(json_reply(429, json!({})), "Retry-After", "600");
    let broken = Reply::Bytes(b"nonsense\r\n\r\n".to_vec());
    let replies = vec![json_reply(500, json!({})), busy, json_reply(503, json!({})), broken];
    let server = receiver(replies).await;
    let gate = stand.open(&program, callback(&server)).await;
    let secret = text(&gate["callback"]["secret"]);
    stand.decide(&gate, &rita, "approve").await.expect(200);
    for attempt in 1..=4 {
        let waits = |gate: &Value| {
            let callback = &gate["callback"];
            callback["attempts"] == attempt && callback["lastError"].is_string()
        };
        let gate = stand.until(&gate, &program, waits).await;
        assert_eq!(
            (&gate["status"], &gate["callback"]["status"]),
            (&json!("APPROVED"), &json!("PENDING")),
            "a callback has no power over the decision"
        );
        // What was asked for is the least that is waited.
        let waited = if attempt == 2 { 599 } else { 0 };
        stand.clock.advance(Span::from_secs(waited));
        assert_eq!(server.seen().len(), attempt, "not before its time");
        stand.clock.advance(Span::from_secs(3_600));
    }
    let done = stand.until(&gate, &program, is_told).await;
    assert_eq!(done["callback"]["status"], "DELIVERED");
    assert_eq!(done["callback"]["attempts"], 5);
    let seen = server.seen();
    let first = &seen[0];
    for again in &seen[1..] {
        assert_eq!(again.header("webhook-id"), first.header("webhook-id"));
        assert_eq!(again.body, first.body);
    }
    let last = seen.last().unwrap();
    assert_ne!(last.header("webhook-timestamp"), first.header("webhook-timestamp"));
    verified_at_its_time(last, &secret);
}

/// A later attempt is signed with its own time: an old message would not be taken.
fn verified_at_its_time(seen: &Seen, secret: &str) {
    let sent_s: i64 = seen.header("webhook-timestamp").parse().unwrap();
    let message = SignedMessage {
        id: seen.header("webhook-id"),
        timestamp: seen.header("webhook-timestamp"),
        signatures: seen.header("webhook-signature"),
        body: seen.body.as_bytes(),
    };
    let now = holdpoint::model::time::Timestamp(sent_s * 1_000_000);
    message.verify(&[WebhookSecret::parse(secret).unwrap()], now).expect("a good signature");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_is_refused_fails_only_the_telling_and_can_be_sent_again() {
    let stand = Stand::new().await;
    let (admin, program, rita) = cast(&stand).await;
    let rows = [(json_reply(400, json!({"error": "no"})), "400"), (redirect(302, "/else"), "302")];
    for (reply, code) in rows {
        let server = receiver(vec![reply]).await;
        let gate = stand.open(&program, callback(&server)).await;
        stand.decide(&gate, &rita, "reject").await.expect(200);
        let done = stand.until(&gate, &program, is_told).await;
        assert_eq!(
            (&done["status"], &done["callback"]["status"]),
            (&json!("REJECTED"), &json!("FAILED"))
        );
        assert!(text(&done["callback"]["lastError"]).contains(code), "{done:#}");
        assert_eq!(server.seen().len(), 1, "it is not sent again by itself");
        let job = text(&done["callback"]["jobId"]);
        let path = format!("/api/admin/jobs/{job}/resubmit");
        stand.post(&path, &admin, &json!({"reason": "the receiver was mended"})).await.expect(200);
        let delivered = |gate: &Value| gate["callback"]["status"] == "DELIVERED";
        let again = stand.until(&gate, &program, delivered).await;
        assert_eq!(again["decision"], done["decision"]);
        assert_eq!(server.seen().len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_outlives_the_process_on_either_side_of_the_decision() {
    let stand = Stand::new().await;
    let (_, program, rita) = cast(&stand).await;
    let server = receiver(vec![json_reply(503, json!({}))]).await;
    let gate = stand.open(&program, callback(&server)).await;
    let secret = text(&gate["callback"]["secret"]);
    let stand = stand.again().await;
    stand.decide(&gate, &rita, "approve").await.expect(200);
    let waits = |gate: &Value| gate["callback"]["lastError"].is_string();
    stand.until(&gate, &program, waits).await;
    let stand = stand.again().await;
    stand.clock.advance(Span::from_secs(3_600));
    let done = stand.until(&gate, &program, is_told).await;
    assert_eq!(done["callback"]["status"], "DELIVERED", "{done:#}");
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].header("webhook-id"), seen[1].header("webhook-id"));
    verified_at_its_time(&seen[1], &secret);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_is_in_no_journal_and_no_answer() {
    let stand = Stand::new().await;
    let (admin, program, rita) = cast(&stand).await;
    let server = receiver(vec![json_reply(400, json!({"echo": CANARY}))]).await;
    let members = json!({"callback": {"url": server.url("/hook"), "secret": CANARY}});
    let gate = stand.open(&program, members).await;
    assert!(gate["callback"].get("secret").is_none(), "who gave it knows it");
    stand.decide(&gate, &rita, "approve").await.expect(200);
    let done = stand.until(&gate, &program, is_told).await;
    let sent = server.seen();
    let now = stand.clock.now();
    let message = SignedMessage {
        id: sent[0].header("webhook-id"),
        timestamp: sent[0].header("webhook-timestamp"),
        signatures: sent[0].header("webhook-signature"),
        body: sent[0].body.as_bytes(),
    };
    message.verify(&[WebhookSecret::parse(CANARY).unwrap()], now).expect("signed with it");
    let (id, told) = (text(&gate["id"]), text(&done["callback"]["jobId"]));
    let mut shown = done.to_string();
    for path in [
        format!("/api/admin/jobs/{id}"),
        format!("/api/admin/jobs/{id}/logs"),
        format!("/api/admin/jobs/{told}"),
        format!("/api/admin/jobs/{told}/logs"),
        "/api/admin/audit".to_owned(),
    ] {
        shown.push_str(&stand.get(&path, &admin).await.text);
    }
    let inner = CANARY.trim_start_matches("whsec_").trim_end_matches('=');
    for kept in [shown, stand.dump().await] {
        assert!(kept.contains("Pay?"), "nothing of the gate is in it");
        assert!(!kept.contains(inner), "the secret is in: …{}…", around(&kept, inner));
        assert!(!kept.contains("canary-canary"), "its bytes are in it");
    }
}

fn around<'a>(text: &'a str, part: &str) -> &'a str {
    let at = text.find(part).unwrap_or_default();
    &text[at.saturating_sub(80)..(at + part.len()).min(text.len())]
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_speaks_for_a_gate_but_its_own_callback() {
    let stand = Stand::new().await;
    let (admin, program, rita) = cast(&stand).await;
    let server = receiver(Vec::new()).await;
    let gate = stand.open(&program, callback(&server)).await;
    let document = json!({
        "document": {"dsl": "1.0.3", "namespace": "mine", "name": "forger", "version": "1.0.0"},
        "do": [{"send": {"call": "webhook",
            "with": {"url": "${ .url }", "gate": "${ .gate }"}}}],
    });
    stand.post("/api/admin/workflows", &admin, &document).await.expect(201);
    let job = json!({"jobType": "forger", "name": "x", "description": "x",
        "acceptanceCriteria": "", "autoExecute": true,
        "inputData": {"url": server.url("/hook"), "gate": gate["id"]}});
    let made = stand.post("/api/jobs", &admin, &job).await.expect(201);
    let path = format!("/api/jobs/{}", text(&made["job"]["id"]));
    let mut feed = stand.engine.feed();
    let failed = loop {
        let job = stand.get(&path, &admin).await.expect(200)["job"].take();
        if !job["completedAt"].is_null() {
            break job;
        }
        tokio::time::timeout(super::PATIENCE, feed.changed()).await.unwrap().unwrap();
    };
    assert_eq!(failed["status"], "FAILED");
    assert!(failed.to_string().contains("only the callback of a gate speaks for it"), "{failed:#}");
    assert_eq!(server.seen().len(), 0);
    stand.decide(&gate, &rita, "approve").await.expect(200);
    stand.until(&gate, &program, is_told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_sends_signed_messages_of_its_own() {
    let stand = Stand::new().await;
    let (admin, ..) = cast(&stand).await;
    let server = receiver(Vec::new()).await;
    let send = |with: Value| {
        json!({
            "document": {"dsl": "1.0.3", "namespace": "mine", "name": "news", "version": "1.0.0"},
            "do": [{"send": {"call": "webhook", "with": with}}],
        })
    };
    for wrong in [
        json!({"url": "http://127.0.0.1/"}),
        json!({"url": "http://127.0.0.1/", "payload": {}}),
        json!({"url": "http://127.0.0.1/", "payload": {}, "secret": SECRET, "gate": "x"}),
        json!({"payload": {}, "secret": SECRET}),
    ] {
        let refused = stand.post("/api/admin/workflows", &admin, &send(wrong.clone())).await;
        assert_eq!(refused.status, 422, "{wrong}");
    }
    let with = json!({"url": server.url("/news"), "secret": SECRET,
        "payload": {"type": "news", "data": "${ . }"}});
    stand.post("/api/admin/workflows", &admin, &send(with)).await.expect(201);
    let job = json!({"jobType": "news", "name": "x", "description": "x",
        "acceptanceCriteria": "", "autoExecute": true, "inputData": {"n": 1}});
    let made = stand.post("/api/jobs", &admin, &job).await.expect(201);
    let path = format!("/api/jobs/{}", text(&made["job"]["id"]));
    let mut feed = stand.engine.feed();
    while stand.get(&path, &admin).await.expect(200)["job"]["status"] != "COMPLETED" {
        tokio::time::timeout(super::PATIENCE, feed.changed()).await.unwrap().unwrap();
    }
    let told = verified(&stand, &server.seen()[0], SECRET);
    assert_eq!(told, json!({"type": "news", "data": {"n": 1}}));
}
