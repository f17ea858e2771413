//! Who may call an agent when: places, rates, circuits, and who waits for them without a slot.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use holdpoint::engine::{AgentEdit, AgentState};
use holdpoint::model::agent::RateLimit;
use holdpoint::model::id::AgentId;
use holdpoint::model::status::{Status, WaitCode};
use holdpoint::model::time::Span;
use serde_json::json;

use super::*;
use crate::calls::server::json as json_reply;
use crate::engine::agent::Agent;
use crate::engine::{actors, me, new_job};

/// An agent that answers when its gate is open, and counts who is there at once.
async fn gated(engine: &Engine, concurrency_max: u32) -> (Agent, AgentId) {
    let agent = Agent::start().await;
    let mut new = NewAgent::new("sums", agent.url());
    new.concurrency_max = concurrency_max;
    let id = create(engine, new).await.agent.id;
    register_work(engine, json!({})).await;
    (agent, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_wait_in_order_for_an_agent_at_capacity_and_hold_no_slot() {
    let engine = Stage::new().engine().await;
    let (agent, id) = gated(&engine, 1).await;
    agent.close();
    let mut jobs = Vec::new();
    for _ in 0..4 {
        let before = agent.seen().len();
        jobs.push(submit(&engine, "work").await);
        if before == 0 {
            until(&engine, "the first is there", async || agent.seen().len() == 1).await;
        } else {
            until_waits(&engine, jobs[jobs.len() - 1], WaitCode::AgentBusy).await;
        }
    }
    for (ahead, job) in jobs[1..].iter().enumerate() {
        let text = until_waits(&engine, *job, WaitCode::AgentBusy).await;
        assert!(text.contains(&format!("behind {ahead} other")), "{text}");
        assert!(text.contains("\"sums\""), "{text}");
    }
    let one = async || engine.worker().await.is_ok_and(|worker| worker.active_jobs == 1);
    until(&engine, "only the first holds a slot", one).await;
    let availability = engine.agent(id).unwrap().availability;
    assert_eq!((availability.in_use, availability.queued), (1, 3));
    assert_eq!(availability.state, AgentState::Busy);
    agent.open();
    for job in &jobs {
        until_status(&engine, *job, Status::Completed).await;
    }
    assert_eq!(agent.most(), 1);
    let order: Vec<String> = agent.seen().into_iter().map(|seen| seen.key).collect();
    let jobs: Vec<String> = jobs.iter().map(ToString::to_string).collect();
    assert!(order.iter().zip(&jobs).all(|(key, job)| key.starts_with(job)), "{order:?} {jobs:?}");
    assert_eq!(engine.agent(id).unwrap().availability.queued, 0);
    assert_eq!(engine.rescues(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_ended_while_it_waits_leaves_the_line() {
    let engine = Stage::new().engine().await;
    let (agent, id) = gated(&engine, 1).await;
    agent.close();
    let first = submit(&engine, "work").await;
    until(&engine, "the first is there", async || agent.seen().len() == 1).await;
    let second = submit(&engine, "work").await;
    until_waits(&engine, second, WaitCode::AgentBusy).await;
    let third = submit(&engine, "work").await;
    until_waits(&engine, third, WaitCode::AgentBusy).await;
    let end = holdpoint::model::command::Command::Terminate { reason: "enough".to_owned() };
    engine.command(second, end, me()).await.unwrap();
    let left = async || engine.agent(id).unwrap().availability.queued == 1;
    until(&engine, "it left the line", left).await;
    agent.open();
    for job in [first, third] {
        until_status(&engine, job, Status::Completed).await;
    }
    assert_eq!(agent.seen().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_waited_when_the_process_ended_ask_again() {
    let mut stage = Stage::new();
    stage.options.drain_timeout = Span::from_millis(1);
    let engine = stage.engine().await;
    let (agent, id) = gated(&engine, 1).await;
    agent.close();
    let jobs = [submit(&engine, "work").await, submit(&engine, "work").await];
    until(&engine, "one is there", async || agent.seen().len() == 1).await;
    until(&engine, "one waits", async || engine.agent(id).unwrap().availability.queued == 1).await;
    engine.stop().await;
    agent.open();
    let engine = stage.engine_again().await;
    for job in jobs {
        until_status(&engine, job, Status::Completed).await;
    }
    let mut keys: Vec<String> = agent.seen().into_iter().map(|seen| seen.key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 2, "the interrupted call was made again with its key");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_is_kept() {
    let (stage, clock) = Stage::with_manual_clock();
    let engine = stage.engine().await;
    let (agent, id) = gated(&engine, 8).await;
    let rate_limit = Some(Some(RateLimit { requests: 2, per_ms: 60_000 }));
    let edit = AgentEdit { rate_limit, ..AgentEdit::default() };
    engine.edit_agent(id, edit, None, crate::engine::me()).await.unwrap();
    for _ in 0..2 {
        ended(&engine, Status::Completed).await;
    }
    let third = submit(&engine, "work").await;
    let text = until_waits(&engine, third, WaitCode::AgentRate).await;
    assert!(text.contains("no more calls before"), "{text}");
    assert_eq!(engine.agent(id).unwrap().availability.state, AgentState::RateLimited);
    clock.advance(Span::from_secs(29));
    assert_eq!(agent.seen().len(), 2);
    clock.advance(Span::from_secs(1));
    until_status(&engine, third, Status::Completed).await;
    assert_eq!(agent.seen().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_does_not_answer_is_left_alone_and_tried_again() {
    let (stage, clock) = Stage::with_manual_clock();
    let engine = stage.engine().await;
    let works = Arc::new(AtomicBool::new(false));
    let gate = works.clone();
    let server = Server::start(move |_| match gate.load(Ordering::SeqCst) {
        true => json_reply(200, json!({ "text": "back" })),
        false => json_reply(502, json!({})),
    })
    .await;
    let mut new = new_agent(&server, "/run");
    new.retry.max_attempts = 1;
    let id = create(&engine, new).await.agent.id;
    register_work(&engine, json!({})).await;
    for _ in 0..5 {
        ended(&engine, Status::Failed).await;
    }
    let waiting = [submit(&engine, "work").await, submit(&engine, "work").await];
    for job in waiting {
        let text = until_waits(&engine, job, WaitCode::CircuitOpen).await;
        assert!(text.contains("does not answer"), "{text}");
    }
    let availability = engine.agent(id).unwrap().availability;
    assert_eq!((availability.state, availability.failures), (AgentState::CircuitOpen, 5));
    assert!(availability.last_failure.unwrap().contains("502"));
    clock.advance(Span::from_secs(29));
    assert_eq!(server.seen().len(), 5);
    // One tries, and fails: the pause is twice as long.
    clock.advance(Span::from_secs(1));
    let ended_jobs = async || {
        let mut count = 0;
        for job in waiting {
            let row = engine.job_row(job).await.unwrap();
            count += usize::from(row.status == Status::Failed);
        }
        count
    };
    until(&engine, "one tried", async || ended_jobs().await == 1).await;
    assert_eq!(server.seen().len(), 6);
    works.store(true, Ordering::SeqCst);
    clock.advance(Span::from_secs(59));
    assert_eq!(server.seen().len(), 6);
    clock.advance(Span::from_secs(1));
    let mut completed = Vec::new();
    for job in waiting {
        let over = async || engine.job_row(job).await.unwrap().completed_at.is_some();
        until(&engine, "it ended", over).await;
        completed.push(engine.job_row(job).await.unwrap().status);
    }
    completed.sort();
    assert_eq!(completed, [Status::Completed, Status::Failed]);
    assert_eq!(engine.agent(id).unwrap().availability.state, AgentState::Available);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_an_inactive_agent_wait_until_it_is_active() {
    let engine = Stage::new().engine().await;
    let (agent, id) = gated(&engine, 1).await;
    engine.deactivate_agent(id, crate::engine::me()).await.unwrap();
    let job = submit(&engine, "work").await;
    let text = until_waits(&engine, job, WaitCode::AgentInactive).await;
    assert!(text.contains("activates agent \"sums\""), "{text}");
    assert!(agent.seen().is_empty());
    let edit = AgentEdit { is_active: Some(true), ..AgentEdit::default() };
    engine.edit_agent(id, edit, None, crate::engine::me()).await.unwrap();
    until_status(&engine, job, Status::Completed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tree_of_actors_shows_each_agent_and_how_it_stands() {
    let engine = Stage::new().engine().await;
    let (agent, _) = gated(&engine, 1).await;
    agent.close();
    submit(&engine, "work").await;
    let is_busy = async || {
        let agents = actors(&engine, "agent").await;
        agents.first().is_some_and(|agent| agent.state.starts_with("busy; 1 under way"))
    };
    until(&engine, "the first call is under way", is_busy).await;
    let waiting = submit(&engine, "work").await;
    until_waits(&engine, waiting, WaitCode::AgentBusy).await;
    let shown = async || {
        let agents = actors(&engine, "agent").await;
        agents.len() == 1
            && agents[0].name == "sums"
            && agents[0].state.starts_with("busy; 1 under way, 1 waiting")
    };
    until(&engine, "the agent's line says so", shown).await;
    assert_eq!(actors(&engine, "agents").await.len(), 1);
    agent.open();
    until_status(&engine, waiting, Status::Completed).await;
    let shown = async || actors(&engine, "agent").await[0].state.starts_with("available; 0 under");
    until(&engine, "the agent's line says so", shown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_owner_cannot_take_every_slot() {
    let mut stage = Stage::new();
    (stage.options.concurrent_jobs_max, stage.options.jobs_per_owner_max) = (3, 2);
    let engine = stage.engine().await;
    let (agent, _) = gated(&engine, 100).await;
    agent.close();
    let mut jobs = Vec::new();
    for owner in ["vera"; 6].into_iter().chain(["otto"]) {
        let job = holdpoint::engine::NewJob { owner: owner.to_owned(), ..new_job("work") };
        jobs.push(engine.submit(job, me(), None).await.unwrap().job.row.id);
    }
    until(&engine, "three are there", async || agent.seen().len() == 3).await;
    let otto = jobs[6].to_string();
    assert!(agent.seen().iter().any(|seen| seen.key.starts_with(&otto)), "{:?}", agent.seen());
    agent.open();
    for job in jobs {
        until_status(&engine, job, Status::Completed).await;
    }
}
