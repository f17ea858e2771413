//! `/api/auth/tokens` and `/api/admin/tokens`: API tokens. The text of one is in the answer that
//! made it, and nowhere else.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::token::{NewProgramToken, NewToken, TokenAnswer, TokenList};
use crate::http::authorize::Caller;
use crate::http::codes;
use crate::http::extract::{JsonBody, NamePath, QueryOf};
use crate::http::present::{pagination, token};
use crate::http::problem::ApiError;
use crate::http::routes::listing::{PageQuery, text, wrong};
use crate::http::scope;
use crate::http::state::HttpState;
use crate::http::tokens::{self, TOKENS_MAX, Token};
use crate::http::validate_user::{new_program_token, new_token};
use crate::model::voter::Door;

/// What stands before the id of a token in the origin of a request.
const VIA: &str = "token:";

/// Which tokens, and which page.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct TokensQuery {
    /// Of this account or program (`agent:<name>`).
    pub user_id: Option<String>,
    /// Rows on the page, 1 to 200; 50 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    pub limit: Option<String>,
    /// Rows to skip.
    #[param(value_type = Option<u64>)]
    pub offset: Option<String>,
}

/// Makes a token of one's own.
#[utoipa::path(post, path = "/api/auth/tokens", operation_id = "createToken", tag = "tokens",
    description = "Makes a token of the caller. It does what the caller may do when it is used, \
    and no more than its scopes. One that is made by a token has no scope that the other lacks, \
    expires no later, and ends with it.",
    request_body = NewToken,
    responses((status = 201, description = "Made", body = TokenAnswer)))]
pub async fn create(
    State(state): State<HttpState>,
    caller: Caller,
    body: JsonBody<NewToken>,
) -> Result<(StatusCode, Json<TokenAnswer>), ApiError> {
    let new = new_token(body.value, &caller.id, state.engine.now())?;
    made(&state, &caller, new).await
}

/// The tokens of one's own.
#[utoipa::path(get, path = "/api/auth/tokens", operation_id = "listTokens", tag = "tokens",
    description = "The tokens of the caller, the newest first; those that ended stay for 90 days.",
    responses((status = 200, description = "The tokens", body = TokenList)))]
pub async fn list(
    State(state): State<HttpState>,
    caller: Caller,
) -> Result<Json<TokenList>, ApiError> {
    let found = tokens::of_holder(&state.engine, &caller.id).await?;
    let limit = u32::try_from(found.len()).unwrap_or(u32::MAX);
    Ok(page(&state, &found, limit, 0))
}

/// Revokes a token of one's own.
#[utoipa::path(delete, path = "/api/auth/tokens/{id}", operation_id = "revokeToken", tag = "tokens",
    description = "Revokes a token of the caller, and those that were made by it, at once.",
    params(("id" = String, Path, description = "The token: the letters after `hp_`")),
    responses((status = 200, description = "Revoked", body = TokenAnswer)))]
pub async fn revoke(
    State(state): State<HttpState>,
    caller: Caller,
    NamePath(id): NamePath,
) -> Result<Json<TokenAnswer>, ApiError> {
    let found = tokens::find(&state.engine, &id).await?;
    if found.is_none_or(|token| token.holder != caller.id) {
        return Err(missing());
    }
    revoked(&state, &caller, &id).await
}

/// Makes a token of a program.
#[utoipa::path(post, path = "/api/admin/tokens", operation_id = "createProgramToken",
    tag = "tokens",
    description = "Makes a token of a program. A program has jobs of its own and roles of its own. \
    It never decides at a checkpoint and makes neither accounts nor tokens.",
    request_body = NewProgramToken,
    responses((status = 201, description = "Made", body = TokenAnswer)))]
pub async fn create_for_program(
    State(state): State<HttpState>,
    caller: Caller,
    body: JsonBody<NewProgramToken>,
) -> Result<(StatusCode, Json<TokenAnswer>), ApiError> {
    let new = new_program_token(body.value, state.engine.now())?;
    made(&state, &caller, new).await
}

