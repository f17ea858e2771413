//! `doctor`: how the store is, in one list with a verdict. It changes nothing; while a server has
//! the file open, that server is asked, and says what can be said of a store in use.

use clap::Args;
use serde_json::json;

use super::arguments::{ConfigFlags, Global};
use super::exit::{Code, Failure};
use super::output::{Output, Paint, count};
use super::serve::runtime;
use super::times::relative;
use super::{configuration, connection, store_advice};
use crate::api::doctor::{Doctor, Findings, Forecast};
use crate::app::doctor::{Diagnosis, diagnose};
use crate::app::stopped::StoppedError;
use crate::app::{AppError, StoreFault};
use crate::client::Client;
use crate::model::time::{Span, Timestamp};

/// Findings that are printed one by one.
const SHOWN: usize = 10;
/// A backup that is older has to be thought of.
const BACKUP_AGE: Span = Span::from_secs(7 * 86_400);
/// A disk that is full sooner has to be thought of.
const DAYS_LEFT: u64 = 14;
/// Unused room below this is not worth a stop of the server.
const UNUSED_BYTES: u64 = 64 << 20;

/// Which store.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 healthy, 1 something is to be done, 74 damaged or not to be opened. A stopped store
is looked through whole: pages, records, chains, indexes, every row against its journal. Of a
store in use the server at --url says what can be said; every backup verifies the rest.")]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigFlags,
}

/// How bad something is; the worst is the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Good,
    Attention,
    Bad,
}

/// What is written down, and the worst of it.
struct Chart {
    lines: Vec<(Level, String)>,
}

impl Chart {
    fn say(&mut self, level: Level, text: impl Into<String>) {
        self.lines.push((level, text.into()));
    }

    fn worst(&self) -> Level {
        self.lines.iter().map(|(level, _)| *level).max().unwrap_or(Level::Good)
    }

    fn jobs(&mut self, level: Level, what: &str, total: u64, first: &[(String, String)]) {
        if total == 0 {
            return;
        }
        self.say(level, format!("{} {what}", count(total, "job")));
        for (job, reason) in first.iter().take(SHOWN) {
            self.say(level, format!("  {job}: {reason}"));
        }
        if total > SHOWN as u64 {
            self.say(level, format!("  … and {} more; --json has them", total - SHOWN as u64));
        }
    }

    fn forecast(&mut self, forecast: &Forecast) {
        let now = format!("store of {}", bytes(forecast.bytes));
        let free = forecast.free_bytes.map_or_else(|| "an unknown number".to_owned(), bytes);
        let Some(pace) = forecast.bytes_per_day else {
            return self.say(Level::Good, format!("{now}, {free} free; too young for a forecast"));
        };
        let pace = format!("{now}, {free} free, {} a day", bytes(pace));
        match forecast.days_left {
            Some(days) if days < DAYS_LEFT => {
                self.say(Level::Attention, format!("{pace}: the disk is full in {days} days"));
            }
            Some(days) => self.say(Level::Good, format!("{pace}: lasts for {days} days")),
            None => self.say(Level::Good, pace),
        }
    }

    fn backup(&mut self, newest: Option<(&str, Timestamp)>, jobs: u64, now: Timestamp) {
        match newest {
            Some((file, at)) => {
                let is_old = now.since(at) > BACKUP_AGE;
                let level = if is_old { Level::Attention } else { Level::Good };
                self.say(level, format!("last backup {}: {file}", relative(at, now)));
            }
            None if jobs == 0 => self.say(Level::Good, "no backup, and no job to lose"),
            None => self.say(Level::Attention, "there is no backup: take one, `holdpoint backup`"),
        }
    }

    fn held(&mut self, hold: Option<(&str, &str)>) {
        if let Some((since, reason)) = hold {
            let text = format!("held since {since}: {reason}; `holdpoint release` ends that");
            self.say(Level::Attention, text);
        }
    }
}

fn bytes(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.iter().find(|(_, size)| bytes >= *size) {
        Some((unit, size)) => format!("{:.1} {unit}", bytes as f64 / *size as f64),
        None => format!("{bytes} bytes"),
    }
}

pub(super) fn run(
    arguments: &Arguments,
    global: &Global,
    output: &mut Output,
) -> Result<(), Failure> {
    let config = configuration::of(&arguments.config)?.config;
    match runtime()?.block_on(diagnose(&config)) {
        Ok(diagnosis) => of_stopped(&diagnosis, output),
        Err(StoppedError::Open(AppError::Store { fault: StoreFault::InUse, reason, path })) => {
            connection::with_client(global, async |client| of_server(client, output).await).map_err(
                |failure| match failure.code {
                    // Whoever has the file, it is no server at --url.
                    Code::Unreachable => {
                        let fault = StoreFault::InUse;
                        store_advice::of_start(&AppError::Store { path, fault, reason })
                    }
                    _ => failure,
                },
            )
        }
        Err(error) => Err(store_advice::of_stopped(&error)),
    }
}

