//! Who uses the engine: clients that repeat what was not answered, admins who click twice and on
//! old screens, an operator who interferes. Whatever they are told is written down.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use holdpoint::clock::Clock;
use holdpoint::engine::{
    CheckpointQuery, CheckpointView, Engine, EngineError, IdempotencyKey, NewJob,
};
use holdpoint::model::checkpoint::{CheckpointStatus, Purpose, Verdict};
use holdpoint::model::command::{Command, DecideCheckpoint};
use holdpoint::model::id::{CheckpointId, ContentHash, JobId};
use holdpoint::model::principal::Principal;
use holdpoint::model::refusal::Refusal;
use holdpoint::model::time::{Span, Timestamp};
use holdpoint::model::voter::{ADMIN, Door, Voter};
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::dice::Dice;
use super::documents::ORDERED;
use super::events::send_event;
use super::world::{Promise, World, lock};

/// Clients, each with its orders.
pub const CLIENTS: u64 = 3;
/// Screens that are kept, to click on them long after.
const SCREENS: usize = 40;

/// A job that a client wants, whatever it takes.
#[derive(Clone, Debug)]
pub struct Order {
    client: u64,
    number: u64,
    at: Duration,
    job_type: &'static str,
    /// The job, once somebody was told of it.
    pub job: Option<JobId>,
}

/// What an admin saw.
#[derive(Clone, Debug)]
pub struct Screen {
    id: CheckpointId,
    digest: ContentHash,
    purpose: Purpose,
    expires_at: Option<Timestamp>,
}

/// What an admin clicked; its comment names it.
#[derive(Clone, Debug)]
pub struct Click {
    pub checkpoint: CheckpointId,
    pub verdict: Verdict,
    pub is_about_what_was_shown: bool,
}

/// Job types of one seed: reading a document takes longer than running it.
const TYPES: usize = 6;

/// Every order of a seed, in bursts over the bad weather.
pub fn plan(world: &World, weather: Duration) {
    let mut dice = world.dice("orders");
    let mut types: Vec<&str> = ORDERED.to_vec();
    while types.len() > TYPES {
        types.remove(dice.below(types.len() as u64) as usize);
    }
    let count = dice.between(10, 22);
    let mut burst = Duration::ZERO;
    let order = |number| {
        if number % CLIENTS == 0 {
            burst = Duration::from_millis(dice.below(weather.as_millis() as u64 * 2 / 3));
        }
        Order {
            client: number % CLIENTS,
            number,
            at: burst + millis(&mut dice, 0, 200),
            job_type: dice.pick(&types).expect("there are workflows"),
            job: None,
        }
    };
    let mut orders: Vec<Order> = (0..count).map(order).collect();
    orders.sort_by_key(|order| order.at);
    let mut told = lock(&world.told);
    (told.orders, told.types) = (orders, types);
}

pub fn principal(name: &str) -> Principal {
    Principal::Person(name.to_owned())
}

fn millis(dice: &mut Dice, low: u64, high: u64) -> Duration {
    Duration::from_millis(dice.between(low, high))
}

fn new_job(order: &Order) -> NewJob {
    NewJob {
        job_type: order.job_type.to_owned(),
        name: format!("order {}", order.number),
        description: String::new(),
        acceptance_criteria: String::new(),
        acceptance_rules: Arc::new(json!([])),
        input: Arc::new(json!({ "order": order.number })),
        priority: (order.number % 10) as u8,
        labels: BTreeMap::new(),
        owner: format!("client {}", order.client),
        due_at: None,
        auto_execute: !order.number.is_multiple_of(4),
    }
}

/// One client: each of its orders in turn, until it is told that the job exists.
pub async fn client(world: Arc<World>, engine: Engine, number: u64, life: u64) {
    let mut dice = world.dice(("client", number, life));
    loop {
        let open = |order: &&Order| order.client == number && order.job.is_none();
        let Some(order) = lock(&world.told).orders.iter().find(open).cloned() else { return };
        sleep(order.at.saturating_sub(world.clock.elapsed())).await;
        submit(&world, &engine, &order, &mut dice).await;
        sleep(millis(&mut dice, 100, 5_000)).await;
    }
}

