//! API tokens: what they open, how they end, and what they never do (T18).

use holdpoint::http::authorize::Role;
use holdpoint::http::scope::Scope;
use holdpoint::model::time::Span;
use serde_json::{Value, json};

use super::{As, Ask, Site, new_job, text};

const DAY: Span = Span::from_secs(24 * 3600);

#[tokio::test]
async fn a_token_is_shown_once_and_does_what_its_person_may_within_its_scopes() {
    let site = Site::new().await;
    let cookie = site.signed_in("ann@x.org", &[Role::User]).await;
    let ann = As::Cookie(&cookie);
    let body = json!({"name": "report", "scopes": ["jobs:read"], "expiresInDays": 30});
    let made = site.post("/api/auth/tokens", &ann, &body).await.ok(201);
    let (id, secret) = (text(&made["token"]["id"]), text(&made["secret"]));
    assert_eq!(secret, format!("hp_{id}_{}", secret.rsplit('_').next().unwrap()));
    assert_eq!(secret.len(), "hp_".len() + 16 + "_".len() + 52);
    assert_eq!(made["token"]["expiresAt"], "2026-02-14T10:30:00.000Z");
    let list = site.get("/api/auth/tokens", &ann).await;
    assert!(!list.text.contains(&secret) && !list.text.contains("secret"), "{}", list.text);
    assert_eq!(list.ok(200)["tokens"][0]["lastUsedAt"], Value::Null);

    let token = As::Bearer(&secret);
    site.get("/api/jobs", &token).await.ok(200);
    let me = site.get("/api/auth/me", &token).await.ok(200);
    assert_eq!((&me["user"]["email"], &me["scopes"]), (&json!("ann@x.org"), &json!(["jobs:read"])));
    let refused = site.post("/api/jobs", &token, &new_job("n")).await;
    assert_eq!(refused.problem(), (403, "forbidden"));
    assert!(refused.text.contains("jobs:write"), "{}", refused.text);
    let list = site.get("/api/auth/tokens", &ann).await.ok(200);
    assert_eq!(list["tokens"][0]["lastUsedAt"], "2026-01-15T10:30:00.000Z");
}

#[tokio::test]
async fn what_is_wrong_with_a_new_token_is_named() {
    let site = Site::new().await;
    let admin = site.signed_in("root@x.org", Role::ALL).await;
    let admin = As::Cookie(&admin);
    let own = |name: &str, value: Value| {
        let mut body = json!({"name": "n", "scopes": ["*"]});
        body[name] = value;
        ("/api/auth/tokens", body)
    };
    let program = |name: &str, value: Value| {
        let mut body = json!({"kind": "agent", "agent": "ci", "name": "n", "scopes": ["*"]});
        body[name] = value;
        ("/api/admin/tokens", body)
    };
    let cases = [
        (own("name", json!("")), "/name"),
        (own("scopes", json!([])), "/scopes"),
        (own("scopes", json!(["jobs:*"])), "/scopes/0"),
        (own("scopes", json!(["*", "*"])), "/scopes/1"),
        (own("expiresInDays", json!(0)), "/expiresInDays"),
        (own("expiresInDays", json!(366)), "/expiresInDays"),
        (own("userId", json!("x")), "/userId"),
        (own("roles", json!(["admin"])), "/roles"),
        (own("kind", json!("agent")), "/kind"),
        (program("kind", json!("person")), "/kind"),
        (program("agent", json!("a/b")), "/agent"),
        (program("agent", json!("")), "/agent"),
        (program("agent", json!("a".repeat(65))), "/agent"),
        (program("roles", json!(["root"])), "/roles/0"),
        (program("expiresInDays", json!(366)), "/expiresInDays"),
    ];
    for ((path, body), pointer) in cases {
        let refused = site.post(path, &admin, &body).await;
        assert_eq!(refused.problem(), (422, "invalid-request"), "{body}");
        assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{body}: {}", refused.text);
    }
    let longest = site.post("/api/auth/tokens", &admin, &own("expiresInDays", json!(365)).1).await;
    assert_eq!(longest.ok(201)["token"]["expiresAt"], "2027-01-15T10:30:00.000Z");
    let usual = site.post("/api/auth/tokens", &admin, &own("name", json!("n")).1).await;
    assert_eq!(usual.ok(201)["token"]["expiresAt"], "2026-04-15T10:30:00.000Z");
}

