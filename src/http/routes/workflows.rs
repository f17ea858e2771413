//! `/api/workflows` and `/api/admin/workflows`: what is registered, and registering more.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::workflow::{VersionList, Workflow, WorkflowAnswer, WorkflowList};
use crate::dsl::{Defect, Format};
use crate::engine::{EngineError, WorkflowView};
use crate::http::authorize::Caller;
use crate::http::codes;
use crate::http::detached::detached;
use crate::http::extract::{NamePath, QueryOf, parameter, read_body, require_kind};
use crate::http::present::workflow::{defects, workflow};
use crate::http::problem::ApiError;
use crate::http::state::HttpState;
use crate::model::limits::DOCUMENT_BYTES_MAX;

/// The kinds of body that are documents. YAML's is registered by RFC 9512; the others are older
/// spellings.
const DOCUMENT_KINDS: &[&str] =
    &["application/yaml", "application/json", "application/x-yaml", "text/yaml", "text/x-yaml"];

/// Whether a document is only checked.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct RegisterQuery {
    /// `true`: the document is checked and not registered.
    #[param(value_type = Option<bool>)]
    pub dry_run: Option<String>,
}

/// Every workflow.
#[utoipa::path(get, path = "/api/workflows", operation_id = "listWorkflows", tag = "workflows",
    description = "Every registered workflow and every broken file, by name and version.",
    responses((status = 200, description = "The workflows", body = WorkflowList)))]
pub async fn list(State(state): State<HttpState>) -> Json<WorkflowList> {
    let workflows = state.engine.workflows();
    let workflows = workflows.into_iter().map(|view| workflow(view, false)).collect();
    Json(WorkflowList { success: true, workflows })
}

/// The current version of a workflow.
#[utoipa::path(get, path = "/api/workflows/{name}",
    operation_id = "readWorkflow", tag = "workflows",
    description = "The version of a workflow that new jobs run, with its whole document.",
    params(("name" = String, Path, description = "The name of the workflow")),
    responses((status = 200, description = "The workflow", body = WorkflowAnswer)))]
pub async fn read(
    State(state): State<HttpState>,
    NamePath(name): NamePath,
) -> Result<Json<WorkflowAnswer>, ApiError> {
    let versions = versions_of(&state, &name)?;
    // A broken file has no current version; its defects are what there is to show.
    let chosen = versions.iter().position(|view| view.current).unwrap_or_default();
    let view = versions.into_iter().nth(chosen).ok_or_else(|| no_such(&name))?;
    Ok(Json(WorkflowAnswer { success: true, workflow: workflow(view, true) }))
}

/// The versions of a workflow.
#[utoipa::path(get, path = "/api/admin/workflows/{name}/versions",
    operation_id = "listWorkflowVersions",
    tag = "workflows",
    description = "Every registered version of a workflow.",
    params(("name" = String, Path, description = "The name of the workflow")),
    responses((status = 200, description = "The versions", body = VersionList)))]
pub async fn versions(
    State(state): State<HttpState>,
    NamePath(name): NamePath,
) -> Result<Json<VersionList>, ApiError> {
    let versions = versions_of(&state, &name)?;
    let versions = versions.into_iter().map(|view| workflow(view, true)).collect();
    Ok(Json(VersionList { success: true, versions }))
}

/// Registers a document.
#[utoipa::path(post, path = "/api/admin/workflows",
    operation_id = "registerWorkflow", tag = "workflows",
    description = "Registers a workflow document: the body is the document. A document with \
    defects is refused \
                   with all of them.",
    params(RegisterQuery),
    request_body(description = "The document", content(
        (String = "application/yaml", example = "document:\n  dsl: 1.0.3\n  namespace: examples\n  \
            name: greet\n  version: 1.0.0\ndo:\n  - greet:\n      set:\n        greeting: hello\n"),
        (serde_json::Value = "application/json"))),
    responses(
        (status = 200, description = "Checked; nothing was registered", body = WorkflowAnswer),
        (status = 201, description = "Registered", body = WorkflowAnswer)))]
pub async fn register(
    State(state): State<HttpState>,
    caller: Caller,
    QueryOf(query): QueryOf<RegisterQuery>,
    request: Request,
) -> Result<Response, ApiError> {
    let is_dry = parameter("dryRun", query.dry_run.as_deref(), str::parse::<bool>)?;
    let kind = require_kind(request.headers(), DOCUMENT_KINDS)?;
    let format = if kind == "application/json" { Format::Json } else { Format::Yaml };
    let bytes = read_body(request, DOCUMENT_BYTES_MAX).await?;
    let text = String::from_utf8(bytes.into()).map_err(|error| {
        ApiError::new(codes::MALFORMED, format!("the document is no UTF-8 text: {error}"))
    })?;
    let engine = state.engine.clone();
    let by = caller.author();
    let (status, checked) = if is_dry.unwrap_or_default() {
        let checked = tokio::task::spawn_blocking(move || engine.check_workflow(&text, format));
        let checked = checked.await;
        let died =
            |error: tokio::task::JoinError| ApiError::new(codes::INTERNAL, error.to_string());
        (StatusCode::OK, checked.map_err(died)?)
    } else {
        let work = async move { engine.register_workflow(&text, format, by).await };
        (StatusCode::CREATED, detached::<_, EngineError>(work).await?)
    };
    let workflow: Workflow = workflow(checked.map_err(broken)?, false);
    Ok((status, Json(WorkflowAnswer { success: true, workflow })).into_response())
}

fn broken(found: Vec<Defect>) -> ApiError {
    let detail = match found.first() {
        Some(first) => {
            format!("the document has {} defects; first: {}", found.len(), first.message)
        }
        None => "the document has defects".to_owned(),
    };
    ApiError::new(codes::BROKEN_WORKFLOW, detail).with_errors(defects(found))
}

fn versions_of(state: &HttpState, name: &str) -> Result<Vec<WorkflowView>, ApiError> {
    let mut workflows = state.engine.workflows();
    workflows.retain(|view| view.name == name);
    if workflows.is_empty() { Err(no_such(name)) } else { Ok(workflows) }
}

fn no_such(name: &str) -> ApiError {
    ApiError::new(codes::NO_SUCH_WORKFLOW, format!("no workflow {name:?} is registered"))
}
