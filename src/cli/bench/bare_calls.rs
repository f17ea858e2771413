//! The same calls without an engine: the baseline of W1. As many clients, the same HTTP library,
//! the same agent, the same bodies, and nothing in between.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::agent::Agent;
use super::load::{self, Plan, Request};
use crate::cli::exit::Failure;
use crate::client::Client;
use crate::clock::Stopwatch;

/// Calls of one job of W1.
const CALLS: u32 = 3;

struct Calls(Client);

#[async_trait]
impl Request for Calls {
    async fn send(&self, number: u64) -> Result<(), Failure> {
        for _ in 0..CALLS {
            self.0.post_unread("/call", load::input(number).to_string().into_bytes()).await?;
        }
        Ok(())
    }
}

/// Makes the calls of so many jobs; answers the time that it took.
pub(super) async fn make(agent: &Agent, clients: u32, jobs: u64) -> Result<Duration, Failure> {
    let plan = Plan { clients, total: jobs, limit: None, gate: None };
    let calls = Arc::new(Calls(Client::new(&agent.url())?));
    let watch = Stopwatch::start();
    load::send(&plan, calls).await?;
    Ok(watch.elapsed())
}

/// The times of the calls of so many jobs, one job after the other.
pub(super) async fn one_at_a_time(agent: &Agent, jobs: u64) -> Result<Vec<Duration>, Failure> {
    let calls = Calls(Client::new(&agent.url())?);
    let mut times = Vec::new();
    for number in 0..jobs {
        let watch = Stopwatch::start();
        calls.send(number).await?;
        times.push(watch.elapsed());
    }
    Ok(times)
}
