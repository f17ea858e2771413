//! What the program costs before it does anything: cold start, idle memory, size of the binary.

use super::quantile::quantile;
use super::report::{Figure, Report, Unit};
use super::scratch::Scratch;
use super::server::Server;
use super::stage::draw_password;
use super::targets;
use crate::cli::exit::Failure;

/// Starts of each kind; the middle one counts.
const STARTS: usize = 5;
const MS: f64 = 1e3;

pub(super) async fn measure(scratch: &Scratch, report: &mut Report) -> Result<(), Failure> {
    eprintln!("start: {STARTS} times each");
    let password = draw_password()?;
    let (mut first, mut again, mut idle) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let place = scratch.empty("start")?;
        let server = Server::start(&place, 0, &password).await?;
        first.push(server.ready_after);
        server.stop()?;
        let server = Server::start(&place, 0, &password).await?;
        again.push(server.ready_after);
        idle.push(server.usage().resident_bytes);
        server.stop()?;
        place.remove()?;
    }
    idle.sort_unstable();
    let figure = |name: &str, unit, value| Figure::new("start", name, unit, value);
    let median = |times: &mut Vec<_>| quantile(times, 0.5).as_secs_f64() * MS;
    let first =
        figure("first start, which makes store and admin", Unit::Milliseconds, median(&mut first));
    report.add(first);
    let again =
        figure("cold start to /readyz, empty store", Unit::Milliseconds, median(&mut again));
    report.add(again.target(targets::COLD_START));
    let idle = idle.get(STARTS / 2).copied().unwrap_or_default();
    let idle = figure("idle memory", Unit::Bytes, idle as f64);
    report.add(idle.target(targets::IDLE_MEMORY));
    let binary = std::env::current_exe().and_then(|path| path.metadata());
    if let Ok(binary) = binary {
        let size = figure("size of the binary", Unit::Bytes, binary.len() as f64);
        report.add(size.target(targets::BINARY));
    }
    Ok(())
}
