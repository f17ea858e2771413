//! What may be written behind `agent-sim`, and the command itself: it serves until a signal ends
//! it. It listens on loopback only, because its answers are lies.

use std::net::SocketAddr;

use clap::Args;

use super::server::AgentSim;
use crate::cli::exit::{Code, Failure};
use crate::cli::output::Output;
use crate::cli::serve::runtime;
use crate::cli::signals::Signals;

/// The paths, as the help shows them.
const PATHS: &str = "\
Agents (POST):
  /good[?text=T]                      answers {\"text\": T}
  /slow[?ms=N]                        the same after N ms (8000)
  /flaky[?fail=N&after=S]             N times 503 with Retry-After: S (2, 1), then good
  /malformed                          200 with a body that is no JSON
  /wrong-shape                        200 with other members
  /huge[?bytes=N]                     a body of N bytes (67108864)
  /endless                            a body without end
  /redirect[?to=PATH]                 302
  /async[?ms=N&poll=only&late=N]      202, then POSTs its result to Holdpoint-Callback-Url
  /duplicate-callback[?ms=N]          the same, and once more
  /learns                             good only when the request carries feedback
  /busy[?after=S]                     429 with Retry-After: S (1), always
  /refuses                            401

The same Idempotency-Key gets the same final answer. GET /seen shows what came.

Models (POST /v1/chat/completions), by the name of the model:
  obeys-fence, parrots, wavers, no-schema, no-format, ranks-reversed, ranks-unknown, refuses,
  garbage, empty, truncated, slow, slow:MS, rate-limited, down, unauthorized";

/// How the agents are run.
#[derive(Debug, Args)]
#[command(after_help = PATHS)]
pub(in crate::cli) struct Arguments {
    /// Loopback address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9900")]
    listen: SocketAddr,
}

pub(in crate::cli) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    if !arguments.listen.ip().is_loopback() {
        let text = format!("{} is no loopback address", arguments.listen);
        return Err(Failure::new(Code::Usage, text));
    }
    runtime()?.block_on(serve(arguments.listen, output))
}

async fn serve(listen: SocketAddr, output: &mut Output) -> Result<(), Failure> {
    let mut signals = Signals::take()?;
    let sim = AgentSim::start(listen)
        .await
        .map_err(|error| Failure::new(Code::Io, format!("cannot listen on {listen}: {error}")))?;
    output.line(format!("listening on {}", sim.url("")))?;
    signals.next().await;
    Ok(())
}
