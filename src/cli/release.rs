//! `release`: lets a held store work.

use clap::Args;

use super::arguments::Global;
use super::connection;
use super::exit::Failure;
use super::output::{Output, Paint};

/// Why it may work.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Why the original of this store does no harm any more; it is kept
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

pub(super) fn run(
    arguments: &Arguments,
    global: &Global,
    output: &mut Output,
) -> Result<(), Failure> {
    connection::with_client(global, async |client| {
        let answer = client.release(&arguments.reason).await?;
        if output.is_json() {
            return Ok(output.value(&answer.raw)?);
        }
        Ok(output.painted(Paint::Good, format!("✅ {}", answer.body.message))?)
    })
}