async fn submit(world: &World, engine: &Engine, order: &Order, dice: &mut Dice) {
    let key = |request: &str| IdempotencyKey {
        owner: format!("client {}", order.client),
        key: format!("key {}", order.number),
        digest: ContentHash::of(request.as_bytes()),
        forget_before: Timestamp(0),
    };
    let patience = millis(dice, 50, 20_000);
    let ask = |request: &'static str| {
        let asked = engine.submit(new_job(order), principal("client"), Some(key(request)));
        timeout(patience, asked)
    };
    let is_double = dice.percent(25);
    let other = async { if is_double { Some(ask("same").await) } else { None } };
    let (first, second) = tokio::join!(ask("same"), other);
    world.alive().await;
    for answer in std::iter::once(first).chain(second) {
        match answer {
            Ok(Ok(submitted)) => {
                if submitted.replayed {
                    world.count("submit replayed");
                }
                world.promise(format!("client about order {}", order.number), &submitted.job);
                if submitted.job.job.spec.input["order"] != order.number {
                    world.violated(format!("order {} became another job", order.number));
                }
                took(world, order.number, submitted.job.row.id);
            }
            Ok(Err(error)) if is_weather(&error) => world.count("submit repeated"),
            Ok(Err(error)) => world.violated(format!("order {}: {error}", order.number)),
            Err(_) => world.count("submit repeated"),
        }
    }
    let job =
        lock(&world.told).orders.iter().find(|o| o.number == order.number).and_then(|o| o.job);
    if let Some(job) = job
        && dice.percent(20)
        && let Ok(answer) = ask("another").await
    {
        world.alive().await;
        match answer {
            Err(EngineError::KeyReused { job: found }) if found == job => world.count("key reused"),
            Err(error) if is_weather(&error) => {}
            other => world.violated(format!("a key that was used for {job} gave {other:?}")),
        }
    }
}

fn took(world: &World, number: u64, job: JobId) {
    let mut told = lock(&world.told);
    let order = told.orders.iter_mut().find(|order| order.number == number);
    let order = order.expect("an order of this number");
    let before = order.job.replace(job);
    drop(told);
    if before.is_some_and(|before| before != job) {
        world.violated(format!("order {number} is {before:?} and {job}: one key, two jobs"));
    }
}

/// Not an answer, but the lack of one.
fn is_weather(error: &EngineError) -> bool {
    matches!(
        error,
        EngineError::Unavailable(_)
            | EngineError::DiskFull(_)
            | EngineError::Stopping
            | EngineError::Busy { .. }
    )
}

/// An admin who clicks before thinking.
pub async fn admin(world: Arc<World>, engine: Engine, number: u64, life: u64) {
    let mut dice = world.dice(("admin", number, life));
    // Some look once in a while only, and much expires meanwhile.
    let pause = dice.weighted(&[(2, 90_000), (1, 1_500_000)]);
    while !world.is_calm() {
        sleep(millis(&mut dice, 500, pause)).await;
        let query = CheckpointQuery {
            statuses: vec![CheckpointStatus::Pending],
            limit: 20,
            ..CheckpointQuery::default()
        };
        let Ok(page) = engine.checkpoints(&query).await else { continue };
        world.alive().await;
        let screens: Vec<Screen> = page.rows.iter().map(screen).collect();
        let screen = {
            let mut told = lock(&world.told);
            told.screens.extend(screens.iter().cloned());
            let surplus = told.screens.len().saturating_sub(SCREENS);
            told.screens.drain(..surplus);
            let is_fresh = dice.percent(70);
            let old: Vec<Screen> = told.screens.iter().cloned().collect();
            dice.pick(if is_fresh { &screens } else { &old }).cloned()
        };
        if let Some(screen) = screen {
            wait_for_the_expiry(&world, &screen, &mut dice).await;
            click_around(&world, &engine, &screen, &mut dice).await;
        }
    }
}

pub fn screen(row: &holdpoint::model::row::CheckpointRow) -> Screen {
    let (id, digest, purpose) = (row.id, row.digest, row.purpose);
    Screen { id, digest, purpose, expires_at: row.expires_at }
}

/// Some wait until the last moment, and some a little longer.
async fn wait_for_the_expiry(world: &World, screen: &Screen, dice: &mut Dice) {
    let Some(at) = screen.expires_at else { return };
    if dice.percent(25) && at.since(world.clock.now()) < Span::from_secs(900) {
        let early = Timestamp(at.0 - dice.below(30_000) as i64);
        world.clock.sleep_until(early).await;
        sleep(millis(dice, 0, 40)).await;
        world.count("click at the expiry");
    }
}

async fn click_around(world: &World, engine: &Engine, screen: &Screen, dice: &mut Dice) {
    let verdicts = [(60, Verdict::Approve), (20, Verdict::Reject), (8, Verdict::SendBack)];
    let one = dice.weighted(&verdicts);
    let two = if dice.percent(60) { one } else { dice.weighted(&verdicts) };
    let is_double = dice.percent(35);
    let mut other = dice.clone();
    other.below(2);
    let second = async {
        if is_double {
            click(world, engine, screen, two, &mut other).await;
        }
    };
    tokio::join!(click(world, engine, screen, one, dice), second);
}

