//! Signatures of webhooks as Standard Webhooks 1.0.0 has them (standardwebhooks.com): HMAC-SHA-256
//! over `id.timestamp.body`. A secret is never shown by `Debug`, and never in an error.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::model::time::{Span, Timestamp};

/// What a secret opens with, so that it is recognised where it was lost.
const PREFIX: &str = "whsec_";
/// What a signature of this kind opens with.
const VERSION: &str = "v1";
/// Fewest and most bytes of a secret (Standard Webhooks, "Signature scheme").
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Bytes of a secret that is drawn.
const DRAWN_BYTES: usize = 32;
/// Bytes of a block of SHA-256.
const BLOCK_BYTES: usize = 64;
/// How far the clocks of two sides may be apart, and how long a message may be under way.
pub const TOLERANCE: Span = Span::from_secs(5 * 60);
/// Most signatures of one message that are looked at: two are there while a secret is changed.
const SIGNATURES_MAX: usize = 8;

/// The secret that a webhook is signed with.
#[derive(Clone)]
pub struct WebhookSecret(Vec<u8>);

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret")
    }
}

/// Why a text is no secret of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSecret {
    /// It is written otherwise.
    #[error("must be `whsec_` and 24 to 64 random bytes as base64")]
    Form,
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Chance,
}

/// Why a message is not to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    /// The time is none, or its clock is more than [`TOLERANCE`] away.
    #[error("its timestamp is none, or more than five minutes from now")]
    Time,
    /// No signature is that of this message under any of the secrets.
    #[error("no signature fits the message")]
    Signature,
}

impl WebhookSecret {
    /// The secret in a text, `whsec_…`.
    ///
    /// # Errors
    /// It is written otherwise. The text is not repeated.
    pub fn parse(text: &str) -> Result<Self, BadSecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(BadSecret::Form)?;
        let bytes = STANDARD_NO_PAD.decode(encoded.trim_end_matches('='));
        let bytes = bytes.map_err(|_| BadSecret::Form)?;
        if !SECRET_BYTES.contains(&bytes.len()) {
            return Err(BadSecret::Form);
        }
        Ok(Self(bytes))
    }

    /// A secret that nobody had before.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn draw() -> Result<Self, BadSecret> {
        let mut bytes = vec![0; DRAWN_BYTES];
        getrandom::fill(&mut bytes).map_err(|_| BadSecret::Chance)?;
        Ok(Self(bytes))
    }

    /// The secret as it is handed over. Only to who is to have it.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    fn mac(&self, id: &str, timestamp_s: &str, body: &[u8]) -> Hmac<Sha256> {
        // A key shorter than a block is filled up with zeros (RFC 2104, section 2).
        let mut block = [0; BLOCK_BYTES];
        block.iter_mut().zip(&self.0).for_each(|(block, byte)| *block = *byte);
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
        for part in [id.as_bytes(), b".", timestamp_s.as_bytes(), b".", body] {
            mac.update(part);
        }
        mac
    }

    /// The header `webhook-signature` of a message that is sent at this time (seconds since 1970).
    pub fn sign(&self, id: &str, timestamp_s: i64, body: &[u8]) -> String {
        let signature = self.mac(id, &timestamp_s.to_string(), body).finalize().into_bytes();
        format!("{VERSION},{}", STANDARD.encode(signature))
    }
}

/// A message as it arrived: its three headers and its body, to the byte.
#[derive(Clone, Copy, Debug)]
pub struct SignedMessage<'a> {
    /// `webhook-id`. Who takes every message once remembers it for [`TOLERANCE`] at least.
    pub id: &'a str,
    /// `webhook-timestamp`, seconds since 1970.
    pub timestamp: &'a str,
    /// `webhook-signature`: signatures with spaces between them.
    pub signatures: &'a str,
    /// The body.
    pub body: &'a [u8],
}

impl SignedMessage<'_> {
    /// Is the message from who has one of these secrets, and not older than it may be? During a
    /// change of secrets there are two. It takes as long for a wrong signature as for a right one.
    ///
    /// # Errors
    /// Why it is not to be believed.
    pub fn verify(&self, secrets: &[WebhookSecret], now: Timestamp) -> Result<(), Forged> {
        // Only plain digits: a sign or a space would be signed as another text.
        let is_plain = self.timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let sent_s: i64 = self.timestamp.parse().ok().filter(|_| is_plain).ok_or(Forged::Time)?;
        let now_s = now.0.div_euclid(1_000_000);
        if now_s.abs_diff(sent_s) > TOLERANCE.0 / 1_000_000 {
            return Err(Forged::Time);
        }
        let signatures = self.signatures.split(' ').take(SIGNATURES_MAX);
        let decoded = signatures.filter_map(|signature| {
            let (version, signature) = signature.split_once(',')?;
            STANDARD.decode(signature).ok().filter(|_| version == VERSION)
        });
        let fits = decoded.flat_map(|signature| {
            secrets.iter().map(move |secret| {
                let mac = secret.mac(self.id, self.timestamp, self.body);
                mac.verify_slice(&signature).is_ok()
            })
        });
        // Every one is looked at, whatever the first says.
        match fits.fold(false, |any, one| any | one) {
            true => Ok(()),
            false => Err(Forged::Signature),
        }
    }
}