fn of_stopped(found: &Diagnosis, output: &mut Output) -> Result<(), Failure> {
    let mut chart = Chart { lines: Vec::new() };
    let report = &found.report;
    let (jobs, checkpoints) = (report.rows("jobs"), report.rows("checkpoints"));
    // What the next start puts right is no damage, nor is what follows from it.
    let bad = if report.lacks_only_places() { Level::Attention } else { Level::Bad };
    if report.problems.is_empty() {
        let counts = [count(jobs, "job"), count(checkpoints, "checkpoint")].join(", ");
        let text = format!("every page, record, chain and index is as it was written ({counts})");
        chart.say(Level::Good, text);
    } else {
        let defects = count(report.problems.len() as u64, "defect");
        chart.say(bad, format!("{defects} in records, chains or indexes"));
        for defect in report.problems.iter().take(SHOWN) {
            chart.say(bad, format!("  {defect}"));
        }
        for step in store_advice::steps_after(report, &found.store) {
            chart.say(bad, format!("  → {step}"));
        }
    }
    if let Some(examined) = &found.examination {
        let named = |findings: &crate::app::doctor::Findings| -> Vec<(String, String)> {
            findings.first.iter().map(|one| (one.job.to_string(), one.reason.clone())).collect()
        };
        let wrong = &examined.contradicting;
        chart.jobs(
            Level::Bad,
            "whose row is not what the journal says",
            wrong.total,
            &named(wrong),
        );
        let stranded = &examined.stranded;
        chart.jobs(bad, "that nothing carries on", stranded.total, &named(stranded));
        let poisoned = &examined.poisoned;
        chart.jobs(Level::Attention, "parked as poisoned", poisoned.total, &named(poisoned));
        let forecast = examined.forecast;
        chart.forecast(&Forecast {
            bytes: forecast.bytes,
            free_bytes: forecast.free_bytes,
            bytes_per_day: forecast.bytes_per_day,
            days_left: forecast.days_left,
        });
    }
    let backup = found.backup.as_ref().map(|(file, at)| (file.display().to_string(), *at));
    chart.backup(backup.as_ref().map(|(file, at)| (file.as_str(), *at)), jobs, found.at);
    let hold = found.hold.as_ref().map(|hold| (hold.since.to_rfc3339(), &hold.reason));
    chart.held(hold.as_ref().map(|(since, reason)| (since.as_str(), reason.as_str())));
    for orphan in &found.orphans {
        let text = format!("{}: {}; remove it", orphan.path.display(), orphan.what);
        chart.say(Level::Attention, text);
    }
    let unused = report.bytes.saturating_sub(found.used_bytes);
    if unused > UNUSED_BYTES && unused > report.bytes / 2 {
        let text = format!("{} of the file are unused: `holdpoint compact`", bytes(unused));
        chart.say(Level::Attention, text);
    }
    let facts = json!({
        "store": found.store, "storeId": report.store_id, "generation": found.generation,
        "bytes": report.bytes, "usedBytes": found.used_bytes,
        "defects": report.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
    });
    conclude(&chart, facts, output)
}

async fn of_server(client: &Client, output: &mut Output) -> Result<(), Failure> {
    let answer = client.doctor().await?;
    let Doctor { jobs, stranded, poisoned, rescues, forecast, backup, held, read_only, .. } =
        &answer.body.doctor;
    let mut chart = Chart { lines: Vec::new() };
    let text =
        format!("the server at {} answers; {} looked at", client.base(), count(*jobs, "job"));
    chart.say(Level::Good, text);
    if let Some(reason) = read_only {
        chart.say(Level::Bad, format!("the store takes no writes: {reason}"));
    }
    let named = |findings: &Findings| -> Vec<(String, String)> {
        findings.first.iter().map(|one| (one.job_id.clone(), one.reason.clone())).collect()
    };
    chart.jobs(Level::Bad, "that nothing carries on", stranded.total, &named(stranded));
    chart.jobs(Level::Attention, "parked as poisoned", poisoned.total, &named(poisoned));
    if *rescues > 0 {
        let text = format!("the safety sweep had to rescue {}", count(*rescues, "job"));
        chart.say(Level::Attention, text);
    }
    chart.forecast(forecast);
    let newest = backup.as_ref().and_then(|backup| {
        Some((backup.file.as_str(), Timestamp::parse_rfc3339(&backup.taken_at)?))
    });
    chart.backup(newest, *jobs, output.now());
    chart.held(held.as_ref().map(|held| (held.since.as_str(), held.reason.as_str())));
    conclude(&chart, answer.raw.clone(), output)
}

/// The list and the verdict, and the exit code that goes with it.
fn conclude(chart: &Chart, facts: serde_json::Value, output: &mut Output) -> Result<(), Failure> {
    let (verdict, code) = match chart.worst() {
        Level::Good => ("healthy", None),
        Level::Attention => ("attention", Some(Code::Refused)),
        Level::Bad => ("damaged", Some(Code::Io)),
    };
    if output.is_json() {
        let lines: Vec<&String> = chart.lines.iter().map(|(_, text)| text).collect();
        output.value(&json!({ "verdict": verdict, "findings": lines, "facts": facts }))?;
    } else {
        for (level, text) in &chart.lines {
            let (mark, paint) = match level {
                Level::Good => ("✅", Paint::Good),
                Level::Attention => ("⚠", Paint::Attention),
                Level::Bad => ("❌", Paint::Bad),
            };
            output.painted(paint, format!("{mark} {text}"))?;
        }
        let (said, paint) = match chart.worst() {
            Level::Good => ("Healthy: nothing is to be done.", Paint::Good),
            Level::Attention => ("Sound, but something is to be done (⚠).", Paint::Attention),
            Level::Bad => ("Damaged: do not start a server on it (❌).", Paint::Bad),
        };
        output.painted(paint, said)?;
    }
    code.map_or(Ok(()), |code| Err(Failure::silent(code)))
}
