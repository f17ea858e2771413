//! Whoever looks after what is left when the weather is good.

use std::sync::Arc;

use holdpoint::engine::{CheckpointQuery, Engine};
use holdpoint::model::checkpoint::{CheckpointStatus, Verdict};
use holdpoint::model::command::Command;
use holdpoint::model::status::Status;
use serde_json::json;

use super::events::deliver;
use super::people::{click, principal, screen};
use super::world::{World, lock};

/// In good weather somebody looks after everything that waits for a person.
pub async fn caretaker(world: &World, engine: &Engine) {
    engine.start_worker().await.ok();
    let jobs: Vec<_> = lock(&world.history)
        .jobs()
        .filter(|job| !job.status.is_ended())
        .map(|job| (job.id, job.suspended.is_some(), job.status, job.spec.needs_agent))
        .collect();
    for (job, is_suspended, status, needs_agent) in jobs {
        let command = match status {
            _ if is_suspended => Command::Resume,
            Status::Pending if needs_agent => {
                let (agent, inputs) = ("agent".to_owned(), Arc::new(json!({})));
                Command::Assign { agent, inputs, reason: None, report: None }
            }
            Status::Assigned => Command::Execute,
            _ => continue,
        };
        engine.command(job, command, principal("caretaker")).await.ok();
    }
    let query = CheckpointQuery {
        statuses: vec![CheckpointStatus::Pending],
        limit: 100,
        ..CheckpointQuery::default()
    };
    let page = engine.checkpoints(&query).await.map(|page| page.rows).unwrap_or_default();
    let mut dice = world.dice(("caretaker", world.clock.elapsed()));
    for row in page {
        click(world, engine, &screen(&row), Verdict::Approve, &mut dice).await;
    }
    for _ in 0..2 {
        lock(&world.told).events += 1;
        let number = lock(&world.told).events;
        deliver(world, engine, number).await;
    }
}
