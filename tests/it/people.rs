//! People at checkpoints, over the HTTP API and the engine's handle: every door has the same rules,
//! and what was done stays readable.

mod doors;
mod journey;
#[cfg(feature = "fault-injection")]
mod race;

use holdpoint::http::authorize::Role;
use serde_json::{Value, json};

use crate::http::Site;

/// A site with this gate, and people who are signed in: ann, bob and cy review, rita may also
/// submit, root is an admin.
struct Scene {
    site: Site,
    ann: String,
    bob: String,
    cy: String,
    rita: String,
    root: String,
}

/// An account: its id, and its cookie.
async fn person(site: &Site, name: &str, roles: &[Role]) -> (String, String) {
    let email = format!("{name}@x.org");
    let id = site.account(&email, roles).await.id;
    (id, site.login(&email).await)
}

impl Scene {
    /// Registers the document `gated`, whose gate has these arguments.
    async fn with(with: Value) -> Self {
        let site = Site::new().await;
        let (_, root) = person(&site, "root", Role::ALL).await;
        let mut with = with;
        with["title"] = json!("Go on?");
        let document = json!({
            "document": {
                "dsl": "1.0.3", "namespace": "test", "name": "gated", "version": "1.0.0",
            },
            "do": [{ "gate": { "call": "checkpoint", "with": with } }],
        });
        site.post("/api/admin/workflows", &root, &document).await.ok(201);
        let reviewer = &[Role::Reviewer];
        Self {
            ann: person(&site, "ann", reviewer).await.1,
            bob: person(&site, "bob", reviewer).await.1,
            cy: person(&site, "cy", reviewer).await.1,
            rita: person(&site, "rita", &[Role::User, Role::Reviewer]).await.1,
            root,
            site,
        }
    }

    /// A job of rita that waits: its path, and the checkpoint.
    async fn waiting(&self, input: Value) -> (String, Value) {
        let body = json!({ "jobType": "gated", "taskDescription": "t", "inputData": input });
        let made = self.site.post("/api/agent-jobs", &self.rita, &body).await.ok(201);
        let job = format!("/api/agent-jobs/{}", made["job"]["id"].as_str().unwrap());
        let path = format!("{job}/checkpoints");
        let open = |list: &Value| list["checkpoints"][0]["status"] == "PENDING";
        let list = self.site.until(&path, &self.rita, open).await;
        (job, list["checkpoints"][0].clone())
    }

    async fn read(&self, checkpoint: &Value) -> Value {
        self.site.get(&path(checkpoint, ""), &self.root).await.ok(200)["checkpoint"].clone()
    }
}

fn path(checkpoint: &Value, rest: &str) -> String {
    let id = checkpoint["id"].as_str().unwrap();
    format!("/api/admin/agent-checkpoints/{id}{rest}")
}
