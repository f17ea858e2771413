//! What holds for every route: it is described, it is in the table of routes, and nobody comes in
//! without a login or a role.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use holdpoint::http::authorize::Role;
use holdpoint::http::codes;
use holdpoint::http::policy::{Access, ROUTES};
use serde_json::{Value, json};

use super::Site;

/// A path with something in place of its parameters.
fn concrete(path: &str) -> String {
    path.replace("{id}", "0190aaaa-0000-7000-8000-000000000000")
        .replace("{name}", "simple-task")
        .replace("{code}", "malformed")
}

async fn document(site: &Site) -> Value {
    site.get("/api/openapi.json", "").await.json
}

#[tokio::test]
async fn every_route_is_described_and_every_description_is_a_route() {
    let site = Site::new().await;
    let document = document(&site).await;
    assert_eq!(document["openapi"].as_str().map(|text| &text[..4]), Some("3.1."));
    let mut described = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = format!("{} {path}", method.to_uppercase());
            let id = operation["operationId"].as_str().unwrap_or_default();
            assert!(ids.insert(id.to_owned()) && !id.is_empty(), "{name}: operationId {id:?}");
            let text = operation["description"].as_str().unwrap_or_default();
            assert!(text.len() > 10, "{name}: description {text:?}");
            let answers = operation["responses"].as_object().unwrap();
            assert!(answers.keys().any(|status| status.starts_with('2')), "{name}");
            let problem = &answers["default"]["content"]["application/problem+json"]["schema"];
            assert_eq!(problem["$ref"], "#/components/schemas/Problem", "{name}");
            described.insert(name);
        }
    }
    let table: BTreeSet<String> =
        ROUTES.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(described, table);
}

/// Every `$ref` of the document leads somewhere.
#[tokio::test]
async fn every_reference_of_the_description_resolves() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let site = Site::new().await;
    let document = document(&site).await;
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 30, "{found:?}");
    for reference in found {
        let target = document.pointer(reference.trim_start_matches('#'));
        assert!(target.is_some(), "{reference} leads nowhere");
    }
}

#[tokio::test]
async fn nobody_comes_in_without_a_login() {
    let site = Site::new().await;
    let mut guarded = 0;
    for route in ROUTES {
        let path = concrete(route.path);
        let answer = site.ask(route.method.as_str(), &path).to(&site.router).await;
        if route.access == Access::Open {
            assert_ne!(answer.status, StatusCode::FORBIDDEN, "{} {path}", route.method);
            continue;
        }
        assert_eq!(answer.problem(), "no-login", "{} {path}", route.method);
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.json["instance"], path);
        guarded += 1;
    }
    assert!(guarded > 25, "only {guarded} routes are guarded");
}

#[tokio::test]
async fn every_role_may_do_what_its_actions_say_and_nothing_else() {
    let site = Site::new().await;
    for role in Role::ALL {
        let cookie = site.signed_in(&format!("{}@x.org", role.as_str()), &[*role]).await;
        for route in ROUTES {
            // Other routes change the worker or end the session in the middle of the test.
            let Access::For(action) = route.access else { continue };
            let is_read = route.method == axum::http::Method::GET;
            if !is_read && route.path.ends_with("agent-worker") {
                continue;
            }
            let path = concrete(route.path);
            let answer = site.ask(route.method.as_str(), &path).by(&cookie).to(&site.router).await;
            let is_allowed = action.roles().contains(role);
            let name = format!("{} {path} as {}", route.method, role.as_str());
            let is_forbidden = answer.status == StatusCode::FORBIDDEN;
            assert_eq!(is_forbidden, !is_allowed, "{name}: {}", answer.text);
            assert_ne!(answer.status, StatusCode::UNAUTHORIZED, "{name}");
        }
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let site = Site::new().await;
    let answer = site.get("/api/nothing", "").await;
    assert_eq!((answer.status.as_u16(), answer.problem()), (404, "no-such-route"));
    let answer = site.ask("PUT", "/api/jobs").to(&site.router).await;
    assert_eq!((answer.status.as_u16(), answer.problem()), (405, "method-not-allowed"));
    assert_eq!(answer.header("allow"), "POST, GET, HEAD");
    let head = site.ask("HEAD", "/healthz").to(&site.router).await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
}

#[tokio::test]
async fn every_kind_of_problem_has_a_page() {
    let site = Site::new().await;
    let mut names = BTreeSet::new();
    for code in codes::ALL {
        assert!(names.insert(code.name), "{} is there twice", code.name);
        let page = site.get(&format!("/problems/{}", code.name), "").await;
        assert_eq!(page.status, StatusCode::OK, "{}", code.name);
        assert!(page.text.contains(code.title), "{}", page.text);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    }
    assert_eq!(site.get("/problems/none", "").await.problem(), "no-such-route");
}

#[tokio::test]
async fn the_page_of_the_api_lists_every_route_and_loads_nothing_from_outside() {
    let site = Site::new().await;
    let page = site.get("/api/docs", "").await;
    for route in ROUTES {
        let line = format!("<code>{} {}</code>", route.method, route.path);
        assert!(page.text.contains(&line), "{line} is missing");
    }
    assert!(!page.text.contains("<script"), "nothing runs in the browser");
    assert!(!page.text.contains("//"), "an outside address: {}", page.text);
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'self'"), "{policy}");
}

#[tokio::test]
async fn every_answer_says_what_a_browser_may_not_do() {
    let site = Site::new().await;
    for path in ["/healthz", "/api/nothing", "/api/jobs", "/api/openapi.json"] {
        let answer = site.get(path, "").await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"));
        assert_eq!(answer.header("referrer-policy"), "same-origin");
    }
}

#[tokio::test]
async fn health_and_metrics_say_how_it_is() {
    let site = Site::new().await;
    assert_eq!(site.get("/healthz", "").await.ok(200)["status"], "alive");
    assert_eq!(site.get("/readyz", "").await.ok(200)["status"], "ready");
    site.ready.send(false).unwrap();
    let answer = site.get("/readyz", "").await;
    assert_eq!((answer.status.as_u16(), answer.problem()), (503, "not-ready"));
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(site.get("/healthz", "").await.ok(200), json!({"success": true, "status": "alive"}));
    let cookie = site.signed_in("user@x.org", &[Role::User]).await;
    let metrics = site.get("/api/metrics", &cookie).await;
    assert_eq!((metrics.status.as_u16(), metrics.text.as_str()), (200, "rendered 1\n"));
    assert_eq!(metrics.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
}
