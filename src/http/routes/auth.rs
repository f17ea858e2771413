//! Login, logout and who one is. An unknown account and a wrong password look the same and take
//! the same work.

use axum::Json;
use axum::extract::State;
use tower_sessions::Session;

use crate::api::auth::{Done, Login, User, UserAnswer};
use crate::http::accounts::{self, Account, EMAIL_BYTES_MAX};
use crate::http::authorize::Caller;
use crate::http::codes;
use crate::http::extract::JsonBody;
use crate::http::guard::ClientAddress;
use crate::http::problem::ApiError;
use crate::http::session::USER_KEY;
use crate::http::state::HttpState;
use crate::http::validate::Defects;

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
    let keys = [format!("email {}", email.trim().to_lowercase()), format!("address {address}")];
    state.throttle.admit(&keys, state.engine.now()).map_err(|wait| {
        let detail = "too many logins failed; wait a little";
        ApiError::new(codes::TOO_MANY_LOGINS, detail).retry_after(wait.0.div_ceil(1_000_000))
    })?;
    let account = verify(&state, &email, password).await?;
    // Only failures count, so a program that signs in for every command is not shut out.
    state.throttle.forgive(&keys);
    // A new id, so that an id that somebody planted before the login is worth nothing after it.
    session.cycle_id().await.map_err(session_failed)?;
    session.insert(USER_KEY, &account.id).await.map_err(session_failed)?;
    tracing::info!(user = %account.id, "signed in");
    let Account { id, email, name, roles, .. } = account;
    Ok(Json(answer(Caller { id, email, name, roles })))
}

async fn verify(state: &HttpState, email: &str, password: String) -> Result<Account, ApiError> {
    let failed = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "a login could not be checked");
        ApiError::new(codes::UNAVAILABLE, "the login cannot be checked now").retry_after(1)
    };
    let account = accounts::account_by_email(&state.engine, email).await;
    let account = account.map_err(|error| failed(&error))?;
    let hash = account.as_ref().map(|account| account.password_hash.clone());
    let fits = state.passwords.verify(password, hash).await.map_err(|error| failed(&error))?;
    account
        .filter(|_| fits)
        .ok_or_else(|| ApiError::new(codes::LOGIN_FAILED, "the email or the password is wrong"))
}

/// Signs out: the session is gone on the server too.
#[utoipa::path(post, path = "/api/auth/logout", operation_id = "logout", tag = "auth",
    description = "Signs out. The session is removed on the server too; without one nothing \
    happens.",
    responses((status = 200, description = "Signed out", body = Done)))]
pub async fn logout(session: Session) -> Result<Json<Done>, ApiError> {
    session.flush().await.map_err(session_failed)?;
    Ok(Json(Done { success: true, message: "Signed out".to_owned() }))
}

/// Who is signed in.
#[utoipa::path(get, path = "/api/auth/me", operation_id = "whoAmI", tag = "auth",
    description = "Who is signed in, with which roles.",
    responses((status = 200, description = "Who is signed in", body = UserAnswer)))]
pub async fn me(caller: Caller) -> Json<UserAnswer> {
    Json(answer(caller))
}

fn answer(caller: Caller) -> UserAnswer {
    let roles = caller.roles.iter().map(|role| role.as_str().to_owned()).collect();
    let Caller { id, email, name, .. } = caller;
    UserAnswer { success: true, user: User { id, email, name, roles } }
}

fn session_failed(error: tower_sessions::session::Error) -> ApiError {
    tracing::error!(%error, "a session could not be written");
    ApiError::new(codes::UNAVAILABLE, "the session cannot be written now").retry_after(1)
}
