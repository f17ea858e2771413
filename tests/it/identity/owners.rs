//! Two owners with the same things side by side: whatever one asks for, nothing of the other's is
//! in the answer (T15).

use std::time::Duration;

use holdpoint::http::authorize::Role;
use serde_json::{Value, json};

use super::{As, Site, new_job, text};

/// Jobs of each owner: enough for several pages.
const JOBS: usize = 7;

/// Longer than a batch of one job takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// One owner and the word that stands in everything of theirs.
struct Owner {
    cookie: String,
    word: &'static str,
    job: String,
    batch: String,
    template: String,
}

impl Owner {
    async fn new(site: &Site, email: &str, word: &'static str) -> Self {
        let cookie = site.signed_in(email, &[Role::User]).await;
        let who = As::Cookie(&cookie);
        let mut job = String::new();
        for number in 0..JOBS {
            let mut body = new_job(&format!("{word} {number}"));
            body["labels"] = json!({"of": word});
            body["inputData"] = json!({"userId": word});
            job = text(&site.post("/api/jobs", &who, &body).await.ok(201)["job"]["id"]);
        }
        let batch = json!({"action": "create", "jobs": [new_job(&format!("{word} of a batch"))]});
        let batch = site.post("/api/jobs/batch", &who, &batch).await.ok(202);
        let template = json!({"name": format!("{word} monthly"), "job": {"name": word}});
        let template = site.post("/api/templates", &who, &template).await.ok(201);
        let batch = text(&batch["batch"]["id"]);
        let done = async {
            let path = format!("/api/batches/{batch}");
            while site.get(&path, &who).await.ok(200)["batch"]["endedAt"].is_null() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, done).await.expect("the batch ends");
        let template = text(&template["template"]["id"]);
        Self { cookie, word, job, batch, template }
    }

    fn who(&self) -> As<'_> {
        As::Cookie(&self.cookie)
    }
}

/// Every way to read something that belongs to somebody.
fn paths(of: &Owner) -> Vec<String> {
    let (job, batch, template) = (&of.job, &of.batch, &of.template);
    vec![
        format!("/api/jobs/{job}"),
        format!("/api/jobs/{job}?include=logs,checkpoints,timeline"),
        format!("/api/jobs/{job}/logs"),
        format!("/api/jobs/{job}/timeline"),
        format!("/api/agent-jobs/{job}"),
        format!("/api/agent-jobs/{job}/checkpoints"),
        format!("/api/batches/{batch}"),
        format!("/api/templates/{template}"),
        format!("/api/templates/{}%20monthly", of.word),
        format!("/api/gates/{job}"),
    ]
}

/// Every list of one's own, with filters that name the other one.
fn lists(of: &Owner) -> Vec<String> {
    let word = of.word;
    let filters = [
        String::new(),
        "?limit=200".to_owned(),
        format!("?q={word}"),
        format!("?label=of:{word}"),
        "?jobType=simple-task".to_owned(),
        "?status=PENDING,RUNNING,COMPLETED".to_owned(),
        "?sort=createdAt".to_owned(),
        "?sort=-updatedAt".to_owned(),
        "?sort=-priority".to_owned(),
        "?waiting=true".to_owned(),
    ];
    let jobs = filters.iter().map(|filter| format!("/api/jobs{filter}"));
    let few = ["", "?status=PENDING", "?jobType=simple-task"];
    let agent_jobs = few.iter().map(|filter| format!("/api/agent-jobs{filter}"));
    let rest = ["/api/templates", "/api/gates", "/api/auth/tokens"].map(str::to_owned);
    jobs.chain(agent_jobs).chain(rest).collect()
}

#[tokio::test]
async fn nothing_of_one_owner_is_in_any_answer_to_the_other() {
    let site = Site::new().await;
    let ann = Owner::new(&site, "ann@x.org", "annas-secret-word").await;
    let bob = Owner::new(&site, "bob@x.org", "bobs-secret-word").await;
    for (one, other) in [(&ann, &bob), (&bob, &ann)] {
        for path in paths(other) {
            let foreign = site.get(&path, &one.who()).await;
            assert_eq!(foreign.status, 404, "{path}: {}", foreign.text);
            let hidden = foreign.text.replace(&path.replace("%20", " "), "");
            let hidden = hidden.replace(&path, "").replace(&format!("{} monthly", other.word), "");
            assert!(!hidden.contains(other.word), "{path}: {}", foreign.text);
        }
        for path in lists(other) {
            let answer = site.get(&path, &one.who()).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
            assert!(!answer.text.contains(other.word), "{path}: {}", answer.text);
        }
        for path in paths(one).into_iter().take(8) {
            site.get(&path, &one.who()).await.ok(200);
        }
    }
}

