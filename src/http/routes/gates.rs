//! `/api/gates`: a program asks, people decide, and the program waits or is told. Who opened a gate
//! never decides it.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use crate::api::gate::{GateAnswer, GateList, NewGate};
use crate::api::job::OptionalReason;
use crate::dsl::schema::Schema;
use crate::dsl::{checkpoint_words as words, parse_duration};
use crate::engine::{self, EngineError, GateQuery, GateStatus, GateView, OpenedGate, Page};
use crate::http::authorize::Caller;
use crate::http::codes;
use crate::http::detached::detached;
use crate::http::extract::{JobPath, JsonBody, OptionalJsonBody, QueryOf, parameter};
use crate::http::present::{gate as present, pagination};
use crate::http::problem::ApiError;
use crate::http::routes::creation::idempotency_key;
use crate::http::routes::listing::PageQuery;
use crate::http::state::HttpState;
use crate::http::validate::{self, Defects};
use crate::model::id::JobId;
use crate::model::limits::{NAME_BYTES_MAX, TEXT_BYTES_MAX};
use crate::model::refusal::Refusal;
use crate::model::time::Span;

/// Longest wait of one request: proxies close what is silent for longer.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// When to ask again after too many waited, seconds.
const RETRY_SECS: u64 = 5;

/// How long to wait.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WaitQuery {
    /// Wait so long for a decision (`30s` or `PT30S`); at most a minute, whatever is asked.
    #[param(example = "30s")]
    pub wait: Option<String>,
}

/// Which gates, and which page.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GatesQuery {
    /// Only gates that stand like this.
    #[param(example = "PENDING")]
    pub status: Option<String>,
    /// Rows on the page, 1 to 200; 50 when absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    pub limit: Option<String>,
    /// Rows to skip.
    #[param(value_type = Option<u64>)]
    pub offset: Option<String>,
    /// `nextCursor` of the page before; instead of `offset`.
    pub cursor: Option<String>,
}

/// Opens a gate.
#[utoipa::path(post, path = "/api/gates", operation_id = "openGate", tag = "gates",
    description = "Asks people a question. Whoever opened the gate never decides it. With an \
    `Idempotency-Key` the same request opens it once within 24 h. A secret that was drawn for the \
    callback is in this answer only.",
    params(("Idempotency-Key" = Option<String>, Header, description = "Names this gate")),
    request_body = NewGate,
    responses((status = 201, description = "Open; it is on disk", body = GateAnswer)))]
pub async fn open(
    State(state): State<HttpState>,
    caller: Caller,
    headers: HeaderMap,
    body: JsonBody<NewGate>,
) -> Result<Response, ApiError> {
    let key = idempotency_key(&headers, &caller, "/api/gates", &body.raw, state.engine.now())?;
    let new = checked(body.value, &caller)?;
    let (engine, author) = (state.engine.clone(), caller.author());
    let opened = detached(async move { engine.open_gate(new, author, key).await }).await?;
    let OpenedGate { gate, replayed, drawn_secret } = opened;
    let mut shown = present::gate(&gate, &base(&state));
    if let (Some(callback), Some(secret)) = (&mut shown.callback, drawn_secret) {
        callback.secret = Some(secret.reveal());
    }
    let location = HeaderValue::from_str(&format!("/api/gates/{}", shown.id));
    let answer = Json(GateAnswer { success: true, gate: shown });
    let mut response = (StatusCode::CREATED, answer).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if replayed {
        response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// The gates of the caller.
#[utoipa::path(get, path = "/api/gates", operation_id = "listGates", tag = "gates",
    description = "The gates of the caller, newest first, in pages.",
    params(GatesQuery),
    responses((status = 200, description = "A page of gates", body = GateList)))]
pub async fn list(
    State(state): State<HttpState>,
    caller: Caller,
    QueryOf(query): QueryOf<GatesQuery>,
) -> Result<Json<GateList>, ApiError> {
    let status = parameter("status", query.status.as_deref(), GateStatus::from_str)?;
    let page = PageQuery { limit: query.limit, offset: query.offset, cursor: query.cursor };
    let (limit, offset, cursor) = page.read()?;
    let owner = Some(caller.id.clone());
    let query = GateQuery { status, owner, limit, offset, cursor };
    let Page { rows, total, next_cursor } = state.engine.gates(&query).await?;
    let base = base(&state);
    let gates = rows.iter().map(|gate| present::gate(gate, &base)).collect();
    let pagination = pagination(limit, offset, total, next_cursor);
    Ok(Json(GateList { success: true, gates, pagination }))
}

