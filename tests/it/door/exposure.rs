//! What is open to whom by default, and what many requests cost: the start-up matrix, metrics whose
//! labels nobody outside chooses, and a caller with many jobs beside one with few.

use holdpoint::http::policy::ROUTES;
use holdpoint::http::{Options, RateOptions};
use serde_json::json;

use crate::support::client::Client;
use crate::support::server;

/// Where it listens, whether a proxy stands before it, and whether it may start (threat T28).
const STARTS: &[(&str, bool, bool)] = &[
    ("127.0.0.1:3000", false, true),
    ("127.9.9.9:3000", false, true),
    ("[::1]:3000", false, true),
    ("127.0.0.1:3000", true, true),
    ("0.0.0.0:3000", false, false),
    ("[::]:3000", false, false),
    ("192.168.1.10:3000", false, false),
    ("203.0.113.7:443", false, false),
    ("[2001:db8::1]:3000", false, false),
    ("[::ffff:192.168.1.10]:3000", false, false),
    ("0.0.0.0:3000", true, true),
    ("192.168.1.10:3000", true, true),
];

#[test]
fn a_server_shows_itself_to_a_network_only_behind_a_proxy() {
    for (listen, behind_proxy, may_start) in STARTS {
        let listen = listen.parse().unwrap();
        let options = Options { listen, behind_proxy: *behind_proxy, ..Options::default() };
        assert_eq!(options.check().is_ok(), *may_start, "{listen}, proxy {behind_proxy}");
    }
    assert!(Options::default().listen.ip().is_loopback());
    assert!(!Options::default().behind_proxy);
}

/// Threat T27: a hundred requests that invent something leave no label that they invented.
#[tokio::test]
async fn nobody_outside_chooses_labels_of_metrics() {
    let server = server::start(|_| {}).await;
    for n in 0..100 {
        let (get, patch) = (reqwest::Method::GET, reqwest::Method::PATCH);
        let own = reqwest::Method::from_bytes(format!("INVENTED{n}").as_bytes()).unwrap();
        for (method, path) in [
            (get.clone(), format!("/api/jobs/0190aaaa-0000-7000-8000-{n:012}")),
            (get.clone(), format!("/invented/{n}")),
            (get.clone(), format!("/problems/invented-{n}")),
            (get, format!("/api/workflows/invented-{n}")),
            (patch, format!("/invented/{n}")),
            (own, "/api/jobs".to_owned()),
        ] {
            server.client.send(method, &path, None).await;
        }
    }
    let text = server.client.text("/api/metrics").await;
    let series = text.lines().filter(|line| line.starts_with("holdpoint_http_requests_total{"));
    let mut seen = 0;
    for line in series {
        let label = |name: &str| line.split(&format!("{name}=\"")).nth(1)?.split('"').next();
        let route = label("route").unwrap();
        let is_known = ROUTES.iter().any(|known| known.path == route);
        assert!(is_known || route == "none", "{line}");
        assert_eq!(label("status").map(str::len), Some(3), "{line}");
        seen += 1;
    }
    assert!(seen > 3 && text.lines().count() < 2_000, "{seen} of {}", text.lines().count());
    assert!(!text.contains("nvented"));
    server.stop().await;
}

/// Threat T26: whoever floods is refused by a limit of their own, and the next one is served.
#[tokio::test]
async fn a_flood_of_one_principal_is_refused_and_others_are_served() {
    let server = server::start(|config| {
        config.http.limit_loopback = true;
        config.http.writes_per_minute = 30;
    })
    .await;
    let job = json!({"name": "Flood", "description": "Something",
        "acceptanceCriteria": "It is done", "autoExecute": false});
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..200 {
        match server.client.post("/api/jobs", &job).await.status {
            201 => taken += 1,
            429 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert!(taken >= 30 && refused > 0, "{taken} taken, {refused} refused");
    let password = server.app.make_admin("other@tests.example").await.unwrap();
    let other = Client::login(&server.url, "other@tests.example", &password).await;
    other.post("/api/jobs", &job).await.expect(201);
    server.stop().await;
}

#[test]
fn the_default_limits_let_a_program_with_one_login_work() {
    let RateOptions { reads_per_minute, writes_per_minute, anonymous_per_minute, limit_loopback } =
        RateOptions::default();
    assert!(reads_per_minute >= 6_000 && writes_per_minute >= 3_000);
    assert!(anonymous_per_minute >= 3_000, "agents that call back have no login");
    assert!(!limit_loopback, "a benchmark on this machine is not an attack");
}
