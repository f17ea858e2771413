//! Log rows and timelines. Owners do not see where calls go or what is in their headers.

use std::sync::Arc;

use serde_json::Value;

use crate::api::log::{LogRow, TimelineRow};
use crate::engine;
use crate::http::present::time;

/// Who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Viewer {
    /// The owner of the job.
    Owner,
    /// Somebody who runs the server or decides.
    Staff,
}

/// Members of a request that tell where it goes and with which credentials.
const HIDDEN_FROM_OWNERS: &[&str] =
    &["endpoint", "endpointURL", "uri", "url", "headers", "authentication", "auth"];

/// A row of the log.
pub fn row(row: engine::LogRow, viewer: Viewer) -> LogRow {
    let request = match viewer {
        Viewer::Staff => row.request_payload,
        Viewer::Owner => row.request_payload.map(without_address),
    };
    LogRow {
        seq: row.seq,
        timestamp: time(row.at),
        by: row.by.to_string(),
        status: row.status,
        event: row.event.to_owned(),
        message: row.message,
        reference: row.reference,
        agent_id: row.agent,
        request_payload: request,
        response_payload: row.response_payload,
    }
}

fn without_address(payload: Arc<Value>) -> Arc<Value> {
    let Some(object) = payload.as_object() else { return payload };
    if !HIDDEN_FROM_OWNERS.iter().any(|name| object.contains_key(*name)) {
        return payload;
    }
    let mut shown = object.clone();
    shown.retain(|name, _| !HIDDEN_FROM_OWNERS.contains(&name.as_str()));
    Arc::new(Value::Object(shown))
}

/// A row of the timeline.
pub fn timeline(row: engine::TimelineRow) -> TimelineRow {
    TimelineRow {
        run: row.run,
        reference: row.reference,
        name: row.name,
        phase: row.phase.to_owned(),
        attempt: row.attempt,
        iteration: row.iteration,
        started_at: time(row.started_at),
        ended_at: row.ended_at.map(time),
        waited_ms: row.waited_ms,
        output: row.output,
        error: row.error,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn owners_do_not_see_where_a_call_goes() {
        let sent = json!({"method": "POST", "endpoint": {"uri": "http://10.0.0.7"},
            "headers": {"authorization": "x"}, "body": {"task": 1}});
        let shown = without_address(Arc::new(sent));
        assert_eq!(*shown, json!({"method": "POST", "body": {"task": 1}}));
    }
}
