//! Login, sessions and the first start.

use holdpoint::http::accounts::{FirstStart, ensure_admin};
use holdpoint::http::authorize::Role;
use holdpoint::http::session::DocumentSessions;
use holdpoint::http::{HttpState, Options, router};
use holdpoint::model::time::Span;
use serde_json::json;
use std::sync::Arc;
use tokio::sync::watch;

use super::{PASSWORD, Site};

#[tokio::test]
async fn a_login_lasts_until_the_logout_and_the_session_is_gone_on_the_server_too() {
    let site = Site::new().await;
    site.account("Ann@X.org", &[Role::User]).await;
    let body = json!({"email": " ann@x.ORG ", "password": PASSWORD});
    let answer = site.post("/api/auth/login", "", &body).await;
    let cookie = answer.header("set-cookie").to_owned();
    let parts: Vec<&str> = cookie.split("; ").collect();
    assert!(parts[0].starts_with("holdpoint_session="), "{cookie}");
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"] {
        assert!(parts.contains(&part), "{part} in {cookie}");
    }
    assert!(!parts.contains(&"Secure"), "there is no TLS on loopback");
    let user = &answer.ok(200)["user"];
    assert_eq!((&user["email"], &user["roles"]), (&json!("ann@x.org"), &json!(["user"])));
    let me = site.get("/api/auth/me", parts[0]).await;
    assert_eq!(me.header("set-cookie"), "", "reading writes no session");
    assert_eq!(&me.ok(200)["user"], user);
    let out = site.ask("POST", "/api/auth/logout").by(parts[0]).to(&site.router).await;
    assert!(out.header("set-cookie").contains("Max-Age=0"), "{}", out.header("set-cookie"));
    assert_eq!(site.get("/api/auth/me", parts[0]).await.problem(), "no-login");
    let kept = site.engine.documents("sessions", None, 10).await.unwrap();
    assert!(kept.is_empty(), "{kept:?}");
}

#[tokio::test]
async fn behind_tls_the_cookie_is_bound_to_host_and_tls() {
    let public_url = Some("https://jobs.example.com".to_owned());
    let site = Site::with(Options { public_url, ..Options::default() }).await;
    site.account("ann@x.org", &[Role::User]).await;
    let body = json!({"email": "ann@x.org", "password": PASSWORD});
    let answer = site.post("/api/auth/login", "", &body).await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-holdpoint_session="), "{cookie}");
    assert!(cookie.contains("; Secure") && !cookie.contains("Domain"), "{cookie}");
}

#[tokio::test]
async fn a_session_survives_a_restart_and_only_its_hash_is_kept() {
    let site = Site::new().await;
    let cookie = site.signed_in("ann@x.org", &[Role::User]).await;
    let id = cookie.split('=').next_back().unwrap_or_default();
    let kept = site.engine.documents("sessions", None, 10).await.unwrap();
    assert_eq!(kept.len(), 1);
    let text = format!("{} {}", kept[0].id, String::from_utf8_lossy(&kept[0].body));
    assert!(id.len() > 20 && !text.contains(id), "{text}");
    let (_ready, readiness) = watch::channel(true);
    let render = Arc::new(String::new);
    let state = HttpState::new(site.engine.clone(), Options::default(), render, readiness);
    let again = router(state.unwrap());
    site.ask("GET", "/api/auth/me").by(&cookie).to(&again).await.ok(200);
}

#[tokio::test]
async fn a_session_ends_with_its_time() {
    let site = Site::new().await;
    let cookie = site.signed_in("ann@x.org", &[Role::User]).await;
    site.signed_in("bob@x.org", &[Role::User]).await;
    let sessions = DocumentSessions::new(site.engine.clone());
    assert_eq!(sessions.remove_expired().await.unwrap(), 0);
    // The length of a session counts from the system's clock, so the engine's is set after it.
    site.clock.set(holdpoint::model::time::Timestamp(4_000_000_000_000_000).after(Span(1)));
    assert_eq!(site.get("/api/auth/me", &cookie).await.problem(), "no-login");
    assert_eq!(sessions.remove_expired().await.unwrap(), 1, "the other one");
    assert!(site.engine.documents("sessions", None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_planted_session_id_is_not_the_one_after_the_login() {
    let site = Site::new().await;
    let first = site.signed_in("ann@x.org", &[Role::User]).await;
    let body = json!({"email": "ann@x.org", "password": PASSWORD});
    let answer = site.post("/api/auth/login", &first, &body).await;
    let second = answer.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    assert!(!second.is_empty() && second != first);
    assert_eq!(site.get("/api/auth/me", &first).await.problem(), "no-login");
    site.get("/api/auth/me", &second).await.ok(200);
    for junk in ["holdpoint_session=", "holdpoint_session=AAAA", "holdpoint_session=%00"] {
        assert_eq!(site.get("/api/auth/me", junk).await.problem(), "no-login");
    }
}

#[tokio::test]
async fn failures_look_the_same_and_too_many_are_slowed_down() {
    let site = Site::new().await;
    site.account("ann@x.org", &[Role::User]).await;
    let login = async |email: &str, password: &str| {
        let body = json!({"email": email, "password": password});
        site.post("/api/auth/login", "", &body).await
    };
    let wrong = login("ann@x.org", "wrong").await;
    let unknown = login("nobody@x.org", "wrong").await;
    assert_eq!((wrong.status.as_u16(), wrong.problem()), (401, "login-failed"));
    assert_eq!(wrong.text, unknown.text);
    for _ in 0..3 {
        login("ann@x.org", PASSWORD).await.ok(200);
    }
    // Two failures are counted for the address so far; right logins are not.
    for _ in 2..10 {
        assert_eq!(login("ann@x.org", "wrong").await.problem(), "login-failed");
    }
    let refused = login("ann@x.org", PASSWORD).await;
    assert_eq!((refused.status.as_u16(), refused.problem()), (429, "too-many-logins"));
    assert_eq!(refused.header("retry-after"), "60");
    site.clock.advance(Span::from_secs(60));
    login("ann@x.org", PASSWORD).await.ok(200);
}

#[tokio::test]
async fn the_first_start_makes_one_admin() {
    let site = Site::new().await;
    let drawn = ensure_admin(&site.engine, None, None).await.unwrap();
    let FirstStart::Drawn { email, password } = drawn else { panic!("no password was drawn") };
    assert_eq!((email.as_str(), password.len()), ("admin@localhost", 24));
    let body = json!({"email": email, "password": password});
    let answer = site.post("/api/auth/login", "", &body).await;
    let roles = json!(["user", "reviewer", "operator", "admin"]);
    assert_eq!(answer.ok(200)["user"]["roles"], roles);
    let again = ensure_admin(&site.engine, None, Some("other".to_owned())).await.unwrap();
    assert!(again == FirstStart::Existed);

    let site = Site::new().await;
    let email = Some("root@x.org".to_owned());
    let short = ensure_admin(&site.engine, email.clone(), Some("short".to_owned())).await;
    assert!(short.is_err_and(|error| error.to_string().contains("8 characters")));
    let made = ensure_admin(&site.engine, email, Some(PASSWORD.to_owned())).await.unwrap();
    assert!(made == FirstStart::Made { email: "root@x.org".to_owned() });
    site.login("root@x.org").await;
}
