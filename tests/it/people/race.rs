//! 64 clients at one checkpoint of a real server: votes, vetoes, claims and the deadline all at
//! once. Whatever each was told, one order of all their calls explains it, and no vote is lost or
//! counted twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use holdpoint::http::accounts;
use holdpoint::http::authorize::Role;
use holdpoint::store::Random;
use reqwest::Method;
use serde_json::{Value, json};

use crate::linear::checker::{Model, Operation, check};
use crate::support::client::{Client, Reply};
use crate::support::server::{self, TestServer};

const CLIENTS: usize = 64;
/// Who they are: several clients of each, as people have several windows.
const PEOPLE: usize = 8;
const ROUNDS: u64 = 12;
const QUORUM: u32 = 3;
const PASSWORD: &str = "correct horse";

/// A checkpoint as everybody may imagine it: one thing that does one call at a time.
#[derive(Debug)]
struct Gate;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    status: &'static str,
    /// People who voted, as bits.
    votes: u8,
    claimed_by: Option<u8>,
    /// May the deadline pass in this round?
    may_expire: bool,
}

#[derive(Clone, Copy, Debug)]
enum Call {
    Begin { may_expire: bool },
    Approve(u8),
    Reject(u8),
    Claim(u8),
    Release(u8),
}

/// The status after it, or the code of the refusal.
type Answer = String;

fn keeps_out(state: &State, who: u8) -> bool {
    state.claimed_by.is_some_and(|by| by != who)
}

fn decide(state: &State, who: u8, verdict: &'static str) -> (State, &'static str) {
    let is_yes = verdict == "APPROVED";
    let voted = state.votes & 1 << who != 0;
    let mut next = state.clone();
    match state.status {
        "PENDING" if voted && is_yes => (next, "PENDING"),
        "PENDING" if keeps_out(state, who) => (next, "claimed-by-other"),
        "PENDING" if voted => (next, "already-voted"),
        "PENDING" if is_yes && state.votes.count_ones() + 1 < QUORUM => {
            next.votes |= 1 << who;
            next.claimed_by = state.claimed_by.filter(|by| *by != who);
            (next, "PENDING")
        }
        "PENDING" => {
            next.status = verdict;
            next.claimed_by = None;
            (next, verdict)
        }
        status if status == verdict => (next, verdict),
        _ => (next, "already-decided"),
    }
}

impl Model for Gate {
    type State = State;
    type Call = Call;
    type Answer = Answer;

    fn initial() -> State {
        State { status: "PENDING", votes: 0, claimed_by: None, may_expire: false }
    }

    /// Nobody decides in time.
    fn drift(state: &State) -> Option<State> {
        let expired = State { status: "EXPIRED", claimed_by: None, ..state.clone() };
        (state.may_expire && state.status == "PENDING").then_some(expired)
    }

    /// A refusal never changes anything, nor does a vote that was given, nor what comes too late.
    fn is_harmless(state: &State, call: &Call, answer: &Answer) -> bool {
        let is_refused = answer.contains('-');
        let is_given = matches!(call, Call::Approve(who) if state.votes & 1 << who != 0);
        is_refused || is_given || state.status != "PENDING"
    }

    fn step(state: &State, call: &Call) -> Option<(State, Answer)> {
        let (next, answer) = match *call {
            Call::Begin { may_expire } => (State { may_expire, ..state.clone() }, "PENDING"),
            Call::Approve(who) => decide(state, who, "APPROVED"),
            Call::Reject(who) => decide(state, who, "REJECTED"),
            Call::Claim(_) if state.status != "PENDING" => (state.clone(), "checkpoint-closed"),
            Call::Claim(who) | Call::Release(who)
                if state.status == "PENDING" && keeps_out(state, who) =>
            {
                (state.clone(), "claimed-by-other")
            }
            Call::Claim(who) => (State { claimed_by: Some(who), ..state.clone() }, "PENDING"),
            Call::Release(_) => (State { claimed_by: None, ..state.clone() }, state.status),
        };
        Some((next, answer.to_owned()))
    }
}

