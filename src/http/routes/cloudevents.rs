//! `/api/cloudevents`: events for jobs that listen.

use axum::Json;
use axum::extract::{Request, State};

use crate::api::event::EventAnswer;
use crate::http::authorize::Caller;
use crate::http::detached::detached;
use crate::http::extract::{BodyLimit, parse, read_body, require_kind};
use crate::http::problem::ApiError;
use crate::http::state::HttpState;
use crate::model::cloud_event::{BadCloudEvent, CloudEvent};

/// Takes an event.
#[utoipa::path(post, path = "/api/cloudevents", operation_id = "sendEvent", tag = "events",
    description = "Delivers a CloudEvent 1.0 (structured JSON form) to every job that listens to \
    it.",
    request_body(content = serde_json::Value, content_type = "application/cloudevents+json",
        example = json!({"specversion": "1.0", "id": "order-1-paid", "source": "/shop",
            "type": "com.example.order.paid", "data": {"order": 1}})),
    responses((status = 200, description = "Delivered; on disk in every job that took it",
        body = EventAnswer)))]
pub async fn receive(
    State(state): State<HttpState>,
    caller: Caller,
    request: Request,
) -> Result<Json<EventAnswer>, ApiError> {
    require_kind(request.headers(), &["application/cloudevents+json", "application/json"])?;
    let max = BodyLimit::of(&request);
    let bytes = read_body(request, max).await?;
    let event = CloudEvent::parse(parse(&bytes)?).map_err(|error| {
        let pointer = match &error {
            BadCloudEvent::NotAnObject => String::new(),
            BadCloudEvent::Attribute(name) => format!("/{name}"),
            BadCloudEvent::Version(_) => "/specversion".to_owned(),
            BadCloudEvent::Time => "/time".to_owned(),
        };
        ApiError::invalid_at(pointer, error.to_string())
    })?;
    let engine = state.engine.clone();
    let by = caller.author();
    let delivered = detached(async move { engine.deliver(event, by).await }).await?;
    Ok(Json(EventAnswer { success: true, delivered }))
}
