//! The figures of agents: every fact counts once, whoever asks and whatever crashes.

use holdpoint::engine::AgentStatistics;
use holdpoint::model::command::Command;
use holdpoint::model::id::{AgentId, JobId};
use holdpoint::model::status::Status;
use serde_json::json;

use crate::engine::{me, until_status};
use crate::matching::rounds::Stage;

async fn work(stage: &Stage, agent: AgentId, status: Status) -> JobId {
    let job = stage.submit().await;
    let assign = Command::Assign {
        agent: agent.to_string(),
        inputs: std::sync::Arc::new(json!({"task": "sum"})),
        reason: None,
        report: None,
    };
    stage.engine.command(job, assign, me()).await.unwrap();
    until_status(&stage.engine, job, status).await;
    job
}

async fn figures(stage: &Stage, agent: AgentId) -> AgentStatistics {
    stage.engine.agent_statistics(agent).await.unwrap()
}

#[tokio::test]
async fn verdicts_calls_and_costs_are_counted_for_their_agent() {
    let stage = Stage::start(Some("obeys-fence")).await;
    let good = stage.agent("good", "/good").await;
    let poor = stage.agent("poor", "/good?text=nothing").await;
    let none = stage.agent("idle", "/good").await;
    for _ in 0..3 {
        work(&stage, good, Status::Completed).await;
    }
    let job = work(&stage, poor, Status::ResubmissionRequired).await;
    let found = figures(&stage, good).await;
    assert_eq!((found.calls, found.failed_calls), (3, 0));
    assert_eq!((found.accepted, found.rejected), (3, 0));
    assert_eq!(found.acceptance_rate, Some(1.0));
    assert!(found.latency_p50_ms.is_some() && found.latency_p95_ms >= found.latency_p50_ms);
    assert!(found.judge_input_tokens > 0 && found.judge_cost_micros > 0);
    let found = figures(&stage, poor).await;
    assert_eq!((found.accepted, found.rejected, found.resubmissions), (0, 1, 0));
    assert_eq!(figures(&stage, none).await, AgentStatistics::default());
    // The same job once more, because its result was not good enough.
    let again = Command::Resubmit { reason: "try again".to_owned() };
    stage.engine.command(job, again, me()).await.unwrap();
    until_status(&stage.engine, job, Status::ResubmissionRequired).await;
    let settled = async || figures(&stage, poor).await.rejected == 2;
    crate::engine::until(&stage.engine, "a second verdict", settled).await;
    let found = figures(&stage, poor).await;
    assert_eq!((found.calls, found.rejected, found.resubmissions), (2, 2, 1));
    stage.engine.stop().await;
}

#[tokio::test]
async fn a_failed_call_is_no_verdict() {
    let stage = Stage::start(Some("obeys-fence")).await;
    let agent = stage.agent("refuses", "/refuses").await;
    work(&stage, agent, Status::Failed).await;
    let found = figures(&stage, agent).await;
    assert_eq!((found.calls, found.failed_calls), (1, 1));
    assert_eq!(found.acceptance_rate, None);
    assert_eq!(found.latency_p50_ms, None);
    stage.engine.stop().await;
}

#[tokio::test]
async fn nothing_is_counted_twice_or_lost_over_crashes() {
    let mut stage = Stage::start(Some("obeys-fence")).await;
    let agent = stage.agent("good", "/good").await;
    for count in 1..=4u64 {
        work(&stage, agent, Status::Completed).await;
        // Some crashes come after the figures were written, some before.
        if count % 2 == 0 {
            assert_eq!(figures(&stage, agent).await.calls, count);
        }
        stage.crash().await;
    }
    let (one, other) = tokio::join!(figures(&stage, agent), figures(&stage, agent));
    assert_eq!(one, other);
    assert_eq!((one.calls, one.accepted), (4, 4));
    stage.engine.stop().await;
}
