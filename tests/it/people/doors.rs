//! One table of what a checkpoint refuses and takes, run through every door that leads to a
//! decision: the two words of the API, the canonical route, the batch, a signed link, and the
//! engine's handle.

use holdpoint::model::checkpoint::Verdict;
use holdpoint::model::command::DecideCheckpoint;
use holdpoint::model::id::{CheckpointId, ContentHash};
use holdpoint::model::voter::{Door, Voter};
use serde_json::{Value, json};

use super::{Scene, path};

/// A way to decide.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// POST on the checkpoint.
    Approve,
    /// DELETE on the checkpoint.
    Reject,
    Decision,
    Batch,
    /// The page of a signed link, signed in.
    Link,
    Handle,
}

const WAYS: [Way; 6] =
    [Way::Approve, Way::Reject, Way::Decision, Way::Batch, Way::Link, Way::Handle];

/// The status of the checkpoint after the decision, or the code of the refusal.
async fn decide(
    scene: &Scene,
    way: Way,
    checkpoint: &Value,
    who: &str,
    verdict: Verdict,
    digest: &Value,
) -> String {
    let cookie = match who {
        "rita" => &scene.rita,
        "root" => &scene.root,
        "bob" => &scene.bob,
        _ => &scene.ann,
    };
    let site = &scene.site;
    let reason = "a test";
    let answer = match way {
        Way::Approve => {
            site.post(&path(checkpoint, ""), cookie, &json!({ "digest": digest })).await
        }
        Way::Reject => {
            let body = json!({ "reason": reason, "digest": digest });
            site.delete(&path(checkpoint, ""), cookie, &body).await
        }
        Way::Decision => {
            let body = json!({ "decision": verdict, "digest": digest, "reason": reason });
            site.post(&path(checkpoint, "/decision"), cookie, &body).await
        }
        Way::Batch => {
            let id = checkpoint["id"].as_str().unwrap();
            let body = json!({
                "ids": [id], "decision": verdict, "reason": reason, "digests": { id: digest },
            });
            let batch = "/api/admin/agent-checkpoints/batch";
            let answer = site.post(batch, cookie, &body).await.ok(200);
            let outcome = &answer["outcomes"][0];
            let code = outcome["problem"]["type"].as_str();
            let status = outcome["checkpoint"]["status"].as_str();
            return code.map_or_else(
                || status.unwrap().to_owned(),
                |code| code.trim_start_matches("/problems/").to_owned(),
            );
        }
        Way::Link => return by_link(scene, checkpoint, who, verdict, digest).await,
        Way::Handle => return by_handle(scene, checkpoint, who, verdict, digest).await,
    };
    match answer.status.is_success() {
        true => answer.json["checkpoint"]["status"].as_str().unwrap().to_owned(),
        false => answer.problem().to_owned(),
    }
}

async fn by_link(
    scene: &Scene,
    checkpoint: &Value,
    who: &str,
    verdict: Verdict,
    digest: &Value,
) -> String {
    let cookie = match who {
        "rita" => &scene.rita,
        "root" => &scene.root,
        "bob" => &scene.bob,
        _ => &scene.ann,
    };
    let body = json!({ "user": format!("{who}@x.org") });
    let links = path(checkpoint, "/links");
    let made = scene.site.post(&links, &scene.root, &body).await.ok(201);
    let url = made["url"].as_str().unwrap();
    let page = &url[url.find("/links/").unwrap()..];
    let digest = digest.as_str().unwrap();
    let form = format!("decision={verdict}&reason=a+test&digest={digest}");
    let kind = "application/x-www-form-urlencoded";
    let ask = scene.site.ask("POST", page).by(cookie).text(kind, &form);
    let answer = ask.to(&scene.site.router).await;
    if answer.status.is_success() {
        return scene.read(checkpoint).await["status"].as_str().unwrap().to_owned();
    }
    // The page is for people; it has the words of the problem.
    let title = answer.text.split("<h1>").nth(1).and_then(|rest| rest.split("</h1>").next());
    let code = holdpoint::http::codes::ALL.iter().find(|code| Some(code.title) == title);
    code.unwrap_or_else(|| panic!("{}", answer.text)).name.to_owned()
}

