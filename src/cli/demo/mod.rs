//! `demo`: a server of its own on the data folder, four jobs, and their story in the terminal.
//! It acts through the public API only, like a person would.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use clap::Args;

use super::agent_sim::AgentSim;
use super::arguments::ConfigFlags;
use super::configuration;
use super::exit::{Code, Failure};
use super::output::{Output, Paint};
use super::serve::{announce_admin, runtime};
use super::signals::Signals;
use crate::app::{App, AppError};
use crate::client::Client;
use crate::config::Config;
use crate::config::store::StoreUrl;
use crate::model::time::Timestamp;
use crate::telemetry::logging;

/// The admin of the demo.
mod account;
/// The job of the board and its agent.
mod board;
/// What the jobs run.
mod documents;
/// The three other jobs.
mod examples;
/// How to decide by hand.
mod guide;
/// What happens to the jobs, line by line.
mod story;
/// What came of it.
mod summary;

use story::Story;

/// Log lines would tear the story apart; warnings still show.
const LOG_FILTER: &str = "warn";
/// The jobs take a second; a slow machine may take its time.
const ONCE_LIMIT: Duration = Duration::from_secs(120);

/// How the demo runs.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Approve everything as a scripted admin, print what came of it, and end
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    config: ConfigFlags,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let config = configuration::of(&arguments.config)?.config;
    logging::install(config.log.format.into(), LOG_FILTER)
        .map_err(|error| Failure::new(Code::Config, error.to_string()))?;
    runtime()?.block_on(demo(config, arguments, output))
}

/// The usual port may belong to a server that is running; the demo does not insist on it.
async fn start(mut config: Config, insists: bool, output: &mut Output) -> Result<App, Failure> {
    match App::start(config.clone()).await {
        Err(AppError::Listen { address, source })
            if !insists && source.kind() == ErrorKind::AddrInUse =>
        {
            let text = format!("{address} is taken; the demo takes a free port");
            output.painted(Paint::Attention, text)?;
            config.http.listen = SocketAddr::new(address.ip(), 0);
            Ok(App::start(config).await?)
        }
        started => Ok(started?),
    }
}

async fn demo(
    mut config: Config,
    arguments: &Arguments,
    output: &mut Output,
) -> Result<(), Failure> {
    let StoreUrl::Redb(store) = &config.store.url;
    let folder = store.parent().unwrap_or(Path::new("")).to_owned();
    let mut signals = Signals::take()?;
    let agent = board::start_agent(&mut config).await?;
    let app = tokio::select! {
        app = start(config, arguments.config.listen.is_some(), output) => app?,
        _ = signals.next() => return Ok(()),
    };
    if let Some(hold) = app.engine.hold() {
        let failure = held(hold.since, &hold.reason, &folder);
        app.stop().await;
        return Err(failure);
    }
    let outcome = tokio::select! {
        outcome = play(&app, &agent, &folder, arguments.once, output) => outcome,
        _ = signals.next() => {
            output.line("\nStopping. The jobs are kept: the next start goes on where they wait.")?;
            Ok(())
        }
    };
    signals.end_at_the_next();
    app.stop().await;
    outcome
}

/// On a store that begins nothing the story would never begin either.
fn held(since: Timestamp, reason: &str, folder: &Path) -> Failure {
    let (since, folder) = (since.to_rfc3339(), folder.display());
    let text = format!(
        "the store in {folder} is held since {since}: {reason}\n\n  \
         1. give the demo a folder of its own: holdpoint demo --data FOLDER\n  \
         2. or let it work: holdpoint serve --data {folder}, and then holdpoint release --reason \
         TEXT"
    );
    Failure::new(Code::Refused, text)
}

async fn play(
    app: &App,
    agent: &AgentSim,
    folder: &Path,
    once: bool,
    output: &mut Output,
) -> Result<(), Failure> {
    let account = account::prepare(app).await?;
    let url = app.url();
    let client = Client::new(&url)?.login(&account.email, &account.password).await?;
    output.painted(Paint::Bold, format!("Holdpoint demo on {url}"))?;
    // The first start on a data folder makes its admin, whoever starts it.
    announce_admin(app, output)?;
    let (email, password) = (&account.email, &account.password);
    output.line(format!("The demo's admin is {email} with the password {password}"))?;
    output.line("")?;

    documents::register_missing(&client).await?;
    let mut story = Story::begin(&client, agent, output).await?;
    let ended = if once {
        let told = tokio::time::timeout(ONCE_LIMIT, story.approve_all(&client, output)).await;
        told.unwrap_or_else(|_| {
            let seconds = ONCE_LIMIT.as_secs();
            Err(Failure::new(Code::Refused, format!("the jobs did not end within {seconds} s")))
        })
    } else {
        let guide = guide::Guide::new(&url, &account, folder);
        story.follow(&client, &guide, output).await
    };
    ended?;
    summary::print(story.jobs(), &app.artifacts, output)
}