#[tokio::test]
async fn a_token_ends_with_its_time_or_when_it_is_revoked() {
    let site = Site::new().await;
    let cookie = site.signed_in("ann@x.org", &[Role::User]).await;
    let ann = As::Cookie(&cookie);
    let (id, first) = site.token(&ann, &["jobs:read"]).await;
    let (_, second) = site.token(&ann, &["jobs:read"]).await;
    let path = format!("/api/auth/tokens/{id}");
    let revoked = site.ask("DELETE", &path, &ann, None).await.ok(200);
    assert_eq!(revoked["token"]["isActive"], false);
    let refused = site.get("/api/jobs", &As::Bearer(&first)).await;
    assert_eq!(refused.problem(), (401, "invalid-token"));
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    assert!(refused.text.contains("2026-01-15T10:30:00.000Z"), "it says since when");
    site.ask("DELETE", &path, &ann, None).await.ok(200);

    site.clock.advance(Span(90 * DAY.0 - 1));
    site.get("/api/jobs", &As::Bearer(&second)).await.ok(200);
    site.clock.advance(Span(1));
    let refused = site.get("/api/jobs", &As::Bearer(&second)).await;
    assert_eq!(refused.problem(), (401, "invalid-token"));
    let of_tokens: Vec<String> = site
        .facts()
        .await
        .into_iter()
        .map(|(action, _)| action)
        .filter(|action| action.starts_with("token."))
        .collect();
    let expected = ["token.create", "token.create", "token.revoke", "token.use"];
    assert_eq!(of_tokens, expected);
}

#[tokio::test]
async fn the_use_of_a_token_is_noted_once_a_minute() {
    let site = Site::new().await;
    let cookie = site.signed_in("ann@x.org", &[Role::User]).await;
    let (id, token) = site.token(&As::Cookie(&cookie), &["jobs:read"]).await;
    for _ in 0..3 {
        for _ in 0..5 {
            site.get("/api/jobs", &As::Bearer(&token)).await.ok(200);
        }
        site.clock.advance(Span::from_secs(59));
        site.get("/api/jobs", &As::Bearer(&token)).await.ok(200);
        site.clock.advance(Span::from_secs(1));
    }
    let uses =
        site.facts().await.into_iter().filter(|fact| *fact == ("token.use".into(), id.clone()));
    assert_eq!(uses.count(), 3);
}

/// Every kind of text that is no good token.
#[tokio::test]
async fn a_wrong_bearer_is_refused_whatever_cookie_comes_with_it() {
    let site = Site::new().await;
    let cookie = site.signed_in("ann@x.org", &[Role::User]).await;
    let (id, token) = site.token(&As::Cookie(&cookie), &["*"]).await;
    let (_, other) = site.token(&As::Cookie(&cookie), &["*"]).await;
    let swapped = format!("hp_{id}_{}", other.rsplit('_').next().unwrap());
    let cut = token[..token.len() - 1].to_owned();
    let upper = token.to_uppercase();
    for bad in ["", "x", "hp_", &id, &swapped, &cut, &upper, &format!("{token}a")] {
        let ask = Ask::new("GET", "/api/jobs").by(&As::Cookie(&cookie)).by(&As::Bearer(bad));
        let refused = ask.to(&site).await;
        assert_eq!(refused.problem(), (401, "invalid-token"), "{bad:?}");
        assert_eq!(refused.header("www-authenticate"), "Bearer");
        assert_eq!(refused.header("set-cookie"), "", "the session is not touched");
    }
    // The cookie is as good as before, and another scheme is no bearer.
    let basic = Ask::new("GET", "/api/jobs").by(&As::Cookie(&cookie));
    basic.header("authorization", "Basic eDp5").to(&site).await.ok(200);
}

