//! API tokens, as documents of the engine. The secret of a token is shown once and kept nowhere;
//! what is kept is its hash.

use serde::{Deserialize, Serialize};
use serde_json::json;
use subtle::ConstantTimeEq;

use crate::engine::{ChangeOutcome, DocumentChange, Engine};
use crate::http::accounts::AccountError;
use crate::http::authorize::Role;
use crate::http::bearer::{ID_LETTERS, Presented, SECRET_LETTERS};
use crate::http::facts;
use crate::http::random;
use crate::http::scope::Scope;
use crate::model::audit::{Author, Origin};
use crate::model::id::ContentHash;
use crate::model::principal::Principal;
use crate::model::time::{Span, Timestamp};

/// The kind of the documents that hold tokens, by id.
const TOKENS: &str = "tokens";
/// The kind of the documents that say which tokens a holder has, by holder and id.
const TOKENS_OF: &str = "tokens-of";
/// Tokens of one holder that are good at once: more are never looked through by anybody.
pub const TOKENS_MAX: usize = 100;
/// Documents read at once.
const PAGE: usize = 200;
/// The use of a token is written down at most this often: a commit for every request would cost
/// more than the request.
const USE_PERIOD: Span = Span::from_secs(60);
/// How long a token stays in the lists after its end; the audit trail keeps its life for ever.
const KEPT_AFTER_END: Span = Span::from_secs(90 * 24 * 3600);

/// Tries to revoke a token whose use is noted at the same time, which happens once a minute.
const REVOKE_TRIES: usize = 5;

/// Who uses a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenKind {
    /// A person, with what the person may do at that moment.
    Person,
    /// A program, with roles of its own. It never decides.
    Agent,
}

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// The public part of its text.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// Who uses it.
    pub kind: TokenKind,
    /// The id of the account; `agent:<name>` for a program.
    pub holder: String,
    /// The roles of a program; empty for a person, whose account says them.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// The hash of the secret.
    pub secret_hash: ContentHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// The id of the account that made it.
    pub created_by: String,
    /// The token that made it; it ends with that one.
    #[serde(default)]
    pub parent: Option<String>,
    /// Until when it is good.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    #[serde(default)]
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default)]
    pub revoked_at: Option<Timestamp>,
}

impl Token {
    /// Is it good at this time?
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }

    /// When it stopped being good, if it did.
    fn ended_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.revoked_at.or((self.expires_at <= now).then_some(self.expires_at))
    }
}

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What it is for.
    pub name: String,
    /// Who uses it.
    pub kind: TokenKind,
    /// The id of the account, or `agent:<name>`.
    pub holder: String,
    /// The roles of a program.
    pub roles: Vec<Role>,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// Until when.
    pub expires_at: Timestamp,
    /// The token by which it is made.
    pub parent: Option<String>,
}

/// What came of looking at a token.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It is good.
    Good(Box<Token>),
    /// It is none of ours, or its secret is wrong: nobody learns which.
    Wrong,
    /// It was good until then.
    Over(Timestamp),
}

/// Makes a token. The text is what its user presents; it cannot be had again.
pub async fn create(
    engine: &Engine,
    new: NewToken,
    author: Author,
) -> Result<(Token, String), AccountError> {
    let id = random::letters::<ID_LETTERS>()?;
    let secret = random::letters::<SECRET_LETTERS>()?;
    let text = Presented::text(&id, &secret);
    let token = Token {
        id,
        name: new.name,
        kind: new.kind,
        holder: new.holder,
        roles: new.roles,
        scopes: new.scopes,
        secret_hash: ContentHash::of(secret.as_bytes()),
        created_at: engine.now(),
        created_by: author.by.id().to_owned(),
        parent: new.parent,
        expires_at: new.expires_at,
        last_used_at: None,
        revoked_at: None,
    };
    let detail = json!({
        "name": token.name, "kind": token.kind, "holder": token.holder, "scopes": token.scopes,
        "roles": token.roles, "expiresAt": token.expires_at.to_rfc3339(),
    });
    let fact = facts::fact(author, "token.create", &token.id, detail);
    let place = place(&token.holder, &token.id);
    let place = facts::put(TOKENS_OF, &place, encode(&token.id, &token.id)?, Some(0));
    match facts::change(engine, vec![put(&token, 0)?, place], Some(fact)).await? {
        ChangeOutcome::Applied => Ok((token, text)),
        ChangeOutcome::Conflict { .. } => Err(AccountError::Stale(token.id)),
    }
}

/// Looks at what somebody presents. Unknown ones take the same comparison as known ones.
pub async fn verify(engine: &Engine, presented: &Presented) -> Result<Verdict, AccountError> {
    let found = read(engine, &presented.id).await?;
    let kept = found.as_ref().map_or([0; 32], |(token, _)| token.secret_hash.0);
    let given = ContentHash::of(presented.secret.as_bytes()).0;
    let is_same: bool = given.ct_eq(&kept).into();
    Ok(match found {
        Some((token, _)) if is_same => match ended_at(engine, &token).await? {
            None => Verdict::Good(Box::new(token)),
            Some(at) => Verdict::Over(at),
        },
        _ => Verdict::Wrong,
    })
}

/// When the token or one that it was made by ended, if one did: what a stolen token made must not
/// outlive it, whatever was written in which order.
async fn ended_at(engine: &Engine, token: &Token) -> Result<Option<Timestamp>, AccountError> {
    let now = engine.now();
    let mut ended = token.ended_at(now);
    let mut parent = token.parent.clone();
    while let (None, Some(id)) = (ended, &parent) {
        match find(engine, id).await? {
            Some(above) => (ended, parent) = (above.ended_at(now), above.parent),
            None => ended = Some(token.expires_at),
        }
    }
    Ok(ended)
}

