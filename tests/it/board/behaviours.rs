//! What becomes of a job whose agent behaves like this: the status that it ends with, how often the
//! agent was asked and under how many keys, and what the log says of it.

use serde_json::{Value, json};

use super::{Board, CANARY};

/// A behaviour, and what must come of it.
struct Case {
    path: &'static str,
    agent: Value,
    status: &'static str,
    /// Requests, and keys among them.
    asked: (usize, usize),
    /// In the message of some row of the log.
    says: &'static str,
}

fn case(
    path: &'static str,
    agent: Value,
    status: &'static str,
    asked: (usize, usize),
    says: &'static str,
) -> Case {
    Case { path, agent, status, asked, says }
}

fn cases() -> Vec<Case> {
    let once = json!({"retry": {"maxAttempts": 1}});
    let in_time = json!({"timeouts": {"totalMs": 300}, "retry": {"maxAttempts": 1}});
    vec![
        case("/good", json!({}), "COMPLETED", (1, 1), "ood enough"),
        case("/flaky?fail=1&after=0", json!({}), "COMPLETED", (2, 1), "503"),
        case("/slow?ms=60000", in_time, "FAILED", (1, 1), "300 ms"),
        case("/malformed", once.clone(), "FAILED", (1, 1), "JSON"),
        case("/wrong-shape", once.clone(), "FAILED", (1, 1), "text"),
        case("/huge", once.clone(), "FAILED", (1, 1), "larger than"),
        case("/endless", once.clone(), "FAILED", (1, 1), "larger than"),
        case("/redirect", once.clone(), "FAILED", (1, 1), "302"),
        case("/refuses", json!({}), "FAILED", (1, 1), "401"),
        case(
            "/busy?after=0",
            json!({"retry": {"maxAttempts": 2, "backoffMs": 1}}),
            "FAILED",
            (2, 1),
            "429",
        ),
        case("/learns", json!({}), "COMPLETED", (2, 2), "the currency is missing"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_behaviour_ends_in_a_clear_status_with_its_reason_in_the_log() {
    let board = Board::new().await;
    for case in cases() {
        let Case { path, agent, status, asked, says } = case;
        let agent = board.agent(path, agent).await;
        let job = board.job(json!({})).await;
        let assigned = board.assign(&job, &agent).await;
        assert_eq!(assigned["job"]["assignedAgentId"], agent);
        let ended = board.until(&job, path, |job| !job["completedAt"].is_null()).await;
        let logs = board.logs(&job).await;
        let story = serde_json::to_string_pretty(&logs).unwrap();
        assert_eq!(ended["status"], status, "{path}: {story}");
        let plain = path.split('?').next().unwrap_or_default();
        let keys = board.keys(plain);
        let distinct: std::collections::BTreeSet<&String> = keys.iter().collect();
        assert_eq!((keys.len(), distinct.len()), asked, "{path}: {keys:?}");
        let said = logs
            .iter()
            .any(|row| format!("{}{}", row["message"], row["responsePayload"]).contains(says));
        assert!(said, "{path}: nothing says {says:?} in {story}");
        for word in ["ASSIGNED", "IN_PROGRESS", status] {
            assert!(logs.iter().any(|row| row["status"] == word), "{path}: no {word} in {story}");
        }
        assert!(!story.contains(CANARY) && !story.contains("127.0.0.1"), "{path}: {story}");
        let admin = board.get(&format!("/api/admin/jobs/{job}?include=logs,timeline")).await;
        assert!(!admin.to_string().contains(CANARY), "{path}");
    }
}

/// An agent that answers later: the job waits without a slot, and the result is taken once.
#[tokio::test(flavor = "multi_thread")]
async fn an_asynchronous_agent_brings_its_result_and_a_second_one_is_refused() {
    let board = Board::new().await;
    for path in ["/async", "/duplicate-callback"] {
        let agent = board.agent(path, json!({"mode": "async"})).await;
        let job = board.job(json!({})).await;
        board.assign(&job, &agent).await;
        board.until_status(&job, "COMPLETED").await;
        assert_eq!(board.keys(path).len(), 1);
        let times = if path == "/async" { 1 } else { 2 };
        let delivered = |sim: &holdpoint::cli::agent_sim::AgentSim| {
            sim.delivered().iter().filter(|sent| sent.path == path).count() == times
        };
        board.sim.wait_until(delivered).await;
        let mut told: Vec<Option<u16>> = board
            .sim
            .delivered()
            .into_iter()
            .filter(|sent| sent.path == path)
            .map(|sent| sent.answered)
            .collect();
        told.sort_unstable();
        let expected = [Some(200), Some(409)];
        assert_eq!(told, expected[..times], "{path}");
    }
}

/// Nothing is called back: the status URL is asked.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_never_calls_back_is_asked_for_its_status() {
    let board = Board::new().await;
    let agent = board.agent("/async?poll=only&ms=1", json!({"mode": "async"})).await;
    let job = board.job(json!({})).await;
    board.assign(&job, &agent).await;
    let waiting = board
        .until(&job, "its callback", |job| {
            job["waitingFor"]["code"] == "callback" || job["status"] == "COMPLETED"
        })
        .await;
    if waiting["status"] != "COMPLETED" {
        let said = waiting["waitingFor"]["text"].as_str().unwrap_or_default();
        assert!(said.contains("call") || said.contains("answer"), "{said}");
    }
    board.until_status(&job, "COMPLETED").await;
    assert!(board.sim.seen().iter().any(|seen| seen.path.starts_with("/status/")));
}

/// Nobody fits: the job says so, and what each agent lacks; a fitting one is found in the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_no_agent_fits_says_what_each_one_lacks() {
    let board = Board::new().await;
    let schema = json!({"type": "object", "required": ["soil"],
        "properties": {"soil": {"type": "string"}}});
    let poor = json!({"name": "gardener", "description": "waters plants", "inputSchema": schema});
    board.agent("/good", poor).await;
    let job = board.job(json!({})).await;
    board.server.client.post(&format!("/api/jobs/{job}/auto-assign"), &json!({})).await.expect(200);
    let waiting =
        board.until(&job, "no agent", |job| job["waitingFor"]["code"] == "no-agent").await;
    assert_eq!(waiting["status"], "PENDING");
    assert!(!waiting["waitingFor"]["until"].is_null(), "{waiting:#}");
    let logs = board.logs(&job).await;
    let failed = logs.iter().find(|row| row["status"] == "MATCHING_FAILED");
    let failed = failed.unwrap_or_else(|| panic!("{logs:#?}")).to_string();
    assert!(failed.contains("gardener"), "{failed}");
    let agent = board.agent("/learns", json!({"name": "invoices"})).await;
    let assigned = board.assign(&job, &agent).await;
    assert_eq!(assigned["job"]["assignedAgentId"], agent);
    board.until_status(&job, "COMPLETED").await;
}

/// The best agent is found and the log says why.
#[tokio::test(flavor = "multi_thread")]
async fn the_agent_that_fits_best_is_found_with_reasons() {
    let board = Board::new().await;
    let poor = json!({"name": "gardener", "description": "waters plants"});
    board.agent("/malformed", poor).await;
    let agent = board.agent("/good", json!({"name": "invoices"})).await;
    let job = board.job(json!({"autoExecute": false})).await;
    board.server.client.post(&format!("/api/jobs/{job}/auto-assign"), &json!({})).await.expect(200);
    let assigned = board.until_status(&job, "ASSIGNED").await;
    assert_eq!(assigned["assignedAgentId"], agent);
    assert_eq!(assigned["waitingFor"]["code"], "execution");
    let logs = serde_json::to_string(&board.logs(&job).await).unwrap();
    assert!(logs.contains("invoices") || logs.contains(&agent), "{logs}");
    board.server.client.post(&format!("/api/jobs/{job}/execute"), &json!({})).await.expect(200);
    board.until_status(&job, "COMPLETED").await;
}
