//! Signed links: looking changes nothing, only their person decides, once, about what was shown,
//! and what is kept of them opens nothing.

use axum::body::Body;
use holdpoint::http::authorize::Role;
use holdpoint::model::time::Span;
use serde_json::{Value, json};

use super::{Answer, REVIEWER, Stand, USER, Who, text};

/// A stand with a gate, and everybody who has to do with it.
struct Scene {
    stand: Stand,
    admin: Who,
    program: Who,
    rita: Who,
    gate: Value,
}

impl Scene {
    async fn new(members: Value) -> Self {
        let stand = Stand::new().await;
        let admin = stand.person("root@x.org", Role::ALL).await;
        let program = stand.program(&admin, "mailer").await;
        let rita = stand.person("rita@x.org", REVIEWER).await;
        let gate = stand.open(&program, members).await;
        Self { stand, admin, program, rita, gate }
    }

    fn links(&self) -> String {
        format!("/api/admin/agent-checkpoints/{}/links", text(&self.gate["checkpointId"]))
    }

    /// A link for this person: the path of its page, and its id.
    async fn link(&self, members: Value) -> (String, String) {
        let mut body = json!({"user": "rita@x.org"});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let made = self.stand.post(&self.links(), &self.admin, &body).await.expect(201);
        let url = text(&made["url"]);
        let path = url.strip_prefix(super::PUBLIC_URL).expect("the public address").to_owned();
        (path, text(&made["link"]["id"]))
    }

    async fn post(&self, path: &str, who: &Who, fields: &[(&str, &str)]) -> Answer {
        let encode = |text: &str| {
            let set = percent_encoding::NON_ALPHANUMERIC;
            percent_encoding::utf8_percent_encode(text, set).to_string()
        };
        let pairs: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let request = self.stand.request("POST", path, who);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.stand.send(request.body(Body::from(pairs.join("&"))).unwrap()).await
    }

    /// What a person sends who agrees.
    async fn approve(&self, path: &str, who: &Who, confirm: &str) -> Answer {
        let digest = text(&self.gate["digest"]);
        let mut fields = vec![("decision", "approve"), ("digest", digest.as_str())];
        if !confirm.is_empty() {
            fields.push(("confirm", confirm));
        }
        self.post(path, who, &fields).await
    }

    /// The gate is as nobody had touched it.
    async fn is_untouched(&self) {
        let path = format!("/api/gates/{}", text(&self.gate["id"]));
        let gate = self.stand.get(&path, &self.program).await.expect(200);
        assert_eq!(gate["gate"], self.gate);
    }

    async fn status_of(&self, id: &str) -> String {
        let list = self.stand.get(&self.links(), &self.admin).await.expect(200);
        let links = list["links"].as_array().unwrap();
        text(&links.iter().find(|link| link["id"] == *id).expect("the link")["status"])
    }
}

/// The number on the page.
fn number(page: &str) -> String {
    let from = page.split("<strong>").nth(1).expect("a number");
    from.split("</strong>").next().unwrap().chars().filter(char::is_ascii_digit).collect()
}

