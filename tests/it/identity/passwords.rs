//! Passwords: changing one's own, and what is no good one.

use holdpoint::http::authorize::Role;
use holdpoint::model::time::Span;
use serde_json::json;

use super::{As, PASSWORD, Site, text};

#[tokio::test]
async fn a_changed_password_ends_every_other_session_and_gives_this_one_a_new_id() {
    let site = Site::new().await;
    let here = site.signed_in("ann@x.org", &[Role::User]).await;
    let there = site.login("ann@x.org").await;
    let bob = site.signed_in("bob@x.org", &[Role::User]).await;
    let (_, token) = site.token(&As::Cookie(&there), &["jobs:read"]).await;
    let change = json!({"current": PASSWORD, "new": "battery staple"});
    let changed = site.post("/api/auth/password", &As::Cookie(&here), &change).await;
    let now = changed.cookie();
    changed.ok(200);
    assert!(!now.is_empty() && now != here, "{now}");
    for over in [&here, &there] {
        assert_eq!(site.get("/api/auth/me", &As::Cookie(over)).await.problem(), (401, "no-login"));
    }
    for good in [&now, &bob] {
        site.get("/api/auth/me", &As::Cookie(good)).await.ok(200);
    }
    site.get("/api/jobs", &As::Bearer(&token)).await.ok(200);
    assert_eq!(site.try_login("ann@x.org", PASSWORD).await.status, 401);
    site.try_login("ann@x.org", "battery staple").await.ok(200);
    let last = site.facts().await;
    assert!(last.iter().any(|(action, _)| action == "user.password"), "{last:?}");
}

/// The body and the pointer of its defect.
#[tokio::test]
async fn a_password_is_not_changed_to_a_bad_one_or_without_the_current_one() {
    let site = Site::new().await;
    let cookie = site.signed_in("ann.miller@x.org", &[Role::User]).await;
    let ann = As::Cookie(&cookie);
    let cases = [
        (json!({"current": "wrong", "new": "battery staple"}), "/current"),
        (json!({"current": PASSWORD, "new": PASSWORD}), "/new"),
        (json!({"current": PASSWORD, "new": "short77"}), "/new"),
        (json!({"current": PASSWORD, "new": "ab".repeat(65)}), "/new"),
        (json!({"current": PASSWORD, "new": "Ann.Miller@x.org"}), "/new"),
        (json!({"current": PASSWORD, "new": "ann.miller"}), "/new"),
        (json!({"current": PASSWORD, "new": "Password123"}), "/new"),
        (json!({"current": PASSWORD, "new": "aaaaaaaaaaaa"}), "/new"),
        (json!({"current": PASSWORD}), "/new"),
        (json!({"current": PASSWORD, "new": "battery staple", "userId": "x"}), "/userId"),
    ];
    for (body, pointer) in cases {
        let refused = site.post("/api/auth/password", &ann, &body).await;
        assert_eq!(refused.problem(), (422, "invalid-request"), "{body}");
        assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{body}: {}", refused.text);
        let shown = ["battery staple", PASSWORD];
        assert!(!shown.iter().any(|it| refused.text.contains(it)), "{}", refused.text);
    }
    site.get("/api/auth/me", &ann).await.ok(200);
    site.try_login("ann.miller@x.org", PASSWORD).await.ok(200);
}

#[tokio::test]
async fn whoever_found_an_open_screen_cannot_find_the_password_by_trying() {
    let site = Site::new().await;
    let cookie = site.signed_in("ann@x.org", &[Role::User]).await;
    let ann = As::Cookie(&cookie);
    let guess = json!({"current": "a guess", "new": "battery staple"});
    for _ in 0..10 {
        assert_eq!(site.post("/api/auth/password", &ann, &guess).await.status, 422);
    }
    let right = json!({"current": PASSWORD, "new": "battery staple"});
    let slowed = site.post("/api/auth/password", &ann, &right).await;
    assert_eq!(slowed.problem(), (429, "too-many-logins"));
    site.clock.advance(Span::from_secs(60));
    site.post("/api/auth/password", &ann, &right).await.ok(200);
}

#[tokio::test]
async fn an_admin_resets_the_password_of_others_only() {
    let site = Site::new().await;
    let root = site.signed_in("root@x.org", Role::ALL).await;
    let root = As::Cookie(&root);
    let ann = site.signed_in("ann@x.org", &[Role::User]).await;
    let ann = As::Cookie(&ann);
    let (_, token) = site.token(&ann, &["jobs:read"]).await;
    for own in ["root@x.org", " ROOT@x.org "] {
        let path = format!("/api/admin/users/{}", own.replace(' ', "%20"));
        let refused = site.ask("PATCH", &path, &root, Some(&json!({"resetPassword": true}))).await;
        assert_eq!(
            (refused.status, &refused.json["errors"][0]["pointer"]),
            (422, &json!("/password"))
        );
    }
    let path = "/api/admin/users/ann@x.org";
    let both = json!({"resetPassword": true, "password": "battery staple"});
    assert_eq!(site.ask("PATCH", path, &root, Some(&both)).await.status, 422);
    let reset = site.ask("PATCH", path, &root, Some(&json!({"resetPassword": true}))).await.ok(200);
    let drawn = text(&reset["oneTimePassword"]);
    assert_eq!(site.get("/api/auth/me", &ann).await.status, 401, "her sessions end");
    let refused = site.get("/api/jobs", &As::Bearer(&token)).await;
    assert_eq!(refused.problem(), (403, "password-change-required"), "her tokens wait");
    let cookie = site.try_login("ann@x.org", &drawn).await.cookie();
    let change = json!({"current": drawn, "new": "battery staple"});
    site.post("/api/auth/password", &As::Cookie(&cookie), &change).await.ok(200);
    site.get("/api/jobs", &As::Bearer(&token)).await.ok(200);

    let given = json!({"password": "chosen by the admin"});
    let answer = site.ask("PATCH", path, &root, Some(&given)).await.ok(200);
    assert!(answer.get("oneTimePassword").is_none());
    let login = site.try_login("ann@x.org", "chosen by the admin").await.ok(200);
    assert_eq!(login["user"]["mustChangePassword"], false);
}
