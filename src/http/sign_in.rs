//! Who comes in: by the bearer of the request or, when there is none, by its session. Who they are
//! and what they may be is read at every request, so what is taken away is gone at once.

use axum::http::header;
use axum::http::request::Parts;
use tower_sessions::Session;

use crate::http::accounts::{self, Account, AccountError};
use crate::http::authorize::{Caller, Role};
use crate::http::bearer::{self, Presented};
use crate::http::client_address::client_address;
use crate::http::codes::{self, Code};
use crate::http::delegation;
use crate::http::facts;
use crate::http::guard::Peer;
use crate::http::problem::ApiError;
use crate::http::session::{self, LOGIN_KEY, Login};
use crate::http::state::HttpState;
use crate::http::throttle::address_key;
use crate::http::tokens::{self, Token, TokenKind, Verdict};
use crate::model::audit::{Author, Origin};
use crate::model::principal::Principal;
use crate::model::time::Span;
use crate::model::voter::Door;

/// What stands before the name of a program wherever an id of a person may stand.
pub const PROGRAM: &str = "agent:";

/// Who asks, or why that is nobody.
pub async fn caller(state: &HttpState, parts: &Parts) -> Result<Caller, ApiError> {
    let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.ip());
    let address = client_address(&state.options, &parts.headers, peer);
    let address = address.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
    match bearer::presented(&parts.headers) {
        Some(text) => by_token(state, text, address).await,
        None => by_session(state, parts, address).await,
    }
}

async fn by_session(state: &HttpState, parts: &Parts, address: String) -> Result<Caller, ApiError> {
    let session = parts.extensions.get::<Session>().ok_or_else(nobody)?;
    let login: Option<Login> = session.get(LOGIN_KEY).await.map_err(|error| unknown(&error))?;
    let login = login.ok_or_else(nobody)?;
    let age = state.engine.now().since(login.at);
    let is_over = age.as_duration() >= state.options.session_lifetime;
    let account = account(state, &login.user).await?;
    let account = account.filter(|it| it.session_generation == login.generation && !is_over);
    let account = account.ok_or_else(nobody)?;
    let via = session::via(session).unwrap_or_else(|| "session".to_owned());
    let origin = Origin { address: Some(address), via };
    person(state, account, Door::Session, origin).await
}

async fn by_token(state: &HttpState, text: &[u8], address: String) -> Result<Caller, ApiError> {
    let presented = std::str::from_utf8(text).ok().and_then(Presented::parse);
    let verdict = match &presented {
        Some(presented) => tokens::verify(&state.engine, presented).await,
        None => Ok(Verdict::Wrong),
    };
    let token = match verdict.map_err(|error| unknown(&error))? {
        Verdict::Good(token) => token,
        Verdict::Wrong => return Err(refused(state, address).await),
        Verdict::Over(at) => {
            let detail = format!("the token is not good any more since {}", at.to_rfc3339());
            return Err(with_challenge(codes::INVALID_TOKEN, detail));
        }
    };
    let origin = Origin { address: Some(address), via: format!("token:{}", token.id) };
    let caller = match token.kind {
        TokenKind::Agent => program(&token, origin.clone()),
        TokenKind::Person => {
            let Some(account) = account(state, &token.holder).await? else {
                let detail = "the person of this token is out of use";
                return Err(with_challenge(codes::INVALID_TOKEN, detail));
            };
            let mut caller = person(state, account, Door::Token, origin.clone()).await?;
            caller.scopes = Some(token.scopes.clone());
            caller
        }
    };
    tokens::note_use(&state.engine, &token, caller.principal(), origin).await;
    Ok(caller)
}

/// A bearer that is no token of ours. So many of them a minute from one address are told apart and
/// written down; more are not. One that is right comes in all the same: 260 random bits are not
/// guessed, and a neighbour with an old token must not shut out the others.
async fn refused(state: &HttpState, address: String) -> ApiError {
    let now = state.engine.now();
    if let Err(wait) = state.wrong_tokens.admit(&[address_key(&address)], now) {
        let detail = "too many wrong tokens came from this address; wait a little";
        let error = ApiError::new(codes::TOO_MANY_LOGINS, detail);
        return error.retry_after(wait.0.div_ceil(Span::from_secs(1).0));
    }
    let origin = Origin { address: Some(address), via: "token".to_owned() };
    let author = Author { by: Principal::system("door"), origin: Some(origin) };
    let fact = facts::fact(author, "token.refused", "unknown", serde_json::json!({}));
    if let Err(error) = state.engine.record(fact).await {
        tracing::warn!(%error, "a wrong token could not be written down");
    }
    with_challenge(codes::INVALID_TOKEN, "this is no token of this server")
}

/// The account, while it is in use.
async fn account(state: &HttpState, id: &str) -> Result<Option<Account>, ApiError> {
    let account = accounts::account(&state.engine, id).await;
    Ok(account.map_err(|error| unknown(&error))?.filter(|account| account.is_active))
}

/// A person as the caller.
pub async fn person(
    state: &HttpState,
    account: Account,
    door: Door,
    origin: Origin,
) -> Result<Caller, ApiError> {
    let decides = account.roles.iter().any(|role| matches!(role, Role::Reviewer | Role::Admin));
    let acts_for = match decides {
        true => delegation::givers(&state.engine, &account.id).await,
        false => Ok(Vec::new()),
    };
    let acts_for = acts_for.map_err(|error: AccountError| unknown(&error))?;
    Ok(Caller {
        principal: Principal::Person(account.id.clone()),
        id: account.id,
        email: account.email,
        name: account.name,
        roles: account.roles,
        groups: account.groups,
        scopes: None,
        door,
        origin,
        acts_for,
        must_change_password: account.must_change_password,
    })
}

/// A program as the caller.
fn program(token: &Token, origin: Origin) -> Caller {
    let name = token.holder.strip_prefix(PROGRAM).unwrap_or(&token.holder);
    Caller {
        id: token.holder.clone(),
        email: String::new(),
        name: name.to_owned(),
        roles: token.roles.clone(),
        groups: Vec::new(),
        principal: Principal::Agent(name.to_owned()),
        scopes: Some(token.scopes.clone()),
        door: Door::Token,
        origin,
        acts_for: Vec::new(),
        must_change_password: false,
    }
}

/// Nobody signed in.
pub fn nobody() -> ApiError {
    with_challenge(codes::NO_LOGIN, "sign in: POST /api/auth/login")
}

fn with_challenge(code: &'static Code, detail: impl Into<String>) -> ApiError {
    let mut error = ApiError::new(code, detail);
    error.header = Some(Box::new((header::WWW_AUTHENTICATE, "Bearer".to_owned())));
    error
}

/// Not knowing who it is must never sign anybody out.
fn unknown(error: &dyn std::fmt::Display) -> ApiError {
    ApiError::new(codes::UNAVAILABLE, format!("the login cannot be checked: {error}"))
        .retry_after(1)
}
