//! Accounts as admins make and change them.

use holdpoint::http::authorize::Role;
use serde_json::{Value, json};

use super::{As, PASSWORD, Site, text};

#[tokio::test]
async fn a_drawn_password_opens_nothing_until_it_is_changed() {
    let site = Site::new().await;
    let admin = site.signed_in("root@x.org", Role::ALL).await;
    let admin = As::Cookie(&admin);
    let body = json!({"email": "Ann@X.org", "name": "Ann", "roles": ["user", "reviewer"],
        "groups": ["finance"]});
    let made = site.post("/api/admin/users", &admin, &body).await;
    assert!(made.header("location").starts_with("/api/admin/users/"), "{:?}", made.headers);
    let made = made.ok(201);
    let drawn = text(&made["oneTimePassword"]);
    assert_eq!(drawn.len(), 24);
    assert_eq!(made["user"]["email"], "ann@x.org");
    assert_eq!(made["user"]["mustChangePassword"], true);
    let read = site.get("/api/admin/users/ann@x.org", &admin).await.ok(200);
    assert!(read.get("oneTimePassword").is_none() && !read.to_string().contains(&drawn));

    let login = site.try_login("ann@x.org", &drawn).await;
    let cookie = login.cookie();
    assert_eq!(login.ok(200)["user"]["mustChangePassword"], true);
    let ann = As::Cookie(&cookie);
    assert_eq!(site.get("/api/auth/me", &ann).await.ok(200)["user"]["mustChangePassword"], true);
    for (method, path) in
        [("GET", "/api/jobs"), ("POST", "/api/auth/tokens"), ("GET", "/api/agents")]
    {
        let refused = site.ask(method, path, &ann, None).await;
        assert_eq!(refused.problem(), (403, "password-change-required"), "{method} {path}");
    }
    let same = json!({"current": drawn, "new": drawn});
    let refused = site.post("/api/auth/password", &ann, &same).await;
    assert_eq!((refused.status, &refused.json["errors"][0]["pointer"]), (422, &json!("/new")));
    let change = json!({"current": drawn, "new": "a wet Tuesday"});
    let changed = site.post("/api/auth/password", &ann, &change).await;
    let cookie = changed.cookie();
    changed.ok(200);
    let ann = As::Cookie(&cookie);
    site.get("/api/jobs", &ann).await.ok(200);
    assert_eq!(site.get("/api/auth/me", &ann).await.ok(200)["user"]["mustChangePassword"], false);
    assert_eq!(site.try_login("ann@x.org", &drawn).await.problem(), (401, "login-failed"));
}

#[tokio::test]
async fn accounts_are_listed_in_pages_that_add_up() {
    let site = Site::new().await;
    let admin = site.signed_in("root@x.org", Role::ALL).await;
    let admin = As::Cookie(&admin);
    for number in 0..6 {
        let body = json!({"email": format!("u{number}@x.org"), "password": PASSWORD});
        let made = site.post("/api/admin/users", &admin, &body).await.ok(201);
        assert!(made.get("oneTimePassword").is_none(), "a given password is not shown");
        assert_eq!(made["user"]["roles"], json!(["user"]));
        assert_eq!(made["user"]["mustChangePassword"], false);
    }
    let emails = |page: &Value| -> Vec<String> {
        page["users"].as_array().unwrap().iter().map(|user| text(&user["email"])).collect()
    };
    let whole = site.get("/api/admin/users", &admin).await.ok(200);
    assert_eq!((emails(&whole).len(), &whole["pagination"]["total"]), (7, &json!(7)));
    let (mut walked, mut path) = (Vec::new(), "/api/admin/users?limit=3".to_owned());
    loop {
        let page = site.get(&path, &admin).await.ok(200);
        assert_eq!(page["pagination"]["total"], 7);
        walked.extend(emails(&page));
        let Some(next) = page["pagination"]["nextCursor"].as_str() else { break };
        path = format!("/api/admin/users?limit=3&cursor={next}");
    }
    assert_eq!(walked, emails(&whole));
    let skipped = site.get("/api/admin/users?limit=2&offset=5", &admin).await.ok(200);
    assert_eq!(emails(&skipped), walked[5..]);
}

