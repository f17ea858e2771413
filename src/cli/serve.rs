//! `serve`: the server, until a signal ends it.

use std::io;

use clap::Args;

use super::arguments::ConfigFlags;
use super::configuration;
use super::exit::{Code, Failure};
use super::output::{Output, Paint, count};
use super::signals::Signals;
use crate::app::App;
use crate::config::Config;
use crate::telemetry::logging;

/// How the server is configured.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigFlags,
}

pub(super) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let config = configuration::of(&arguments.config)?.config;
    logging::install(config.log.format.into(), &config.log.filter)
        .map_err(|error| Failure::new(Code::Config, error.to_string()))?;
    runtime()?.block_on(serve(config, output))
}

/// The runtime of a server: a thread for each core.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Code::Io, format!("cannot start a runtime: {error}")))
}

async fn serve(config: Config, output: &mut Output) -> Result<(), Failure> {
    let mut signals = Signals::take()?;
    let app = tokio::select! {
        app = App::start(config) => app?,
        // Nothing was acknowledged yet, so there is nothing to drain.
        _ = signals.next() => return Ok(()),
    };
    announce(&app, output)?;
    let mut told = Ok(());
    let ended = app
        .run_until(async {
            let signal = signals.next().await;
            tracing::info!(signal, "draining");
            signals.end_at_the_next();
            told = output.line("draining; a second signal ends at once");
        })
        .await;
    ended?;
    told?;
    Ok(output.line("stopped")?)
}

fn announce(app: &App, output: &mut Output) -> Result<(), Failure> {
    output.painted(Paint::Bold, format!("Holdpoint {}", env!("CARGO_PKG_VERSION")))?;
    for line in recovery_lines(app) {
        output.line(line)?;
    }
    if let Some(hold) = app.engine.hold() {
        let text = format!(
            "⚠ The store is held since {}: {}. Reads and decisions only; nothing starts before \
             `holdpoint release --reason …`",
            hold.since, hold.reason
        );
        output.painted(Paint::Attention, text)?;
    }
    for workflow in app.engine.workflows().iter().filter(|workflow| !workflow.defects.is_empty()) {
        let defects = workflow.defects.len();
        let text = format!(
            "⚠ {} has {defects} defects and is not registered: holdpoint check {}",
            workflow.source, workflow.source
        );
        output.painted(Paint::Attention, text)?;
    }
    announce_admin(app, output)?;
    Ok(output.line(format!("listening on {}", app.url()))?)
}

/// The admin that this start made. Its password is known to nobody but who reads this.
pub(super) fn announce_admin(app: &App, output: &mut Output) -> io::Result<()> {
    let Some(admin) = &app.first_admin else { return Ok(()) };
    let email = &admin.email;
    match &admin.password {
        None => output.line(format!("Made the admin {email}")),
        Some(password) => {
            let text = format!("Made the admin {email} with the password {password}");
            output.painted(Paint::Attention, text)?;
            output.line("It is shown this once: keep it.")
        }
    }
}

/// What the start found and did, in words.
fn recovery_lines(app: &App) -> Vec<String> {
    let report = app.engine.recovery();
    let counts: Vec<String> = report
        .jobs
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(status, count)| format!("{count} {status}"))
        .collect();
    let total: u64 = report.jobs.iter().map(|(_, count)| count).sum();
    let by_status =
        if counts.is_empty() { String::new() } else { format!(" ({})", counts.join(", ")) };
    let jobs = count(total, "job");
    let mut lines = vec![format!("✅ Recovered {jobs}{by_status} in {} ms", report.took_ms)];
    let mut add = |number: u64, text: &str| {
        if number > 0 {
            lines.push(format!("   {number} {text}"));
        }
    };
    add(report.queued, "in the queue");
    add(report.parked, "wait for a person, a time or an event");
    add(report.revived, "taken up again");
    add(report.due, "whose time came while the server was down");
    add(report.interrupted_calls, "calls were under way and are made again or put in doubt");
    add(report.poisoned, "could not be loaded and are parked as FAILED (poisoned)");
    lines
}
