//! Signed heads leave the machine: whoever listens gets each of them with a signature of the whole
//! message, and whoever does not holds nothing up.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use holdpoint::engine::audit::verify_head;
use holdpoint::model::audit::SignedHead;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::server::start;

/// Takes one request: its headers and its body.
async fn take(listener: &TcpListener) -> (BTreeMap<String, String>, String) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut text = Vec::new();
    loop {
        let mut part = [0; 4_096];
        let read = stream.read(&mut part).await.unwrap();
        text.extend_from_slice(&part[..read]);
        let whole = String::from_utf8(text.clone()).unwrap();
        let Some((head, body)) = whole.split_once("\r\n\r\n") else { continue };
        let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let headers: BTreeMap<String, String> =
            lines.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        if body.len() >= headers["content-length"].parse().unwrap() {
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            return (headers, body.to_owned());
        }
    }
}

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    let byte = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
    std::array::from_fn(byte)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_head_is_sent_to_whoever_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/heads", listener.local_addr().unwrap());
    let server = start(|config| {
        config.egress.allow = vec!["127.0.0.0/8".parse().unwrap()];
        config.audit.webhook = Some(url);
    })
    .await;
    let (headers, body) = take(&listener).await;
    let message: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(message["type"], "audit.head");
    let head: SignedHead = serde_json::from_value(message["data"].clone()).unwrap();
    assert_eq!(verify_head(&head), Ok(()));
    assert_eq!(Some(&head.key), server.app.engine.audit_key().as_ref());
    let signature = headers["webhook-signature"].strip_prefix("v1a,").unwrap();
    let signature: [u8; 64] = STANDARD.decode(signature).unwrap().try_into().unwrap();
    let signed = format!("{}.{}.{body}", headers["webhook-id"], headers["webhook-timestamp"]);
    let key = VerifyingKey::from_bytes(&bytes(&head.key)).unwrap();
    key.verify_strict(signed.as_bytes(), &Signature::from_bytes(&signature)).unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_is_not_there_holds_nothing_up() {
    let url = "http://127.0.0.1:9/heads".to_owned();
    let server = start(|config| config.audit.webhook = Some(url)).await;
    server.app.engine.publish_head().await.unwrap();
    let verified = server.client.get("/api/admin/audit/verify").await.expect(200);
    assert_eq!(verified["verification"]["holds"], true);
    server.stop().await;
}
