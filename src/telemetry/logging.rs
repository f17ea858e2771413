//! Log lines on standard error, as text or JSON, and panics among them. Standard output is never
//! touched: it belongs to the answers of the command line.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{IsTerminal, stderr};
use std::panic::PanicHookInfo;

use thiserror::Error;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

use crate::telemetry::one_line::OneLine;

/// The form of the log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One line of text, for a person.
    Text,
    /// One JSON object a line, for a collector.
    Json,
}

/// Why logging could not be set up.
#[derive(Debug, Error)]
pub enum LogError {
    /// The filter is not one.
    #[error("{0}; write level or target=level, separated by commas, as in info,hyper=warn")]
    Filter(String),
    /// Something else in this process has taken the log already.
    #[error("the log of this process is set up already")]
    Taken,
}

/// Sends everything that `filter` lets through to standard error, and panics likewise.
/// Once per process.
pub fn install(format: Format, filter: &str) -> Result<(), LogError> {
    let filter = parse(filter)?;
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        Format::Text => {
            let colours = stderr().is_terminal();
            let writer = OneLine::new(stderr, colours);
            fmt::layer().with_ansi(colours).with_writer(writer).with_filter(filter).boxed()
        }
        Format::Json => {
            fmt::layer().json().flatten_event(true).with_writer(stderr).with_filter(filter).boxed()
        }
    };
    tracing_subscriber::registry().with(lines).try_init().map_err(|_| LogError::Taken)?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// Whether `filter` can be used with [`install`].
pub fn check(filter: &str) -> Result<(), LogError> {
    parse(filter).map(drop)
}

fn parse(filter: &str) -> Result<EnvFilter, LogError> {
    // The builder's plain `parse_lossy` would print the defect and go on without that part.
    EnvFilter::builder().parse(filter).map_err(|error| LogError::Filter(error.to_string()))
}

/// A panic inside an actor is caught and answered by its parent; without this line nobody would
/// learn where it came from.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("panic without a text");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        tracing::error!(target: "holdpoint::panic", place, thread, %trace, "panic: {message}");
    } else {
        tracing::error!(target: "holdpoint::panic", place, thread, "panic: {message}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_is_none_is_refused_with_an_example() {
        assert!(check("info,ractor=warn,hyper=warn").is_ok());
        let text = check("info,hyper=loud").unwrap_err().to_string();
        assert!(text.contains("as in info,hyper=warn"), "{text}");
    }
}
