//! `/api/auth/delegation`: who stands in for the caller at checkpoints.

use axum::Json;
use axum::extract::State;

use crate::api::auth::{NewStandingDelegation, StandingDelegationAnswer};
use crate::http::accounts::{self, Account, Delegation, Read};
use crate::http::authorize::{Action, Caller};
use crate::http::delegation;
use crate::http::extract::JsonBody;
use crate::http::present::user;
use crate::http::problem::ApiError;
use crate::http::sign_in;
use crate::http::state::HttpState;
use crate::model::time::Timestamp;

/// Who stands in.
#[utoipa::path(get, path = "/api/auth/delegation", operation_id = "readDelegation", tag = "auth",
    description = "Who stands in for the caller at checkpoints, if anybody does.",
    responses((status = 200, description = "Who stands in", body = StandingDelegationAnswer)))]
pub async fn read(
    State(state): State<HttpState>,
    caller: Caller,
) -> Result<Json<StandingDelegationAnswer>, ApiError> {
    let own = own(&state, &caller).await?;
    answer(&state, own.account.delegation).await
}

/// Somebody stands in from now on.
#[utoipa::path(put, path = "/api/auth/delegation", operation_id = "setDelegation", tag = "auth",
    description = "Lets another person stand in for the caller at checkpoints, in place of whoever \
    did. They decide in their own name; what was handed to them they cannot hand on.",
    request_body = NewStandingDelegation,
    responses((status = 200, description = "Who stands in", body = StandingDelegationAnswer)))]
pub async fn set(
    State(state): State<HttpState>,
    caller: Caller,
    body: JsonBody<NewStandingDelegation>,
) -> Result<Json<StandingDelegationAnswer>, ApiError> {
    let now = state.engine.now();
    let until = until(body.value.until.as_deref(), now)?;
    let stand_in = stand_in(&state, &body.value.to).await?;
    if stand_in.id == caller.id {
        return Err(ApiError::invalid_at("/to", "must be somebody else"));
    }
    let _turn = state.accounts_turn.lock().await;
    let own = own(&state, &caller).await?;
    let given = Delegation { to: stand_in.id, until, since: now };
    let given = Some(given);
    delegation::set(&state.engine, own, given.clone(), caller.author()).await?;
    answer(&state, given).await
}

/// Nobody stands in any more.
#[utoipa::path(delete, path = "/api/auth/delegation", operation_id = "endDelegation", tag = "auth",
    description = "Ends the standing delegation of the caller; without one nothing happens.",
    responses((status = 200, description = "Nobody stands in", body = StandingDelegationAnswer)))]
pub async fn end(
    State(state): State<HttpState>,
    caller: Caller,
) -> Result<Json<StandingDelegationAnswer>, ApiError> {
    let _turn = state.accounts_turn.lock().await;
    let own = own(&state, &caller).await?;
    if own.account.delegation.is_some() {
        delegation::set(&state.engine, own, None, caller.author()).await?;
    }
    answer(&state, None).await
}

async fn own(state: &HttpState, caller: &Caller) -> Result<Read, ApiError> {
    accounts::read(&state.engine, &caller.id).await?.ok_or_else(sign_in::nobody)
}

/// The account that shall stand in: one that is in use and may decide itself.
async fn stand_in(state: &HttpState, wanted: &str) -> Result<Account, ApiError> {
    let found = match accounts::account_by_email(&state.engine, wanted).await? {
        Some(account) => Some(account),
        None => accounts::account(&state.engine, wanted).await?,
    };
    let may_decide =
        |account: &Account| account.roles.iter().any(|role| Action::Decide.roles().contains(role));
    let found = found.filter(|account| account.is_active && may_decide(account));
    found.ok_or_else(|| {
        ApiError::invalid_at("/to", "is no id or email of an active person who may decide")
    })
}

fn until(text: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let wrong = |message: &str| ApiError::invalid_at("/until", format!("{text:?} {message}"));
    let until = Timestamp::parse_rfc3339(text).ok_or_else(|| wrong("is no RFC 3339 time"))?;
    if until <= now {
        return Err(wrong("is over already"));
    }
    Ok(Some(until))
}

async fn answer(
    state: &HttpState,
    delegation: Option<Delegation>,
) -> Result<Json<StandingDelegationAnswer>, ApiError> {
    let stand_in = match &delegation {
        Some(delegation) => accounts::account(&state.engine, &delegation.to).await?,
        None => None,
    };
    let delegation = delegation.map(|it| user::delegation(&it, stand_in.as_ref()));
    Ok(Json(StandingDelegationAnswer { success: true, delegation }))
}
