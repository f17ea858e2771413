//! One rehearsal: a process that lives until the job has ended or it is killed, and after a kill
//! one more on the same store.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::app::drill::agent::Agent;
use crate::app::drill::people;
use crate::app::drill::recording::{End, Recording};
use crate::app::drill::witness::Witness;
use crate::app::drill::world::{Kill, Seen, World};
use crate::calls::{Caller, Secrets};
use crate::dsl::Format;
use crate::engine::{Engine, Options, Parts};
use crate::model::principal::Principal;
use crate::model::time::Span;
use crate::store::Store;

/// No life takes longer, of the runtime's time. Days of waiting take none of it.
const LIFE_MAX: Duration = Duration::from_secs(60);

/// How a rehearsal went.
pub(super) struct Ending {
    /// How the job ended, or why it did not.
    pub end: Result<End, String>,
    pub seen: Seen,
}

/// Rehearses a job on an empty store, and kills the engine there if it is to be.
pub(super) fn rehearse(
    recording: &Arc<Recording>,
    kill: Option<Kill>,
    secrets: &Secrets,
    scratch: Arc<dyn Store>,
) -> Ending {
    let world = World::new(recording.clone(), kill);
    let end = live(&world, secrets, &scratch).unwrap_or_else(|| {
        let revived = live(&world, secrets, &scratch);
        revived.unwrap_or_else(|| Err("the engine died again by itself".to_owned()))
    });
    Ending { end, seen: world.seen() }
}

/// One process; nothing when it was killed. Whatever it had in hand is gone with its runtime.
fn live(
    world: &Arc<World>,
    secrets: &Secrets,
    scratch: &Arc<dyn Store>,
) -> Option<Result<End, String>> {
    let is_revival = world.begin();
    let clock = world.clock.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .max_blocking_threads(1)
        .on_thread_park(move || clock.parked())
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return Some(Err(format!("cannot start a runtime: {error}"))),
    };
    runtime.block_on(async {
        tokio::spawn(world.clock.clone().keep_fences());
        tokio::select! {
            biased;
            () = world.death() => None,
            end = in_time(serve(world, secrets, scratch, is_revival)) => Some(end),
        }
    })
}

async fn in_time(life: impl Future<Output = Result<End, String>>) -> Result<End, String> {
    let lived = tokio::time::timeout(LIFE_MAX, life).await;
    lived.unwrap_or_else(|_| Err(format!("not done in {} s", LIFE_MAX.as_secs())))
}

async fn serve(
    world: &Arc<World>,
    secrets: &Secrets,
    scratch: &Arc<dyn Store>,
    is_revival: bool,
) -> Result<End, String> {
    let parts = Parts {
        store: Arc::new(Witness::over(world.clone(), scratch.clone())),
        clock: Arc::new(world.clock.clone()),
        caller: Caller::standing_in_knowing(Arc::new(Agent(world.clone())), secrets.clone()),
        workflows: None,
        options: options(),
    };
    let started = Engine::start(parts).await;
    let engine = started.map_err(|error| format!("the engine does not start: {error}"))?;
    if !is_revival {
        register(world, &engine).await?;
    }
    people::live(world, &engine).await?;
    let root = world.state().map.root().unwrap_or(world.recording.id);
    let view = engine.job(root).await.map_err(|error| format!("it cannot be read: {error}"))?;
    let job = &view.job;
    Ok(End { status: job.status, result: job.result.clone(), error: job.error.clone() })
}

/// Nothing waits for a slot, and no sweep hides what was forgotten.
fn options() -> Options {
    Options {
        concurrent_jobs_max: 1_000,
        poll_interval: Span::from_secs(3_600),
        drain_timeout: Span(0),
        restart_backoff: Span::from_millis(1),
        ..Options::default()
    }
}

async fn register(world: &World, engine: &Engine) -> Result<(), String> {
    for definition in world.recording.definitions.values() {
        let (text, name) = (definition.document.to_string(), &definition.name);
        let by = Principal::system("drill");
        let registered = engine.register_workflow(&text, Format::Json, by).await;
        let registered = registered.map_err(|error| format!("workflow {name}: {error}"))?;
        registered.map_err(|defects| {
            let first = defects.first().map(ToString::to_string).unwrap_or_default();
            format!("workflow {name} is not accepted any more: {first}")
        })?;
    }
    Ok(())
}