/// The fields of the form on a page with what they are filled with.
fn fields(page: &str) -> Vec<(String, String)> {
    let attribute = |tag: &str, name: &str| {
        let rest = tag.split(&format!("{name}=\"")).nth(1)?;
        Some(rest.split('"').next()?.to_owned())
    };
    let inputs = page.split("<input").skip(1).map(|rest| rest.split('>').next().unwrap());
    inputs
        .filter_map(|tag| {
            Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default()))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_at_a_link_changes_nothing_and_its_page_keeps_to_itself() {
    let shown = json!({"text": "<script>alert(1)</script> pay\u{202E}001\u{200B}\u{E0041}"});
    let scene = Scene::new(json!({"show": shown, "summary": "<img src=x>"})).await;
    let (path, id) = scene.link(json!({})).await;
    let mut texts = Vec::new();
    for who in [Who::Nobody, scene.rita.clone(), scene.admin.clone(), Who::Nobody] {
        for method in ["GET", "HEAD"] {
            let page = scene.stand.ask(method, &path, &who, None).await;
            assert_eq!(page.status, 200, "{}", page.text);
            assert_eq!(page.header("referrer-policy"), "no-referrer");
            assert_eq!(page.header("cache-control"), "no-store");
            let policy = page.header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
            if method == "GET" {
                texts.push(page.text);
            }
        }
    }
    let page = &texts[0];
    assert!(texts.iter().all(|text| text == page), "it says the same to everybody");
    assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
    for seen in ["&lt;script&gt;", "&lt;U+202E&gt;", "&lt;U+200B&gt;", "&lt;U+E0041&gt;"] {
        assert!(page.contains(seen), "{seen} is missing: {page}");
    }
    let token = path.rsplit('/').next().unwrap();
    assert!(!page.contains(token), "the page does not repeat its address");
    scene.is_untouched().await;
    assert_eq!(scene.status_of(&id).await, "ACTIVE");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_its_person_decides_with_a_link_and_only_once() {
    let scene = Scene::new(json!({})).await;
    let (path, id) = scene.link(json!({})).await;
    let nobody = scene.approve(&path, &Who::Nobody, "").await;
    assert_eq!(nobody.status, 401);
    assert!(nobody.text.contains("href=\"/login\""), "{}", nobody.text);
    let number_of_none = scene.approve(&path, &Who::Nobody, "123456").await;
    assert_eq!(number_of_none.status, 401, "no number decides where a login is wanted");
    let bob = scene.stand.person("bob@x.org", REVIEWER).await;
    for who in [&bob, &scene.admin, &scene.program] {
        assert_eq!(scene.approve(&path, who, "").await.status, 403, "{who:?}");
    }
    scene.is_untouched().await;
    for incomplete in [
        vec![("decision", "approve")],
        vec![("decision", "maybe"), ("digest", "00")],
        vec![("decision", "reject"), ("digest", "x"), ("reason", "no")],
        vec![("decision", "approve"), ("decision", "reject")],
        vec![("surprise", "1")],
    ] {
        let refused = scene.post(&path, &scene.rita, &incomplete).await;
        assert_eq!(refused.status, 422, "{incomplete:?}");
    }
    let other = "0".repeat(64);
    let elsewhere = [("decision", "approve"), ("digest", other.as_str())];
    assert_eq!(scene.post(&path, &scene.rita, &elsewhere).await.status, 409);
    scene.is_untouched().await;
    assert_eq!(scene.approve(&path, &scene.rita, "").await.status, 200);
    let done = scene.stand.until_status(&scene.gate, &scene.program, "APPROVED").await;
    assert_eq!(done["decision"]["by"], scene.rita.id());
    assert_eq!(scene.status_of(&id).await, "USED");
    for page in
        [scene.approve(&path, &scene.rita, "").await, scene.stand.get(&path, &Who::Nobody).await]
    {
        assert_eq!(page.status, 410, "{}", page.text);
        assert!(page.text.contains("your decision stands"), "{}", page.text);
    }
    let audit = scene.stand.get("/api/admin/audit?limit=200", &scene.admin).await.expect(200);
    for action in ["gate.open", "link.make", "link.use"] {
        assert!(audit.to_string().contains(action), "{action} is not in the trail: {audit:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_read_decides_where_the_gate_lets_it() {
    let scene = Scene::new(json!({"linkConfirm": true})).await;
    let (path, id) = scene.link(json!({})).await;
    let page = scene.stand.get(&path, &Who::Nobody).await.text;
    let number = number(&page);
    assert_eq!(number.len(), 6, "{page}");
    // A scanner that fills in and sends the form sends what stands in its fields.
    let filled = fields(&page);
    assert!(filled.iter().all(|(_, value)| !value.contains(&number)), "{filled:?}");
    for decision in ["approve", "reject", "send-back"] {
        let mut sent: Vec<(&str, &str)> = filled
            .iter()
            .filter(|(name, _)| name != "decision")
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        sent.extend([("decision", decision), ("reason", "automatic")]);
        assert_eq!(scene.post(&path, &Who::Nobody, &sent).await.status, 422, "{decision}");
    }
    let wrong = if number == "000000" { "000001" } else { "000000" };
    assert_eq!(scene.approve(&path, &Who::Nobody, wrong).await.status, 422);
    scene.is_untouched().await;
    let spaced = format!(" {} {} ", &number[..3], &number[3..]);
    let done = scene.approve(&path, &Who::Nobody, &spaced).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let gate = scene.stand.until_status(&scene.gate, &scene.program, "APPROVED").await;
    assert_eq!(gate["decision"]["by"], scene.rita.id());
    assert_eq!(scene.status_of(&id).await, "USED");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_not_tried_out() {
    let scene = Scene::new(json!({"linkConfirm": true})).await;
    let (path, _) = scene.link(json!({})).await;
    let number = number(&scene.stand.get(&path, &Who::Nobody).await.text);
    let mut statuses = Vec::new();
    for guess in 0..30 {
        let guess = format!("{guess:06}");
        if guess != number {
            statuses.push(scene.approve(&path, &Who::Nobody, &guess).await.status);
        }
    }
    assert!(statuses[..10].iter().all(|status| *status == 422), "{statuses:?}");
    assert!(statuses[10..].iter().all(|status| *status == 429), "{statuses:?}");
    assert_eq!(scene.approve(&path, &Who::Nobody, &number).await.status, 429, "nor the right one");
    scene.is_untouched().await;
    assert_eq!(scene.approve(&path, &scene.rita, "").await.status, 200, "a login is no guess");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_tokens_are_one_page_and_guessing_is_slowed_down() {
    let scene = Scene::new(json!({})).await;
    let (path, _) = scene.link(json!({})).await;
    let token = path.rsplit('/').next().unwrap().to_owned();
    let swap = |at: usize| {
        let other = if &token[at..=at] == "A" { "B" } else { "A" };
        format!("/links/{}{other}{}", &token[..at], &token[at + 1..])
    };
    // Another link, another key, no link at all.
    let wrong = [swap(2), swap(40), "/links/x".to_owned(), format!("/links/{}", &token[..30])];
    let mut pages = Vec::new();
    for path in &wrong {
        for method in ["GET", "POST"] {
            let page = match method {
                "GET" => scene.stand.get(path, &scene.rita).await,
                _ => scene.approve(path, &scene.rita, "").await,
            };
            assert_eq!(page.status, 404, "{method} {path}");
            pages.push(page.text);
        }
    }
    assert!(pages.iter().all(|page| *page == pages[0]), "one and the same page");
    let mut last = 0;
    for _ in 0..5 {
        last = scene.stand.get(&wrong[0], &Who::Nobody).await.status;
    }
    assert_eq!(last, 429);
    scene.stand.clock.advance(Span::from_secs(61));
    assert_eq!(scene.stand.get(&path, &Who::Nobody).await.status, 200);
    scene.is_untouched().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_good_until_it_is_over_and_says_why() {
    let scene = Scene::new(json!({"expiresAfter": "P3D"})).await;
    let (short, short_id) = scene.link(json!({"expiresAfter": "PT1H"})).await;
    let (revoked, revoked_id) = scene.link(json!({})).await;
    let (long, long_id) = scene.link(json!({"expiresAfter": "P30D"})).await;
    let path = format!("/api/admin/links/{revoked_id}");
    scene.stand.ask("DELETE", &path, &scene.admin, None).await.expect(200);
    let unknown = "/api/admin/links/0190aaaa-0000-7000-8000-000000000000";
    let none = scene.stand.ask("DELETE", unknown, &scene.admin, None).await;
    assert_eq!(none.problem(), "no-such-link");
    scene.stand.clock.advance(Span::from_secs(3_600));
    let rows = [
        (&short, &short_id, "EXPIRED", "has expired"),
        (&revoked, &revoked_id, "REVOKED", "taken back"),
    ];
    let rita = Who::Person {
        id: scene.rita.id().to_owned(),
        cookie: scene.stand.login("rita@x.org").await,
    };
    for (path, id, status, said) in rows {
        assert_eq!(scene.status_of(id).await, status);
        for page in
            [scene.stand.get(path, &Who::Nobody).await, scene.approve(path, &rita, "").await]
        {
            assert_eq!(page.status, 410, "{status}");
            assert!(page.text.contains(said), "{}", page.text);
        }
    }
    let list = scene.stand.get("/api/admin/links", &scene.admin).await.expect(200);
    let links = list["links"].as_array().unwrap();
    let expires = links.iter().find(|link| link["id"] == long_id).unwrap();
    assert_eq!(expires["expiresAt"], scene.gate["expiresAt"], "never longer than the gate");
    scene.stand.decide(&scene.gate, &rita, "reject").await.expect(200);
    assert_eq!(scene.status_of(&long_id).await, "CLOSED");
    let page = scene.stand.get(&long, &Who::Nobody).await;
    assert!(page.status == 410 && page.text.contains("nothing to decide"), "{}", page.text);
    let late = scene.stand.post(&scene.links(), &scene.admin, &json!({"user": rita.id()})).await;
    assert_eq!(late.problem(), "link-over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_makes_nobody_more_than_they_are() {
    let scene = Scene::new(json!({"linkConfirm": true, "assignees": ["user:bob@x.org"]})).await;
    scene.stand.person("bob@x.org", REVIEWER).await;
    // Rita has a link, but the gate is for somebody else.
    let (path, _) = scene.link(json!({})).await;
    let number = number(&scene.stand.get(&path, &Who::Nobody).await.text);
    assert_eq!(scene.approve(&path, &Who::Nobody, &number).await.status, 403);
    assert_eq!(scene.approve(&path, &scene.rita, "").await.status, 403);
    scene.stand.person("ulf@x.org", USER).await;
    for (user, status) in [("ulf@x.org", 422), ("nobody@x.org", 422), ("bob@x.org", 201)] {
        let made = scene.stand.post(&scene.links(), &scene.admin, &json!({"user": user})).await;
        assert_eq!(made.status, status, "{user}: {}", made.text);
    }
    for who in [&scene.rita, &scene.program] {
        let made = scene.stand.post(&scene.links(), who, &json!({"user": "bob@x.org"})).await;
        assert_eq!(made.status, 403, "{who:?}");
    }
    // Who opened a gate makes no links with which others seem to decide it.
    let own = scene.stand.open(&scene.admin, json!({"linkConfirm": true})).await;
    let path = format!("/api/admin/agent-checkpoints/{}/links", text(&own["checkpointId"]));
    let refused = scene.stand.post(&path, &scene.admin, &json!({"user": "rita@x.org"})).await;
    assert_eq!(refused.problem(), "link-over", "{}", refused.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_of_a_link_does_not_open_it() {
    let scene = Scene::new(json!({})).await;
    let (path, _) = scene.link(json!({})).await;
    let token = path.rsplit('/').next().unwrap();
    let all = scene.stand.dump().await;
    let list = scene.stand.get("/api/admin/links", &scene.admin).await.text;
    // The last 43 letters are what opens it.
    let key = &token[token.len() - 40..];
    assert!(all.contains("Pay?"), "nothing of the gate is in it");
    assert!(!all.contains(key) && !list.contains(key));
}
