//! Templates: members of a job that is to be created, under a name.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The members of a job that a template may hold: those of POST /api/jobs but `template`.
pub const MEMBERS: &[&str] = &[
    "name",
    "description",
    "acceptanceCriteria",
    "acceptanceRules",
    "jobType",
    "inputData",
    "priority",
    "labels",
    "autoExecute",
    "dueAt",
    "agentId",
];

/// A template to be kept.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "name": "monthly invoices", "description": "Sums the invoices of a month",
    "job": {"name": "Sum invoices", "description": "Sum the invoices and report the total",
        "acceptanceCriteria": "The text names a total", "agentId": "invoices"}
}))]
pub struct NewTemplate {
    /// Its name, unique among those of its owner.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// For everybody? Only an admin may share one.
    #[serde(default)]
    pub shared: bool,
    /// Members of a job as in POST /api/jobs, any of them; with `agentId` it is a template of an
    /// assignment.
    #[schema(value_type = Object)]
    pub job: Map<String, Value>,
}

/// A template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// Which template (a UUID).
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Is it for everybody?
    pub shared: bool,
    /// The user who keeps it.
    pub user_id: String,
    /// Members of the jobs that are created from it.
    #[schema(value_type = Object)]
    pub job: Map<String, Value>,
    /// When it was made, RFC 3339 in UTC.
    pub created_at: String,
    /// When it was last changed.
    pub updated_at: String,
}

/// One template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TemplateAnswer {
    /// Always true.
    pub success: bool,
    /// The template.
    pub template: Template,
    /// One sentence for people, after a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// The templates of the caller and those that are shared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TemplateList {
    /// Always true.
    pub success: bool,
    /// The templates, by name.
    pub templates: Vec<Template>,
}
