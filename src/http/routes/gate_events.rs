//! `/api/gates/{id}/events`: what happens to a gate, as it happens. Each event has an id, and a
//! client that comes back with the last one it saw misses nothing.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode};

use crate::api::gate::GateEvent;
use crate::engine::{EngineError, GateStatus};
use crate::http::authorize::Caller;
use crate::http::event_stream::{Sink, event, event_stream, keep_alive};
use crate::http::extract::JobPath;
use crate::http::present::gate as present;
use crate::http::problem::ApiError;
use crate::http::routes::gates::{own_gate, too_many};
use crate::http::state::HttpState;
use crate::model::id::JobId;

/// The header with the id of the last event that a client saw.
const LAST_SEEN: &str = "last-event-id";
/// How often a quiet stream says that it is there: proxies close what is silent for longer.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a stream lasts: then the client comes back, and its rights are looked at again.
const STREAM_TIME_MAX: Duration = Duration::from_secs(3_600);

/// What happens to a gate.
#[utoipa::path(get, path = "/api/gates/{id}/events", operation_id = "followGate", tag = "gates",
    description = "What happens to a gate of the caller as server-sent events \
    (`checkpointOpened`, `voted`, `decided`, `expired`, …) until it is decided. `Last-Event-ID` \
    resumes without loss; 204 says that nothing more will come.",
    params(
        ("id" = String, Path, description = "The gate"),
        ("Last-Event-ID" = Option<u64>, Header, description = "The last event that was seen"),
    ),
    responses(
        (status = 200, description = "The events", body = GateEvent,
            content_type = "text/event-stream"),
        (status = 204, description = "It is over, and all of it was seen"),
    ))]
pub async fn follow(
    State(state): State<HttpState>,
    caller: Caller,
    JobPath(id): JobPath,
    headers: HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let gate = own_gate(&state, &caller, id).await?;
    let seen = last_seen(&headers)?;
    if gate.is_settled() && state.engine.gate_facts(id, seen).await?.is_empty() {
        let mut nothing = Response::new(Body::empty());
        *nothing.status_mut() = StatusCode::NO_CONTENT;
        return Ok(nothing);
    }
    let place = state.waiters.clone().try_acquire_owned().map_err(|_| too_many())?;
    let (sink, response) = event_stream();
    tokio::spawn(async move {
        let told = tokio::time::timeout(STREAM_TIME_MAX, tell(&state, id, seen, &sink)).await;
        if let Ok(Err(error)) = told {
            tracing::debug!(gate = %id, %error, "a stream of events ended early");
        }
        drop(place);
    });
    Ok(response)
}

fn last_seen(headers: &HeaderMap) -> Result<u64, ApiError> {
    let Some(given) = headers.get(LAST_SEEN) else { return Ok(0) };
    let number = given.to_str().ok().and_then(|text| text.trim().parse().ok());
    // The description has numbers of 63 bits.
    let number = number.filter(|number| i64::try_from(*number).is_ok());
    number.ok_or_else(|| ApiError::invalid_at("", "Last-Event-ID must be the id of an event"))
}

/// Tells what happens until the gate is decided, the client has gone, or the server stops.
async fn tell(state: &HttpState, id: JobId, seen: u64, sink: &Sink) -> Result<(), EngineError> {
    let (mut watch, closing) = (state.engine.watch_job(id), state.closing());
    let (mut seen, name) = (seen, id.to_string());
    let mut alive = tokio::time::interval(KEEP_ALIVE);
    alive.tick().await;
    loop {
        let mut status = state.engine.gate(id).await?.status;
        for fact in state.engine.gate_facts(id, seen).await? {
            let shown: GateEvent = present::event(&name, &fact);
            let data = serde_json::to_string(&shown).unwrap_or_default();
            if sink.send(event(fact.seq, fact.name, &data)).await.is_err() {
                return Ok(());
            }
            (seen, status) = (fact.seq, fact.status);
        }
        if status != GateStatus::Pending {
            return Ok(());
        }
        tokio::select! {
            () = watch.changed() => {}
            _ = alive.tick() => if sink.send(keep_alive()).await.is_err() { return Ok(()) },
            () = sink.closed() => return Ok(()),
            () = closing.cancelled() => return Ok(()),
        }
    }
}
