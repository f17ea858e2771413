//! `/api/admin/…/links`: signed links for mail and chat. What opens one is in the answer that made
//! it, and nowhere else.

use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::api::link::{LinkAnswer, LinkList, NewLink, NewLinkAnswer};
use crate::dsl::parse_duration;
use crate::engine::{self, LinkView};
use crate::http::accounts::{self, Account};
use crate::http::authorize::{Action, Caller};
use crate::http::codes;
use crate::http::detached::detached;
use crate::http::extract::{CheckpointPath, JsonBody, NamePath, QueryOf, parameter};
use crate::http::present::link::link;
use crate::http::problem::ApiError;
use crate::http::routes::gates::base;
use crate::http::routes::listing::PageQuery;
use crate::http::state::HttpState;

/// Which page.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LinksQuery {
    /// Rows on the page, 1 to 200; 50 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    pub limit: Option<String>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

impl LinksQuery {
    /// The limit, and after which one the page begins.
    pub fn read(self) -> Result<(usize, Option<Uuid>), ApiError> {
        let page = PageQuery { limit: self.limit, offset: None, cursor: self.cursor };
        let (limit, _, cursor) = page.read()?;
        let after = parameter("cursor", cursor.as_deref(), Uuid::from_str)?;
        Ok((limit as usize, after))
    }
}

/// Makes a link.
#[utoipa::path(post, path = "/api/admin/agent-checkpoints/{id}/links", operation_id = "makeLink",
    tag = "gates",
    description = "Makes a link with which one person decides at this checkpoint, about what it \
    shows now. Its URL is in this answer only.",
    params(("id" = String, Path, description = "The checkpoint")),
    request_body = NewLink,
    responses((status = 201, description = "Made", body = NewLinkAnswer)))]
pub async fn make(
    State(state): State<HttpState>,
    caller: Caller,
    CheckpointPath(checkpoint): CheckpointPath,
    body: JsonBody<NewLink>,
) -> Result<Response, ApiError> {
    let NewLink { user, expires_after } = body.value;
    let expires_after = match expires_after {
        None => None,
        Some(text) => Some(parse_duration(&text).filter(|span| span.0 > 0).ok_or_else(|| {
            ApiError::invalid_at("/expiresAfter", "must be an ISO 8601 duration such as P2D")
        })?),
    };
    let account = person(&state, &user).await?;
    let new = engine::NewLink { checkpoint, user: account.id, expires_after, by: caller.author() };
    let engine = state.engine.clone();
    let (view, token) = detached(async move { engine.make_link(new).await }).await?;
    let url = format!("{}/links/{}", base(&state), token.reveal());
    let answer = NewLinkAnswer { success: true, link: link(&view), url };
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// An account in use that may decide at checkpoints at all.
async fn person(state: &HttpState, wanted: &str) -> Result<Account, ApiError> {
    let unavailable = |error: accounts::AccountError| {
        ApiError::new(codes::UNAVAILABLE, error.to_string()).retry_after(1)
    };
    let by_id = accounts::account(&state.engine, wanted).await.map_err(unavailable)?;
    let found = match by_id {
        Some(account) => Some(account),
        None => accounts::account_by_email(&state.engine, wanted).await.map_err(unavailable)?,
    };
    let nobody = || ApiError::invalid_at("/user", "names no account in use");
    let account = found.filter(|account| account.is_active).ok_or_else(nobody)?;
    let roles = Action::Decide.roles();
    if !account.roles.iter().any(|role| roles.contains(role)) {
        let message = "has no role that decides at checkpoints";
        return Err(ApiError::invalid_at("/user", message));
    }
    Ok(account)
}

/// The links of a checkpoint.
#[utoipa::path(get, path = "/api/admin/agent-checkpoints/{id}/links",
    operation_id = "listLinksOfCheckpoint", tag = "gates",
    description = "The links of a checkpoint, oldest first: for whom, and what they are good for.",
    params(("id" = String, Path, description = "The checkpoint")),
    responses((status = 200, description = "The links", body = LinkList)))]
pub async fn of_checkpoint(
    State(state): State<HttpState>,
    CheckpointPath(checkpoint): CheckpointPath,
) -> Result<Json<LinkList>, ApiError> {
    state.engine.checkpoint(checkpoint).await?;
    let links = state.engine.links_of(checkpoint).await?;
    let links = links.iter().map(link).collect();
    Ok(Json(LinkList { success: true, links, next_cursor: None }))
}

/// Every link.
#[utoipa::path(get, path = "/api/admin/links", operation_id = "listLinks", tag = "gates",
    description = "The links of all checkpoints, oldest first, in pages.",
    params(LinksQuery),
    responses((status = 200, description = "A page of links", body = LinkList)))]
pub async fn list(
    State(state): State<HttpState>,
    QueryOf(query): QueryOf<LinksQuery>,
) -> Result<Json<LinkList>, ApiError> {
    let (limit, after) = query.read()?;
    let links = state.engine.links(after, limit).await?;
    let last = links.last().filter(|_| links.len() == limit);
    let next_cursor = last.map(|view: &LinkView| view.link.id.to_string());
    let links = links.iter().map(link).collect();
    Ok(Json(LinkList { success: true, links, next_cursor }))
}

/// Revokes a link.
#[utoipa::path(delete, path = "/api/admin/links/{id}", operation_id = "revokeLink", tag = "gates",
    description = "Takes a link back: it opens nothing any more. One that was used stays so.",
    params(("id" = String, Path, description = "The link")),
    responses((status = 200, description = "The link", body = LinkAnswer)))]
pub async fn revoke(
    State(state): State<HttpState>,
    caller: Caller,
    NamePath(id): NamePath,
) -> Result<Json<LinkAnswer>, ApiError> {
    let unknown = || ApiError::new(codes::NO_SUCH_LINK, "there is no such link");
    let id: Uuid = id.parse().map_err(|_| unknown())?;
    let (engine, author) = (state.engine.clone(), caller.author());
    let view = detached(async move { engine.revoke_link(id, author).await }).await?;
    Ok(Json(LinkAnswer { success: true, link: link(&view) }))
}