/// A gate, now or once it is decided.
#[utoipa::path(get, path = "/api/gates/{id}", operation_id = "readGate", tag = "gates",
    description = "A gate of the caller. With `wait` the answer comes as soon as it is decided, or \
    after that time; it may still be PENDING then.",
    params(("id" = String, Path, description = "The gate"), WaitQuery),
    responses((status = 200, description = "The gate", body = GateAnswer)))]
pub async fn read(
    State(state): State<HttpState>,
    caller: Caller,
    JobPath(id): JobPath,
    QueryOf(query): QueryOf<WaitQuery>,
) -> Result<Json<GateAnswer>, ApiError> {
    let wait = parameter("wait", query.wait.as_deref(), wait)?;
    let gate = match wait {
        Some(wait) if !wait.is_zero() => settled(&state, &caller, id, wait).await?,
        _ => own_gate(&state, &caller, id).await?,
    };
    Ok(Json(GateAnswer { success: true, gate: present::gate(&gate, &base(&state)) }))
}

/// Withdraws a gate.
#[utoipa::path(delete, path = "/api/gates/{id}", operation_id = "withdrawGate", tag = "gates",
    description = "Takes the question back: nobody decides it any more, and nobody is told. A gate \
    that was decided stays so. The body may be left out.",
    params(("id" = String, Path, description = "The gate")),
    request_body = Option<OptionalReason>,
    responses((status = 200, description = "The withdrawn gate", body = GateAnswer)))]
pub async fn withdraw(
    State(state): State<HttpState>,
    caller: Caller,
    JobPath(id): JobPath,
    OptionalJsonBody(body): OptionalJsonBody<OptionalReason>,
) -> Result<Json<GateAnswer>, ApiError> {
    let reason = validate::comment("/reason", body.reason)?;
    let reason = reason.unwrap_or_else(|| "withdrawn by who opened it".to_owned());
    let gate = own_gate(&state, &caller, id).await?;
    if gate.status == GateStatus::Cancelled {
        return Ok(Json(answer(&state, &gate)));
    }
    let (engine, author) = (state.engine.clone(), caller.author());
    let withdrawn =
        detached(async move { Ok::<_, ApiError>(engine.withdraw_gate(id, reason, author).await) });
    match withdrawn.await? {
        Ok(gate) => Ok(Json(answer(&state, &gate))),
        Err(EngineError::Refused(Refusal::Illegal { hint, .. })) => {
            let gate = own_gate(&state, &caller, id).await?;
            let detail = format!("the gate cannot be withdrawn: {hint}");
            Err(ApiError::new(codes::GATE_OVER, detail).with_status(gate.status.as_str()))
        }
        Err(error) => Err(error.into()),
    }
}

fn answer(state: &HttpState, gate: &GateView) -> GateAnswer {
    GateAnswer { success: true, gate: present::gate(gate, &base(state)) }
}

/// Where people reach this server.
pub fn base(state: &HttpState) -> String {
    let listen = || format!("http://{}", state.options.listen);
    let public = state.options.public_url.as_deref().or(state.engine.public_url());
    public.map_or_else(listen, |url| url.trim_end_matches('/').to_owned())
}

/// A gate of the caller. Somebody else's looks like one that does not exist.
pub async fn own_gate(state: &HttpState, caller: &Caller, id: JobId) -> Result<GateView, ApiError> {
    let unknown = || ApiError::new(codes::NO_SUCH_GATE, "there is no such gate");
    match state.engine.gate(id).await {
        Ok(gate) if gate.job.row.owner == caller.id => Ok(gate),
        Ok(_) | Err(EngineError::Refused(Refusal::NoSuchJob)) => Err(unknown()),
        Err(error) => Err(error.into()),
    }
}

/// The gate once it is decided, or as it is after this time, or when the server stops. It looks
/// only when something was committed for this very gate.
async fn settled(
    state: &HttpState,
    caller: &Caller,
    id: JobId,
    wait: Duration,
) -> Result<GateView, ApiError> {
    let _place = state.waiters.clone().try_acquire_owned().map_err(|_| too_many())?;
    let (mut watch, closing) = (state.engine.watch_job(id), state.closing());
    let over = tokio::time::sleep(wait);
    tokio::pin!(over);
    loop {
        let gate = own_gate(state, caller, id).await?;
        if gate.is_settled() {
            return Ok(gate);
        }
        tokio::select! {
            () = watch.changed() => {}
            () = &mut over => return own_gate(state, caller, id).await,
            () = closing.cancelled() => return Ok(gate),
        }
    }
}

