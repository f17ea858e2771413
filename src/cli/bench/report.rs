//! The figures of a run: a table that a stranger understands, or JSON for programs. It judges each
//! figure by its target and changes none.

use std::path::Path;

use serde_json::{Value, json};

use super::arguments::Arguments;
use super::machine::Machine;
use super::targets::Target;
use crate::cli::exit::{Code, Failure};
use crate::cli::output::{Output, Paint};
use crate::cli::table::{Cell, Table};

/// From here on what the hypervisor gave to other machines is worth a word.
const STOLEN_MIN: f64 = 0.005;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    PerSecond,
    Milliseconds,
    Bytes,
    Count,
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::PerSecond => "per second",
            Self::Milliseconds => "milliseconds",
            Self::Bytes => "bytes",
            Self::Count => "count",
        }
    }

    fn write(self, value: f64) -> String {
        match self {
            Self::PerSecond => format!("{} /s", grouped(value)),
            Self::Milliseconds if value < 10.0 => format!("{value:.2} ms"),
            Self::Milliseconds => format!("{} ms", grouped(value)),
            Self::Bytes if value.abs() >= 10.0 * 1024.0 * 1024.0 => {
                format!("{:.1} MiB", value / 1024.0 / 1024.0)
            }
            Self::Bytes => format!("{} B", grouped(value)),
            Self::Count if value < 100.0 => format!("{value:.2}"),
            Self::Count => grouped(value),
        }
    }
}

/// A figure: what was measured, beside what it is compared with.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    workload: &'static str,
    name: String,
    unit: Unit,
    value: f64,
    baseline: Option<(String, f64)>,
    target: Option<Target>,
}

impl Figure {
    pub(super) fn new(
        workload: &'static str,
        name: impl Into<String>,
        unit: Unit,
        value: f64,
    ) -> Self {
        Self { workload, name: name.into(), unit, value, baseline: None, target: None }
    }

    /// What the same machine did without us, or in another state.
    pub(super) fn beside(mut self, what: impl Into<String>, value: f64) -> Self {
        self.baseline = Some((what.into(), value));
        self
    }

    pub(super) fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    fn ratio(&self) -> Option<f64> {
        let (_, baseline) = self.baseline.as_ref()?;
        (*baseline > 0.0).then(|| self.value / baseline)
    }

    /// Whether the target is met; nothing without a target.
    fn is_met(&self) -> Option<bool> {
        let target = self.target?;
        let value = target.value.is_none_or(|bound| bound.is_met(self.value));
        let ratio =
            target.ratio.is_none_or(|bound| self.ratio().is_some_and(|ratio| bound.is_met(ratio)));
        Some(value && ratio)
    }

    fn cells(&self) -> Vec<Cell> {
        let baseline = self.baseline.as_ref();
        let baseline = baseline.map(|(what, value)| format!("{} {what}", self.unit.write(*value)));
        let ratio = self.ratio().map(|ratio| match ratio {
            ..2.0 => format!("{:.0} %", ratio * 100.0),
            _ => format!("{ratio:.1}x"),
        });
        let met = match self.is_met() {
            Some(true) => Cell::painted("met", Paint::Good),
            Some(false) => Cell::painted("not met", Paint::Bad),
            None => "".into(),
        };
        vec![
            self.workload.into(),
            self.name.as_str().into(),
            self.unit.write(self.value).into(),
            baseline.unwrap_or_default().into(),
            ratio.unwrap_or_default().into(),
            self.target.map_or("", |target| target.words).into(),
            met,
        ]
    }

    fn as_json(&self) -> Value {
        json!({
            "workload": self.workload,
            "name": self.name,
            "unit": self.unit.name(),
            "value": self.value,
            "baseline": self.baseline.as_ref().map(|(what, value)| json!({
                "what": what, "value": value,
            })),
            "ratio": self.ratio(),
            "target": self.target.map(|target| target.words),
            "met": self.is_met(),
        })
    }
}