/// Notes that a token is used, at most once a minute. Trouble with that stops no request.
pub async fn note_use(engine: &Engine, token: &Token, by: Principal, origin: Origin) {
    let now = engine.now();
    if token.last_used_at.is_some_and(|last| now.since(last) < USE_PERIOD) {
        return;
    }
    let noted = async {
        // Read again with its version: whoever else noted it or revoked it goes first.
        let Some((mut token, version)) = read(engine, &token.id).await? else { return Ok(()) };
        if token.last_used_at.is_some_and(|last| now.since(last) < USE_PERIOD) {
            return Ok(());
        }
        token.last_used_at = Some(now);
        let author = Author { by, origin: Some(origin) };
        let fact = facts::fact(author, "token.use", &token.id, json!({"name": token.name}));
        facts::change(engine, vec![put(&token, version)?], Some(fact)).await?;
        Ok::<(), AccountError>(())
    };
    if let Err(error) = noted.await {
        tracing::warn!(token = token.id, %error, "the use of a token could not be noted");
    }
}

/// The token with this id.
pub async fn find(engine: &Engine, id: &str) -> Result<Option<Token>, AccountError> {
    Ok(read(engine, id).await?.map(|(token, _)| token))
}

async fn read(engine: &Engine, id: &str) -> Result<Option<(Token, u64)>, AccountError> {
    let Some(document) = engine.document(TOKENS, id).await? else { return Ok(None) };
    Ok(Some((decode(id, &document.body)?, document.version)))
}

/// The tokens of a holder, the newest first.
pub async fn of_holder(engine: &Engine, holder: &str) -> Result<Vec<Token>, AccountError> {
    let first = format!("{holder}/");
    let mut after = first.clone();
    let mut tokens = Vec::new();
    loop {
        let page = engine.documents(TOKENS_OF, Some(&after), PAGE).await?;
        let own = page.iter().take_while(|document| document.id.starts_with(&first));
        let ids: Vec<&str> = own.filter_map(|it| it.id.strip_prefix(&first)).collect();
        for id in &ids {
            tokens.extend(find(engine, id).await?);
        }
        match page.last() {
            Some(last) if ids.len() == PAGE => after = last.id.clone(),
            _ => break,
        }
    }
    tokens.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.id.cmp(&b.id)));
    Ok(tokens)
}

/// Every token, the newest first.
pub async fn all(engine: &Engine) -> Result<Vec<Token>, AccountError> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = engine.documents(TOKENS, after.as_deref(), PAGE).await?;
        for document in &page {
            tokens.push(decode(&document.id, &document.body)?);
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.id.clone()),
            _ => break,
        }
    }
    tokens.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.id.cmp(&b.id)));
    Ok(tokens)
}

/// Revokes a token and those that were made by it. Revoking again changes nothing.
pub async fn revoke(
    engine: &Engine,
    id: &str,
    author: Author,
) -> Result<Option<Token>, AccountError> {
    let Some(token) = revoke_one(engine, id, &author).await? else { return Ok(None) };
    let made = all(engine).await?;
    let mut above = vec![id];
    // The tokens that stand below, and what stands below those.
    while let Some(parent) = above.pop() {
        for child in made.iter().filter(|it| it.parent.as_deref() == Some(parent)) {
            revoke_one(engine, &child.id, &author).await?;
            above.push(&child.id);
        }
    }
    Ok(Some(token))
}

async fn revoke_one(
    engine: &Engine,
    id: &str,
    author: &Author,
) -> Result<Option<Token>, AccountError> {
    for _ in 0..REVOKE_TRIES {
        let Some((mut token, version)) = read(engine, id).await? else { return Ok(None) };
        if token.revoked_at.is_some() {
            return Ok(Some(token));
        }
        token.revoked_at = Some(engine.now());
        let detail = json!({"name": token.name, "holder": token.holder});
        let fact = facts::fact(author.clone(), "token.revoke", id, detail);
        let changed = facts::change(engine, vec![put(&token, version)?], Some(fact)).await?;
        if changed == ChangeOutcome::Applied {
            return Ok(Some(token));
        }
    }
    Err(AccountError::Stale(id.to_owned()))
}

/// Removes tokens that ended long ago; says how many. To be called now and then.
pub async fn remove_ended(engine: &Engine) -> Result<u64, AccountError> {
    let now = engine.now();
    let mut removed = 0;
    for token in all(engine).await? {
        let is_old = token.ended_at(now).is_some_and(|end| now.since(end) >= KEPT_AFTER_END);
        if is_old {
            let place = place(&token.holder, &token.id);
            let changes = vec![facts::remove(TOKENS_OF, &place), facts::remove(TOKENS, &token.id)];
            facts::change(engine, changes, None).await?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn place(holder: &str, id: &str) -> String {
    format!("{holder}/{id}")
}

fn put(token: &Token, version: u64) -> Result<DocumentChange, AccountError> {
    let body = encode(&token.id, token)?;
    Ok(facts::put(TOKENS, &token.id, body, Some(version)))
}

fn encode(id: &str, value: &impl Serialize) -> Result<Vec<u8>, AccountError> {
    serde_json::to_vec(value).map_err(|error| damaged(id, &error))
}

fn decode(id: &str, body: &[u8]) -> Result<Token, AccountError> {
    serde_json::from_slice(body).map_err(|error| damaged(id, &error))
}

fn damaged(id: &str, error: &serde_json::Error) -> AccountError {
    AccountError::Damaged(id.to_owned(), error.to_string())
}
