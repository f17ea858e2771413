//! Tokens of OAuth 2.0 and OpenID Connect (dsl-reference.md, "OAUTH2 Authentication"): fetches them
//! and keeps them in memory while they last. They are never written anywhere.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::calls::authentication::{Fields, misconfigured};
use crate::calls::oauth2_request::{Issued, refresh, request_token};
use crate::calls::redaction::Disclosed;
use crate::calls::wire::Wire;
use crate::model::problem::{Kind, Problem};

/// Most tokens that are kept.
const TOKENS_MAX: usize = 1_000;
/// A token is not used in the last part of its life, so that it does not end under way.
const EARLY: Duration = Duration::from_secs(30);
/// Longest time that a token is kept, whatever its issuer says.
const KEPT_MAX: Duration = Duration::from_secs(24 * 3600);

/// What to ask an authority for, and as whom. It holds credentials, so it has no `Debug`.
pub(crate) struct Grant {
    pub(crate) authority: String,
    /// The path of the token endpoint below the authority; none when discovery says it.
    pub(crate) token_path: Option<String>,
    pub(crate) grant: String,
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<String>,
    pub(crate) client_authentication: ClientAuthentication,
    pub(crate) as_json: bool,
    pub(crate) issuers: Vec<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) audiences: Vec<String>,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    /// Token and type of the party on whose behalf is asked.
    pub(crate) subject: Option<(String, String)>,
    /// Token and type of the party that acts.
    pub(crate) actor: Option<(String, String)>,
}

/// How the client proves itself to the authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientAuthentication {
    Post,
    Basic,
    None,
}

/// RFC 8693.
pub(crate) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

impl Grant {
    pub(crate) fn read(fields: &Fields<'_>, discovered: bool) -> Result<Self, Problem> {
        let scheme = fields.scheme;
        let grant = fields.required("grant")?;
        let client_authentication = match fields.optional("client.authentication")?.as_deref() {
            None | Some("client_secret_post") => ClientAuthentication::Post,
            Some("client_secret_basic") => ClientAuthentication::Basic,
            Some("none") => ClientAuthentication::None,
            Some(other) => {
                let other = other.escape_debug();
                let detail = format!("{scheme}.client.authentication `{other}` is not supported");
                return Err(misconfigured(detail));
            }
        };
        let as_json = match fields.optional("request.encoding")?.as_deref() {
            None | Some("application/x-www-form-urlencoded") => false,
            Some("application/json") => true,
            Some(_) => {
                let detail = format!(
                    "{scheme}.request.encoding must be application/x-www-form-urlencoded \
                     or application/json"
                );
                return Err(misconfigured(detail));
            }
        };
        let token_path = match discovered {
            true => None,
            false => fields.optional("endpoints.token")?.or(Some("/oauth2/token".to_owned())),
        };
        let read = Self {
            authority: fields.required("authority")?,
            token_path,
            client_id: fields.optional("client.id")?,
            client_secret: fields.optional("client.secret")?,
            client_authentication,
            as_json,
            issuers: fields.list("issuers")?,
            scopes: fields.list("scopes")?,
            audiences: fields.list("audiences")?,
            username: fields.optional("username")?,
            password: fields.optional("password")?,
            subject: token_of(fields, "subject")?,
            actor: token_of(fields, "actor")?,
            grant,
        };
        read.complete(scheme)?;
        Ok(read)
    }

    /// Is everything there that the grant needs?
    fn complete(&self, scheme: &str) -> Result<(), Problem> {
        let needs = |what: &str| {
            Err(misconfigured(format!("{scheme} with grant {} needs {what}", self.grant)))
        };
        if self.client_authentication != ClientAuthentication::None
            && (self.client_id.is_none() || self.client_secret.is_none())
        {
            return needs("client.id and client.secret, or client.authentication `none`");
        }
        match self.grant.as_str() {
            "client_credentials" => Ok(()),
            "password" if self.username.is_none() || self.password.is_none() => {
                needs("username and password")
            }
            "refresh_token" | TOKEN_EXCHANGE if self.subject.is_none() => {
                needs("subject.token and subject.type")
            }
            "password" | "refresh_token" | TOKEN_EXCHANGE => Ok(()),
            other => {
                let other = other.escape_debug();
                Err(misconfigured(format!("{scheme}.grant `{other}` is not supported")))
            }
        }
    }

