//! How a payload that may be absent is written: absent is `null`, so a payload that is itself null
//! is wrapped. Reading the one for the other would fold a journal into another job.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::model::event::Data;

/// The only member of a wrapped payload. One that looks wrapped by itself is wrapped once more.
const WRAPPED: &str = "holdpoint:value";

fn unwrapped(value: &Value) -> Option<&Value> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    object.get(WRAPPED)
}

/// For `#[serde(with)]`.
///
/// # Errors
/// As the serializer's.
pub fn serialize<S: Serializer>(data: &Option<Data>, serializer: S) -> Result<S::Ok, S::Error> {
    match data.as_deref() {
        None => serializer.serialize_none(),
        Some(value) if value.is_null() || unwrapped(value).is_some() => {
            serializer.collect_map([(WRAPPED, value)])
        }
        Some(value) => value.serialize(serializer),
    }
}

/// For `#[serde(with)]`.
///
/// # Errors
/// As the deserializer's.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Data>, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    Ok(value.map(|value| Arc::new(unwrapped(&value).cloned().unwrap_or(value))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Holder {
        #[serde(default, with = "super")]
        data: Option<Data>,
    }

    fn holder(data: Option<Value>) -> Holder {
        Holder { data: data.map(Arc::new) }
    }

    #[test]
    fn what_is_written_is_read() {
        let wrapped = json!({ WRAPPED: null });
        let looks_wrapped = json!({ WRAPPED: { WRAPPED: null } });
        let payloads =
            [json!(null), json!(false), json!({}), json!([null]), wrapped, looks_wrapped];
        for data in payloads.into_iter().map(Some).chain([None]) {
            let held = holder(data);
            let text = serde_json::to_string(&held).expect("JSON");
            assert_eq!(serde_json::from_str::<Holder>(&text).expect("JSON"), held, "{text}");
        }
    }

    #[test]
    fn older_records_mean_absence_by_null() {
        for text in [r#"{"data":null}"#, "{}"] {
            assert_eq!(serde_json::from_str::<Holder>(text).expect("JSON"), holder(None));
        }
        let text = serde_json::to_string(&holder(None)).expect("JSON");
        assert_eq!(text, r#"{"data":null}"#);
    }
}