/// The body and the pointer of its defect.
#[tokio::test]
async fn defects_of_an_account_are_named() {
    let site = Site::new().await;
    let admin = site.signed_in("root@x.org", Role::ALL).await;
    let admin = As::Cookie(&admin);
    let cases = [
        (json!({"email": "nobody"}), "/email"),
        (json!({"email": "a b@x.org"}), "/email"),
        (json!({"email": "a@b@c"}), "/email"),
        (json!({"email": "@x.org"}), "/email"),
        (json!({"email": format!("{}@x.org", "a".repeat(250))}), "/email"),
        (json!({}), "/email"),
        (json!({"email": "a@x.org", "roles": []}), "/roles"),
        (json!({"email": "a@x.org", "roles": ["root"]}), "/roles/0"),
        (json!({"email": "a@x.org", "roles": ["user", "user"]}), "/roles/1"),
        (json!({"email": "a@x.org", "groups": [" "]}), "/groups/0"),
        (json!({"email": "a@x.org", "password": "short"}), "/password"),
        (json!({"email": "a@x.org", "password": "password1"}), "/password"),
        (json!({"email": "a@x.org", "isActive": true}), "/isActive"),
        (json!({"email": "a@x.org", "id": "x"}), "/id"),
    ];
    for (body, pointer) in cases {
        let refused = site.post("/api/admin/users", &admin, &body).await;
        assert_eq!(refused.problem(), (422, "invalid-request"), "{body}");
        assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{body}: {}", refused.text);
    }
    let taken = json!({"email": "ROOT@x.org"});
    let refused = site.post("/api/admin/users", &admin, &taken).await;
    assert_eq!(refused.problem(), (409, "user-email-taken"));
    let list = site.get("/api/admin/users", &admin).await.ok(200);
    assert_eq!(list["pagination"]["total"], 1, "nothing was made");
}

#[tokio::test]
async fn who_is_out_of_use_is_out_at_once_and_in_again_only_by_a_new_login() {
    let site = Site::new().await;
    let admin = site.signed_in("root@x.org", Role::ALL).await;
    let admin = As::Cookie(&admin);
    let cookie = site.signed_in("ann@x.org", &[Role::User]).await;
    let ann = As::Cookie(&cookie);
    let (_, token) = site.token(&ann, &["*"]).await;
    let path = "/api/admin/users/ann@x.org";
    let off = json!({"isActive": false});
    let answer = site.ask("PATCH", path, &admin, Some(&off)).await.ok(200);
    assert_eq!(answer["user"]["isActive"], false);
    assert_eq!(site.get("/api/jobs", &ann).await.problem(), (401, "no-login"));
    assert_eq!(site.get("/api/jobs", &As::Bearer(&token)).await.problem(), (401, "invalid-token"));
    assert_eq!(site.try_login("ann@x.org", PASSWORD).await.problem(), (401, "login-failed"));

    let on = json!({"isActive": true});
    site.ask("PATCH", path, &admin, Some(&on)).await.ok(200);
    assert_eq!(site.get("/api/jobs", &ann).await.problem(), (401, "no-login"), "the old session");
    let cookie = site.login("ann@x.org").await;
    site.get("/api/jobs", &As::Cookie(&cookie)).await.ok(200);
    site.get("/api/jobs", &As::Bearer(&token)).await.ok(200);
}

#[tokio::test]
async fn a_deleted_account_stays_with_its_id_and_email_and_never_comes_back() {
    let site = Site::new().await;
    let admin = site.signed_in("root@x.org", Role::ALL).await;
    let admin = As::Cookie(&admin);
    let id = site.account("ann@x.org", &[Role::User]).await;
    let path = format!("/api/admin/users/{id}");
    let gone = site.ask("DELETE", &path, &admin, None).await.ok(200);
    assert_eq!(gone["user"]["isActive"], false);
    assert!(gone["user"]["retiredAt"].is_string());
    let read = site.get(&path, &admin).await.ok(200);
    assert_eq!(read["user"]["email"], "ann@x.org");
    for edit in [json!({"isActive": true}), json!({"resetPassword": true})] {
        let refused = site.ask("PATCH", &path, &admin, Some(&edit)).await;
        assert_eq!(refused.problem(), (409, "user-retired"));
    }
    let again = json!({"email": "ann@x.org", "password": PASSWORD});
    let refused = site.post("/api/admin/users", &admin, &again).await;
    assert_eq!(refused.problem(), (409, "user-email-taken"));
    assert_eq!(site.try_login("ann@x.org", PASSWORD).await.status, 401);
    assert_eq!(site.get("/api/admin/users/nobody", &admin).await.problem(), (404, "no-such-user"));
}

