//! `bench` in miniature: that it counts what it did, judges what it counted, and leaves nothing
//! behind. How fast anything was is nobody's business here.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{Run, command, ended};

const TINY: [&str; 8] = ["--jobs", "12", "--clients", "4", "--parked", "10", "--finished", "20"];

fn bench(folder: &Path, workload: &str, further: &[&str]) -> Run {
    let mut command = command(folder, &["bench", workload, "--json"]);
    command.args(TINY).args(further).env("TMPDIR", folder);
    ended(command.output().unwrap())
}

/// The figures of a run that went well, which left this folder empty.
fn figures(workload: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let run = bench(folder.path(), workload, &[]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "something was left");
    of(&run)
}

fn of(run: &Run) -> Vec<Value> {
    let report: Value = serde_json::from_str(&run.out).unwrap();
    assert!(report["machine"]["cores"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(report["settings"]["clients"], 4);
    let figures = report["figures"].as_array().unwrap().clone();
    for figure in &figures {
        assert!(figure["value"].is_number(), "{figure}");
        assert_eq!(figure["met"].is_boolean(), figure["target"].is_string(), "{figure}");
        let has_baseline = figure["baseline"]["value"].as_f64().is_some_and(|value| value > 0.0);
        assert_eq!(figure["ratio"].is_number(), has_baseline, "{figure}");
    }
    figures
}

fn figure<'f>(figures: &'f [Value], name: &str) -> &'f Value {
    let found = figures.iter().find(|figure| figure["name"] == name);
    found.unwrap_or_else(|| panic!("{name} is not in {figures:#?}"))
}

fn value(figures: &[Value], name: &str) -> f64 {
    figure(figures, name)["value"].as_f64().unwrap()
}

#[test]
fn w0_counts_every_call_as_a_commit_and_replays_them() {
    let figures = figures("w0");
    assert_eq!(value(&figures, "jobs run"), 12.0);
    // Its creation, and each of its three calls.
    assert!(value(&figures, "commits per job") >= 4.0);
    assert!(value(&figures, "record bytes per commit") > 100.0);
    assert_eq!(figure(&figures, "transitions")["baseline"]["what"], "bare redb loop");
}

#[test]
fn w1_runs_its_jobs_many_at_once_and_alone() {
    let figures = figures("w1");
    assert_eq!(value(&figures, "jobs run"), 12.0);
    assert!(value(&figures, "commits per job") >= 4.0);
    // Alone nothing shares a transaction, and each has two syncs.
    assert!(value(&figures, "syncs per job, one client") >= 8.0);
    assert_eq!(figure(&figures, "jobs")["baseline"]["what"], "the calls alone");
    let writing = value(&figures, "one job alone, in transactions");
    assert!(writing > 0.0, "{writing}");
    let alone = figure(&figures, "one job alone, p50");
    assert_eq!(alone["baseline"]["what"], "its commits and calls");
}

#[test]
fn w2_parks_and_approves_the_same_jobs() {
    let figures = figures("w2");
    assert_eq!(value(&figures, "jobs parked"), 10.0);
    for name in ["park", "approve", "approve to done, p99"] {
        assert!(value(&figures, name) > 0.0, "{name}");
    }
}

#[test]
fn w3_restarts_on_a_store_that_is_filled_once() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    for there in ["0 are there", ""] {
        let run = bench(folder.path(), "w3", &["--keep", "--data", kept.to_str().unwrap()]);
        assert_eq!(run.code, 0, "{}", run.err);
        let is_filled = run.err.contains("filling a store with 10 parked jobs");
        assert_eq!(is_filled, !there.is_empty(), "{}", run.err);
        assert!(run.err.contains(there), "{}", run.err);
        let figures = of(&run);
        assert_eq!(value(&figures, "jobs parked"), 10.0);
        assert!(value(&figures, "restart to one job done") > 0.0);
    }
    assert!(kept.join("parked/holdpoint.redb").exists());
}

#[test]
fn w4_compares_a_full_store_with_an_empty_one_and_reads_its_pages() {
    let figures = figures("w4");
    assert_eq!(value(&figures, "finished jobs in the store"), 20.0);
    assert_eq!(figure(&figures, "jobs")["baseline"]["what"], "empty store");
    let is_page = |figure: &&Value| figure["name"].as_str().unwrap().starts_with("page: ");
    assert!(figures.iter().filter(is_page).count() >= 15);
    let (all, cache) = (
        value(&figures, "memory of the server after it"),
        value(&figures, "of it the cache of the file"),
    );
    assert!(0.0 < cache && cache < all, "{cache} of {all}");
    assert_eq!(value(&figures, "memory beside the cache"), all - cache);
}

#[test]
fn start_measures_the_program_itself() {
    let figures = figures("start");
    assert!(value(&figures, "size of the binary") > 1_000_000.0);
    assert!(value(&figures, "idle memory") > 1_000_000.0);
}

#[test]
fn a_folder_with_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("holdpoint.redb"), "mine").unwrap();
    let run = bench(folder.path(), "start", &["--data", other.to_str().unwrap()]);
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(run.err.contains("holds something else"), "{}", run.err);
    assert_eq!(fs::read_to_string(other.join("holdpoint.redb")).unwrap(), "mine");
}
