//! Workflow documents: what is registered, and what is wrong with one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::problem::FieldError;

/// A workflow document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "namespace": "holdpoint", "name": "simple-task", "version": "1.0.0",
    "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "title": "Simple task", "summary": null, "source": "workflows/simple-task.yaml",
    "current": true, "inputSchema": null, "defects": []
}))]
pub struct Workflow {
    /// `document.namespace`.
    pub namespace: String,
    /// `document.name`: the job type.
    pub name: String,
    /// `document.version`.
    pub version: String,
    /// SHA-256 of the canonical JSON of the document; null for a broken file.
    pub hash: Option<String>,
    /// `document.title`.
    pub title: Option<String>,
    /// `document.summary`.
    pub summary: Option<String>,
    /// The file that it came from, or `api`.
    pub source: String,
    /// Is it the one that new jobs of this type run?
    pub current: bool,
    /// The JSON Schema of the input, if it has one.
    #[schema(value_type = Option<Value>)]
    pub input_schema: Option<Arc<Value>>,
    /// The whole document, where one workflow is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    pub document: Option<Arc<Value>>,
    /// What is wrong with it.
    pub defects: Vec<FieldError>,
}

/// A list of workflows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkflowList {
    /// Always true.
    pub success: bool,
    /// The workflows, by name and version.
    pub workflows: Vec<Workflow>,
}

/// One workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkflowAnswer {
    /// Always true.
    pub success: bool,
    /// The workflow.
    pub workflow: Workflow,
}

/// The versions of a workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VersionList {
    /// Always true.
    pub success: bool,
    /// The versions, as they are registered.
    pub versions: Vec<Workflow>,
}