#[tokio::test]
async fn with_cookie_and_bearer_the_bearer_alone_counts() {
    let site = Site::new().await;
    let admin = site.signed_in("root@x.org", Role::ALL).await;
    let cookie = site.signed_in("ann@x.org", &[Role::User]).await;
    let (_, token) = site.token(&As::Cookie(&cookie), &["jobs:read", "jobs:write"]).await;
    let both = |method: &str, path: &str| {
        Ask::new(method, path).by(&As::Cookie(&admin)).by(&As::Bearer(&token))
    };
    let me = both("GET", "/api/auth/me").to(&site).await.ok(200);
    assert_eq!(me["user"]["email"], "ann@x.org");
    assert_eq!(both("GET", "/api/admin/status").to(&site).await.problem(), (403, "forbidden"));
    // The checks for browsers are about cookies: a program that says where it is from may come in.
    let foreign = both("POST", "/api/jobs").header("origin", "https://elsewhere.example");
    let made = foreign.header("sec-fetch-site", "cross-site").json(&new_job("n")).to(&site).await;
    assert_eq!(made.header("set-cookie"), "");
    assert_eq!(made.ok(201)["job"]["userId"], me["user"]["id"]);
    // Signing out with a bearer ends nobody's session.
    both("POST", "/api/auth/logout").to(&site).await.ok(200);
    site.get("/api/auth/me", &As::Cookie(&admin)).await.ok(200);
}

#[tokio::test]
async fn guesses_of_one_address_are_slowed_down_and_shut_nobody_out() {
    let site = Site::new().await;
    let cookie = site.signed_in("ann@x.org", &[Role::User]).await;
    let (_, token) = site.token(&As::Cookie(&cookie), &["*"]).await;
    let guess = As::Bearer("hp_aaaaaaaaaaaaaaaa_guess");
    for _ in 0..10 {
        assert_eq!(site.get("/api/jobs", &guess).await.problem(), (401, "invalid-token"));
    }
    let slowed = site.get("/api/jobs", &guess).await;
    assert_eq!(slowed.problem(), (429, "too-many-logins"));
    assert_eq!(slowed.header("retry-after"), "60");
    site.get("/api/jobs", &As::Bearer(&token)).await.ok(200);
    let written = site.facts().await.into_iter().filter(|(action, _)| action == "token.refused");
    assert_eq!(written.count(), 10, "what is slowed down fills no trail");
    site.clock.advance(Span::from_secs(60));
    assert_eq!(site.get("/api/jobs", &guess).await.status, 401);
}

#[tokio::test]
async fn a_token_hands_on_no_more_than_it_has_and_takes_what_it_made_with_it() {
    let site = Site::new().await;
    let admin = site.signed_in("root@x.org", Role::ALL).await;
    let admin = As::Cookie(&admin);
    let (id, text_of_parent) = site.token(&admin, &["users:write", "jobs:read"]).await;
    let parent = As::Bearer(&text_of_parent);
    for beyond in [json!(["*"]), json!(["jobs:read", "store:keep"])] {
        let body = json!({"name": "n", "scopes": beyond});
        let refused = site.post("/api/auth/tokens", &parent, &body).await;
        assert_eq!(refused.problem(), (403, "forbidden"), "{body}");
        let body = json!({"kind": "agent", "agent": "ci", "name": "n", "scopes": beyond});
        let refused = site.post("/api/admin/tokens", &parent, &body).await;
        assert_eq!(refused.problem(), (403, "forbidden"), "{body}");
    }
    let body = json!({"name": "n", "scopes": ["jobs:read", "users:write"], "expiresInDays": 365});
    let child = site.post("/api/auth/tokens", &parent, &body).await.ok(201);
    assert_eq!(child["token"]["expiresAt"], "2026-04-15T10:30:00.000Z", "no later than its parent");
    let child = text(&child["secret"]);
    let (_, grandchild) = site.token(&As::Bearer(&child), &["jobs:read"]).await;
    for good in [&child, &grandchild] {
        site.get("/api/jobs", &As::Bearer(good)).await.ok(200);
    }
    site.ask("DELETE", &format!("/api/admin/tokens/{id}"), &admin, None).await.ok(200);
    for over in [&text_of_parent, &child, &grandchild] {
        assert_eq!(
            site.get("/api/jobs", &As::Bearer(over)).await.problem(),
            (401, "invalid-token")
        );
    }
    let list = site.get("/api/auth/tokens", &admin).await.ok(200);
    let live = list["tokens"].as_array().unwrap().iter().filter(|it| it["isActive"] == true);
    assert_eq!(live.count(), 0);
}