pub async fn click(
    world: &World,
    engine: &Engine,
    screen: &Screen,
    verdict: Verdict,
    dice: &mut Dice,
) {
    let digest = match dice.weighted(&[(60, 0), (25, 1), (15, 2)]) {
        0 => Some(screen.digest),
        1 => None,
        _ => Some(ContentHash::of(b"another screen")),
    };
    let is_about_what_was_shown = digest.is_none_or(|digest| digest == screen.digest);
    let comment = {
        let mut told = lock(&world.told);
        let comment = format!("click {}", told.clicks.len());
        let click = Click { checkpoint: screen.id, verdict, is_about_what_was_shown };
        told.clicks.insert(comment.clone(), click);
        comment
    };
    world.count("click");
    world.note(format!("{comment}: {verdict} {}", screen.id));
    let outcome = if dice.percent(50) { "retry" } else { "happened" };
    let is_doubt = screen.purpose == Purpose::InDoubt;
    let input = is_doubt.then(|| Arc::new(json!({ "outcome": outcome, "result": { "said": 1 } })));
    let decision = DecideCheckpoint {
        digest,
        comment: Some(comment.clone()),
        input,
        ..DecideCheckpoint::new(screen.id, verdict, Voter::person("admin", &[ADMIN], Door::Session))
    };
    let patience = millis(dice, 20, 10_000);
    let answer = timeout(patience, engine.decide(decision, principal("admin"))).await;
    world.alive().await;
    answered(world, comment, verdict, is_about_what_was_shown, answer.ok());
}

fn answered(
    world: &World,
    comment: String,
    verdict: Verdict,
    is_about_what_was_shown: bool,
    answer: Option<Result<CheckpointView, EngineError>>,
) {
    let closed = |checkpoint, status: CheckpointStatus| {
        let (to, status) = (comment.clone(), status.to_string());
        lock(&world.told).promises.push(Promise::Closed { to, checkpoint, status });
    };
    let asked = lock(&world.told).clicks.get(&comment).map(|click| click.checkpoint);
    let checkpoint = asked.expect("a click that was made");
    match answer {
        None => world.count("click without an answer"),
        Some(Ok(view)) => {
            world.note(format!("{comment} is told {}", view.checkpoint.status));
            let word = match verdict {
                Verdict::Approve => "click approved",
                Verdict::Reject => "click rejected",
                Verdict::SendBack => "click sent back",
            };
            world.count(word);
            if !is_about_what_was_shown {
                world.violated(format!("{comment} with another digest was accepted"));
            }
            if view.checkpoint.status != verdict.status() {
                let status = view.checkpoint.status;
                world.violated(format!("{comment} said {verdict} and was told {status}"));
            }
            closed(checkpoint, view.checkpoint.status);
        }
        Some(Err(EngineError::Refused(refusal))) => {
            world.note(format!("{comment} is refused: {refusal}"));
            world.count(format!("click refused: {}", refusal.code()));
            match refusal {
                Refusal::AlreadyDecided { first, .. } => closed(checkpoint, first),
                Refusal::WrongDigest { .. } if !is_about_what_was_shown => {}
                other => world.violated(format!("{comment} was refused with {other:?}")),
            }
        }
        Some(Err(error)) if is_weather(&error) => world.count("click without an answer"),
        Some(Err(error)) => world.violated(format!("{comment}: {error}")),
    }
}

/// An operator who does something about jobs now and then.
pub async fn operator(world: Arc<World>, engine: Engine, life: u64) {
    let mut dice = world.dice(("operator", life));
    while !world.is_calm() {
        sleep(millis(&mut dice, 1_000, 120_000)).await;
        if dice.percent(20) {
            send_event(&world, &engine, &mut dice).await;
            continue;
        }
        if dice.percent(10) {
            world.count("worker stopped");
            engine.stop_worker().await.ok();
            sleep(millis(&mut dice, 10, 400_000)).await;
            engine.start_worker().await.ok();
            continue;
        }
        let jobs: Vec<JobId> = lock(&world.history).jobs().map(|job| job.id).collect();
        let Some(job) = dice.pick(&jobs) else { continue };
        let patience = millis(&mut dice, 20, 10_000);
        let command = command(&mut dice);
        let verb = command.verb();
        world.note(format!("operator: job {job} is to {verb}"));
        let answer = timeout(patience, engine.command(*job, command, principal("operator"))).await;
        world.alive().await;
        match answer {
            Ok(Ok(view)) => {
                world.count(format!("command {}", verb.trim_start_matches("be ")));
                world.promise(format!("operator who wished to {verb}"), &view);
            }
            Ok(Err(EngineError::Refused(_))) => world.count("command refused"),
            Ok(Err(error)) if is_weather(&error) => {}
            Ok(Err(error)) => world.violated(format!("job {job} was to {verb}: {error}")),
            Err(_) => {}
        }
    }
}

fn command(dice: &mut Dice) -> Command {
    let (reason, agent) = ("a whim".to_owned(), "agent".to_owned());
    let inputs = Arc::new(json!({}));
    match dice.weighted(&[
        (25, 0),
        (35, 1),
        (6, 2),
        (8, 3),
        (2, 4),
        (15, 5),
        (5, 6),
        (3, 7),
        (2, 8),
    ]) {
        0 => Command::Suspend { reason },
        1 => Command::Resume,
        2 => Command::Terminate { reason },
        3 => Command::Resubmit { reason },
        4 => Command::ForceComplete { result: inputs, reason },
        5 => Command::Assign { agent, inputs, reason: None, report: None },
        6 => Command::Execute,
        7 => Command::Reassign { agent, inputs, reason },
        _ => Command::Unassign { reason: None },
    }
}