async fn people(server: &TestServer) -> Vec<Client> {
    let mut clients = Vec::new();
    for number in 0..PEOPLE {
        let email = format!("p{number}@x.org");
        let roles = vec![Role::Reviewer];
        let engine = &server.app.engine;
        accounts::create(engine, &email, PASSWORD.to_owned(), roles).await.expect("an account");
        clients.push(Client::login(&server.url, &email, PASSWORD).await);
    }
    clients
}

async fn register(client: &Client, name: &str, expires_after: &str) {
    let with = json!({ "title": "Go on?", "quorum": QUORUM, "expiresAfter": expires_after });
    let document = json!({
        "document": { "dsl": "1.0.3", "namespace": "test", "name": name, "version": "1.0.0" },
        "do": [{ "gate": { "call": "checkpoint", "with": with } }],
    });
    client.post("/api/admin/workflows", &document).await.expect(201);
}

/// A job at its gate: the checkpoint.
async fn waiting(server: &TestServer, name: &str) -> Value {
    let body = json!({ "jobType": name, "taskDescription": "t", "inputData": {} });
    let made = server.client.post("/api/agent-jobs", &body).await.expect(201);
    let path = format!("/api/agent-jobs/{}/checkpoints", made["job"]["id"].as_str().unwrap());
    server
        .wait_until("a checkpoint", async || {
            let mut list = server.client.get(&path).await.expect(200);
            list["checkpoints"].get_mut(0).map(Value::take)
        })
        .await
}

fn heard(reply: &Reply) -> String {
    if let Some(status) = reply.body["checkpoint"]["status"].as_str() {
        return status.to_owned();
    }
    let code = reply.body["type"].as_str().unwrap_or("?");
    code.trim_start_matches("/problems/").to_owned()
}

async fn ask(client: &Client, call: Call, path: &str, digest: &Value) -> String {
    let (method, rest, body) = match call {
        Call::Begin { .. } => unreachable!("nobody asks for it"),
        Call::Approve(_) => (Method::POST, "", Some(json!({ "digest": digest }))),
        Call::Reject(_) => (Method::DELETE, "", Some(json!({ "reason": "no", "digest": digest }))),
        Call::Claim(_) => (Method::POST, "/claim", None),
        Call::Release(_) => (Method::DELETE, "/claim", None),
    };
    let reply = client.attempt(method, &format!("{path}{rest}"), body, None).await;
    heard(&reply.expect("an answer"))
}

/// A call with the moments between which it was answered.
async fn operation(
    client: &Client,
    call: Call,
    path: &str,
    digest: &Value,
    time: &AtomicU64,
) -> Operation<Gate> {
    let began = time.fetch_add(1, Ordering::SeqCst);
    let answer = ask(client, call, path, digest).await;
    let ended = time.fetch_add(1, Ordering::SeqCst);
    Operation { call, began, ended: Some((ended, answer)) }
}

