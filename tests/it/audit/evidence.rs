//! The evidence of a job: it holds by itself, nothing in it can be changed, and whoever has neither
//! server nor store can check it.

use std::process::Command;

use holdpoint::engine::audit::check_bundle;
use serde_json::{Value, json};

use super::facts::approved;
use crate::support::server::start;
use crate::support::skip::{need, skip};

/// The evidence of an approved job, and the key that was noted.
async fn evidence() -> (Value, String) {
    let server = start(|_| {}).await;
    let (job, _) = approved(&server).await;
    // Others work in between: of their entries only hashes are given.
    approved(&server).await;
    let path = format!("/api/admin/audit/export?job={job}");
    let bundle = server.client.get(&path).await.expect(200);
    let key = server.app.engine.audit_key().unwrap();
    let missing = server.client.get("/api/admin/audit/export?job=1").await;
    assert_eq!(missing.expect(404)["type"], "/problems/no-such-job");
    server.stop().await;
    (bundle, key)
}

/// Changes everything that the proof hangs on, one at a time.
fn forgeries(bundle: &Value) -> Vec<(&'static str, Value)> {
    let mut forgeries = Vec::new();
    let mut forge = |what: &'static str, change: &dyn Fn(&mut Value)| {
        let mut forged = bundle.clone();
        change(&mut forged);
        assert_ne!(&forged, bundle, "{what}");
        forgeries.push((what, forged));
    };
    forge("who", &|bundle| bundle["journal"][0]["by"]["id"] = json!("somebody else"));
    forge("who decided", &|bundle| {
        bundle["checkpoints"][0]["decision"]["by"]["id"] = json!("somebody else");
    });
    forge("an event", &|bundle| bundle["journal"][0]["events"][0]["type"] = json!("failed"));
    forge("a record", &|bundle| {
        let record = bundle["journal"][0]["record"].as_str().unwrap().replacen('A', "B", 1);
        bundle["journal"][0]["record"] = json!(record);
    });
    forge("the end", &|bundle| drop(bundle["journal"].as_array_mut().unwrap().pop()));
    forge("what was shown", &|bundle| {
        let shown = bundle["checkpoints"][0]["shown"].as_str().unwrap().replace("x = 1", "x = 2");
        bundle["checkpoints"][0]["shown"] = json!(shown);
    });
    forge("what was shown, with its digest", &|bundle| {
        bundle["checkpoints"][0]["shown"] = json!("{}");
        let digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        bundle["checkpoints"][0]["sha256"] = json!(digest);
    });
    forge("the workflow", &|bundle| {
        let text = bundle["workflow"]["document"].as_str().unwrap().replacen("1.0", "2.0", 1);
        bundle["workflow"]["document"] = json!(text);
    });
    forge("a link", &|bundle| drop(bundle["proofs"][0]["links"].as_array_mut().unwrap().pop()));
    forge("the count", &|bundle| {
        let count = bundle["proofs"][0]["head"]["count"].as_u64().unwrap();
        bundle["proofs"][0]["head"]["count"] = json!(count + 1);
    });
    forge("an entry", &|bundle| {
        let content = bundle["proofs"][0]["links"][0]["content"].as_str().unwrap();
        bundle["proofs"][0]["links"][0]["content"] = json!(content.replacen('B', "C", 1));
    });
    forgeries
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_holds_and_no_part_of_it_can_be_changed() {
    let (bundle, key) = evidence().await;
    let report = check_bundle(&bundle, Some(&key));
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!((report.decisions, &report.key), (1, &key));
    assert_eq!(report.events, bundle["job"]["events"].as_u64().unwrap());
    let decision = &bundle["checkpoints"][0]["decision"];
    let person = &bundle["people"][0];
    assert_eq!((&decision["by"]["id"], &decision["comment"]), (&person["id"], &json!("fine")));
    assert!(person["email"].as_str().is_some_and(|email| email.contains('@')));
    for (what, forged) in forgeries(&bundle) {
        assert!(!check_bundle(&forged, Some(&key)).problems.is_empty(), "{what}");
    }
    let foreign = "00".repeat(32);
    assert!(!check_bundle(&bundle, Some(&foreign)).problems.is_empty());
    assert!(!check_bundle(&json!({}), None).problems.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_shares_no_code_says_the_same() {
    if let Err(reason) = need(&["python3"]) {
        return skip("the check of evidence in Python", &reason);
    }
    let (bundle, key) = evidence().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("evidence.json");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/check-evidence.py");
    let check = |bundle: &Value| {
        std::fs::write(&file, bundle.to_string()).unwrap();
        let ran = Command::new("python3").arg("-B").arg(script).arg(&file).arg(&key).output();
        let ran = ran.unwrap();
        (ran.status.code(), String::from_utf8_lossy(&ran.stdout).into_owned())
    };
    let (code, said) = check(&bundle);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("holds: "), "{said}");
    for (what, forged) in forgeries(&bundle) {
        let (code, said) = check(&forged);
        // Without a package for signatures a changed count shows by the number of links.
        assert_eq!(code, Some(65), "{what}: {said}");
    }
    assert!(std::fs::read_to_string(script).unwrap().lines().count() < 130);
}
