//! Login, logout, who one is, and one's own password. An unknown account and a wrong password look
//! the same and take the same work.

use axum::Json;
use axum::extract::State;
use serde_json::json;
use tower_sessions::Session;

use crate::api::auth::{Done, Login, PasswordChange, UserAnswer};
use crate::http::accounts::{self, Account, AccountError, EMAIL_BYTES_MAX, Read};
use crate::http::authorize::Caller;
use crate::http::codes;
use crate::http::extract::JsonBody;
use crate::http::facts;
use crate::http::guard::ClientAddress;
use crate::http::password_policy;
use crate::http::present::user;
use crate::http::problem::ApiError;
use crate::http::session;
use crate::http::sign_in;
use crate::http::state::HttpState;
use crate::http::throttle::address_key;
use crate::http::validate::Defects;
use crate::model::audit::{Author, Origin};
use crate::model::principal::Principal;
use crate::model::voter::Door;

/// Longest password that is hashed, bytes: hashing a long one costs its sender nothing and the
/// server much.
const PASSWORD_BYTES_MAX: usize = 1024;

/// Signs in: the answer sets the session cookie.
#[utoipa::path(post, path = "/api/auth/login", operation_id = "login", tag = "auth",
    description = "Signs in with email and password. The answer sets the session cookie.",
    request_body = Login,
    responses((status = 200, description = "Signed in", body = UserAnswer)))]
pub async fn login(
    State(state): State<HttpState>,
    ClientAddress(address): ClientAddress,
    session: Session,
    body: JsonBody<Login>,
) -> Result<Json<UserAnswer>, ApiError> {
    let Login { email, password } = body.value;
    let mut defects = Defects::default();
    defects.text("/email", &email, EMAIL_BYTES_MAX);
    defects.length("/password", &password, PASSWORD_BYTES_MAX);
    defects.done(())?;
    let keys = [format!("email {}", accounts::normal(&email)), address_key(&address)];
    admit(&state, &keys)?;
    let origin = Origin { address: Some(address), via: "session".to_owned() };
    let account = verify(&state, &email, password, &origin).await?;
    // Only failures count, so a program that signs in for every command is not shut out.
    state.throttle.forgive(&keys);
    let by = Principal::Person(account.id.clone());
    let author = Author { by, origin: Some(origin.clone()) };
    let fact = facts::fact(author, "login", &account.id, json!({}));
    let now = state.engine.now();
    session::sign_in(&session, &account, now, Some(fact)).await.map_err(session_failed)?;
    let caller = sign_in::person(&state, account, Door::Session, origin).await?;
    Ok(Json(user::caller(caller)))
}

/// Counts a try, and says how long to wait when there were too many.
fn admit(state: &HttpState, keys: &[String]) -> Result<(), ApiError> {
    state.throttle.admit(keys, state.engine.now()).map_err(|wait| {
        let detail = "too many logins failed; wait a little";
        ApiError::new(codes::TOO_MANY_LOGINS, detail).retry_after(wait.0.div_ceil(1_000_000))
    })
}

async fn verify(
    state: &HttpState,
    email: &str,
    password: String,
    origin: &Origin,
) -> Result<Account, ApiError> {
    let failed = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "a login could not be checked");
        ApiError::new(codes::UNAVAILABLE, "the login cannot be checked now").retry_after(1)
    };
    let account = accounts::account_by_email(&state.engine, email).await;
    let account = account.map_err(|error| failed(&error))?;
    let hash = account.as_ref().map(|account| account.password_hash.clone());
    let fits = state.passwords.verify(password, hash).await.map_err(|error| failed(&error))?;
    if let Some(account) = account.as_ref().filter(|account| fits && account.is_active) {
        return Ok(account.clone());
    }
    // What was typed as the email may be a password: only accounts that exist are named.
    let target = account.map_or_else(|| "unknown".to_owned(), |account| account.id);
    let author = Author { by: Principal::system("door"), origin: Some(origin.clone()) };
    let fact = facts::fact(author, "login.failed", &target, json!({}));
    state.engine.record(fact).await.map_err(|error| failed(&error))?;
    Err(ApiError::new(codes::LOGIN_FAILED, "the email or the password is wrong"))
}