#[tokio::test]
async fn somebody_elses_token_does_not_exist_but_for_admins() {
    let site = Site::new().await;
    let admin = site.signed_in("root@x.org", Role::ALL).await;
    let ann = site.signed_in("ann@x.org", &[Role::User]).await;
    let bob = site.signed_in("bob@x.org", &[Role::User]).await;
    let (id, token) = site.token(&As::Cookie(&ann), &["*"]).await;
    let theirs =
        site.ask("DELETE", &format!("/api/auth/tokens/{id}"), &As::Cookie(&bob), None).await;
    let none = site.ask("DELETE", "/api/auth/tokens/none", &As::Cookie(&bob), None).await;
    assert_eq!(theirs.problem(), (404, "no-such-token"));
    assert_eq!(theirs.text.replace(&id, "none"), none.text);
    let list = site.get("/api/auth/tokens", &As::Cookie(&bob)).await.ok(200);
    assert_eq!(list["pagination"]["total"], 0);
    site.get("/api/jobs", &As::Bearer(&token)).await.ok(200);
    let all = site.get("/api/admin/tokens", &As::Cookie(&admin)).await.ok(200);
    assert_eq!((all["tokens"].as_array().unwrap().len(), &all["tokens"][0]["id"]), (1, &json!(id)));
    let path = format!("/api/admin/tokens/{id}");
    site.ask("DELETE", &path, &As::Cookie(&admin), None).await.ok(200);
    assert_eq!(site.get("/api/jobs", &As::Bearer(&token)).await.status, 401);
}

#[tokio::test]
async fn a_program_has_jobs_of_its_own_and_no_keys_and_no_say() {
    let site = Site::new().await;
    let admin = site.signed_in("root@x.org", Role::ALL).await;
    let all = ["user", "reviewer", "operator", "admin"];
    let token = site.program(&admin, "ci", &all, &["*"]).await;
    let ci = As::Bearer(&token);
    let me = site.get("/api/auth/me", &ci).await.ok(200);
    assert_eq!((&me["user"]["id"], &me["user"]["name"]), (&json!("agent:ci"), &json!("ci")));
    let made = site.post("/api/jobs", &ci, &new_job("by a program")).await.ok(201);
    assert_eq!(made["job"]["userId"], "agent:ci");
    site.get(&format!("/api/jobs/{}", text(&made["job"]["id"])), &ci).await.ok(200);
    let checkpoint = "/api/admin/agent-checkpoints/0190aaaa-0000-7000-8000-000000000000";
    let decision = format!("{checkpoint}/decision");
    let refused = [
        ("POST", checkpoint),
        ("DELETE", checkpoint),
        ("POST", decision.as_str()),
        ("POST", "/api/auth/tokens"),
        ("GET", "/api/auth/tokens"),
        ("POST", "/api/admin/tokens"),
        ("POST", "/api/admin/users"),
        ("PATCH", "/api/admin/users/root@x.org"),
        ("DELETE", "/api/admin/users/root@x.org"),
        ("POST", "/api/auth/password"),
        ("PUT", "/api/auth/delegation"),
    ];
    for (method, path) in refused {
        let answer = site.ask(method, path, &ci, Some(&json!({}))).await;
        assert_eq!(answer.problem(), (403, "forbidden"), "{method} {path}");
        assert!(answer.text.contains("only a person"), "{}", answer.text);
    }
    // Two tokens of one program are the same program: a new one takes over from an old one.
    let next = site.program(&admin, "ci", &["user"], &["jobs:read"]).await;
    let jobs = site.get("/api/jobs", &As::Bearer(&next)).await.ok(200);
    assert_eq!(jobs["pagination"]["total"], 1);
    let listed = site.get("/api/admin/tokens?userId=agent:ci", &As::Cookie(&admin)).await.ok(200);
    assert_eq!(listed["pagination"]["total"], 2);
}

