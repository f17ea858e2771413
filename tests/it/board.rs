//! The job board over HTTP: scripted agents, and what becomes of the jobs that they carry out.

mod batches;
mod behaviours;
mod feedback;
mod overrides;
mod registry;
mod templates;

use holdpoint::cli::agent_sim::AgentSim;
use holdpoint::config::Config;
use serde_json::{Value, json};

use crate::support::server::{TestServer, start};

/// A secret that must be found nowhere but at the agent.
const CANARY: &str = "canary-secret-7781-do-not-show";

/// A server with a scripted agent beside it.
struct Board {
    server: TestServer,
    sim: AgentSim,
}

impl Board {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(overrides: impl FnOnce(&mut Config)) -> Self {
        let sim = AgentSim::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let server = start(|config| {
            config.egress.allow = vec!["127.0.0.0/8".parse().unwrap()];
            overrides(config);
        })
        .await;
        Self { server, sim }
    }

    async fn get(&self, path: &str) -> Value {
        self.server.client.get(path).await.expect(200)
    }

    /// Registers the agent of this path with these members beside the usual ones; answers its id.
    async fn agent(&self, path: &str, members: Value) -> String {
        let name = path.trim_start_matches('/').split('?').next().unwrap_or_default();
        let mut body = json!({
            "name": name,
            "description": "sums invoices and reports totals in EUR",
            "endpointURL": self.sim.url(path),
            "auth": {"scheme": "bearer", "secret": CANARY},
            "inputSchema": {"type": "object"},
            "outputSchema": {
                "type": "object", "required": ["text"],
                "properties": {"text": {"type": "string"}},
            },
            "retry": {"maxAttempts": 3, "backoffMs": 10, "backoffMaxMs": 20},
        });
        lay_over(&mut body, members);
        let created = self.server.client.post("/api/admin/agents", &body).await.expect(201);
        text(&created["agent"]["id"])
    }

    /// Creates a job of the board that waits for an agent; answers its id.
    async fn job(&self, members: Value) -> String {
        let mut body = json!({
            "name": "Sum invoices",
            "description": "Sum the invoices and report the total",
            "acceptanceCriteria": "",
            "acceptanceRules": [
                {"name": "total", "when": ".text | test(\"total\")", "message": "no total"},
                {"name": "currency", "when": ".text | test(\"EUR\")",
                    "message": "the currency is missing"},
            ],
        });
        lay_over(&mut body, members);
        let created = self.server.client.post("/api/jobs", &body).await.expect(201);
        text(&created["job"]["id"])
    }

    /// Assigns a job to an agent, which starts it.
    async fn assign(&self, job: &str, agent: &str) -> Value {
        let body = json!({"agentId": agent, "inputs": {"task": "sum"}});
        self.server.client.post(&format!("/api/jobs/{job}/assign"), &body).await.expect(200)
    }

    /// A job of this agent, once this holds for it.
    async fn until(&self, job: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/api/jobs/{job}");
        self.server
            .wait_until(what, async || {
                let mut body = self.get(&path).await;
                let job = body["job"].take();
                holds(&job).then_some(job)
            })
            .await
    }

    async fn until_status(&self, job: &str, status: &str) -> Value {
        self.until(job, status, |job| job["status"] == status).await
    }

    /// The rows of the log as their owner sees them.
    async fn logs(&self, job: &str) -> Vec<Value> {
        let body = self.get(&format!("/api/jobs/{job}/logs?limit=200")).await;
        body["logs"].as_array().cloned().unwrap_or_default()
    }

    /// The idempotency keys that the agent of this path was asked with, in order.
    fn keys(&self, path: &str) -> Vec<String> {
        let seen = self.sim.seen().into_iter().filter(|seen| seen.path == path);
        seen.map(|seen| seen.key.unwrap_or_default()).collect()
    }
}

fn lay_over(body: &mut Value, members: Value) {
    let Value::Object(members) = members else { panic!("{members} is no object") };
    body.as_object_mut().unwrap().extend(members);
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
