//! Whoever waits is woken by the decision and by nothing else; so many may wait and no more; all
//! end when the server stops.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::body::Body;
use holdpoint::http::authorize::Role;
use holdpoint::model::id::JobId;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{PATIENCE, REVIEWER, Stand, Who, text};

async fn cast(stand: &Stand) -> (Who, Who) {
    let admin = stand.person("root@x.org", Role::ALL).await;
    (stand.program(&admin, "waiter").await, stand.person("rita@x.org", REVIEWER).await)
}

fn id(gate: &Value) -> JobId {
    text(&gate["id"]).parse().unwrap()
}

/// Is it through, when it is asked once?
fn is_ready(future: &mut std::pin::Pin<&mut impl Future<Output = ()>>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    matches!(future.as_mut().poll(&mut context), Poll::Ready(()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_with_the_decision() {
    let stand = Stand::new().await;
    let (program, rita) = cast(&stand).await;
    let gate = stand.open(&program, json!({})).await;
    let path = format!("/api/gates/{}?wait=60s", text(&gate["id"]));
    let waiting = stand.get(&path, &program);
    let deciding = async {
        tokio::task::yield_now().await;
        stand.decide(&gate, &rita, "approve").await.expect(200);
    };
    let both = async { tokio::join!(waiting, deciding) };
    let (answer, ()) = tokio::time::timeout(PATIENCE, both).await.expect("no minute of waiting");
    assert_eq!(answer.expect(200)["gate"]["status"], "APPROVED");
    // A gate that is decided is not waited for.
    let again = tokio::time::timeout(PATIENCE, stand.get(&path, &program)).await.unwrap();
    assert_eq!(again.expect(200)["gate"]["status"], "APPROVED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_with_its_time() {
    let stand = Stand::new().await;
    let (program, _) = cast(&stand).await;
    let gate = stand.open(&program, json!({})).await;
    for wait in ["0s", "1s", "PT0.01S"] {
        let path = format!("/api/gates/{}?wait={wait}", text(&gate["id"]));
        let answer = tokio::time::timeout(PATIENCE, stand.get(&path, &program)).await.unwrap();
        assert_eq!(answer.expect(200)["gate"]["status"], "PENDING", "{wait}");
    }
    for wrong in ["soon", "-1s", "P1M"] {
        let path = format!("/api/gates/{}?wait={wrong}", text(&gate["id"]));
        assert_eq!(stand.get(&path, &program).await.status, 422, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_wakes_whoever_waits_for_its_job_and_nobody_else() {
    let stand = Stand::new().await;
    let (program, rita) = cast(&stand).await;
    let (mine, other) =
        (stand.open(&program, json!({})).await, stand.open(&program, json!({})).await);
    let mut watch = stand.engine.watch_job(id(&mine));
    let mut changed = pin!(watch.changed());
    assert!(!is_ready(&mut changed));
    for _ in 0..20 {
        let path =
            format!("/api/admin/agent-checkpoints/{}/comments", text(&other["checkpointId"]));
        stand.post(&path, &rita, &json!({"text": "hm"})).await;
    }
    stand.decide(&other, &rita, "approve").await.expect(200);
    assert!(!is_ready(&mut changed), "a commit of another job woke it");
    stand.decide(&mine, &rita, "approve").await.expect(200);
    tokio::time::timeout(PATIENCE, changed).await.expect("its own commit wakes it");
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_may_wait_and_all_end_with_the_server() {
    let stand = Arc::new(Stand::new().await);
    let (program, _) = cast(&stand).await;
    let gate = stand.open(&program, json!({})).await;
    let path = format!("/api/gates/{}?wait=60s", text(&gate["id"]));
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..256 {
        let stand = stand.clone();
        let (path, program) = (path.clone(), program.clone());
        waiting.spawn(async move {
            // The look below takes the last place again and again for a moment: whoever finds none
            // comes again until it has one.
            loop {
                let status = stand.get(&path, &program).await.status;
                if status != 429 {
                    return status;
                }
                tokio::task::yield_now().await;
            }
        });
    }
    // Once all of them have their places the next one is told to come again.
    let refused = async {
        loop {
            let short = path.replace("60s", "PT0.001S");
            let answer = stand.get(&short, &program).await;
            if answer.status == 429 {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    };
    let refused = tokio::time::timeout(PATIENCE, refused).await.expect("a limit");
    assert_eq!(refused.problem(), "too-many-waiters");
    assert!(!refused.header("retry-after").is_empty());
    let events = format!("/api/gates/{}/events", text(&gate["id"]));
    assert_eq!(stand.get(&events, &program).await.status, 429, "a stream takes a place as well");
    stand.closing.cancel();
    let ended = async {
        while let Some(status) = waiting.join_next().await {
            assert_eq!(status.unwrap(), 200);
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.expect("every wait ends when the server stops");
}

/// Events as (id, name, data).
fn events(text: &str) -> Vec<(u64, String, Value)> {
    let of = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_default().to_owned()
    };
    let blocks = text.split("\n\n").filter(|block| block.contains("event:"));
    let read = |block: &str| {
        let data = serde_json::from_str(&of(block, "data")).unwrap();
        (of(block, "id").parse().unwrap(), of(block, "event"), data)
    };
    blocks.map(read).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_what_happens_and_goes_on_where_it_was_left() {
    let stand = Stand::new().await;
    let (program, rita) = cast(&stand).await;
    let gate = stand.open(&program, json!({"quorum": 2})).await;
    let bob = stand.person("bob@x.org", REVIEWER).await;
    let path = format!("/api/gates/{}/events", text(&gate["id"]));
    let following = stand.get(&path, &program);
    let deciding = async {
        stand.decide(&gate, &rita, "approve").await.expect(200);
        stand.decide(&gate, &bob, "approve").await.expect(200);
    };
    let both = async { tokio::join!(following, deciding) };
    let (answer, ()) = tokio::time::timeout(PATIENCE, both).await.expect("it ends");
    assert_eq!(answer.header("content-type"), "text/event-stream");
    let all = events(&answer.text);
    let names: Vec<&str> = all.iter().map(|(_, name, _)| name.as_str()).collect();
    assert_eq!(names, ["checkpointOpened", "voted", "decided"], "{}", answer.text);
    let statuses: Vec<&Value> = all.iter().map(|(_, _, data)| &data["status"]).collect();
    assert_eq!(statuses, ["PENDING", "PENDING", "APPROVED"]);
    assert_eq!(all[1].2["by"], rita.id());
    for (seen, (last, ..)) in all.iter().enumerate() {
        let request = stand.request("GET", &path, &program);
        let request = request.header("last-event-id", last.to_string()).body(Body::empty());
        let rest = stand.send(request.unwrap()).await;
        if seen + 1 == all.len() {
            assert_eq!((rest.status, rest.text.as_str()), (204, ""), "nothing more will come");
        } else {
            assert_eq!(events(&rest.text), all[seen + 1..], "after {last}");
        }
    }
    let request = stand.request("GET", &path, &program).header("last-event-id", "x");
    assert_eq!(stand.send(request.body(Body::empty()).unwrap()).await.status, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_the_server_stops_or_the_client_leaves() {
    let stand = Stand::new().await;
    let (program, _) = cast(&stand).await;
    let gate = stand.open(&program, json!({})).await;
    let path = format!("/api/gates/{}/events", text(&gate["id"]));
    // Clients that leave give their places back.
    for _ in 0..300 {
        let request = stand.request("GET", &path, &program).body(Body::empty()).unwrap();
        let response = stand.router.clone().oneshot(request).await.unwrap();
        if response.status() == 429 {
            drop(response);
            tokio::task::yield_now().await;
        }
    }
    let settled = async {
        loop {
            let request = stand.request("GET", &path, &program).body(Body::empty()).unwrap();
            let response = stand.router.clone().oneshot(request).await.unwrap();
            if response.status() == 200 {
                return response;
            }
            tokio::task::yield_now().await;
        }
    };
    let response = tokio::time::timeout(PATIENCE, settled).await.expect("a place is free again");
    stand.closing.cancel();
    let reading = axum::body::to_bytes(response.into_body(), usize::MAX);
    let told = tokio::time::timeout(PATIENCE, reading).await.expect("the stream ends").unwrap();
    assert_eq!(events(&String::from_utf8_lossy(&told)).len(), 1);
    tokio::time::timeout(Duration::from_secs(30), stand.engine.stop()).await.expect("it drains");
}