#[tokio::test]
async fn counts_and_cursors_are_of_the_owner_alone() {
    let site = Site::new().await;
    let ann = Owner::new(&site, "ann@x.org", "annas").await;
    let bob = Owner::new(&site, "bob@x.org", "bobs").await;
    for kind in ["/api/jobs", "/api/agent-jobs"] {
        let total = async |who: &As<'_>| {
            site.get(kind, who).await.ok(200)["pagination"]["total"].as_u64().unwrap()
        };
        let before = total(&bob.who()).await;
        site.post("/api/jobs", &ann.who(), &new_job("one more")).await.ok(201);
        assert_eq!(total(&bob.who()).await, before, "{kind}");
    }
    for sort in ["-createdAt", "createdAt", "-updatedAt", "-priority"] {
        let first = format!("/api/jobs?limit=2&sort={sort}");
        let page = site.get(&first, &ann.who()).await.ok(200);
        let cursor = text(&page["pagination"]["nextCursor"]);
        let path = format!("{first}&cursor={cursor}");
        // A cursor is a place in a list, not a key to it: with another's one reads one's own list.
        let answer = site.get(&path, &bob.who()).await;
        if answer.status == 200 {
            let of_bob = |job: &Value| job["name"].as_str().is_some_and(|it| it.contains("bobs"));
            let jobs = answer.json["jobs"].as_array().unwrap();
            assert!(jobs.iter().all(of_bob), "{sort}: {}", answer.text);
        } else {
            assert_eq!(answer.status, 422, "{sort}: {}", answer.text);
        }
    }
    for foreign in ["userId", "owner"] {
        let path = format!("/api/jobs?{foreign}=somebody");
        assert_eq!(site.get(&path, &ann.who()).await.status, 422, "{path}");
    }
}

#[tokio::test]
async fn one_owner_changes_nothing_of_the_other() {
    let site = Site::new().await;
    let ann = Owner::new(&site, "ann@x.org", "annas").await;
    let bob = Owner::new(&site, "bob@x.org", "bobs").await;
    let (job, template) = (&ann.job, &ann.template);
    let reason = Some(json!({"reason": "r"}));
    let assign = Some(json!({"agentId": "x", "inputs": {}}));
    let replaced = Some(json!({"name": "theirs", "job": {}}));
    let tries = [
        ("POST", format!("/api/jobs/{job}/terminate"), reason.clone()),
        ("POST", format!("/api/jobs/{job}/assign"), assign),
        ("POST", format!("/api/jobs/{job}/auto-assign"), None),
        ("POST", format!("/api/jobs/{job}/cancel"), reason),
        ("POST", format!("/api/jobs/{job}/execute"), None),
        ("DELETE", format!("/api/agent-jobs/{job}"), None),
        ("PUT", format!("/api/templates/{template}"), replaced),
        ("DELETE", format!("/api/templates/{template}"), None),
    ];
    let seen = async || {
        let job = site.get(&format!("/api/jobs/{job}"), &ann.who()).await.ok(200);
        let template = site.get(&format!("/api/templates/{template}"), &ann.who()).await.ok(200);
        (job["job"]["name"].clone(), job["job"]["error"].clone(), template)
    };
    let before = seen().await;
    for (method, path, body) in &tries {
        let answer = site.ask(method, path, &bob.who(), body.as_ref()).await;
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text);
    }
    // In a batch each foreign job fails by itself, as one that does not exist.
    let batch = json!({"action": "terminate", "ids": [job], "reason": "r"});
    let taken = site.post("/api/jobs/batch", &bob.who(), &batch).await;
    let path = format!("/api/batches/{}", text(&taken.ok(202)["batch"]["id"]));
    let ended = loop {
        let batch = site.get(&path, &bob.who()).await.ok(200)["batch"].take();
        if !batch["endedAt"].is_null() {
            break batch;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((&ended["done"], &ended["failed"]), (&json!(0), &json!(1)), "{ended}");
    assert_eq!(seen().await, before);
}

#[tokio::test]
async fn the_same_idempotency_key_of_two_owners_is_two_keys() {
    let site = Site::new().await;
    let ann = site.signed_in("ann@x.org", &[Role::User]).await;
    let bob = site.signed_in("bob@x.org", &[Role::User]).await;
    let mut ids = Vec::new();
    for cookie in [&ann, &bob] {
        let ask = super::Ask::new("POST", "/api/jobs").by(&As::Cookie(cookie));
        let made = ask.header("idempotency-key", "k").json(&new_job("n")).to(&site).await.ok(201);
        ids.push(text(&made["job"]["id"]));
    }
    assert_ne!(ids[0], ids[1]);
}
