//! Many at one waiting job while its actor comes and goes.

use holdpoint::engine::{Engine, EngineError};
use holdpoint::model::checkpoint::Verdict;
use holdpoint::model::command::Command;
use holdpoint::model::id::{CheckpointId, JobId};
use holdpoint::model::status::Status;
use serde_json::json;

use super::weather::Weather;
use super::*;

#[derive(Debug, PartialEq)]
enum Answer {
    Approved,
    Rejected,
    Terminated,
    Refused,
    Read,
}

async fn ask(engine: Engine, job: JobId, gate: CheckpointId, number: usize) -> Answer {
    let command = |command| engine.command(job, command, me());
    let (won, answer) = match number % 4 {
        0 => (Answer::Approved, engine.decide(verdict(gate, Verdict::Approve), me()).await.err()),
        1 => (Answer::Rejected, engine.decide(verdict(gate, Verdict::Reject), me()).await.err()),
        2 => {
            let reason = "enough".to_owned();
            (Answer::Terminated, command(Command::Terminate { reason }).await.err())
        }
        _ => (Answer::Read, engine.job(job).await.err()),
    };
    match answer {
        None => won,
        Some(EngineError::Refused(_)) => Answer::Refused,
        Some(error) => panic!("neither won nor refused: {error:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_a_waiting_job_one_wins_and_everybody_is_answered() {
    let engine = start(Weather::new()).await;
    register(&engine, "gate", json!([{ "gate": checkpoint() }])).await;
    for _ in 0..20 {
        let job = submit(&engine, "gate").await;
        let gate = until_pending(&engine, job).await;
        let asked: Vec<_> =
            (0..64).map(|number| tokio::spawn(ask(engine.clone(), job, gate, number))).collect();
        let mut answers = Vec::new();
        for answer in asked {
            answers.push(answer.await.expect("an answer"));
        }
        let count = |wanted: Answer| answers.iter().filter(|answer| **answer == wanted).count();
        let (yes, no) = (count(Answer::Approved), count(Answer::Rejected));
        let ended = count(Answer::Terminated);
        // The same wish again is granted again; of different ones, one wins.
        let winners = [yes, no, ended].iter().filter(|count| **count > 0).count();
        assert_eq!(winners, 1, "approved {yes}, rejected {no}, terminated {ended}");
        assert_eq!(count(Answer::Read), 16);
        let wanted = match (yes, no) {
            (0, 0) => Status::Cancelled,
            (0, _) => Status::Rejected,
            _ => Status::Completed,
        };
        until_status(&engine, job, wanted).await;
    }
    until_no_job_actors(&engine).await;
    assert_eq!(engine.rescues(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_to_a_job_that_comes_and_goes_are_all_answered() {
    let engine = start(Weather::new()).await;
    register(&engine, "gate", json!([{ "gate": checkpoint() }])).await;
    let job = submit(&engine, "gate").await;
    until_pending(&engine, job).await;
    let rounds: Vec<_> = (0..8)
        .map(|_| {
            let engine = engine.clone();
            tokio::spawn(async move {
                for _ in 0..100 {
                    let reason = "a look".to_owned();
                    engine.command(job, Command::Suspend { reason }, me()).await.unwrap();
                    // Somebody else's resume may have come in between.
                    let resumed = engine.command(job, Command::Resume, me()).await;
                    assert!(matches!(resumed, Ok(_) | Err(EngineError::Refused(_))));
                }
            })
        })
        .collect();
    for round in rounds {
        round.await.unwrap();
    }
    until_no_job_actors(&engine).await;
    assert_eq!(engine.rescues(), 0);
}