/// So many wait that no more may.
pub fn too_many() -> ApiError {
    let detail = "too many requests wait for decisions; ask without `wait`, or use a callback";
    ApiError::new(codes::TOO_MANY_WAITERS, detail).retry_after(RETRY_SECS)
}

fn wait(text: &str) -> Result<Duration, String> {
    let seconds = text.strip_suffix('s').and_then(|number| number.parse::<u64>().ok());
    let span = seconds.map(Span::from_secs).or_else(|| parse_duration(text));
    let span = span.ok_or_else(|| format!("{text:?} is no time such as 30s or PT30S"))?;
    Ok(span.as_duration().min(WAIT_MAX))
}

/// A gate as the engine takes it, or everything that is wrong with it.
fn checked(new: NewGate, caller: &Caller) -> Result<engine::NewGate, ApiError> {
    let mut defects = Defects::default();
    defects.text("/title", &new.title, NAME_BYTES_MAX);
    if new.title.contains(char::is_control) {
        defects.add("/title", "must be one line");
    }
    if let Some(summary) = &new.summary {
        defects.length("/summary", summary, TEXT_BYTES_MAX);
    }
    defects.labels(&new.labels);
    let policy = policy(&new, &mut defects);
    let mut callback = None;
    if let Some(given) = new.callback {
        let secret = given.secret.as_deref().map(engine::WebhookSecret::parse).transpose();
        match secret {
            Ok(secret) => callback = Some(engine::NewCallback { url: given.url, secret }),
            Err(bad) => defects.add("/callback/secret", bad.to_string()),
        }
    }
    let gate = engine::NewGate {
        title: new.title,
        summary: new.summary,
        show: new.show,
        policy,
        labels: new.labels,
        owner: caller.id.clone(),
        callback,
    };
    defects.done(gate)
}

/// The policy as the function `checkpoint` takes it, checked as its constants are.
fn policy(new: &NewGate, defects: &mut Defects) -> BTreeMap<&'static str, Value> {
    let mut policy = BTreeMap::new();
    let mut add = |name: &'static str, value: Option<Value>, read: &dyn Fn(&Value) -> Check| {
        let Some(value) = value.filter(|value| !value.is_null()) else { return };
        if let Err(wrong) = read(&value) {
            defects.add(&format!("/{name}"), wrong);
        }
        policy.insert(name, value);
    };
    let assignees = new.assignees.as_ref().map(|names| json!(names));
    add("assignees", assignees, &|value| words::assignees(value).map(drop));
    add("quorum", new.quorum.map(Value::from), &|value| words::quorum(value).map(drop));
    add("fourEyes", new.four_eyes.map(Value::from), &|value| words::flag(value).map(drop));
    add("linkConfirm", new.link_confirm.map(Value::from), &|value| words::flag(value).map(drop));
    add("editable", new.editable.clone(), &|value| words::pointers(value).map(drop));
    let on_expiry = new.on_expiry.clone().map(Value::from);
    add("onExpiry", on_expiry, &|value| words::on_expiry(value).map(drop));
    add("form", new.form.clone(), &schema);
    add("expiresAfter", new.expires_after.clone().map(Value::from), &duration);
    add("remindAfter", new.remind_after.clone().map(Value::from), &duration);
    add("escalateAfter", new.escalate_after.clone().map(Value::from), &duration);
    // Without a chain the admins are its end.
    let chain = new.escalate_to.as_ref().map(|names| json!(names));
    let chain = chain.or_else(|| new.escalate_after.as_ref().map(|_| json!(["role:admin"])));
    add("escalateTo", chain, &|value| words::chain(value).map(drop));
    policy
}

type Check = Result<(), String>;

fn duration(value: &Value) -> Check {
    let span = value.as_str().and_then(parse_duration).filter(|span| span.0 > 0);
    span.map(drop).ok_or_else(|| format!("{value} is no ISO 8601 duration such as PT4H"))
}

fn schema(value: &Value) -> Check {
    let complaint = |violations: Vec<crate::dsl::schema::Violation>| {
        let lines = violations.iter().map(|found| format!("{}: {}", found.pointer, found.message));
        lines.collect::<Vec<_>>().join("; ")
    };
    Schema::compile(value).map(drop).map_err(complaint)
}
