//! Login sessions as documents of the engine. The id of a session is a secret: only its hash is
//! kept.

use std::collections::HashMap;
use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use tower_sessions::cookie::SameSite;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};
use tower_sessions::{Expiry, SessionManagerLayer, SessionStore};

use crate::engine::{DocumentOutcome, Engine, EngineError};
use crate::http::options::Options;
use crate::model::id::ContentHash;

/// The kind of the documents.
pub const SESSIONS: &str = "sessions";
/// Ids drawn before a creation is given up: two collisions of 128 random bits mean that chance is
/// broken.
const DRAWS_MAX: usize = 3;
/// Documents read at once while expired ones are removed.
const SWEEP_PAGE: usize = 200;

/// Where the id of the signed-in user stands in a session.
pub const USER_KEY: &str = "user";

/// Sessions in the engine's documents.
#[derive(Clone)]
pub struct DocumentSessions {
    engine: Engine,
    lifetime_s: Option<i64>,
}

/// A session as it is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    data: HashMap<String, Value>,
    expires_at_unix_s: i64,
}

impl fmt::Debug for DocumentSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DocumentSessions").finish_non_exhaustive()
    }
}

impl DocumentSessions {
    /// Sessions of this engine.
    pub fn new(engine: Engine) -> Self {
        Self { engine, lifetime_s: None }
    }

    /// Every session lasts so long from its last change, by the clock of the engine: that of the
    /// system may have been set back, and then a session would be over before it began.
    fn lasting(self, seconds: i64) -> Self {
        Self { lifetime_s: Some(seconds), ..self }
    }

    /// Removes sessions that are over; says how many. To be called now and then.
    pub async fn remove_expired(&self) -> std::result::Result<u64, EngineError> {
        let now_s = self.now_s();
        let mut removed = 0;
        let mut after: Option<String> = None;
        loop {
            let page = self.engine.documents(SESSIONS, after.as_deref(), SWEEP_PAGE).await?;
            for document in &page {
                let kept: Option<Kept> = serde_json::from_slice(&document.body).ok();
                if kept.is_none_or(|kept| kept.expires_at_unix_s <= now_s) {
                    removed +=
                        u64::from(self.engine.remove_document(SESSIONS, &document.id).await?);
                }
            }
            match page.last() {
                Some(last) if page.len() == SWEEP_PAGE => after = Some(last.id.clone()),
                _ => return Ok(removed),
            }
        }
    }

    fn now_s(&self) -> i64 {
        self.engine.now().0.div_euclid(1_000_000)
    }

    async fn write(&self, record: &Record, expect_version: Option<u64>) -> Result<DocumentOutcome> {
        let by_record = || record.expiry_date.unix_timestamp();
        let by_engine = |seconds: i64| self.now_s().saturating_add(seconds);
        let expires_at_unix_s = self.lifetime_s.map_or_else(by_record, by_engine);
        let kept = Kept { data: record.data.clone(), expires_at_unix_s };
        let body = serde_json::to_vec(&kept).map_err(|error| Error::Encode(error.to_string()))?;
        let id = key(&record.id);
        self.engine.put_document(SESSIONS, &id, body, expect_version).await.map_err(backend)
    }
}

fn key(id: &Id) -> String {
    ContentHash::of(&id.0.to_be_bytes()).to_string()
}

fn backend(error: EngineError) -> Error {
    Error::Backend(error.to_string())
}

#[async_trait]
impl SessionStore for DocumentSessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        for _ in 0..DRAWS_MAX {
            if let DocumentOutcome::Written(_) = self.write(record, Some(0)).await? {
                return Ok(());
            }
            record.id = Id::default();
        }
        Err(Error::Backend("no free session id was found".to_owned()))
    }

    async fn save(&self, record: &Record) -> Result<()> {
        self.write(record, None).await.map(|_| ())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let key = key(id);
        let Some(document) = self.engine.document(SESSIONS, &key).await.map_err(backend)? else {
            return Ok(None);
        };
        let kept: Kept = serde_json::from_slice(&document.body)
            .map_err(|error| Error::Decode(error.to_string()))?;
        if kept.expires_at_unix_s <= self.now_s() {
            self.engine.remove_document(SESSIONS, &key).await.map_err(backend)?;
            return Ok(None);
        }
        let expiry_date = OffsetDateTime::from_unix_timestamp(kept.expires_at_unix_s)
            .map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Some(Record { id: *id, data: kept.data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.engine.remove_document(SESSIONS, &key(id)).await.map(|_| ()).map_err(backend)
    }
}

/// The name of the cookie: with the prefix that browsers bind to this host and TLS, where there is
/// TLS.
pub fn cookie_name(options: &Options) -> &'static str {
    if options.is_secure() { "__Host-holdpoint_session" } else { "holdpoint_session" }
}

/// The layer that loads sessions when they are asked for and saves them when they changed, never
/// else.
pub fn layer(engine: Engine, options: &Options) -> SessionManagerLayer<DocumentSessions> {
    let seconds = i64::try_from(options.session_lifetime.as_secs()).unwrap_or(i64::MAX / 2);
    SessionManagerLayer::new(DocumentSessions::new(engine).lasting(seconds))
        .with_name(cookie_name(options))
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_secure(options.is_secure())
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(time::Duration::seconds(seconds)))
}