    /// What must not be seen.
    pub(crate) fn credentials(&self) -> Vec<&str> {
        let tokens = [&self.subject, &self.actor].into_iter().flatten();
        let tokens = tokens.map(|(token, _)| token.as_str());
        let plain = [self.client_secret.as_deref(), self.password.as_deref()];
        plain.into_iter().flatten().chain(tokens).collect()
    }

    /// What tells this grant from every other: a token is never used for another one.
    fn identity(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        let mut part = |text: &str| {
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        };
        part(&self.authority);
        part(&self.grant);
        part(&format!("{:?} {}", self.client_authentication, self.as_json));
        let options = [
            &self.token_path,
            &self.client_id,
            &self.client_secret,
            &self.username,
            &self.password,
        ];
        for option in options {
            // A missing value and an empty one are told apart.
            part(if option.is_some() { "1" } else { "0" });
            part(option.as_deref().unwrap_or_default());
        }
        for list in [&self.issuers, &self.scopes, &self.audiences] {
            part(&list.len().to_string());
            list.iter().for_each(|item| part(item));
        }
        for token in [&self.subject, &self.actor] {
            let (token, kind) = token.as_ref().map_or(("", ""), |(t, k)| (t, k));
            part(token);
            part(kind);
        }
        hasher.finalize().into()
    }
}

fn token_of(fields: &Fields<'_>, name: &str) -> Result<Option<(String, String)>, Problem> {
    let Some(token) = fields.optional(&format!("{name}.token"))? else { return Ok(None) };
    let kind = fields.optional(&format!("{name}.type"))?;
    let kind = kind.unwrap_or_else(|| "urn:ietf:params:oauth:token-type:access_token".to_owned());
    Ok(Some((token, kind)))
}

/// A token to call with.
pub(crate) struct Token {
    pub(crate) value: String,
    /// It was not issued just now.
    pub(crate) cached: bool,
}

struct Held {
    issued: Issued,
    ends_at: Instant,
}

/// One grant's token. Its lock makes calls that need the same token wait for one request.
type Slot = Arc<tokio::sync::Mutex<Option<Held>>>;

/// The tokens that are at hand.
#[derive(Default)]
pub(crate) struct Tokens {
    slots: Mutex<HashMap<[u8; 32], Slot>>,
}

impl Tokens {
    /// A token for the grant: one that is kept, unless it is `stale`, or a new one.
    pub(crate) async fn get(
        &self,
        wire: &Wire,
        grant: &Grant,
        stale: Option<&str>,
        disclosed: &mut Disclosed,
    ) -> Result<Token, Problem> {
        let slot = self.slot(grant.identity());
        let mut held = slot.lock().await;
        if let Some(held) = held.as_ref() {
            let value = &held.issued.access_token;
            if Instant::now() < held.ends_at && stale != Some(value.as_str()) {
                disclosed.note(value, "access token");
                return Ok(Token { value: value.clone(), cached: true });
            }
        }
        let refresh_token = held.take().and_then(|held| held.issued.refresh_token);
        let issued = match &refresh_token {
            Some(token) => match refresh(wire, grant, token).await {
                // A refresh token that is not taken any more is no reason to fail.
                Err(problem) if problem.is(Kind::Authentication) => {
                    request_token(wire, grant).await?
                }
                other => other?,
            },
            None => request_token(wire, grant).await?,
        };
        let value = issued.access_token.clone();
        disclosed.note(&value, "access token");
        disclosed.note(issued.refresh_token.as_deref().unwrap_or_default(), "refresh token");
        // Without a stated life a token is not kept.
        if let Some(life) = issued.life {
            let life = life.min(KEPT_MAX);
            let ends_at = Instant::now() + life.saturating_sub(EARLY.min(life / 10));
            *held = Some(Held { issued, ends_at });
        }
        Ok(Token { value, cached: false })
    }

    fn slot(&self, identity: [u8; 32]) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= TOKENS_MAX {
            // Those in use stay; the others are asked for again when they are needed.
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(slots.entry(identity).or_default())
    }
}