/// What somebody asks: mostly yes, so that quorums are completed.
fn call(random: &mut Random, who: u8, round: u64) -> Call {
    let vetoes = if round.is_multiple_of(3) { 3 } else { 0 };
    match random.below(40) {
        n if n < vetoes => Call::Reject(who),
        n if n < 7 => Call::Claim(who),
        n if n < 11 => Call::Release(who),
        _ => Call::Approve(who),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_clients_write_one_history() {
    let server = server::start(|config| config.worker.max_concurrent_jobs = 4).await;
    register(&server.client, "patient", "PT24H").await;
    register(&server.client, "hasty", "PT0.03S").await;
    let people = people(&server).await;
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for round in 0..ROUNDS {
        let may_expire = round % 4 == 3;
        let gate = waiting(&server, if may_expire { "hasty" } else { "patient" }).await;
        let path = format!("/api/admin/agent-checkpoints/{}", gate["id"].as_str().unwrap());
        let time = Arc::new(AtomicU64::new(2));
        let mut claimed = Vec::new();
        if round % 4 == 1 {
            // By chance nobody may meet a claim; here somebody does.
            for call in [Call::Claim(0), Call::Approve(1)] {
                let client = &people[usize::from(matches!(call, Call::Approve(_)))];
                claimed.push(operation(client, call, &path, &gate["digest"], &time).await);
            }
        }
        // A history has room for so many calls, its beginning among them.
        let asked = (0..CLIENTS - 1 - claimed.len()).map(|number| {
            let who = (number % PEOPLE) as u8;
            let (client, path, digest) =
                (people[usize::from(who)].clone(), path.clone(), gate["digest"].clone());
            let time = time.clone();
            let call = call(&mut Random(round * 64 + number as u64), who, round);
            tokio::spawn(async move { operation(&client, call, &path, &digest, &time).await })
        });
        let asked: Vec<_> = asked.collect();
        let begin = Some((1, "PENDING".to_owned()));
        let mut history =
            vec![Operation { call: Call::Begin { may_expire }, began: 0, ended: begin }];
        history.extend(claimed);
        for operation in asked {
            history.push(operation.await.expect("a client"));
        }
        // What was answered first was probably done first: the order is found sooner.
        history.sort_by_key(|operation| operation.ended.as_ref().map(|(ended, _)| *ended));
        check(&history).unwrap_or_else(|why| panic!("round {round}: {why}"));
        for operation in &history {
            let (_, answer) = operation.ended.as_ref().unwrap();
            *seen.entry(answer.clone()).or_default() += 1;
        }
        stands(&server, &path, &history).await;
    }
    println!("{seen:#?}");
    for wanted in ["PENDING", "APPROVED", "claimed-by-other"] {
        assert!(seen.contains_key(wanted), "no {wanted} in {seen:#?}");
    }
    server.stop().await;
}

/// What is on record is what they were told: every vote once, and no more than it takes.
async fn stands(server: &TestServer, path: &str, history: &[Operation<Gate>]) {
    let now = server.client.get(path).await.expect(200)["checkpoint"].clone();
    let votes = now["people"]["votes"].as_array().unwrap();
    let yes = votes.iter().filter(|vote| vote["decision"] == "approve");
    let mut by: Vec<&str> = yes.filter_map(|vote| vote["by"].as_str()).collect();
    let given = by.len();
    by.sort_unstable();
    by.dedup();
    assert_eq!(by.len(), given, "somebody counts twice: {votes:#?}");
    assert!(given <= QUORUM as usize, "{votes:#?}");
    assert_eq!(given == QUORUM as usize, now["status"] == "APPROVED", "{now:#}");
    let told: std::collections::BTreeSet<u8> = history
        .iter()
        .filter_map(|operation| match (operation.call, operation.ended.as_ref()?.1.as_str()) {
            (Call::Approve(who), "PENDING") => Some(who),
            _ => None,
        })
        .collect();
    assert!(told.len() <= given, "a vote was taken and is lost: {told:?} {votes:#?}");
}

#[test]
fn a_vote_that_is_lost_or_counts_twice_would_be_found() {
    let vote = |who: u8, at: u64, answer: &str| Operation::<Gate> {
        call: Call::Approve(who),
        began: at,
        ended: Some((at + 1, answer.to_owned())),
    };
    let with = |last: Operation<Gate>| {
        let (call, ended) = (Call::Begin { may_expire: false }, Some((1, "PENDING".to_owned())));
        let mut history = vec![Operation { call, began: 0, ended }];
        history.extend([vote(0, 2, "PENDING"), vote(1, 4, "PENDING")]);
        history.push(last);
        check(&history)
    };
    assert!(with(vote(2, 6, "APPROVED")).is_ok());
    assert!(with(vote(2, 6, "PENDING")).is_err(), "a third vote was lost");
    assert!(with(vote(1, 6, "APPROVED")).is_err(), "the same person counted twice");
}
