//! Requests of other sites and for other hosts.

use holdpoint::http::{Options, host};

use super::Site;

/// Origin, Sec-Fetch-Site, and whether the request comes in.
const SITES: &[(Option<&str>, Option<&str>, bool)] = &[
    (None, None, true),
    (Some("http://localhost:3000"), None, true),
    (Some("http://localhost:3000"), Some("same-origin"), true),
    (Some("https://jobs.example.com"), None, true),
    (Some("https://jobs.example.com"), Some("same-origin"), true),
    (None, Some("none"), true),
    (Some("http://localhost:4000"), None, false),
    (Some("https://evil.example"), None, false),
    (Some("https://jobs.example.com.evil.example"), None, false),
    (Some("null"), None, false),
    (None, Some("cross-site"), false),
    (None, Some("same-site"), false),
    (Some("http://localhost:3000"), Some("cross-site"), false),
];

#[tokio::test]
async fn requests_of_other_sites_change_nothing() {
    let public_url = Some("https://jobs.example.com/board".to_owned());
    let site = Site::with(Options { public_url, ..Options::default() }).await;
    for (origin, fetch_site, comes_in) in SITES {
        let with = |mut ask: super::Ask| {
            for (name, value) in [("origin", origin), ("sec-fetch-site", fetch_site)] {
                if let Some(value) = value {
                    ask = ask.header(name, value);
                }
            }
            ask
        };
        let answer = with(site.ask("POST", "/api/auth/logout")).to(&site.router).await;
        let name = format!("origin {origin:?}, sec-fetch-site {fetch_site:?}: {}", answer.text);
        if *comes_in {
            assert_eq!(answer.status.as_u16(), 200, "{name}");
        } else {
            assert_eq!((answer.status.as_u16(), answer.problem()), (403, "cross-origin"), "{name}");
        }
        let read = with(site.ask("GET", "/healthz")).to(&site.router).await;
        assert_eq!(read.status.as_u16(), 200, "reading is no change: {name}");
    }
}

/// Where it listens, the public address, the host that is asked for, and whether it answers.
const HOSTS: &[(&str, Option<&str>, Option<&str>, bool)] = &[
    ("127.0.0.1:3000", None, Some("localhost"), true),
    ("127.0.0.1:3000", None, Some("LOCALHOST:3000"), true),
    ("127.0.0.1:3000", None, Some("127.0.0.1:9"), true),
    ("127.0.0.1:3000", None, Some("[::1]:3000"), true),
    ("127.0.0.1:3000", None, Some("[::1]"), true),
    ("127.0.0.1:3000", None, Some("evil.example"), false),
    ("127.0.0.1:3000", None, Some("localhost.evil.example"), false),
    ("127.0.0.1:3000", None, Some("127.0.0.1.evil.example"), false),
    ("127.0.0.1:3000", None, Some(""), false),
    ("127.0.0.1:3000", None, None, false),
    ("127.0.0.1:3000", Some("https://jobs.example.com"), Some("jobs.example.com"), true),
    ("127.0.0.1:3000", Some("https://jobs.example.com"), Some("jobs.example.com:443"), true),
    ("127.0.0.1:3000", Some("https://jobs.example.com"), Some("example.com"), false),
    ("[::1]:3000", None, Some("evil.example"), false),
    ("0.0.0.0:3000", None, Some("anything.example"), true),
];

#[test]
fn a_server_on_loopback_answers_to_its_own_names_only() {
    for (listen, public_url, host, answers) in HOSTS {
        let options = Options {
            listen: listen.parse().unwrap(),
            public_url: public_url.map(str::to_owned),
            ..Options::default()
        };
        let ours = host::is_ours(&options, *host);
        assert_eq!(ours, *answers, "{listen}, public {public_url:?}: host {host:?}");
    }
}

#[tokio::test]
async fn a_request_for_another_host_gets_nothing() {
    let site = Site::new().await;
    let request = axum::http::Request::get("/healthz").header("host", "evil.example");
    let ask = super::Ask { request, body: axum::body::Body::empty() };
    let answer = ask.to(&site.router).await;
    assert_eq!((answer.status.as_u16(), answer.problem()), (421, "wrong-host"));
}

#[test]
fn settings_that_would_show_passwords_are_refused() {
    let open = Options { listen: "0.0.0.0:3000".parse().unwrap(), ..Options::default() };
    assert!(open.check().unwrap_err().to_string().contains("behind_proxy"));
    assert!(Options { behind_proxy: true, ..open }.check().is_ok());
    for bad in ["jobs.example.com", "ftp://x", "https://", "https://user@x"] {
        let options = Options { public_url: Some(bad.to_owned()), ..Options::default() };
        assert!(options.check().is_err(), "{bad}");
    }
}