#[tokio::test]
async fn the_last_active_admin_cannot_be_taken_away_in_any_way() {
    let site = Site::new().await;
    let cookie = site.signed_in("root@x.org", Role::ALL).await;
    let root = As::Cookie(&cookie);
    let path = "/api/admin/users/root@x.org";
    let ways = [
        ("PATCH", Some(json!({"roles": ["user", "reviewer", "operator"]}))),
        ("PATCH", Some(json!({"isActive": false}))),
        ("DELETE", None),
    ];
    for (method, body) in &ways {
        let refused = site.ask(method, path, &root, body.as_ref()).await;
        assert_eq!(refused.problem(), (409, "last-admin"), "{method} {body:?}");
    }
    // An admin who is out of use is none.
    site.account("eve@x.org", &[Role::Admin]).await;
    let off = json!({"isActive": false});
    site.ask("PATCH", "/api/admin/users/eve@x.org", &root, Some(&off)).await.ok(200);
    let refused = site.ask("DELETE", path, &root, None).await;
    assert_eq!(refused.problem(), (409, "last-admin"));
    // With another one it works, and that one is then the last.
    let other = site.signed_in("max@x.org", &[Role::Admin]).await;
    site.ask("DELETE", path, &root, None).await.ok(200);
    assert_eq!(site.get("/api/auth/me", &root).await.status, 401);
    let refused = site.ask("DELETE", "/api/admin/users/max@x.org", &As::Cookie(&other), None).await;
    assert_eq!(refused.problem(), (409, "last-admin"));
}

#[tokio::test]
async fn two_admins_who_take_each_other_away_at_once_leave_one() {
    for _ in 0..20 {
        let site = Site::new().await;
        let one = site.signed_in("one@x.org", &[Role::Admin]).await;
        let two = site.signed_in("two@x.org", &[Role::Admin]).await;
        let (one, two) = (As::Cookie(&one), As::Cookie(&two));
        let body = json!({"roles": ["user"]});
        let (first, second) = tokio::join!(
            site.ask("PATCH", "/api/admin/users/two@x.org", &one, Some(&body)),
            site.ask("PATCH", "/api/admin/users/one@x.org", &two, Some(&body)),
        );
        let taken = [first.status, second.status].iter().filter(|status| **status == 200).count();
        assert_eq!(taken, 1, "{} {}", first.text, second.text);
    }
}

#[tokio::test]
async fn roles_and_groups_count_from_the_next_request_on() {
    let site = Site::new().await;
    let admin = site.signed_in("root@x.org", Role::ALL).await;
    let admin = As::Cookie(&admin);
    let cookie = site.signed_in("ann@x.org", &[Role::User, Role::Operator]).await;
    let ann = As::Cookie(&cookie);
    let (_, token) = site.token(&ann, &["*"]).await;
    let token = As::Bearer(&token);
    for who in [&ann, &token] {
        site.get("/api/admin/status", who).await.ok(200);
    }
    let less = json!({"roles": ["user"], "groups": ["night"], "name": "Ann M."});
    site.ask("PATCH", "/api/admin/users/ann@x.org", &admin, Some(&less)).await.ok(200);
    for who in [&ann, &token] {
        assert_eq!(site.get("/api/admin/status", who).await.problem(), (403, "forbidden"));
        let me = site.get("/api/auth/me", who).await.ok(200);
        assert_eq!(me["user"]["groups"], json!(["night"]));
        assert_eq!(me["user"]["name"], "Ann M.");
    }
}

#[tokio::test]
async fn every_change_is_a_fact_of_the_audit_trail_and_names_no_secret() {
    let site = Site::new().await;
    let admin = site.signed_in("root@x.org", Role::ALL).await;
    let admin = As::Cookie(&admin);
    let made = site.post("/api/admin/users", &admin, &json!({"email": "ann@x.org"})).await.ok(201);
    let (id, drawn) = (text(&made["user"]["id"]), text(&made["oneTimePassword"]));
    let path = format!("/api/admin/users/{id}");
    site.ask("PATCH", &path, &admin, Some(&json!({"roles": ["operator"]}))).await.ok(200);
    let reset = json!({"resetPassword": true});
    let reset = site.ask("PATCH", &path, &admin, Some(&reset)).await.ok(200);
    assert_ne!(text(&reset["oneTimePassword"]), drawn);
    site.ask("DELETE", &path, &admin, None).await.ok(200);
    let of_ann: Vec<String> = site
        .facts()
        .await
        .into_iter()
        .filter(|(_, target)| *target == id)
        .map(|(action, _)| action)
        .collect();
    assert_eq!(of_ann, ["user.create", "user.change", "user.change", "user.deactivate"]);
    let entries = site.engine.audit_entries(0, 1000).await.unwrap();
    let written = serde_json::to_string(&entries).unwrap();
    assert!(!written.contains(&drawn) && !written.contains("$argon2"), "{written}");
    let change = entries.iter().find(|entry| entry.action == "user.change").unwrap();
    assert_eq!(change.detail["roles"], json!({"from": ["user"], "to": ["operator"]}));
    let origin = change.origin.as_ref().unwrap();
    assert!(origin.via.starts_with("session:") && origin.via.len() == 20, "{origin:?}");
}
