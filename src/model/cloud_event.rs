//! An event in the CloudEvents 1.0 form, as JSON. Checked once at the border, opaque after that.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A checked CloudEvent (structured JSON form).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CloudEvent(Arc<Value>);

/// Why a value is no CloudEvent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCloudEvent {
    /// It is not a JSON object.
    #[error("a CloudEvent is a JSON object")]
    NotAnObject,
    /// A required attribute is missing, empty or no text.
    #[error("attribute {0:?} must be a non-empty text")]
    Attribute(&'static str),
    /// Another version of the format.
    #[error("specversion {0:?} is not supported; send \"1.0\"")]
    Version(String),
    /// The time is not RFC 3339.
    #[error("attribute \"time\" must be an RFC 3339 time")]
    Time,
}

impl CloudEvent {
    /// Checks the attributes that CloudEvents 1.0 requires: `id`, `source`, `type`, `specversion`.
    pub fn parse(value: Value) -> Result<Self, BadCloudEvent> {
        let object = value.as_object().ok_or(BadCloudEvent::NotAnObject)?;
        for name in ["specversion", "id", "source", "type"] {
            match object.get(name).and_then(Value::as_str) {
                Some(text) if !text.is_empty() => {}
                _ => return Err(BadCloudEvent::Attribute(name)),
            }
        }
        let version = object.get("specversion").and_then(Value::as_str).unwrap_or_default();
        if version != "1.0" {
            return Err(BadCloudEvent::Version(version.to_owned()));
        }
        if let Some(time) = object.get("time") {
            let parsed = time.as_str().and_then(crate::model::time::Timestamp::parse_rfc3339);
            parsed.ok_or(BadCloudEvent::Time)?;
        }
        Ok(Self(Arc::new(value)))
    }

    /// The whole envelope.
    pub fn envelope(&self) -> &Arc<Value> {
        &self.0
    }

    /// A text attribute, or nothing.
    pub fn attribute(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// What makes it one event: source and id.
    pub fn identity(&self) -> (&str, &str) {
        (self.attribute("source"), self.attribute("id"))
    }

    /// The payload; null when there is none.
    pub fn data(&self) -> Value {
        self.0.get("data").cloned().unwrap_or(Value::Null)
    }
}