/// All figures of a run, and where they come from.
pub(super) struct Report {
    machine: Machine,
    settings: Value,
    figures: Vec<Figure>,
    notes: Vec<String>,
}

impl Report {
    /// Looks at the machine; the stores will be in this folder.
    pub(super) fn begin(arguments: &Arguments, folder: &Path) -> Result<Self, Failure> {
        let machine = Machine::look(folder).map_err(|error| {
            Failure::new(Code::Io, format!("cannot time the disk of {}: {error}", folder.display()))
        })?;
        let mut notes = Vec::new();
        if cfg!(debug_assertions) {
            notes.push("This is a debug build: every figure is far too low.".to_owned());
        }
        if machine.is_memory() {
            let text = "A sync costs nothing here: this is no disk, and the rates are not those of \
                        a server. Name a folder on a disk with --data.";
            notes.push(text.to_owned());
        }
        let cores = machine.cores;
        notes.push(format!("Server, load generator and agent share {cores} cores."));
        let settings = json!({
            "clients": arguments.clients,
            "jobs": arguments.jobs,
            "parked": arguments.parked,
            "finished": arguments.finished,
            "seconds": arguments.seconds,
            "folder": folder,
        });
        Ok(Self { machine, settings, figures: Vec::new(), notes })
    }

    pub(super) fn add(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    pub(super) fn print(&self, output: &mut Output) -> Result<(), Failure> {
        if output.is_json() {
            return Ok(output.value(&self.as_json())?);
        }
        let machine = &self.machine;
        output.painted(Paint::Bold, format!("Holdpoint {}", env!("CARGO_PKG_VERSION")))?;
        output.line(format!(
            "{} cores ({}), Linux {}, a sync takes {:.2} ms (p99 {:.2} ms)",
            machine.cores,
            machine.processor,
            machine.kernel,
            machine.sync_median.as_secs_f64() * 1e3,
            machine.sync_slow.as_secs_f64() * 1e3,
        ))?;
        for note in &self.notes {
            output.painted(Paint::Dim, note)?;
        }
        if let Some(share) = machine.stolen_share().filter(|share| *share >= STOLEN_MIN) {
            let percent = share * 100.0;
            let text =
                format!("During all of it others got {percent:.1} % of the processors' time.");
            output.painted(Paint::Dim, text)?;
        }
        output.line("")?;
        let headings = ["", "WHAT", "MEASURED", "COMPARED WITH", "RATIO", "TARGET", "IS IT MET?"];
        let mut table = Table::new(&headings);
        for figure in &self.figures {
            table.row(figure.cells());
        }
        Ok(output.table(&table)?)
    }

    fn as_json(&self) -> Value {
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "build": if cfg!(debug_assertions) { "debug" } else { "release" },
            "machine": self.machine.as_json(),
            "settings": self.settings,
            "notes": self.notes,
            "figures": self.figures.iter().map(Figure::as_json).collect::<Vec<_>>(),
        })
    }
}

/// A whole number with a comma between thousands.
fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if value <= -0.5 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::bench::targets;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(grouped(1_234_567.4), "1,234,567");
        assert_eq!(grouped(-999.0), "-999");
        assert_eq!(Unit::Bytes.write(20.0 * 1024.0 * 1024.0), "20.0 MiB");
        assert_eq!(Unit::Milliseconds.write(2.345), "2.35 ms");
    }

    #[test]
    fn a_target_of_two_parts_needs_both() {
        let jobs = |value, bare| {
            let figure = Figure::new("W1", "jobs", Unit::PerSecond, value);
            figure.beside("bare", bare).target(targets::W1_JOBS).is_met()
        };
        assert_eq!(jobs(2_200.0, 4_000.0), Some(true));
        assert_eq!(jobs(2_200.0, 40_000.0), Some(false));
        assert_eq!(jobs(1_900.0, 4_000.0), Some(false));
    }
}
