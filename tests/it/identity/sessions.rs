//! Sessions: their cookie, how long they last, and what a stolen or planted one is worth (T19).

use std::time::Duration;

use holdpoint::http::Options;
use holdpoint::http::authorize::Role;
use holdpoint::model::time::Span;

use super::{As, Ask, Site};

const MINUTE: Span = Span::from_secs(60);

fn minutes(count: u64) -> Span {
    Span(count * MINUTE.0)
}

/// Public address, behind a proxy, and what the cookie must say.
#[tokio::test]
async fn the_cookie_says_what_browsers_must_not_do_with_it() {
    let plain = ["holdpoint_session=", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"];
    let bound = ["__Host-holdpoint_session=", "HttpOnly", "SameSite=Lax", "Path=/", "Secure"];
    let cases = [
        (None, false, &plain, false),
        (Some("http://localhost:3000"), false, &plain, false),
        (Some("https://jobs.example.com"), false, &bound, true),
        (None, true, &bound, true),
    ];
    for (public_url, behind_proxy, parts, is_secure) in cases {
        let public_url = public_url.map(str::to_owned);
        let site = Site::with(Options { public_url, behind_proxy, ..Options::default() }).await;
        site.account("ann@x.org", &[Role::User]).await;
        let answer = site.try_login("ann@x.org", super::PASSWORD).await;
        let cookie = answer.header("set-cookie");
        for part in parts {
            assert!(cookie.split("; ").any(|it| it.starts_with(part)), "{part} in {cookie}");
        }
        assert_eq!(cookie.contains("Secure"), is_secure, "{cookie}");
        assert!(!cookie.contains("Domain"), "{cookie}");
        assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 1);
    }
}

#[tokio::test]
async fn a_session_that_is_not_used_ends_and_one_that_is_used_goes_on() {
    let site = Site::new().await;
    let used = site.signed_in("ann@x.org", &[Role::User]).await;
    let idle = site.login("ann@x.org").await;
    for _ in 0..3 {
        site.clock.advance(minutes(29));
        site.get("/api/auth/me", &As::Cookie(&used)).await.ok(200);
    }
    assert_eq!(site.get("/api/auth/me", &As::Cookie(&idle)).await.problem(), (401, "no-login"));
    site.clock.advance(minutes(30));
    assert_eq!(site.get("/api/auth/me", &As::Cookie(&used)).await.problem(), (401, "no-login"));
    assert!(site.engine.documents("sessions", None, 10).await.unwrap().is_empty(), "both are gone");
}

#[tokio::test]
async fn however_much_it_is_used_a_session_ends_with_its_lifetime() {
    let site = Site::new().await;
    let cookie = site.signed_in("ann@x.org", &[Role::User]).await;
    for _ in 1..36 {
        site.clock.advance(minutes(20));
        site.get("/api/auth/me", &As::Cookie(&cookie)).await.ok(200);
    }
    site.clock.advance(Span(minutes(20).0 - 1));
    site.get("/api/auth/me", &As::Cookie(&cookie)).await.ok(200);
    site.clock.advance(Span(1));
    assert_eq!(site.get("/api/auth/me", &As::Cookie(&cookie)).await.problem(), (401, "no-login"));
}

/// A password that is changed gives the session a new id, and no new lifetime without the password.
#[tokio::test]
async fn without_an_idle_limit_only_the_lifetime_counts() {
    let options = Options {
        session_idle: None,
        session_lifetime: Duration::from_secs(3_600),
        ..Options::default()
    };
    let site = Site::with(options).await;
    let cookie = site.signed_in("ann@x.org", &[Role::User]).await;
    site.clock.advance(minutes(59));
    site.get("/api/auth/me", &As::Cookie(&cookie)).await.ok(200);
    site.clock.advance(minutes(1));
    assert_eq!(site.get("/api/auth/me", &As::Cookie(&cookie)).await.status, 401);
}

#[tokio::test]
async fn reading_sets_no_cookie_and_writes_at_most_once_a_minute() {
    let site = Site::new().await;
    let cookie = site.signed_in("ann@x.org", &[Role::User]).await;
    let version = async || {
        let kept = site.engine.documents("sessions", None, 10).await.unwrap();
        kept.iter().map(|document| document.version).sum::<u64>()
    };
    let first = version().await;
    for _ in 0..5 {
        let answer = site.get("/api/auth/me", &As::Cookie(&cookie)).await;
        assert_eq!(answer.header("set-cookie"), "");
    }
    assert_eq!(version().await, first);
    site.clock.advance(MINUTE);
    for _ in 0..5 {
        site.get("/api/auth/me", &As::Cookie(&cookie)).await.ok(200);
    }
    assert_eq!(version().await, first + 1);
}

/// An attacker plants an id before the login, with a session of their own or out of thin air.
#[tokio::test]
async fn a_planted_session_is_worth_nothing_after_the_login() {
    let site = Site::new().await;
    let mallory = site.signed_in("mallory@x.org", &[Role::User]).await;
    site.account("ann@x.org", &[Role::Admin]).await;
    let invented = "holdpoint_session=AAAAAAAAAAAAAAAAAAAAAA".to_owned();
    for planted in [mallory, invented] {
        let body = serde_json::json!({"email": "ann@x.org", "password": super::PASSWORD});
        let ask = Ask::new("POST", "/api/auth/login").by(&As::Cookie(&planted)).json(&body);
        let answer = ask.to(&site).await;
        let own = answer.cookie();
        answer.ok(200);
        assert!(own != planted && own.len() > 30, "{own}");
        assert_eq!(site.get("/api/auth/me", &As::Cookie(&planted)).await.status, 401, "{planted}");
        let me = site.get("/api/auth/me", &As::Cookie(&own)).await.ok(200);
        assert_eq!(me["user"]["email"], "ann@x.org");
    }
}

#[tokio::test]
async fn logins_and_logouts_are_facts_that_name_the_session_and_not_its_id() {
    let site = Site::new().await;
    let id = site.account("ann@x.org", &[Role::User]).await;
    site.try_login("ann@x.org", "wrong").await;
    site.try_login("my-password-in-the-wrong-field", "wrong").await;
    let cookie = site.login("ann@x.org").await;
    site.ask("POST", "/api/auth/logout", &As::Cookie(&cookie), None).await.ok(200);
    let entries = site.engine.audit_entries(0, 100).await.unwrap();
    let entries = entries.into_iter().filter(|entry| entry.action.starts_with("log"));
    let entries: Vec<_> = entries.collect();
    let told: Vec<(&str, &str)> =
        entries.iter().map(|entry| (entry.action.as_str(), entry.target.as_str())).collect();
    let expected = [
        ("login.failed", id.as_str()),
        ("login.failed", "unknown"),
        ("login", id.as_str()),
        ("logout", id.as_str()),
    ];
    assert_eq!(told, expected);
    let via = |at: usize| entries[at].origin.as_ref().unwrap().via.clone();
    assert!(via(2).starts_with("session:") && via(2).len() == "session:".len() + 12);
    assert_eq!(via(2), via(3), "the same session");
    let written = serde_json::to_string(&entries).unwrap();
    let secret = cookie.split('=').next_back().unwrap();
    for word in [secret, "my-password", "wrong", super::PASSWORD] {
        assert!(!written.contains(word), "{word} in {written}");
    }
}
