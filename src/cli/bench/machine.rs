//! What machine this is, as far as the figures hang on it: cores, kernel, how long its disk takes
//! to keep something, and how much of its processors other machines got.

use std::fs::{File, OpenOptions, read_to_string};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::quantile::quantile;
use crate::clock::Stopwatch;

/// Writes that are timed, one page each, in place.
const SYNCS: usize = 100;
const PAGE: [u8; 4096] = [7; 4096];
/// Below this nothing can have reached a disk.
const SYNC_MIN: Duration = Duration::from_micros(15);

/// The machine.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    pub(super) cores: usize,
    pub(super) kernel: String,
    pub(super) processor: String,
    pub(super) sync_median: Duration,
    pub(super) sync_slow: Duration,
    began: Option<Ticks>,
}

/// The time of all processors so far, in ticks.
#[derive(Clone, Copy, Debug)]
struct Ticks {
    all: u64,
    /// Wanted here and given to another machine by the hypervisor.
    stolen: u64,
}

impl Machine {
    /// Looks at the machine; the disk is that of this folder.
    pub(super) fn look(folder: &Path) -> io::Result<Self> {
        let kernel = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let processors = read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = processors.lines().find_map(|line| line.strip_prefix("model name"));
        let mut syncs = time_syncs(folder)?;
        Ok(Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: kernel.trim().to_owned(),
            processor: model.unwrap_or_default().trim_matches([' ', '\t', ':']).to_owned(),
            sync_median: quantile(&mut syncs, 0.5),
            sync_slow: quantile(&mut syncs, 0.99),
            began: ticks(),
        })
    }

    /// The share of the processors that the hypervisor gave to other machines since this one was
    /// looked at; nothing where nobody says.
    pub(super) fn stolen_share(&self) -> Option<f64> {
        let (began, now) = (self.began?, ticks()?);
        let all = now.all.saturating_sub(began.all);
        (all > 0).then(|| now.stolen.saturating_sub(began.stolen) as f64 / all as f64)
    }

    /// Does a sync cost nothing here? Then the rates say little about a server with a disk.
    pub(super) fn is_memory(&self) -> bool {
        self.sync_median < SYNC_MIN
    }

    pub(super) fn as_json(&self) -> Value {
        json!({
            "cores": self.cores,
            "kernel": self.kernel,
            "processor": self.processor,
            "syncMedianMicros": self.sync_median.as_micros() as u64,
            "syncP99Micros": self.sync_slow.as_micros() as u64,
            "stolenShare": self.stolen_share(),
        })
    }
}

/// The first line of `/proc/stat` (proc_stat(5)): user, nice, system, idle, iowait, irq, softirq,
/// steal; what follows is counted in these already.
fn ticks() -> Option<Ticks> {
    parse_ticks(&read_to_string("/proc/stat").ok()?)
}

fn parse_ticks(stat: &str) -> Option<Ticks> {
    const STEAL: usize = 7;
    let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let fields: Vec<u64> =
        fields.take(STEAL + 1).map(|field| field.parse().ok()).collect::<Option<_>>()?;
    Some(Ticks { all: fields.iter().sum(), stolen: *fields.get(STEAL)? })
}

/// Overwrites a page of a small file and syncs it, again and again.
fn time_syncs(folder: &Path) -> io::Result<Vec<Duration>> {
    let path = folder.join("sync-test");
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
    let times = time_each(&mut file);
    std::fs::remove_file(&path)?;
    times
}

fn time_each(file: &mut File) -> io::Result<Vec<Duration>> {
    file.write_all(&PAGE)?;
    file.sync_all()?;
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let watch = Stopwatch::start();
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&PAGE)?;
        file.sync_data()?;
        times.push(watch.elapsed());
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ticks_of_guests_are_not_counted_twice() {
        let ticks = parse_ticks("cpu  10 1 5 70 2 1 1 10 9 9\ncpu0 5 0 0 0 0 0 0 0 0 0\n").unwrap();
        assert_eq!((ticks.all, ticks.stolen), (100, 10));
        assert!(parse_ticks("cpu  10 1\n").is_none());
    }
}
