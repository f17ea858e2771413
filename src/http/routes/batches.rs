//! `/api/jobs/batch` and `/api/batches`: the same wish for many jobs of the caller.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::api::batch::{BatchAnswer, BatchFilter, NewBatch};
use crate::api::job::NewJob;
use crate::engine::{self, BatchAction, BatchItem, JobQuery, items_of};
use crate::http::authorize::Caller;
use crate::http::codes;
use crate::http::extract::{BatchPath, JsonBody, typed};
use crate::http::present::batch::batch;
use crate::http::problem::ApiError;
use crate::http::routes::listing::JobsQuery;
use crate::http::state::HttpState;
use crate::http::validate;
use crate::model::id::JobId;
use crate::model::limits::{BATCH_ITEMS_MAX, PAGE_MAX};

/// Takes a wish for many jobs.
#[utoipa::path(post, path = "/api/jobs/batch", operation_id = "createBatch", tag = "jobs",
    description = "Takes the same wish for many jobs of the caller, named by id or by a filter, or \
    the creation of many. It is on disk when this answers, and is done after that, across \
    restarts; GET /api/batches/{id} shows how far it is and every refusal.",
    request_body = NewBatch,
    responses((status = 202, description = "Taken", body = BatchAnswer)))]
pub async fn create(
    State(state): State<HttpState>,
    caller: Caller,
    body: JsonBody<NewBatch>,
) -> Result<Response, ApiError> {
    let new = body.value;
    let action = action(&state, &new)?;
    let items = items(&state, &caller, &new).await?;
    if items.is_empty() {
        return Err(ApiError::invalid_at("", "the batch is about no job"));
    }
    let by = caller.author();
    let new = engine::NewBatch { by, owner: Some(caller.id.clone()), action, items };
    let taken = batch(state.engine.submit_batch(new).await?);
    let location = HeaderValue::from_str(&format!("/api/batches/{}", taken.id));
    let answer = Json(BatchAnswer { success: true, batch: taken });
    let mut response = (StatusCode::ACCEPTED, answer).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

fn action(state: &HttpState, new: &NewBatch) -> Result<BatchAction, ApiError> {
    let missing = |name: &str| {
        let message = format!("`{}` needs the member `{name}`", new.action);
        ApiError::invalid_at(format!("/{name}"), message)
    };
    Ok(match new.action.as_str() {
        "create" => BatchAction::Create,
        "assign" => {
            let agent = new.agent_id.as_deref().ok_or_else(|| missing("agentId"))?;
            let inputs = new.inputs.as_deref().ok_or_else(|| missing("inputs"))?;
            let (agent, inputs) = state.engine.check_assignment(agent, inputs)?;
            BatchAction::Assign { agent, inputs }
        }
        "auto-assign" => BatchAction::AutoAssign,
        "execute" => BatchAction::Execute,
        "cancel" => {
            BatchAction::Cancel { reason: validate::comment("/reason", new.reason.clone())? }
        }
        "terminate" => {
            let reason = new.reason.clone().ok_or_else(|| missing("reason"))?;
            BatchAction::Terminate { reason: validate::reason("/reason", reason)? }
        }
        other => {
            let message = format!(
                "{other:?} is not one of create, assign, auto-assign, execute, cancel, terminate"
            );
            return Err(ApiError::invalid_at("/action", message));
        }
    })
}

async fn items(
    state: &HttpState,
    caller: &Caller,
    new: &NewBatch,
) -> Result<Vec<BatchItem>, ApiError> {
    let is_create = new.action == "create";
    match (&new.jobs, &new.ids, &new.filter) {
        (Some(jobs), None, None) if is_create => {
            limit("/jobs", jobs.len())?;
            jobs.iter().enumerate().map(|(index, job)| creation(caller, index, job)).collect()
        }
        _ if is_create => Err(ApiError::invalid_at("/jobs", "`create` takes `jobs` and no others")),
        (None, Some(ids), None) => {
            limit("/ids", ids.len())?;
            let read = |(index, id): (usize, &String)| {
                let bad = |_| {
                    let message = format!("{id:?} is no id of a job");
                    ApiError::invalid_at(format!("/ids/{index}"), message)
                };
                id.parse::<JobId>().map_err(bad)
            };
            let ids = ids.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
            Ok(items_of(ids))
        }
        (None, None, Some(filter)) => found(state, caller, filter).await,
        _ => Err(ApiError::invalid_at("/ids", "name the jobs by `ids` or by `filter`")),
    }
}

fn limit(pointer: &str, count: usize) -> Result<(), ApiError> {
    if count > BATCH_ITEMS_MAX {
        let message = format!("has {count} entries; at most {BATCH_ITEMS_MAX}");
        return Err(ApiError::invalid_at(pointer, message));
    }
    Ok(())
}

fn creation(caller: &Caller, index: usize, job: &serde_json::Value) -> Result<BatchItem, ApiError> {
    let place = |mut error: ApiError| {
        for field in &mut error.errors {
            let pointer = field.pointer.take().unwrap_or_default();
            field.pointer = Some(format!("/jobs/{index}{pointer}"));
        }
        error
    };
    let job: NewJob = typed(job).map_err(place)?;
    for (name, is_given) in
        [("agentId", job.agent_id.is_some()), ("template", job.template.is_some())]
    {
        if is_given {
            let message = format!("`{name}` is not taken in a batch: assign in a second one");
            return Err(ApiError::invalid_at(format!("/jobs/{index}/{name}"), message));
        }
    }
    let new = validate::new_job(job, &caller.id).map_err(place)?;
    Ok(BatchItem { job: None, new: Some(new), outcome: None })
}

/// The jobs of the caller that a filter finds now.
async fn found(
    state: &HttpState,
    caller: &Caller,
    filter: &BatchFilter,
) -> Result<Vec<BatchItem>, ApiError> {
    let BatchFilter { status, job_type, agent_id, label, q } = filter.clone();
    let query = JobsQuery { status, job_type, agent_id, label, q, ..JobsQuery::default() };
    let mut query = JobQuery { limit: PAGE_MAX, ..query.read(Some(&caller.id))? };
    let mut jobs = Vec::new();
    loop {
        let page = state.engine.jobs(&query).await?;
        jobs.extend(page.rows.iter().map(|row| row.id));
        if jobs.len() > BATCH_ITEMS_MAX {
            let message = format!("finds more than {BATCH_ITEMS_MAX} jobs; narrow it");
            return Err(ApiError::invalid_at("/filter", message));
        }
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            return Ok(items_of(jobs));
        }
    }
}

/// A batch.
#[utoipa::path(get, path = "/api/batches/{id}", operation_id = "readBatch", tag = "jobs",
    description = "A batch of the caller: how far it is, and every wish that was refused.",
    params(("id" = String, Path, description = "The batch")),
    responses((status = 200, description = "The batch", body = BatchAnswer)))]
pub async fn read(
    State(state): State<HttpState>,
    caller: Caller,
    BatchPath(id): BatchPath,
) -> Result<Json<BatchAnswer>, ApiError> {
    let found = state.engine.batch(id).await?;
    if found.owner.as_deref() != Some(caller.id.as_str()) {
        return Err(ApiError::new(codes::NO_SUCH_BATCH, "there is no such batch"));
    }
    Ok(Json(BatchAnswer { success: true, batch: batch(found) }))
}
