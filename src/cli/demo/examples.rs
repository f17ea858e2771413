//! The three jobs of the demo, one of each shipped workflow.

use serde_json::json;

use crate::client::jobs::NewJob;

/// A task that goes through, files that wait for an approval, and data with two gates.
pub(super) fn jobs() -> [NewJob; 3] {
    [
        NewJob {
            job_type: "simple-task".to_owned(),
            task_description: "Process user data".to_owned(),
            input_data: json!({ "userId": "user-123", "action": "update-profile" }),
            priority: 5,
        },
        NewJob {
            job_type: "code-generation".to_owned(),
            task_description: "Generate authentication module".to_owned(),
            input_data: json!({
                "files": [
                    {
                        "path": "lib/auth.ts",
                        "content": "export function authenticate() { return true; }"
                    },
                    {
                        "path": "lib/auth.test.ts",
                        "content": "describe(\"auth\", () => { ... })"
                    }
                ],
                "description": "User authentication module"
            }),
            priority: 8,
        },
        NewJob {
            job_type: "data-processing".to_owned(),
            task_description: "Transform customer data".to_owned(),
            input_data: json!({
                "operation": "transform",
                "data": [
                    { "id": 1, "name": "John", "email": "john@example.com" },
                    { "id": 2, "name": "Jane", "email": "jane@example.com" }
                ],
                "transform": "normalize"
            }),
            priority: 7,
        },
    ]
}
