//! Pages of a list of many jobs, with every kind of filter, order and place, one request at a time.
//! The time is the client's: the server's own is shorter by about what `/healthz` takes.

use super::fill::OWNER;
use super::quantile::quantile;
use super::report::{Figure, Report, Unit};
use super::targets;
use crate::cli::exit::Failure;
use crate::client::Client;
use crate::clock::{Clock, Stopwatch, System};
use crate::model::time::{Span, Timestamp};

/// Requests for each page.
const REQUESTS: usize = 20;
/// The deepest offset that the API takes.
const OFFSET_MAX: u64 = 100_000;
const MS: f64 = 1e3;

/// Jobs that the pages are of: the figures are filed under the workload that has them.
pub(super) struct Pages {
    pub workload: &'static str,
    pub job_type: &'static str,
    /// The status that all of them have, and its phase.
    pub status: &'static str,
    pub phase: &'static str,
    pub jobs: u64,
}

/// Name of the filter, and the query.
fn queries(pages: &Pages, now: Timestamp) -> Vec<(&'static str, String)> {
    let Pages { job_type, status, phase, jobs, .. } = pages;
    let middle = jobs / 2;
    let deep = jobs.saturating_sub(100).min(OFFSET_MAX);
    let minute_ago = Timestamp(now.0.saturating_sub_unsigned(Span::from_secs(60).0)).to_string();
    vec![
        ("no filter", String::new()),
        ("status, all have it", format!("status={status}")),
        ("status, none has it", "status=FAILED".to_owned()),
        ("phase", format!("phase={phase}")),
        ("workflow", format!("jobType={job_type}")),
        ("agent, none has one", "agentId=writer".to_owned()),
        ("owner", format!("userId={OWNER}")),
        ("label, one of ten", "label=team:blue".to_owned()),
        ("label, none has it", "label=team:green".to_owned()),
        ("text, one job", format!("q=job%20{middle}%20of")),
        ("text, none has it", "q=nothing-of-the-kind".to_owned()),
        ("created from", format!("createdFrom={minute_ago}")),
        ("created to", format!("createdTo={minute_ago}")),
        ("waiting for a person", "waiting=true".to_owned()),
        ("oldest first", "sort=createdAt".to_owned()),
        ("last changed first", "sort=-updatedAt".to_owned()),
        ("most urgent first", "sort=-priority".to_owned()),
        ("status and label", format!("status={status}&label=team:blue&sort=-priority")),
        ("the deepest page", format!("offset={deep}")),
        ("200 rows", "limit=200".to_owned()),
    ]
}

/// Asks for each of them; the slowest is the figure that counts.
pub(super) async fn measure(
    client: &Client,
    pages: &Pages,
    report: &mut Report,
) -> Result<(), Failure> {
    let floor = median(client, "/healthz").await?;
    let mut slowest: Option<(&str, f64)> = None;
    let figure = |name: String, value| Figure::new(pages.workload, name, Unit::Milliseconds, value);
    for (name, query) in queries(pages, System::new().now()) {
        let time = median(client, &format!("/api/admin/jobs?{query}")).await?;
        report.add(figure(format!("page: {name}"), time));
        if slowest.is_none_or(|(_, slowest)| time > slowest) {
            slowest = Some((name, time));
        }
    }
    if let Some((name, time)) = slowest {
        let slowest = figure(format!("slowest page: {name}"), time).target(targets::W4_PAGE);
        report.add(slowest.beside("for /healthz", floor));
    }
    Ok(())
}

async fn median(client: &Client, path: &str) -> Result<f64, Failure> {
    let mut times = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        let watch = Stopwatch::start();
        client.get_unread(path).await?;
        times.push(watch.elapsed());
    }
    Ok(quantile(&mut times, 0.5).as_secs_f64() * MS)
}
