//! The job of the board in the demo: an agent that forgets the currency until it is told, and the
//! rule that tells it. The agent is scripted and lives in this process.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use serde_json::json;

use crate::api::job::Job;
use crate::cli::agent_sim::AgentSim;
use crate::cli::exit::{Code, Failure};
use crate::client::Client;
use crate::config::Config;

/// The name of the agent.
const AGENT: &str = "demo-invoices";

/// Starts the agent on a free port and lets the server call it.
pub(super) async fn start_agent(config: &mut Config) -> Result<AgentSim, Failure> {
    let sim = AgentSim::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .await
        .map_err(|error: io::Error| Failure::new(Code::Io, error.to_string()))?;
    config.egress.allow.push(sim.address.to_string());
    Ok(sim)
}

/// Registers the agent, or tells the registration of an earlier demo where it is now; then creates
/// a job for it.
pub(super) async fn create(client: &Client, sim: &AgentSim) -> Result<Job, Failure> {
    let endpoint = sim.url("/learns");
    let known = client.agents().await?.body.agents.into_iter();
    let known = known.map(|agent| agent.agent).find(|agent| agent.name == AGENT);
    let agent = match known {
        Some(agent) => {
            let change = json!({ "endpointURL": endpoint, "active": true });
            client.edit_agent(&agent.id, &change).await?.body.agent
        }
        None => {
            let agent = json!({
                "name": AGENT,
                "description": "Sums invoices and reports the total",
                "endpointURL": endpoint,
                "inputSchema": { "type": "object" },
                "outputSchema": {
                    "type": "object",
                    "required": ["text"],
                    "properties": { "text": { "type": "string" } },
                },
            });
            client.register_agent(&agent).await?.body.agent
        }
    };
    let job = json!({
        "name": "Sum invoices",
        "description": "Sum the invoices of the month and report the total",
        "acceptanceCriteria": "The text names a total with its currency",
        "acceptanceRules": [
            { "name": "total", "when": ".text | test(\"total\")", "message": "no total is named" },
            {
                "name": "currency",
                "when": ".text | test(\"EUR\")",
                "message": "the currency is missing",
            },
        ],
        "inputData": { "invoices": [12, 30] },
        "agentId": agent.agent.id,
        "labels": { "demo": "yes" },
    });
    Ok(client.create_board_job(&job).await?.body.job)
}