/// Signs out: the session is gone on the server too.
#[utoipa::path(post, path = "/api/auth/logout", operation_id = "logout", tag = "auth",
    description = "Signs out. The session is removed on the server too; without one nothing \
    happens.",
    responses((status = 200, description = "Signed out", body = Done)))]
pub async fn logout(
    State(state): State<HttpState>,
    ClientAddress(address): ClientAddress,
    session: Session,
) -> Result<Json<Done>, ApiError> {
    let login = session.get::<session::Login>(session::LOGIN_KEY).await;
    if let Some(login) = login.map_err(session_failed)? {
        let via = session::via(&session).unwrap_or_else(|| "session".to_owned());
        let origin = Origin { address: Some(address), via };
        let by = Principal::Person(login.user.clone());
        let author = Author { by, origin: Some(origin) };
        let fact = facts::fact(author, "logout", &login.user, json!({}));
        session::sign_out(&state.engine, &session, fact).await?;
    }
    session.flush().await.map_err(session_failed)?;
    Ok(Json(Done { success: true, message: "Signed out".to_owned() }))
}

/// Who is signed in.
#[utoipa::path(get, path = "/api/auth/me", operation_id = "whoAmI", tag = "auth",
    description = "Who is signed in, with which roles; with a token also what it may be used for.",
    responses((status = 200, description = "Who is signed in", body = UserAnswer)))]
pub async fn me(caller: Caller) -> Json<UserAnswer> {
    Json(user::caller(caller))
}

/// Changes one's password.
#[utoipa::path(post, path = "/api/auth/password", operation_id = "changePassword", tag = "auth",
    description = "Changes the password of the caller. Every other session of theirs ends, and \
    this one gets a new cookie.",
    request_body = PasswordChange,
    responses((status = 200, description = "Changed", body = Done)))]
pub async fn password(
    State(state): State<HttpState>,
    caller: Caller,
    session: Session,
    body: JsonBody<PasswordChange>,
) -> Result<Json<Done>, ApiError> {
    let PasswordChange { current, new } = body.value;
    let mut defects = Defects::default();
    defects.length("/current", &current, PASSWORD_BYTES_MAX);
    if let Err(weak) = password_policy::check(&new, &caller.email) {
        defects.add("/new", weak.to_string());
    } else if new == current {
        defects.add("/new", "must be another password than the current one");
    }
    defects.done(())?;
    let _turn = state.accounts_turn.lock().await;
    let read = accounts::read(&state.engine, &caller.id).await?;
    let Read { mut account, version } = read.ok_or_else(sign_in::nobody)?;
    // Whoever found an open screen must not find the password by trying.
    let keys = [format!("password {}", account.id)];
    admit(&state, &keys)?;
    let fits = state.passwords.verify(current, Some(account.password_hash.clone())).await;
    if !fits.map_err(AccountError::from)? {
        return Err(ApiError::invalid_at("/current", "is not the current password"));
    }
    state.throttle.forgive(&keys);
    let now = state.engine.now();
    account.password_hash = state.passwords.hash(new).await.map_err(AccountError::from)?;
    account.password_changed_at = Some(now);
    account.must_change_password = false;
    account.session_generation += 1;
    let fact = facts::fact(caller.author(), "user.password", &account.id, json!({}));
    accounts::keep(&state.engine, &account, version, Vec::new(), fact).await?;
    if caller.door == Door::Session {
        session::sign_in(&session, &account, now, None).await.map_err(session_failed)?;
    }
    let message = "Password changed; every other session has ended".to_owned();
    Ok(Json(Done { success: true, message }))
}

fn session_failed(error: tower_sessions::session::Error) -> ApiError {
    tracing::error!(%error, "a session could not be written");
    ApiError::new(codes::UNAVAILABLE, "the session cannot be written now").retry_after(1)
}
