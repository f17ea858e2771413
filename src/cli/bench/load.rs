//! Clients that submit, as many at once as were asked for. They count what they sent and stop at
//! the first failure: a run with failures measures something else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::cli::exit::{Code, Failure};
use crate::clock::Stopwatch;

/// No job of a bench takes so long; one that does is lost.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// What is written on every job.
pub(super) const DESCRIPTION: &str =
    "A job of a bench with a line of text that says what it is for.";

/// What clients do again and again.
#[async_trait]
pub(super) trait Request: Send + Sync + 'static {
    /// Does it for the thing of this number, counted from 0.
    async fn send(&self, number: u64) -> Result<(), Failure>;
}

/// How many at once, and how often.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) clients: u32,
    pub(super) total: u64,
    /// No request begins after this.
    pub(super) limit: Option<Duration>,
    /// Gets a permit when a client is free again; without it that is so once it has its answer.
    pub(super) gate: Option<Arc<Semaphore>>,
}

/// Sends them; answers how many were sent. With a gate the last client ends when the gate got a
/// permit for each.
pub(super) async fn send(plan: &Plan, request: Arc<dyn Request>) -> Result<u64, Failure> {
    let next = Arc::new(AtomicU64::new(0));
    let began = Stopwatch::start();
    if let Some(gate) = &plan.gate {
        gate.forget_permits(Semaphore::MAX_PERMITS);
        gate.add_permits(plan.clients as usize);
    }
    let mut clients = JoinSet::new();
    for _ in 0..plan.clients {
        let (plan, request, next) = (plan.clone(), request.clone(), next.clone());
        clients.spawn(async move {
            let mut sent = 0;
            loop {
                let is_over = plan.limit.is_some_and(|limit| began.elapsed() >= limit);
                if is_over || !plan.may_go_on().await? {
                    return Ok(sent);
                }
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= plan.total {
                    return Ok(sent);
                }
                request.send(number).await?;
                sent += 1;
            }
        });
    }
    let mut sent = 0;
    while let Some(client) = clients.join_next().await {
        let client: Result<u64, Failure> = client.unwrap_or_else(|error| {
            Err(Failure::new(Code::Internal, format!("a client of the bench ended: {error}")))
        });
        sent += client?;
    }
    Ok(sent)
}

impl Plan {
    /// Waits for a job to be nearly done.
    async fn may_go_on(&self) -> Result<bool, Failure> {
        let Some(gate) = &self.gate else { return Ok(true) };
        match timeout(PATIENCE, gate.acquire()).await {
            Ok(Ok(permit)) => {
                permit.forget();
                Ok(true)
            }
            Ok(Err(_)) => Ok(false),
            Err(_) => {
                let seconds = PATIENCE.as_secs();
                let text = format!("no job came to its last call within {seconds} s");
                Err(Failure::new(Code::Refused, text))
            }
        }
    }
}

/// The body of a job's creation and the input of its workflow: a short question, as agents get.
pub(super) fn input(number: u64) -> serde_json::Value {
    serde_json::json!({
        "number": number,
        "question": "Summarise the incident report and name the service that failed first.",
        "context": { "team": "payments", "severity": 2, "tags": ["latency", "deploy"] },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Count(AtomicU64, Arc<Semaphore>);

    #[async_trait]
    impl Request for Count {
        async fn send(&self, _: u64) -> Result<(), Failure> {
            self.0.fetch_add(1, Ordering::Relaxed);
            self.1.add_permits(1);
            Ok(())
        }
    }

    #[tokio::test]
    async fn every_number_is_sent_once() {
        let gate = Arc::new(Semaphore::new(0));
        let count = Arc::new(Count(AtomicU64::new(0), gate.clone()));
        for gate in [None, Some(gate)] {
            let plan = Plan { clients: 7, total: 100, limit: None, gate };
            let sent = send(&plan, count.clone()).await.unwrap();
            assert_eq!(sent, 100);
        }
        assert_eq!(count.0.load(Ordering::Relaxed), 200);
    }
}
