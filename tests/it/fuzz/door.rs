//! What callers and operators send: JSON bodies, secrets, cards of agents, configuration,
//! addresses.

use axum::http::{HeaderMap, HeaderValue};
use holdpoint::api;
use holdpoint::calls::Vault;
use holdpoint::config::load::{Sources, load};
use holdpoint::http::client_address::client_address;
use holdpoint::http::extract::typed;
use holdpoint::http::validate_agent::imported;
use holdpoint::http::{Options, host, strict_json};
use holdpoint::model::limits::DEPTH_MAX;
use serde_json::Value;

use super::run;

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// A body is a value within its limits, or a refusal that says why.
#[test]
fn json_requests() {
    run("json-requests", 1, |input| {
        let Ok(value) = strict_json::parse(input) else { return };
        assert!(depth(&value) <= DEPTH_MAX);
        let text = serde_json::to_vec(&value).unwrap();
        assert_eq!(strict_json::parse(&text).unwrap(), value);
        typed::<api::job::NewJob>(&value).ok();
        typed::<api::job::NewAgentJob>(&value).ok();
        typed::<api::batch::NewBatch>(&value).ok();
        typed::<api::template::NewTemplate>(&value).ok();
        typed::<api::auth::Login>(&value).ok();
        typed::<api::agent::NewAgent>(&value).ok();
        typed::<api::agent::AgentEdit>(&value).ok();
        typed::<api::assignment::Assignment>(&value).ok();
        typed::<api::assignment::Completion>(&value).ok();
        typed::<api::checkpoint::Rejection>(&value).ok();
    });
}

/// No card of an agent makes more of an agent than an admin could have written.
#[test]
fn agent_cards() {
    let import = api::agent::CardImport {
        agent_card_url: "https://agents.example/card".to_owned(),
        name: None,
        auth: None,
    };
    run("agent-cards", 1, |input| {
        let Ok(card) = serde_json::from_slice::<Value>(input) else { return };
        imported(&card, import.clone()).ok();
    });
}

/// A secret is read back as it was sealed, and nothing else is read at all.
#[test]
fn sealed_secrets() {
    let vault = Vault::from_key([7; 32]);
    run("tokens", 1, |input| {
        let text = String::from_utf8_lossy(input);
        assert!(vault.unseal(&text, "agents/1").is_err(), "nobody sealed {text:?}");
        let sealed = vault.seal(&text, "agents/1").unwrap();
        assert_eq!(vault.unseal(&sealed, "agents/1").unwrap(), text);
        assert!(vault.unseal(&sealed, "agents/2").is_err(), "a secret stays with its record");
    });
}

#[test]
fn configuration() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("holdpoint.toml");
    run("config", 6, |input| {
        std::fs::write(&file, input).unwrap();
        let sources = Sources { file: Some(file.clone()), ..Sources::default() };
        if let Ok(loaded) = load(&sources) {
            // What is shown is a configuration, and the same one.
            std::fs::write(&file, loaded.show()).unwrap();
            assert_eq!(load(&sources).unwrap().config, loaded.config);
        }
    });
}

#[test]
fn addresses() {
    let proxied = Options { behind_proxy: true, ..Options::default() };
    run("addresses", 1, |input| {
        let mut headers = HeaderMap::new();
        for line in input.split(|byte| *byte == b'\n') {
            if let Ok(value) = HeaderValue::from_bytes(line) {
                headers.append("x-forwarded-for", value);
            }
        }
        let peer = Some("192.0.2.1".parse().unwrap());
        assert!(client_address(&proxied, &headers, peer).is_some());
        assert_eq!(client_address(&Options::default(), &headers, peer), peer);
        let text = String::from_utf8_lossy(input);
        if host::is_ours(&Options::default(), Some(&text)) {
            let name = text.to_ascii_lowercase();
            let own = ["localhost", "127.0.0.1", "[::1]"];
            assert!(own.iter().any(|own| name.starts_with(own)), "{text:?}");
        }
    });
}