#[tokio::test]
async fn a_scraper_needs_no_more_than_its_scope() {
    let options = holdpoint::http::Options {
        scrape: holdpoint::http::Scrape::Nobody,
        ..holdpoint::http::Options::default()
    };
    let site = Site::with(options).await;
    let admin = site.signed_in("root@x.org", Role::ALL).await;
    let scraper = site.program(&admin, "prometheus", &["user"], &["metrics:read"]).await;
    let metrics = site.get("/api/metrics", &As::Bearer(&scraper)).await;
    assert_eq!((metrics.status, metrics.text.as_str()), (200, "rendered 1\n"));
    assert_eq!(site.get("/api/jobs", &As::Bearer(&scraper)).await.problem(), (403, "forbidden"));
    let (_, other) = site.token(&As::Cookie(&admin), &["jobs:read"]).await;
    assert_eq!(site.get("/api/metrics", &As::Bearer(&other)).await.problem(), (403, "forbidden"));
    assert_eq!(site.get("/api/metrics", &As::Nobody).await.problem(), (401, "no-login"));
}

#[tokio::test]
async fn a_holder_has_a_bounded_number_of_good_tokens() {
    let site = Site::new().await;
    let cookie = site.signed_in("ann@x.org", &[Role::User]).await;
    let ann = As::Cookie(&cookie);
    let (id, _) = site.token(&ann, &["jobs:read"]).await;
    for _ in 1..100 {
        site.token(&ann, &["jobs:read"]).await;
    }
    let body = json!({"name": "one more", "scopes": ["jobs:read"]});
    let refused = site.post("/api/auth/tokens", &ann, &body).await;
    assert_eq!(refused.problem(), (409, "too-many-tokens"));
    site.ask("DELETE", &format!("/api/auth/tokens/{id}"), &ann, None).await.ok(200);
    site.post("/api/auth/tokens", &ann, &body).await.ok(201);
}

#[tokio::test]
async fn tokens_that_ended_long_ago_are_swept_and_good_ones_stay() {
    let site = Site::new().await;
    let cookie = site.signed_in("ann@x.org", &[Role::User]).await;
    let ann = As::Cookie(&cookie);
    let (id, _) = site.token(&ann, &["jobs:read"]).await;
    let long = json!({"name": "long", "scopes": ["jobs:read"], "expiresInDays": 365});
    let long = text(&site.post("/api/auth/tokens", &ann, &long).await.ok(201)["secret"]);
    site.ask("DELETE", &format!("/api/auth/tokens/{id}"), &ann, None).await.ok(200);
    site.clock.advance(Span(90 * DAY.0 - 1));
    assert_eq!(holdpoint::http::tokens::remove_ended(&site.engine).await.unwrap(), 0);
    site.clock.advance(Span(1));
    assert_eq!(holdpoint::http::tokens::remove_ended(&site.engine).await.unwrap(), 1);
    site.get("/api/jobs", &As::Bearer(&long)).await.ok(200);
    let cookie = site.login("ann@x.org").await;
    let list = site.get("/api/auth/tokens", &As::Cookie(&cookie)).await.ok(200);
    assert_eq!(list["pagination"]["total"], 1);
}

#[tokio::test]
async fn an_answer_with_a_secret_is_not_kept_to_be_repeated() {
    let site = Site::new().await;
    let admin = site.signed_in("root@x.org", Role::ALL).await;
    let admin = As::Cookie(&admin);
    let own = json!({"name": "n", "scopes": ["*"]});
    let user = json!({"email": "ann@x.org"});
    for (path, body, member) in
        [("/api/auth/tokens", own, "secret"), ("/api/admin/users", user, "oneTimePassword")]
    {
        let ask = || Ask::new("POST", path).by(&admin).header("idempotency-key", "k").json(&body);
        let first = ask().to(&site).await.ok(201);
        let secret = text(&first[member]);
        let again = ask().to(&site).await;
        assert!(!again.text.contains(&secret), "{}", again.text);
        for kept in site.engine.documents("replies", None, 10).await.unwrap() {
            assert!(!String::from_utf8_lossy(&kept.body).contains(&secret));
        }
    }
}

#[test]
fn every_scope_has_a_word_of_its_own_that_reads_back() {
    let words: std::collections::BTreeSet<&str> = Scope::all().map(Scope::as_str).collect();
    assert_eq!(words.len(), Scope::all().count());
    for scope in Scope::all() {
        assert_eq!(scope.as_str().parse::<Scope>().as_ref(), Ok(&scope));
    }
    assert!("jobs".parse::<Scope>().is_err() && "".parse::<Scope>().is_err());
}
