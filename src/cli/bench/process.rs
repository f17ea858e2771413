//! What the system says about a process (`/proc`). Where there is no `/proc` there is nothing to
//! say, and the figures are left out.

use std::fs;
use std::time::Duration;

/// Ticks in a second of the times in `/proc/PID/stat`: `USER_HZ`, 100 on every Linux here.
const TICKS_PER_SECOND: u64 = 100;
/// `utime` and `stime` among the fields behind the name of the program (proc_pid_stat(5)).
const UTIME: usize = 11;
const STIME: usize = 12;

/// A process at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// Processor time so far, user and system.
    pub(super) cpu: Duration,
    /// Memory now, bytes.
    pub(super) resident_bytes: u64,
    /// The most memory so far, bytes.
    pub(super) peak_bytes: u64,
}

/// The process with this id.
pub(super) fn usage(id: u32) -> Option<Usage> {
    let read = |name: &str| fs::read_to_string(format!("/proc/{id}/{name}")).ok();
    let (stat, status) = (read("stat")?, read("status")?);
    // The name stands in parentheses and may hold spaces and parentheses itself.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let ticks = ticks(UTIME)? + ticks(STIME)?;
    Some(Usage {
        cpu: Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND),
        resident_bytes: number(&status, "VmRSS:")? * 1024,
        peak_bytes: number(&status, "VmHWM:")? * 1024,
    })
}

/// The number behind a name at the beginning of a line.
pub(super) fn number(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_takes_memory() {
        if cfg!(target_os = "linux") {
            let usage = usage(std::process::id()).expect("a process");
            assert!(usage.resident_bytes > 0 && usage.peak_bytes >= usage.resident_bytes);
        }
        assert_eq!(number("a: 1\nVmRSS:\t  12 kB\n", "VmRSS:"), Some(12));
    }
}
