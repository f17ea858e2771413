//! One process of the simulation, from its start to its death, its stop, or the end of everything.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use holdpoint::calls::Caller;
use holdpoint::dsl::Format;
use holdpoint::engine::{Engine, Options, Parts};
use holdpoint::model::crash_point;
use holdpoint::model::principal::Principal;
use holdpoint::model::time::Span;
use holdpoint::store::{Fault, Redb, RedbOptions, Store};
use tokio::time::sleep;

use super::caretaker::caretaker;
use super::documents;
use super::ledger::Agent;
use super::panics;
use super::people::{CLIENTS, admin, client, operator};
use super::witness::Witness;
use super::world::{World, lock};

/// In good weather everything is over in this time, or never.
const SETTLED_WITHIN: Duration = Duration::from_secs(72 * 3_600);
/// Bad weather at the beginning of the last life.
const LAST_STORM: Duration = Duration::from_secs(15 * 60);
/// How often the whole store is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// A wake that is still there so long after its time was forgotten.
const LATE: Span = Span::from_secs(90);

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fall {
    /// At some time, while it does something or nothing.
    Time(Duration),
    /// When it reaches this point for the n-th time.
    Point(&'static str, u64),
    /// In the n-th operation of its disk.
    Disk(u64),
    /// By an orderly stop.
    Stop(Duration),
    /// When everything is done.
    Settled,
}

fn options() -> Options {
    Options {
        poll_interval: Span::from_secs(60),
        drain_timeout: Span::from_secs(30),
        ..Options::default()
    }
}

/// Lives until it falls. The thread is its own: points that it reaches are the simulation's.
pub fn live(world: &Arc<World>, life: u64, fall: Fall) {
    panics::watch();
    world.count("lives");
    world.note(format!("life {life} begins, to end by {fall:?}"));
    world.ledger.forget_under_way();
    watch_points(world, life, fall);
    if let Fall::Disk(operation) = fall {
        world.disk().cut_power_at(operation);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        world.clock.begin(holdpoint::model::time::Timestamp(0));
        run(world, life, fall).await;
        world.clock.end();
    });
    crash_point::on_reach(None);
    drop(runtime);
    if let Some(panic) = panics::take() {
        world.violated(format!("nobody scripted this: {panic}"));
    }
}

/// Panics at points, and the fall at one.
fn watch_points(world: &Arc<World>, life: u64, fall: Fall) {
    let (world, reached) = (world.clone(), Cell::new(0));
    let dice = RefCell::new(world.dice(("points", life)));
    crash_point::on_reach(Some(Rc::new(move |name| {
        if world.is_dead() {
            return;
        }
        if let Fall::Point(at, times) = fall
            && at == name
        {
            reached.set(reached.get() + 1);
            if reached.get() == times {
                world.count("crash at a point");
                return world.die();
            }
        }
        if world.rough.load(Ordering::SeqCst) > 0 && dice.borrow_mut().per_mille(15) {
            world.count("panic at a point");
            world.note(format!("panic at {name}"));
            std::panic::resume_unwind(Box::new("a scripted panic"));
        }
    })));
}

async fn run(world: &Arc<World>, life: u64, fall: Fall) {
    let opened = match Redb::on_disk_as_task(RedbOptions::on_disk(), &world.disk()) {
        Ok(store) => Arc::new(store),
        Err(error) if world.disk().is_dead() => {
            world.count("crash in the opening");
            world.note("the power went while the store was opened");
            drop(error);
            return world.die();
        }
        Err(error) => return world.violated(format!("the store does not open: {error}")),
    };
    world.set_store(opened.clone());
    match opened.last_time().await {
        Ok(time) => world.clock.begin(time),
        Err(_) => return world.die(),
    }
    let compared = world.compare_with_disk().await;
    if world.disk().is_dead() {
        return world.die();
    }
    if let Err(what) = compared {
        return world.violated(what);
    }
    let store = Witness::over(world, opened, life);
    tokio::select! {
        biased;
        () = world.death() => {}
        () = serve(world, store, life, fall) => {}
    }
    let cut = matches!(fall, Fall::Disk(_)) && world.is_dead();
    if cut {
        world.count("crash in the disk");
    }
}

async fn serve(world: &Arc<World>, store: Arc<Witness>, life: u64, fall: Fall) {
    let parts = Parts {
        store: store.clone(),
        clock: Arc::new(world.clock.clone()),
        caller: Caller::standing_in(Arc::new(Agent(world.clone()))),
        workflows: None,
        options: options(),
    };
    let engine = loop {
        match Engine::start(parts.clone()).await {
            Ok(engine) => break engine,
            // As an operator's supervisor does.
            Err(error) => world.note(format!("the engine does not start: {error}")),
        }
        sleep(Duration::from_secs(1)).await;
    };
    register(world, &engine).await;
    world.note(format!("life {life} serves"));
    for number in 0..CLIENTS {
        tokio::spawn(client(world.clone(), engine.clone(), number, life));
    }
    for number in 0..2 {
        tokio::spawn(admin(world.clone(), engine.clone(), number, life));
    }
    tokio::spawn(operator(world.clone(), engine.clone(), life));
    tokio::spawn(weather(world.clone(), life, fall));
    tokio::spawn(look(world.clone(), engine.clone()));
    match fall {
        Fall::Time(after) => {
            sleep(after).await;
            world.count("crash by time");
            world.die();
        }
        Fall::Stop(after) => {
            sleep(after).await;
            world.note("an orderly stop");
            engine.stop().await;
            world.count("orderly restart");
            world.die();
        }
        Fall::Point(..) | Fall::Disk(_) => {
            // What is never reached ends by itself.
            sleep(Duration::from_secs(1_800)).await;
            world.die();
        }
        Fall::Settled => {
            // What went wrong in this life must come right in it.
            sleep(LAST_STORM).await;
            world.calm_down();
            settle(world, &engine).await;
        }
    }
}