async fn by_handle(
    scene: &Scene,
    checkpoint: &Value,
    who: &str,
    verdict: Verdict,
    digest: &Value,
) -> String {
    let me = match who {
        "rita" => &scene.rita,
        "root" => &scene.root,
        "bob" => &scene.bob,
        _ => &scene.ann,
    };
    let me = scene.site.get("/api/auth/me", me).await.ok(200);
    let user = me["user"]["id"].as_str().unwrap();
    let roles: Vec<&str> =
        me["user"]["roles"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let mut voter = Voter::person(user, &roles, Door::System);
    voter.names.push(format!("{who}@x.org"));
    let id: CheckpointId = checkpoint["id"].as_str().unwrap().parse().unwrap();
    let digest: ContentHash = digest.as_str().unwrap().parse().unwrap();
    let by = voter.principal.clone();
    let wish = DecideCheckpoint {
        digest: Some(digest),
        comment: Some("a test".to_owned()),
        ..DecideCheckpoint::new(id, verdict, voter)
    };
    match scene.site.engine.decide(wish, by).await {
        Ok(view) => view.row.status.to_string(),
        Err(holdpoint::engine::EngineError::Refused(refusal)) => refusal.code().to_owned(),
        Err(error) => panic!("{error}"),
    }
}

fn verdicts(way: Way) -> Vec<Verdict> {
    match way {
        Way::Approve => vec![Verdict::Approve],
        Way::Reject => vec![Verdict::Reject],
        _ => vec![Verdict::Approve, Verdict::Reject, Verdict::SendBack],
    }
}

#[tokio::test]
async fn every_door_has_the_same_rules() {
    let table = [
        // What the document says, who comes, and what an approval is answered; nothing when a
        // decision of any kind is taken.
        (json!({}), "ann", None),
        (json!({}), "rita", None),
        (json!({ "assignees": ["user:bob@x.org"] }), "ann", Some("not-assigned")),
        (json!({ "assignees": ["user:bob@x.org"] }), "bob", None),
        (json!({ "assignees": ["group:finance"] }), "ann", Some("not-assigned")),
        (json!({ "assignees": ["group:finance"] }), "root", None),
        (json!({ "fourEyes": true }), "rita", Some("four-eyes")),
        (json!({ "fourEyes": true, "assignees": ["user:rita@x.org"] }), "rita", Some("four-eyes")),
        (json!({ "fourEyes": true }), "ann", None),
        (json!({ "reworks": 0 }), "ann", None),
    ];
    for (with, who, refused) in table {
        let scene = Scene::with(with.clone()).await;
        for way in WAYS {
            for verdict in verdicts(way) {
                let (_, checkpoint) = scene.waiting(json!({ "n": 1 })).await;
                let is_spent = with["reworks"] == 0 && verdict == Verdict::SendBack;
                let refused = if is_spent { Some("reworks-spent") } else { refused };
                let expected = match refused {
                    Some(code) => code.to_owned(),
                    None => verdict.status().to_string(),
                };
                let digest = &checkpoint["digest"];
                let heard = decide(&scene, way, &checkpoint, who, verdict, digest).await;
                assert_eq!(heard, expected, "{with} {who} {way:?} {verdict}");
                let stands = scene.read(&checkpoint).await["status"].clone();
                let left = if refused.is_some() { "PENDING" } else { &expected };
                assert_eq!(stands, left, "{with} {who} {way:?} {verdict}");
                if refused.is_some() {
                    continue;
                }
                // Again is harmless, otherwise comes too late, by every door. No link leads to what
                // is closed.
                for again in WAYS.into_iter().filter(|way| *way != Way::Link) {
                    for second in verdicts(again) {
                        let heard = decide(&scene, again, &checkpoint, who, second, digest).await;
                        let same = second == verdict;
                        let expected = if same { &expected } else { "already-decided" };
                        assert_eq!(heard, expected, "{with} {who} {again:?} {second}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn by_every_door_a_decision_is_about_what_is_shown() {
    let scene = Scene::with(json!({ "quorum": 2 })).await;
    let other = json!("0".repeat(64));
    for way in WAYS {
        for verdict in verdicts(way) {
            let (_, checkpoint) = scene.waiting(json!({ "n": 1 })).await;
            let heard = decide(&scene, way, &checkpoint, "ann", verdict, &other).await;
            assert_eq!(heard, "wrong-digest", "{way:?} {verdict}");
            let digest = &checkpoint["digest"];
            let first = decide(&scene, way, &checkpoint, "ann", verdict, digest).await;
            let is_vote = verdict == Verdict::Approve;
            let expected =
                if is_vote { "PENDING".to_owned() } else { verdict.status().to_string() };
            assert_eq!(first, expected, "{way:?} {verdict}");
            if is_vote {
                let second = decide(&scene, way, &checkpoint, "bob", verdict, digest).await;
                assert_eq!(second, "APPROVED", "{way:?}");
            }
        }
    }
}
