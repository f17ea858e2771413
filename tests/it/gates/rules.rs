//! Rules approve what needs no person, once, by their version, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use holdpoint::http::authorize::Role;
use holdpoint::model::event::Event;
use holdpoint::model::time::Span;
use serde_json::{Value, json};

use super::{PATIENCE, REVIEWER, Stand, Who, text};
use crate::engine::weather::Fate;

async fn cast(stand: &Stand) -> (Who, Who, Who) {
    let admin = stand.person("root@x.org", Role::ALL).await;
    let program = stand.program(&admin, "payer").await;
    (admin, program, stand.person("rita@x.org", REVIEWER).await)
}

/// Makes a rule for small amounts, with these members changed.
async fn rule(stand: &Stand, admin: &Who, members: Value) -> Value {
    let mut body = json!({"name": "small", "jobType": "approval-gate",
        "when": ".shown.amount < 100", "expiresAt": "2026-12-31T00:00:00Z"});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let made = stand.post("/api/admin/approval-rules", admin, &body).await;
    made.expect(201)["rule"].take()
}

fn amount(amount: u32) -> Value {
    json!({"show": {"amount": amount}})
}

/// Opens gates until a rule has surely been asked about this one: a later gate was approved by it.
async fn surely_asked(stand: &Stand, program: &Who) {
    let later = stand.open(program, amount(1)).await;
    stand.until_status(&later, program, "APPROVED").await;
}

