//! `/api/admin/users`: accounts. A drawn password is shown in the answer that drew it, and never
//! again.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::user::{Account as Shown, AccountAnswer, AccountList, NewUser, UserEdit};
use crate::http::accounts::{self, Account};
use crate::http::authorize::Caller;
use crate::http::extract::{JsonBody, NamePath, QueryOf};
use crate::http::present::{pagination, user};
use crate::http::problem::ApiError;
use crate::http::routes::listing::PageQuery;
use crate::http::state::HttpState;
use crate::http::users::{self, Accounts, Edit};
use crate::http::validate_user::{new_user, user_edit};

/// Which page.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct UsersQuery {
    /// Rows on the page, 1 to 200; 50 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    pub limit: Option<String>,
    /// Rows to skip.
    #[param(value_type = Option<u64>)]
    pub offset: Option<String>,
    /// `nextCursor` of the page before; instead of `offset`.
    pub cursor: Option<String>,
}

/// Makes an account.
#[utoipa::path(post, path = "/api/admin/users", operation_id = "createUser", tag = "users",
    description = "Makes an account. Without a password a one-time password is drawn and shown in \
    this answer only; it must be changed at the first login.",
    request_body = NewUser,
    responses((status = 201, description = "Made", body = AccountAnswer)))]
pub async fn create(
    State(state): State<HttpState>,
    caller: Caller,
    body: JsonBody<NewUser>,
) -> Result<Response, ApiError> {
    let (new, password) = new_user(body.value)?;
    let (account, drawn) = users::add(&state, new, password, caller.author()).await?;
    let location = HeaderValue::from_str(&format!("/api/admin/users/{}", account.id));
    let answer = answer(&state, account, drawn, "User created").await?;
    let mut response = (StatusCode::CREATED, answer).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// The accounts.
#[utoipa::path(get, path = "/api/admin/users", operation_id = "listUsers", tag = "users",
    description = "Every account, the oldest first; those out of use too, because the history \
    names them.",
    params(UsersQuery),
    responses((status = 200, description = "A page of accounts", body = AccountList)))]
pub async fn list(
    State(state): State<HttpState>,
    QueryOf(query): QueryOf<UsersQuery>,
) -> Result<Json<AccountList>, ApiError> {
    let page = PageQuery { limit: query.limit, offset: query.offset, cursor: query.cursor };
    let (limit, offset, cursor) = page.read()?;
    let page = users::page(&state.engine, limit, offset, cursor.as_deref()).await?;
    let Accounts { rows, total, next_cursor } = page;
    let mut users = Vec::new();
    for account in rows {
        users.push(shown(&state, account).await?);
    }
    let pagination = pagination(limit, offset, total, next_cursor);
    Ok(Json(AccountList { success: true, users, pagination }))
}

/// An account.
#[utoipa::path(get, path = "/api/admin/users/{id}", operation_id = "readUser", tag = "users",
    description = "An account, by id or email.",
    params(("id" = String, Path, description = "The account")),
    responses((status = 200, description = "The account", body = AccountAnswer)))]
pub async fn read(
    State(state): State<HttpState>,
    NamePath(id): NamePath,
) -> Result<Json<AccountAnswer>, ApiError> {
    let account = users::find(&state.engine, &id).await?.account;
    let user = shown(&state, account).await?;
    Ok(Json(AccountAnswer { success: true, user, one_time_password: None, message: None }))
}

/// Changes an account.
#[utoipa::path(patch, path = "/api/admin/users/{id}", operation_id = "editUser", tag = "users",
    description = "Changes an account, by id or email; what is absent stays. Roles count from the \
    next request on. A new password, or `isActive: false`, ends every session of the person.",
    params(("id" = String, Path, description = "The account")),
    request_body = UserEdit,
    responses((status = 200, description = "The account", body = AccountAnswer)))]
pub async fn edit(
    State(state): State<HttpState>,
    caller: Caller,
    NamePath(id): NamePath,
    body: JsonBody<UserEdit>,
) -> Result<Json<AccountAnswer>, ApiError> {
    let edit = user_edit(body.value)?;
    let is_own = id == caller.id || accounts::normal(&id) == caller.email;
    if edit.password.is_some() && is_own {
        let message = "is your own: change it with POST /api/auth/password";
        return Err(ApiError::invalid_at("/password", message));
    }
    let (account, drawn) = users::edit(&state, &id, edit, caller.author()).await?;
    answer(&state, account, drawn, "User changed").await
}

/// Takes an account out of use for ever.
#[utoipa::path(delete, path = "/api/admin/users/{id}", operation_id = "deactivateUser",
    tag = "users",
    description = "Takes an account out of use for ever: its sessions and tokens end at once, and \
    its email is not given to another. The id stays, because the history names it. PATCH \
    `isActive` is for a while.",
    params(("id" = String, Path, description = "The account")),
    responses((status = 200, description = "The account", body = AccountAnswer)))]
pub async fn deactivate(
    State(state): State<HttpState>,
    caller: Caller,
    NamePath(id): NamePath,
) -> Result<Json<AccountAnswer>, ApiError> {
    let edit = Edit { retire: true, ..Edit::default() };
    let (account, drawn) = users::edit(&state, &id, edit, caller.author()).await?;
    answer(&state, account, drawn, "User deactivated for ever").await
}

async fn answer(
    state: &HttpState,
    account: Account,
    drawn: Option<String>,
    message: &str,
) -> Result<Json<AccountAnswer>, ApiError> {
    let user = shown(state, account).await?;
    let message = Some(message.to_owned());
    Ok(Json(AccountAnswer { success: true, user, one_time_password: drawn, message }))
}

async fn shown(state: &HttpState, account: Account) -> Result<Shown, ApiError> {
    let stand_in = match &account.delegation {
        Some(delegation) => accounts::account(&state.engine, &delegation.to).await?,
        None => None,
    };
    Ok(user::account(&account, stand_in.as_ref()))
}
