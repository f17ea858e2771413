//! What others try: requests that a browser sends for another site (T19), members that are not for
//! clients (T16), and finding out who has an account.

use holdpoint::http::authorize::Role;
use serde_json::json;

use super::{As, Ask, Site, new_job, text};

/// Headers, content type and method of a request.
type Vector = (&'static [(&'static str, &'static str)], &'static str, &'static str);

/// Those by which pages of other sites have been made to post.
const VECTORS: &[Vector] = &[
    (&[("origin", "https://evil.example")], "application/json", "POST"),
    (&[("origin", "null")], "application/json", "POST"),
    (&[("origin", "http://localhost:4000")], "application/json", "POST"),
    (&[("origin", "http://127.0.0.1:3000")], "application/json", "POST"),
    (&[("origin", "http://localhost")], "application/json", "POST"),
    (&[("origin", "http://localhost:3000.evil.example")], "application/json", "POST"),
    (&[("origin", "http://evil.example/http://localhost:3000")], "application/json", "POST"),
    (&[("origin", "http://localhost:3000@evil.example")], "application/json", "POST"),
    (&[("origin", "file://")], "application/json", "POST"),
    (&[("sec-fetch-site", "anything")], "application/json", "POST"),
    (&[("sec-fetch-site", "cross-site")], "application/json", "POST"),
    (&[("sec-fetch-site", "same-site")], "application/json", "POST"),
    (&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")], "text/plain", "POST"),
    (
        &[("sec-fetch-site", "cross-site"), ("origin", "http://localhost:3000")],
        "application/json",
        "POST",
    ),
    (
        &[("origin", "https://evil.example"), ("referer", "http://localhost:3000/jobs")],
        "application/json",
        "POST",
    ),
    (&[("origin", "https://evil.example")], "text/plain", "POST"),
    (&[("origin", "https://evil.example")], "application/x-www-form-urlencoded", "POST"),
    (&[("origin", "https://evil.example")], "multipart/form-data; boundary=x", "POST"),
    // Without any header of a browser a form is still no JSON.
    (&[], "text/plain", "POST"),
    (&[], "application/x-www-form-urlencoded", "POST"),
    (&[("x-http-method-override", "POST")], "application/json", "GET"),
    (&[("x-method-override", "DELETE")], "application/json", "GET"),
];

#[tokio::test]
async fn no_page_of_another_site_makes_a_browser_change_anything() {
    let site = Site::new().await;
    let cookie = site.signed_in("ann@x.org", Role::ALL).await;
    let ann = As::Cookie(&cookie);
    assert!(VECTORS.len() >= 20);
    for (headers, kind, method) in VECTORS {
        for (path, body) in [
            ("/api/jobs", new_job("planted")),
            ("/api/auth/tokens", json!({"name": "planted", "scopes": ["*"]})),
            ("/api/admin/users", json!({"email": "planted@x.org"})),
        ] {
            let mut ask = Ask::new(method, path).by(&ann).text(kind, &body.to_string());
            for (name, value) in *headers {
                ask = ask.header(name, value);
            }
            let answer = ask.to(&site).await;
            let is_read = *method == "GET" && answer.status == 200;
            let is_refused = [403, 415].contains(&answer.status);
            assert!(is_read || is_refused, "{method} {path} {headers:?} {kind}: {}", answer.text);
        }
    }
    assert_eq!(site.get("/api/jobs", &ann).await.ok(200)["pagination"]["total"], 0);
    assert_eq!(site.get("/api/auth/tokens", &ann).await.ok(200)["pagination"]["total"], 0);
    assert_eq!(site.get("/api/admin/users", &ann).await.ok(200)["pagination"]["total"], 1);
}

/// The bodies that are taken, and the members that a client may never give.
#[tokio::test]
async fn members_that_are_not_for_clients_are_refused_everywhere() {
    let site = Site::new().await;
    let cookie = site.signed_in("ann@x.org", Role::ALL).await;
    let ann = As::Cookie(&cookie);
    let job = site.post("/api/jobs", &ann, &new_job("mine")).await.ok(201);
    let job = text(&job["job"]["id"]);
    let agent_job = json!({"jobType": "simple-task", "taskDescription": "d", "inputData": {}});
    let template = json!({"name": "t", "job": {"name": "n"}});
    let of_job = |verb: &str| format!("/api/jobs/{job}/{verb}");
    let admin_job = |verb: &str| format!("/api/admin/jobs/{job}/{verb}");
    let checkpoint = "/api/admin/agent-checkpoints/0190aaaa-0000-7000-8000-000000000000";
    let bodies = [
        ("POST", "/api/jobs".to_owned(), new_job("n")),
        ("POST", "/api/agent-jobs".to_owned(), agent_job),
        ("POST", "/api/templates".to_owned(), template.clone()),
        ("PUT", "/api/templates/t".to_owned(), template),
        ("POST", of_job("terminate"), json!({"reason": "r"})),
        ("POST", of_job("assign"), json!({"agentId": "a", "inputs": {}})),
        ("POST", of_job("cancel"), json!({"reason": "r"})),
        ("POST", admin_job("suspend"), json!({"reason": "r"})),
        ("POST", admin_job("resubmit"), json!({"reason": "r"})),
        ("POST", admin_job("complete"), json!({"result": {}, "reason": "r"})),
        ("POST", admin_job("reassign"), json!({"agentId": "a", "inputs": {}, "reason": "r"})),
        ("POST", checkpoint.to_owned(), json!({})),
        ("DELETE", checkpoint.to_owned(), json!({"reason": "r"})),
        ("POST", "/api/auth/login".to_owned(), json!({"email": "a@b", "password": "p"})),
        ("POST", "/api/auth/password".to_owned(), json!({"current": "c", "new": "battery st"})),
        ("PUT", "/api/auth/delegation".to_owned(), json!({"to": "x"})),
        ("POST", "/api/auth/tokens".to_owned(), json!({"name": "n", "scopes": ["*"]})),
        ("POST", "/api/admin/users".to_owned(), json!({"email": "x@x.org"})),
        ("PATCH", "/api/admin/users/ann@x.org".to_owned(), json!({"name": "n"})),
        ("POST", "/api/admin/release".to_owned(), json!({"reason": "r"})),
    ];
    let foreign = ["status", "userId", "owner", "createdBy", "secretHash", "passwordHash"];
    for (method, path, body) in &bodies {
        for member in foreign {
            let mut body = body.clone();
            body[member] = json!("x");
            let refused = site.ask(method, path, &ann, Some(&body)).await;
            let name = format!("{method} {path} with {member}: {}", refused.text);
            assert_eq!(refused.problem(), (422, "invalid-request"), "{name}");
            let pointers = refused.json["errors"].as_array().unwrap();
            let pointer = json!(format!("/{member}"));
            assert!(pointers.iter().any(|it| it["pointer"] == pointer), "{name}");
        }
    }
    // `result` and `roles` are members of one route each, and of no other.
    for (method, path, body) in &bodies {
        for (member, taker) in [("result", "/complete"), ("roles", "/api/admin/users")] {
            if path.contains(taker) {
                continue;
            }
            let mut body = body.clone();
            body[member] = json!(["admin"]);
            let refused = site.ask(method, path, &ann, Some(&body)).await;
            assert_eq!(refused.status, 422, "{method} {path} with {member}: {}", refused.text);
        }
    }
    let after = site.get(&format!("/api/jobs/{job}"), &ann).await.ok(200);
    assert_eq!(after["job"]["name"], "mine");
}

#[tokio::test]
async fn nobody_learns_from_a_login_who_has_an_account() {
    let site = Site::new().await;
    let admin = site.signed_in("root@x.org", Role::ALL).await;
    for email in ["ann@x.org", "off@x.org", "gone@x.org"] {
        site.account(email, &[Role::User]).await;
    }
    let off = json!({"isActive": false});
    let path = "/api/admin/users/off@x.org";
    site.ask("PATCH", path, &As::Cookie(&admin), Some(&off)).await.ok(200);
    site.ask("DELETE", "/api/admin/users/gone@x.org", &As::Cookie(&admin), None).await.ok(200);
    let tries = [
        ("ann@x.org", "wrong password"),
        ("nobody@x.org", "wrong password"),
        ("off@x.org", "wrong password"),
        ("off@x.org", super::PASSWORD),
        ("gone@x.org", super::PASSWORD),
    ];
    let mut seen = Vec::new();
    for (email, password) in tries {
        let answer = site.try_login(email, password).await;
        let headers = answer
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
        let mut headers: Vec<_> = headers.filter(|(name, _)| !name.contains("rate")).collect();
        headers.sort();
        seen.push((answer.status, headers, answer.json));
    }
    for other in &seen[1..] {
        assert_eq!(other, &seen[0]);
    }
    assert_eq!(seen[0].0, 401);
    // Each of them was written down: the same work, whoever it is.
    let failed = site.facts().await.into_iter().filter(|(action, _)| action == "login.failed");
    assert_eq!(failed.count(), tries.len());
}