/// Every token.
#[utoipa::path(get, path = "/api/admin/tokens", operation_id = "listAllTokens", tag = "tokens",
    description = "The tokens of all people and programs, the newest first.",
    params(TokensQuery),
    responses((status = 200, description = "A page of tokens", body = TokenList)))]
pub async fn list_all(
    State(state): State<HttpState>,
    QueryOf(query): QueryOf<TokensQuery>,
) -> Result<Json<TokenList>, ApiError> {
    let page_query = PageQuery { limit: query.limit, offset: query.offset, cursor: None };
    let (limit, offset, _) = page_query.read()?;
    let found = match text("userId", query.user_id)? {
        Some(holder) if holder.contains('/') => return Err(wrong("userId", "is no id")),
        Some(holder) => tokens::of_holder(&state.engine, &holder).await?,
        None => tokens::all(&state.engine).await?,
    };
    Ok(page(&state, &found, limit, offset))
}

/// Revokes any token.
#[utoipa::path(delete, path = "/api/admin/tokens/{id}", operation_id = "revokeAnyToken",
    tag = "tokens",
    description = "Revokes a token of anybody, and those that were made by it, at once.",
    params(("id" = String, Path, description = "The token: the letters after `hp_`")),
    responses((status = 200, description = "Revoked", body = TokenAnswer)))]
pub async fn revoke_any(
    State(state): State<HttpState>,
    caller: Caller,
    NamePath(id): NamePath,
) -> Result<Json<TokenAnswer>, ApiError> {
    revoked(&state, &caller, &id).await
}

/// Nobody hands on more than they have: not more scopes, and not for longer.
async fn made(
    state: &HttpState,
    caller: &Caller,
    mut new: tokens::NewToken,
) -> Result<(StatusCode, Json<TokenAnswer>), ApiError> {
    if let Some(held) = &caller.scopes
        && let Some(scope) = scope::beyond(held, &new.scopes)
    {
        let detail = format!("the token that asks has not the scope {scope} itself");
        return Err(ApiError::new(codes::FORBIDDEN, detail));
    }
    if caller.door == Door::Token {
        let id = caller.origin.via.strip_prefix(VIA).unwrap_or_default();
        let parent = tokens::find(&state.engine, id).await?.ok_or_else(missing)?;
        new.expires_at = new.expires_at.min(parent.expires_at);
        new.parent = Some(parent.id);
    }
    let now = state.engine.now();
    let _turn = state.accounts_turn.lock().await;
    let known = tokens::of_holder(&state.engine, &new.holder).await?;
    if known.iter().filter(|token| token.is_live(now)).count() >= TOKENS_MAX {
        let detail = format!("there are {TOKENS_MAX} tokens that are good; revoke one first");
        return Err(ApiError::new(codes::TOO_MANY_TOKENS, detail));
    }
    let (made, text) = tokens::create(&state.engine, new, caller.author()).await?;
    let message = "Token created; it is shown this once".to_owned();
    let token = token::token(&made, now);
    let answer = TokenAnswer { success: true, token, secret: Some(text), message: Some(message) };
    Ok((StatusCode::CREATED, Json(answer)))
}

async fn revoked(
    state: &HttpState,
    caller: &Caller,
    id: &str,
) -> Result<Json<TokenAnswer>, ApiError> {
    let revoked = tokens::revoke(&state.engine, id, caller.author()).await?;
    let token = token::token(&revoked.ok_or_else(missing)?, state.engine.now());
    let message = Some("Token revoked".to_owned());
    Ok(Json(TokenAnswer { success: true, token, secret: None, message }))
}

fn page(state: &HttpState, found: &[Token], limit: u32, offset: u64) -> Json<TokenList> {
    let now = state.engine.now();
    let skipped = usize::try_from(offset).unwrap_or(usize::MAX);
    let rows = found.iter().skip(skipped).take(limit as usize);
    let tokens = rows.map(|row| token::token(row, now)).collect();
    let pagination = pagination(limit, offset, found.len() as u64, None);
    Json(TokenList { success: true, tokens, pagination })
}

fn missing() -> ApiError {
    ApiError::new(codes::NO_SUCH_TOKEN, "there is no such token")
}