async fn status(stand: &Stand, gate: &Value, who: &Who) -> String {
    let path = format!("/api/gates/{}", text(&gate["id"]));
    text(&stand.get(&path, who).await.expect(200)["gate"]["status"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_approves_what_it_is_about_and_the_trail_names_its_version() {
    let stand = Stand::new().await;
    let (admin, program, _) = cast(&stand).await;
    let before = stand.open(&program, amount(1)).await;
    stand.clock.advance(Span::from_secs(1));
    let rule = rule(&stand, &admin, json!({})).await;
    let path = format!("/api/admin/approval-rules/{}", text(&rule["id"]));
    let edit = json!({"version": 1, "name": "small sums"});
    let changed = stand.ask("PATCH", &path, &admin, Some(&edit)).await.expect(200);
    assert_eq!(changed["rule"]["version"], 2);
    let stale = stand.ask("PATCH", &path, &admin, Some(&edit)).await;
    assert_eq!(stale.problem(), "rule-changed");
    let small = stand.open(&program, amount(42)).await;
    let large = stand.open(&program, amount(100)).await;
    let strange = stand.open(&program, json!({"show": {"amount": {"EUR": 1}}})).await;
    let done = stand.until_status(&small, &program, "APPROVED").await;
    let by = format!("system:approval-rule:{}", text(&rule["id"]));
    assert_eq!(done["decision"]["by"], by);
    let comment = text(&done["decision"]["comment"]);
    assert!(comment.contains("\"small sums\", version 2"), "{comment}");
    surely_asked(&stand, &program).await;
    for gate in [&before, &large, &strange] {
        assert_eq!(status(&stand, gate, &program).await, "PENDING", "{gate:#}");
    }
    let audit = stand.get("/api/admin/audit?limit=200", &admin).await.expect(200).to_string();
    let via = format!("rule:{}@2", text(&rule["id"]));
    for found in ["rule.make", "rule.change", via.as_str()] {
        assert!(audit.contains(found), "{found}: {audit}");
    }
    let versions = stand.get(&format!("{path}/versions"), &admin).await.expect(200);
    let names: Vec<&Value> =
        versions["rules"].as_array().unwrap().iter().map(|rule| &rule["name"]).collect();
    assert_eq!(names, ["small", "small sums"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_asks_for_people_gets_people() {
    let stand = Stand::new().await;
    let (admin, program, rita) = cast(&stand).await;
    rule(&stand, &admin, json!({})).await;
    let mut gates = Vec::new();
    for members in
        [json!({"quorum": 2}), json!({"fourEyes": true}), json!({"form": {"type": "object"}})]
    {
        let mut all = amount(1);
        all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        gates.push(stand.open(&program, all).await);
    }
    surely_asked(&stand, &program).await;
    for gate in &gates {
        assert_eq!(status(&stand, gate, &program).await, "PENDING");
    }
    // Nor does a rule speak again about what a person said.
    let rejected = stand.open(&program, amount(500)).await;
    stand.decide(&rejected, &rita, "reject").await.expect(200);
    surely_asked(&stand, &program).await;
    assert_eq!(status(&stand, &rejected, &program).await, "REJECTED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_never_overtakes_a_person_who_has_begun_to_look() {
    let stand = Stand::new().await;
    let (admin, program, rita) = cast(&stand).await;
    rule(&stand, &admin, json!({})).await;
    // The rule is held up as it is about to decide, and meanwhile a person comes.
    let (asked, free) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (seen, let_go) = (asked.clone(), free.clone());
    stand.store.plan(move |commit| {
        let decides = commit.events.iter().any(|it| matches!(&**it, Event::Decided { .. }));
        if decides && !let_go.load(Ordering::SeqCst) {
            seen.store(true, Ordering::SeqCst);
            return Fate::Unavailable;
        }
        Fate::Pass
    });
    let gate = stand.open(&program, amount(5)).await;
    until_true(&asked).await;
    let path = format!("/api/admin/agent-checkpoints/{}/claim", text(&gate["checkpointId"]));
    stand.post(&path, &rita, &json!({})).await.expect(200);
    free.store(true, Ordering::SeqCst);
    surely_asked(&stand, &program).await;
    assert_eq!(status(&stand, &gate, &program).await, "PENDING");
    stand.decide(&gate, &rita, "reject").await.expect(200);
}

async fn until_true(flag: &AtomicBool) {
    let coming = async {
        while !flag.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, coming).await.expect("the rule is asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_goes_to_people_and_says_so() {
    let stand = Stand::new().await;
    let (admin, program, rita) = cast(&stand).await;
    let all = rule(&stand, &admin, json!({"samplePercent": 100, "name": "sampled"})).await;
    let gate = stand.open(&program, amount(1)).await;
    let path = format!("/api/admin/agent-checkpoints/{}", text(&gate["checkpointId"]));
    let mut feed = stand.engine.feed();
    let checkpoint = loop {
        let checkpoint = stand.get(&path, &rita).await.expect(200);
        if checkpoint.to_string().contains("sampled by rule") {
            break checkpoint;
        }
        tokio::time::timeout(PATIENCE, feed.changed()).await.unwrap().unwrap();
    };
    assert!(checkpoint.to_string().contains("a person decides"), "{checkpoint:#}");
    stand.decide(&gate, &rita, "approve").await.expect(200);
    stand.until_status(&gate, &program, "APPROVED").await;
    // Half of many: the share is that of the hash, and the same whenever it is asked.
    let path = format!("/api/admin/approval-rules/{}", text(&all["id"]));
    stand.ask("DELETE", &path, &admin, None).await.expect(200);
    rule(&stand, &admin, json!({"samplePercent": 50, "when": ".title == \"Pay?\""})).await;
    rule(&stand, &admin, json!({"when": ".title == \"done\""})).await;
    let mut gates = Vec::new();
    for _ in 0..40 {
        gates.push(stand.open(&program, amount(1)).await);
    }
    let marker = stand.open(&program, json!({"title": "done"})).await;
    stand.until_status(&marker, &program, "APPROVED").await;
    let mut approved = 0;
    for gate in &gates {
        approved += usize::from(status(&stand, gate, &program).await == "APPROVED");
    }
    // Less than one in a hundred thousand draws of a fair share lies outside.
    assert!((6..=34).contains(&approved), "{approved} of 40");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_ends_by_its_day_its_limit_and_its_revocation() {
    let stand = Stand::new().await;
    let (admin, program, _) = cast(&stand).await;
    let marker = rule(&stand, &admin, json!({"when": ".title == \"done\""})).await;
    let limited = rule(&stand, &admin, json!({"maxPerDay": 2})).await;
    let passed = async || {
        let marker = stand.open(&program, json!({"title": "done", "show": 0})).await;
        stand.until_status(&marker, &program, "APPROVED").await;
    };
    let approved = async |count: usize| {
        let mut found = 0;
        for _ in 0..count {
            let gate = stand.open(&program, amount(1)).await;
            passed().await;
            found += usize::from(status(&stand, &gate, &program).await == "APPROVED");
        }
        found
    };
    assert_eq!(approved(3).await, 2, "so many on a day");
    let path = format!("/api/admin/approval-rules/{}", text(&limited["id"]));
    assert_eq!(stand.get(&path, &admin).await.expect(200)["rule"]["usedToday"], 2);
    stand.clock.advance(Span::from_secs(10 * 3_600));
    let admin = Who::Person { id: admin.id().to_owned(), cookie: stand.login("root@x.org").await };
    assert_eq!(approved(0).await, 0);
    stand.clock.advance(Span::from_secs(4 * 3_600));
    assert_eq!(approved(1).await, 1, "another day");
    stand.ask("DELETE", &path, &admin, None).await.expect(200);
    assert_eq!(approved(1).await, 0, "revoked");
    let again = stand.ask("PATCH", &path, &admin, Some(&json!({"name": "back"}))).await;
    assert_eq!(again.problem(), "rule-changed", "a revoked rule does not come back");
    assert_eq!(marker["status"], "ACTIVE");
    let body = json!({"name": "x", "jobType": "approval-gate", "when": "true"});
    for (member, value) in [
        ("expiresAt", json!("2026-01-01T00:00:00Z")),
        ("expiresAt", json!("2028-01-01T00:00:00Z")),
        ("when", json!(".shown | nonsense(")),
        ("samplePercent", json!(101)),
        ("maxPerDay", json!(0)),
        ("name", json!("")),
    ] {
        let mut wrong = body.clone();
        wrong["expiresAt"] = json!("2026-03-01T00:00:00Z");
        wrong[member] = value.clone();
        let refused = stand.post("/api/admin/approval-rules", &admin, &wrong).await;
        assert_eq!(refused.status, 422, "{member} {value}");
        assert!(refused.text.contains(&format!("/{member}")), "{}", refused.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_the_opening_and_the_rule_is_made_good() {
    let stand = Stand::new().await;
    let (admin, program, _) = cast(&stand).await;
    rule(&stand, &admin, json!({})).await;
    // The process dies as the rule is about to decide.
    let died = Arc::new(AtomicBool::new(false));
    let flag = died.clone();
    let store = stand.store.clone();
    stand.store.plan(move |commit| {
        let decides = commit.events.iter().any(|it| matches!(&**it, Event::Decided { .. }));
        if decides {
            flag.store(true, Ordering::SeqCst);
            store.set_down(true);
            return Fate::Unavailable;
        }
        Fate::Pass
    });
    // Whether the program still has its answer is chance. If not, it asks again under its key.
    let body = json!({"title": "Pay?", "show": {"amount": 7}});
    let first = stand.open_with_key(&program, "order-7", &body).await;
    until_true(&died).await;
    let stand = stand.again().await;
    let gate = stand.open_with_key(&program, "order-7", &body).await.expect(201)["gate"].take();
    if first.status == 201 {
        assert_eq!(first.json["gate"]["id"], gate["id"]);
    }
    let done = stand.until_status(&gate, &program, "APPROVED").await;
    assert!(text(&done["decision"]["by"]).contains("approval-rule"), "{done:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_what_a_rule_would_have_done_and_does_nothing() {
    let stand = Stand::new().await;
    let (admin, program, rita) = cast(&stand).await;
    let small = stand.open(&program, amount(1)).await;
    let no = stand.open(&program, amount(2)).await;
    stand.decide(&no, &rita, "reject").await.expect(200);
    stand.until_status(&no, &program, "REJECTED").await;
    stand.open(&program, amount(1_000)).await;
    stand.open(&program, json!({"show": {"amount": 3}, "quorum": 2})).await;
    stand.open(&program, json!({"show": "nothing"})).await;
    let trial = json!({"jobType": "approval-gate", "when": ".shown.amount < 100"});
    let path = "/api/admin/approval-rules/dry-run";
    let found = stand.post(path, &admin, &trial).await.expect(200);
    assert_eq!((&found["wouldApprove"], &found["againstPeople"]), (&json!(2), &json!(1)));
    let findings = found["findings"].as_array().unwrap();
    let mut would: Vec<_> = findings.iter().map(|it| it["wouldApprove"].as_bool()).collect();
    // All of them opened at the same instant of the test's clock.
    would.sort_unstable();
    let (no, yes) = (Some(false), Some(true));
    assert_eq!(would, [no, no, no, yes, yes], "{found:#}");
    assert_eq!(status(&stand, &small, &program).await, "PENDING");
    let none = json!({"jobType": "approval-gate", "when": "true", "owner": "somebody else"});
    let found = stand.post(path, &admin, &none).await.expect(200);
    assert_eq!(found["findings"], json!([]));
    for who in [&rita, &program] {
        assert_eq!(stand.post(path, who, &trial).await.status, 403);
        let made = stand.post("/api/admin/approval-rules", who, &trial).await;
        assert_eq!(made.status, 403, "only a person who is an admin makes rules");
    }
}
