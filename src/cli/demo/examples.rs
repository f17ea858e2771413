//! Jobs of the demo, one of each shipped workflow that needs no agent.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::job::NewAgentJob;

/// A task that goes through, files that wait for an approval, and data with two gates.
pub(super) fn jobs() -> [NewAgentJob; 3] {
    [
        job(
            "simple-task",
            "Process user data",
            5,
            json!({
                "userId": "user-123",
                "action": "update-profile"
            }),
        ),
        job(
            "code-generation",
            "Generate authentication module",
            8,
            json!({
                "files": [
                    {
                        "path": "lib/auth.ts",
                        "content": "export function authenticate() { return true; }"
                    },
                    { "path": "lib/auth.test.ts", "content": "describe(\"auth\", () => { ... })" }
                ],
                "description": "User authentication module"
            }),
        ),
        job(
            "data-processing",
            "Transform customer data",
            7,
            json!({
                "operation": "transform",
                "data": [
                    { "id": 1, "name": "John", "email": "john@example.com" },
                    { "id": 2, "name": "Jane", "email": "jane@example.com" }
                ],
                "transform": "normalize"
            }),
        ),
    ]
}

fn job(job_type: &str, description: &str, priority: u8, input: Value) -> NewAgentJob {
    NewAgentJob {
        job_type: job_type.to_owned(),
        task_description: description.to_owned(),
        input_data: Some(Arc::new(input)),
        priority: Some(priority),
        labels: BTreeMap::from([("demo".to_owned(), "yes".to_owned())]),
    }
}
