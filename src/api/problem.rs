//! Errors of the API as problem details (RFC 9457). A client branches on `type`, never on the text.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a request was not granted (`application/problem+json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "success": false,
    "type": "/problems/invalid-request",
    "title": "The request does not fit",
    "status": 422,
    "detail": "unknown field `surprise`",
    "instance": "/api/jobs",
    "errors": [{"pointer": "/surprise", "message": "unknown field `surprise`"}]
}))]
pub struct Problem {
    /// Always false.
    pub success: bool,
    /// What kind of problem it is: a page of this server.
    #[serde(rename = "type")]
    pub kind: String,
    /// One line for people, the same for every problem of this kind.
    pub title: String,
    /// The status code of the answer.
    pub status: u16,
    /// What happened this time, and what to do.
    pub detail: String,
    /// The path of the request.
    pub instance: String,
    /// What is wrong where, for invalid input.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Where the job or checkpoint stands, for a conflict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_status: Option<String>,
    /// The decision that stands, for a checkpoint that was decided before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<EarlierDecision>,
}

/// One thing that is wrong with the input.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldError {
    /// JSON Pointer (RFC 6901) into the body; absent when it is about a query parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The query parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// The line in a workflow document, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column in a workflow document, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl FieldError {
    /// Something is wrong at this place of the body.
    pub fn at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: Some(pointer.into()), message: message.into(), ..Self::default() }
    }

    /// Something is wrong with this query parameter.
    pub fn parameter(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { parameter: Some(name.into()), message: message.into(), ..Self::default() }
    }
}

/// A decision that was made before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EarlierDecision {
    /// How the checkpoint was closed.
    #[schema(example = "APPROVED")]
    pub status: String,
    /// By whom; null when nobody decided (expired, cancelled).
    pub by: Option<String>,
    /// When, RFC 3339 in UTC.
    pub at: Option<String>,
    /// With which comment or reason.
    pub comment: Option<String>,
}
