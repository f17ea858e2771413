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
use tower_sessions::{Expiry, Session, SessionManagerLayer, SessionStore};

use crate::engine::{ChangeOutcome, Engine, EngineError};
use crate::http::accounts::Account;
use crate::http::facts;
use crate::http::options::Options;
use crate::model::audit::Fact;
use crate::model::id::ContentHash;
use crate::model::time::Timestamp;

/// The kind of the documents.
pub const SESSIONS: &str = "sessions";
/// Ids drawn before a creation is given up: two collisions of 128 random bits mean that chance is
/// broken.
const DRAWS_MAX: usize = 3;
/// Documents read at once while expired ones are removed.
const SWEEP_PAGE: usize = 200;

/// Where the login stands in a session.
pub const LOGIN_KEY: &str = "login";
/// Where a fact stands that is to be written together with the session, and only then.
const FACT_KEY: &str = "fact";
/// How often the use of a session is noted: a commit for every request would cost more than the
/// request.
const USE_PERIOD_S: i64 = 60;
/// Letters of the hash of a session by which the audit trail names it.
const SHORT: usize = 12;

/// Who signed in when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The id of the account.
    pub user: String,
    /// The generation of its sessions then; another one ends this session.
    pub generation: u64,
    /// When the password was given.
    pub at: Timestamp,
}

/// The session as the audit trail names it: enough of its hash to tell it apart, and nothing that
/// would open it.
pub fn via(session: &Session) -> Option<String> {
    session.id().map(|id| via_of(&key(&id)))
}

fn via_of(key: &str) -> String {
    format!("session:{}", key.get(..SHORT).unwrap_or(key))
}

/// Signs in: the session gets a new id, so that one that was planted before is worth nothing, and
/// is written together with the fact when the answer goes out.
pub async fn sign_in(
    session: &Session,
    account: &Account,
    at: Timestamp,
    fact: Option<Fact>,
) -> std::result::Result<(), tower_sessions::session::Error> {
    session.cycle_id().await?;
    let generation = account.session_generation;
    let login = Login { user: account.id.clone(), generation, at };
    session.insert(LOGIN_KEY, login).await?;
    match fact {
        Some(fact) => session.insert(FACT_KEY, fact).await,
        None => Ok(()),
    }
}

/// Signs out: the session goes together with the fact.
pub async fn sign_out(
    engine: &Engine,
    session: &Session,
    fact: Fact,
) -> std::result::Result<(), EngineError> {
    let Some(id) = session.id() else { return Ok(()) };
    let gone = facts::remove(SESSIONS, &key(&id));
    facts::change(engine, vec![gone], Some(fact)).await.map(drop)
}

/// Sessions in the engine's documents.
#[derive(Clone)]
pub struct DocumentSessions {
    engine: Engine,
    lifetime_s: Option<i64>,
    idle_s: Option<i64>,
}

/// A session as it is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    data: HashMap<String, Value>,
    expires_at_unix_s: i64,
    /// When it was last used, to the minute.
    #[serde(default)]
    seen_at_unix_s: Option<i64>,
}

impl fmt::Debug for DocumentSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DocumentSessions").finish_non_exhaustive()
    }
}

impl DocumentSessions {
    /// Sessions of this engine.
    pub fn new(engine: Engine) -> Self {
        Self { engine, lifetime_s: None, idle_s: None }
    }

    /// Every session lasts so long from its last change, and so long from its last use, by the
    /// clock of the engine: that of the system may have been set back, and then a session would be
    /// over before it began.
    fn lasting(self, seconds: i64, idle_s: Option<i64>) -> Self {
        Self { lifetime_s: Some(seconds), idle_s, ..self }
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

    async fn write(&self, record: &Record, expect_version: Option<u64>) -> Result<ChangeOutcome> {
        let by_record = || record.expiry_date.unix_timestamp();
        let by_engine = |seconds: i64| self.now_s().saturating_add(seconds);
        let expires_at_unix_s = self.lifetime_s.map_or_else(by_record, by_engine);
        let encode = |error: serde_json::Error| Error::Encode(error.to_string());
        let mut data = record.data.clone();
        let id = key(&record.id);
        let fact = data.remove(FACT_KEY).map(serde_json::from_value::<Fact>);
        let mut fact = fact.transpose().map_err(encode)?;
        if let Some(origin) = fact.as_mut().and_then(|fact| fact.origin.as_mut()) {
            // Only now the session has its id.
            origin.via = via_of(&id);
        }
        let kept = Kept { data, expires_at_unix_s, seen_at_unix_s: Some(self.now_s()) };
        let body = serde_json::to_vec(&kept).map_err(encode)?;
        let put = facts::put(SESSIONS, &id, body, expect_version);
        facts::change(&self.engine, vec![put], fact).await.map_err(backend)
    }

    fn is_over(&self, kept: &Kept) -> bool {
        let now_s = self.now_s();
        let idle = kept.seen_at_unix_s.zip(self.idle_s);
        kept.expires_at_unix_s <= now_s
            || idle.is_some_and(|(seen, idle_s)| now_s.saturating_sub(seen) >= idle_s)
    }

    /// Notes that it is used, at most once a minute. Whoever writes it at the same time goes first,
    /// and trouble with it signs nobody out.
    async fn note_use(&self, id: &str, kept: &mut Kept, version: u64) {
        let now_s = self.now_s();
        let is_fresh = |seen: i64| now_s.saturating_sub(seen) < USE_PERIOD_S;
        if self.idle_s.is_none() || kept.seen_at_unix_s.is_some_and(is_fresh) {
            return;
        }
        kept.seen_at_unix_s = Some(now_s);
        let Ok(body) = serde_json::to_vec(kept) else { return };
        let noted = self.engine.put_document(SESSIONS, id, body, Some(version)).await;
        if let Err(error) = noted {
            tracing::warn!(%error, "the use of a session could not be noted");
        }
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
            if self.write(record, Some(0)).await? == ChangeOutcome::Applied {
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
        let mut kept: Kept = serde_json::from_slice(&document.body)
            .map_err(|error| Error::Decode(error.to_string()))?;
        if self.is_over(&kept) {
            self.engine.remove_document(SESSIONS, &key).await.map_err(backend)?;
            return Ok(None);
        }
        self.note_use(&key, &mut kept, document.version).await;
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
    let idle = options.session_idle.map(|idle| i64::try_from(idle.as_secs()).unwrap_or(i64::MAX));
    SessionManagerLayer::new(DocumentSessions::new(engine).lasting(seconds, idle))
        .with_name(cookie_name(options))
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_secure(options.is_secure())
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(time::Duration::seconds(seconds)))
}