async fn register(world: &World, engine: &Engine) {
    let by = || Principal::Person("world".to_owned());
    let known = engine.workflows().len();
    let (types, registered) = {
        let told = lock(&world.told);
        (told.types.clone(), told.registered)
    };
    if known < registered {
        return world.violated(format!("{registered} workflows were accepted, {known} are left"));
    }
    for (number, document) in documents::of(&types).into_iter().enumerate().skip(known) {
        let text = document.to_string();
        loop {
            match engine.register_workflow(&text, Format::Json, by()).await {
                Ok(Ok(_)) => break lock(&world.told).registered = number + 1,
                Ok(Err(defects)) => return world.violated(format!("a workflow: {defects:?}")),
                Err(_) => sleep(Duration::from_secs(1)).await,
            }
        }
    }
}

/// Clock jumps, rough patches, and a disk that fails now and then.
async fn weather(world: Arc<World>, life: u64, fall: Fall) {
    let mut dice = world.dice(("weather", life));
    while !world.is_calm() {
        sleep(Duration::from_millis(dice.between(1_000, 300_000))).await;
        if world.is_calm() {
            return;
        }
        match dice.weighted(&[(30, 0), (20, 1), (50, 2)]) {
            0 => {
                let forwards = dice.percent(50);
                let most = if dice.percent(50) { 20_000_000 } else { 3 * 3_600_000_000 };
                let span = dice.below(most) as i64;
                world.note(format!("the clock jumps: {forwards} {span}"));
                world.count(if forwards { "clock set forwards" } else { "clock set backwards" });
                world.clock.jump(if forwards { span } else { -span });
            }
            1 => {
                let disk = world.disk();
                let (fault, word) = match dice.percent(60) {
                    true => (Fault::NoSpace, "disk full"),
                    false => (Fault::InputOutput, "disk error"),
                };
                let from = disk.operations() + 1 + dice.below(30);
                let faults = dice.between(1, 4);
                // A life that is to fall in its disk has a plan already.
                if !matches!(fall, Fall::Disk(_)) {
                    world.note(format!("{word}, {faults} times"));
                    world.count(word);
                    disk.fail(from..from + faults, fault);
                }
            }
            _ => {
                world.rough.store(dice.between(5, 200), Ordering::SeqCst);
                sleep(Duration::from_millis(dice.between(1_000, 400_000))).await;
                world.rough.store(0, Ordering::SeqCst);
            }
        }
    }
}

/// The invariants of the whole, again and again.
async fn look(world: Arc<World>, engine: Engine) {
    loop {
        sleep(LOOK_EVERY).await;
        world.alive().await;
        look_once(&world, &engine).await;
    }
}

async fn look_once(world: &World, engine: &Engine) {
    if let Err(what) = world.check_places().await {
        world.violated(what);
    }
    if engine.rescues() > 0 {
        world.violated("the sweep found a job that nobody held");
    }
    if *engine.failed().borrow() {
        world.note("the standing actors gave up");
        world.die();
    }
}

/// Good weather until nothing is left to do.
async fn settle(world: &Arc<World>, engine: &Engine) {
    let began = tokio::time::Instant::now();
    let mut late = Vec::new();
    while !is_settled(world, engine).await {
        caretaker(world, engine).await;
        sleep(Duration::from_secs(30)).await;
        look_once(world, engine).await;
        let Some(store) = world.store() else { return };
        let before = holdpoint::model::time::Timestamp(engine.now().0 - LATE.0 as i64);
        let now_late = store.due(before, 100).await.unwrap_or_default();
        if let Some((at, job)) = now_late.iter().find(|wake| late.contains(*wake)) {
            return world.violated(format!("job {job} was to wake at {at} and did not"));
        }
        late = now_late;
        if began.elapsed() > SETTLED_WITHIN {
            let live: Vec<String> = lock(&world.history)
                .jobs()
                .filter(|job| !job.status.is_ended())
                .map(|job| format!("{} {} {:?}", job.id, job.spec.job_type, job.run))
                .collect();
            return world.violated(format!("never done: {live:#?}"));
        }
    }
    engine.stop().await;
}

async fn is_settled(world: &World, engine: &Engine) -> bool {
    let ordered = lock(&world.told).orders.iter().all(|order| order.job.is_some());
    let ended = lock(&world.history).jobs().all(|job| job.status.is_ended());
    let alone = engine.actor_counts().iter().all(|(kind, n)| *kind != "job" || *n == 0);
    let placed = match engine.counts().await {
        Ok(counts) => counts.queued + counts.active == 0,
        Err(_) => false,
    };
    ordered && ended && alone && placed && world.ledger.is_idle()
}
