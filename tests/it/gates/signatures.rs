//! Signatures of webhooks: the published vector, and what no forged, late, early, changed or
//! replayed message gets past.

use holdpoint::calls::{BadSecret, Forged, SignedMessage, WebhookSecret};
use holdpoint::model::time::{Span, Timestamp};
use serde_json::{Value, json};

/// The vector of the Standard Webhooks specification and of its libraries.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const SENT_S: i64 = 1_614_265_330;
const BODY: &str = r#"{"test": 2432232314}"#;
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
/// Another secret, of 32 bytes.
const OTHER: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * 1_000_000)
}

fn secret(text: &str) -> WebhookSecret {
    WebhookSecret::parse(text).expect("a secret")
}

/// One message that is believed, or not, in every implementation that we ship.
pub struct Case {
    pub name: &'static str,
    pub secrets: Vec<&'static str>,
    pub headers: Value,
    pub body: String,
    pub now_s: i64,
    pub is_good: bool,
}

impl Case {
    /// The case as the examples read it.
    pub fn line(&self) -> String {
        json!({"secrets": self.secrets, "headers": self.headers, "body": self.body,
            "now": self.now_s})
        .to_string()
    }
}

/// The table of T24: forgery, replay at the wrong time, change of secrets, change of the message.
pub fn cases() -> Vec<Case> {
    let headers = |id: &str, sent: &str, signature: &str| {
        let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
        let members = names.into_iter().zip([id, sent, signature]);
        members.map(|(name, text)| (name.to_owned(), json!(text))).collect::<Value>()
    };
    let sent = SENT_S.to_string();
    let good = |name, secrets: &[&'static str], signature: &str, is_good| Case {
        name,
        secrets: secrets.to_vec(),
        headers: headers(ID, &sent, signature),
        body: BODY.to_owned(),
        now_s: SENT_S,
        is_good,
    };
    let by_other = secret(OTHER).sign(ID, SENT_S, BODY.as_bytes());
    let plain = || good("the published vector", &[SECRET], SIGNATURE, true);
    let at_time = |name, now_s, is_good| Case { name, now_s, is_good, ..plain() };
    let with = |name, headers| Case { name, headers, is_good: false, ..plain() };
    let v2 = SIGNATURE.replace("v1,", "v2,");
    let twice = format!("{by_other} {SIGNATURE}");
    vec![
        plain(),
        good("a new secret beside the old one", &[OTHER, SECRET], SIGNATURE, true),
        good("both signatures while the secret is changed", &[SECRET], &twice, true),
        good("another secret", &[OTHER], SIGNATURE, false),
        good("no secret at all", &[], SIGNATURE, false),
        good("another version of the signature", &[SECRET], &v2, false),
        good("no signature", &[SECRET], "", false),
        good("a signature of nothing", &[SECRET], "v1,", false),
        good("a signature that is cut", &[SECRET], &SIGNATURE[..20], false),
        at_time("at the end of the tolerance", SENT_S + 300, true),
        at_time("a second later", SENT_S + 301, false),
        at_time("a clock that is behind by the tolerance", SENT_S - 300, true),
        at_time("a second more", SENT_S - 301, false),
        at_time("a replay a day later", SENT_S + 86_400, false),
        with("another id", headers("msg_other", &sent, SIGNATURE)),
        with("a time that was put in later", headers(ID, &(SENT_S + 1).to_string(), SIGNATURE)),
        with("no time", headers(ID, "", SIGNATURE)),
        with("a time with a sign", headers(ID, &format!("+{sent}"), SIGNATURE)),
        // What moves the border between the parts is another message.
        with("an id with a part of the time", headers(&format!("{ID}.1"), &sent[1..], SIGNATURE)),
        Case { name: "another body", body: BODY.replace('2', "3"), is_good: false, ..plain() },
        Case { name: "the body with a space", body: format!("{BODY} "), is_good: false, ..plain() },
    ]
}

#[test]
fn the_published_vector_is_signed_as_published() {
    assert_eq!(secret(SECRET).sign(ID, SENT_S, BODY.as_bytes()), SIGNATURE);
    let unpadded = OTHER.trim_end_matches('=');
    assert_eq!(secret(unpadded).reveal(), OTHER);
}

#[test]
fn no_message_is_believed_that_was_forged_changed_or_replayed() {
    for case in cases() {
        let header = |name: &str| case.headers[name].as_str().unwrap_or_default();
        let message = SignedMessage {
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp"),
            signatures: header("webhook-signature"),
            body: case.body.as_bytes(),
        };
        let secrets: Vec<WebhookSecret> = case.secrets.iter().map(|text| secret(text)).collect();
        let verified = message.verify(&secrets, at(case.now_s));
        assert_eq!(verified.is_ok(), case.is_good, "{}: {verified:?}", case.name);
    }
    let late = SignedMessage {
        id: ID,
        timestamp: &SENT_S.to_string(),
        signatures: SIGNATURE,
        body: BODY.as_bytes(),
    };
    let now = at(SENT_S).after(Span::from_secs(301));
    assert_eq!(late.verify(&[secret(SECRET)], now), Err(Forged::Time));
}

#[test]
fn a_secret_has_one_form_and_is_never_shown() {
    for wrong in ["", "whsec_", "whsec_####", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAA"] {
        let refused = WebhookSecret::parse(wrong);
        assert_eq!(refused.err(), Some(BadSecret::Form), "{wrong}");
    }
    let long = format!("whsec_{}", "A".repeat(88));
    assert!(WebhookSecret::parse(&long).is_err(), "66 bytes");
    assert_eq!(format!("{:?}", secret(SECRET)), "WebhookSecret");
    let (one, two) = (WebhookSecret::draw().unwrap(), WebhookSecret::draw().unwrap());
    assert_ne!(one.reveal(), two.reveal());
    assert_eq!(secret(&one.reveal()).reveal(), one.reveal());
}
