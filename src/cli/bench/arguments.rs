//! What may be written behind `bench`, and which workload that runs. It measures nothing itself.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::report::Report;
use super::scratch::Scratch;
use super::{start, w0, w1, w2, w3, w4};
use crate::cli::exit::{Code, Failure};
use crate::cli::output::Output;
use crate::cli::serve::runtime;
use crate::cli::signals::Signals;

/// What to measure and how long.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The workload
    #[arg(value_enum)]
    pub(super) workload: Workload,
    /// Jobs to run (w0: 20000, w1: 10000, w4: 10000)
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) jobs: Option<u64>,
    /// Clients that submit or decide at the same time
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) clients: u32,
    /// Jobs that wait at a checkpoint (w2 and w3)
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) parked: u64,
    /// Finished jobs in the store (w4)
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) finished: u64,
    /// Submit for this long at most in each part, whatever --jobs says
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(super) seconds: Option<f64>,
    /// The folder for the stores; a temporary one when none is named
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Keep the stores; a filled one is used again by the next run on the same --data
    #[arg(long, requires = "data")]
    pub(super) keep: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Workload {
    /// Jobs of 3 calls that a function in this process answers: the engine and its store alone
    W0,
    /// Jobs of 3 calls over HTTP to an agent that does nothing
    W1,
    /// Jobs of a call and a checkpoint: park many, then approve them all
    W2,
    /// Kill a server with many parked jobs, start it again
    W3,
    /// W1 in a store with many finished jobs, and pages of its lists
    W4,
    /// Cold start, idle memory, size of the binary
    Start,
    /// All of them, one after the other
    All,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds.is_finite() => Ok(seconds),
        _ => Err("must be a number above 0".to_owned()),
    }
}

pub(in crate::cli) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let scratch = Scratch::make(arguments.data.clone(), arguments.keep)?;
    let mut report = Report::begin(arguments, scratch.root())?;
    let measured = runtime()?.block_on(async {
        let mut signals = Signals::take()?;
        tokio::select! {
            measured = measure(arguments, &scratch, &mut report) => measured,
            // What was started ends with the measurement that it was for.
            signal = signals.next() => {
                Err(Failure::new(Code::Refused, format!("ended by {signal}; nothing is reported")))
            }
        }
    });
    scratch.remove();
    measured?;
    report.print(output)
}

async fn measure(
    arguments: &Arguments,
    scratch: &Scratch,
    report: &mut Report,
) -> Result<(), Failure> {
    let one = arguments.workload;
    let wanted = |workload| one == workload || one == Workload::All;
    if wanted(Workload::Start) {
        start::measure(scratch, report).await?;
    }
    if wanted(Workload::W0) {
        w0::measure(arguments, scratch, report).await?;
    }
    if wanted(Workload::W1) {
        w1::measure(arguments, scratch, report).await?;
    }
    if wanted(Workload::W2) {
        w2::measure(arguments, scratch, report).await?;
    }
    if wanted(Workload::W3) {
        w3::measure(arguments, scratch, report).await?;
    }
    if wanted(Workload::W4) {
        w4::measure(arguments, scratch, report).await?;
    }
    Ok(())
}
