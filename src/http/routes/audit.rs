//! `/api/admin/audit`: the audit trail, whether it holds, and the evidence of one job. Nothing here
//! writes into the trail but that somebody took evidence away.

use std::collections::BTreeSet;
use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use crate::api::audit::{AuditList, AuditVerifyAnswer};
use crate::engine::audit::bundle_of;
use crate::engine::{AuditQuery, EngineError};
use crate::http::accounts;
use crate::http::authorize::Caller;
use crate::http::codes;
use crate::http::detached::detached;
use crate::http::extract::{QueryOf, parameter};
use crate::http::present::audit::{entry, verification};
use crate::http::problem::ApiError;
use crate::http::routes::listing::{text, wrong};
use crate::http::state::HttpState;
use crate::model::audit::Fact;
use crate::model::id::JobId;
use crate::model::limits::{PAGE_DEFAULT, PAGE_MAX};
use crate::model::time::Timestamp;

/// Which entries, and which page.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct AuditParameters {
    /// By whom: a user id, `agent:…`, `system:…`.
    pub by: Option<String>,
    /// What was done; `login` also finds `login.failed`.
    #[param(example = "decided")]
    pub action: Option<String>,
    /// To what: a user id, a name. `job` is another word for it.
    pub target: Option<String>,
    /// The id of a job.
    pub job: Option<String>,
    /// At or after, RFC 3339.
    pub from: Option<String>,
    /// Before, RFC 3339.
    pub to: Option<String>,
    /// Rows on the page, 1 to 200; 50 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    pub limit: Option<String>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

/// The trail.
#[utoipa::path(get, path = "/api/admin/audit", operation_id = "listAudit", tag = "admin",
    description = "The audit trail, newest first: every commit of every job, every change of \
        configuration, every login. Entries are never removed. A page looks at a bounded number \
        of entries, so it may be short although more follow: go on while `nextCursor` is there.",
    params(AuditParameters),
    responses((status = 200, description = "Entries", body = AuditList)))]
pub async fn list(
    State(state): State<HttpState>,
    QueryOf(query): QueryOf<AuditParameters>,
) -> Result<Json<AuditList>, ApiError> {
    let (target, job) = (text("target", query.target)?, text("job", query.job)?);
    if target.is_some() && job.is_some() {
        return Err(wrong("job", "cannot be given beside `target`"));
    }
    let limit = parameter("limit", query.limit.as_deref(), u32::from_str)?.unwrap_or(PAGE_DEFAULT);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(wrong("limit", format!("must be from 1 to {PAGE_MAX}")));
    }
    let asked = AuditQuery {
        by: text("by", query.by)?,
        action: text("action", query.action)?,
        target: target.or(job),
        from: parameter("from", query.from.as_deref(), time)?,
        to: parameter("to", query.to.as_deref(), time)?,
        before: parameter("cursor", query.cursor.as_deref(), u64::from_str)?,
        limit: limit as usize,
    };
    let page = state.engine.audit(&asked).await?;
    Ok(Json(AuditList {
        success: true,
        entries: page.rows.into_iter().map(entry).collect(),
        total: page.total,
        next_cursor: page.next_before.map(|before| before.to_string()),
    }))
}

/// Whether it holds.
#[utoipa::path(get, path = "/api/admin/audit/verify", operation_id = "verifyAudit", tag = "admin",
    description = "Follows the whole trail: every link, every commit of every journal beside its \
        entry, every signed head in the store and in the file of heads. It may take longer than \
        other requests. Whoever does not trust this machine runs `holdpoint audit verify` on a \
        copy, with heads that were kept elsewhere.",
    responses((status = 200, description = "What was found", body = AuditVerifyAnswer)))]
pub async fn verify(State(state): State<HttpState>) -> Result<Json<AuditVerifyAnswer>, ApiError> {
    let engine = state.engine.clone();
    let found = detached(async move { engine.verify_audit().await }).await?;
    Ok(Json(AuditVerifyAnswer { success: true, verification: verification(found) }))
}

/// Which job.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct ExportParameters {
    /// The id of the job.
    #[param(required = true)]
    pub job: Option<String>,
}

/// The evidence of a job.
#[utoipa::path(get, path = "/api/admin/audit/export", operation_id = "exportEvidence",
    tag = "admin",
    description = "What the decisions of a job were made from, in one document that can be checked \
        without this server: journal, what was shown, who decided, the workflow, and the entries \
        of the audit trail with the links up to a signed head. `holdpoint audit check-bundle` \
        checks it.",
    params(ExportParameters),
    responses((status = 200, description = "The evidence", body = Object)))]
pub async fn export(
    State(state): State<HttpState>,
    caller: Caller,
    QueryOf(query): QueryOf<ExportParameters>,
) -> Result<Json<Value>, ApiError> {
    let job = text("job", query.job)?.ok_or_else(|| wrong("job", "missing"))?;
    let missing = || ApiError::new(codes::NO_SUCH_JOB, "there is no such job");
    let job: JobId = job.parse().map_err(|_| missing())?;
    let (engine, by) = (state.engine.clone(), caller.author());
    let bundle = detached(async move {
        let bundle = bundle_of(&engine, job).await?;
        engine.record(Fact::new(by, "evidence.export", job.to_string())).await?;
        Ok::<_, EngineError>(bundle)
    });
    let mut bundle = bundle.await?;
    let people = people(&state, &bundle).await?;
    bundle["people"] = people;
    Ok(Json(bundle))
}

/// Those who are named in a bundle, as far as they are known now.
async fn people(state: &HttpState, bundle: &Value) -> Result<Value, ApiError> {
    let mut ids = BTreeSet::new();
    let records = bundle["journal"].as_array().into_iter().flatten();
    let decisions = bundle["checkpoints"].as_array().into_iter().flatten();
    let named = records.map(|one| &one["by"]).chain(decisions.map(|one| &one["decision"]["by"]));
    ids.extend(named.filter(|by| by["kind"] == "person").filter_map(|by| by["id"].as_str()));
    ids.extend(bundle["job"]["owner"].as_str());
    let mut people = Vec::new();
    for id in ids {
        let known = accounts::account(&state.engine, id).await;
        let known = known.map_err(|error| ApiError::new(codes::UNAVAILABLE, error.to_string()))?;
        people.push(match known {
            Some(known) => json!({
                "id": id,
                "name": known.name,
                "email": known.email,
                "roles": known.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>(),
            }),
            None => json!({ "id": id, "name": null, "email": null, "roles": [] }),
        });
    }
    Ok(Value::Array(people))
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| format!("{text:?} is no RFC 3339 time"))
}
