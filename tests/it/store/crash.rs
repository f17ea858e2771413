//! A process that dies at each named point of the store: what it was told is on disk is there, and
//! nothing is half there. Built with the feature `fault-injection` only.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use holdpoint::model::crash_point::POINTS;
use holdpoint::store::redb::verify;
use holdpoint::store::{Redb, RedbOptions, Store};

use super::build::*;

/// In the environment of the process that is to die: the folder that it works in.
const FOLDER: &str = "HOLDPOINT_TEST_CRASH_FOLDER";
/// Commits that the process would make if nobody stopped it.
const COMMITS: u64 = 5;

/// The process that dies: this test, started again by the one below with a folder to work in.
#[tokio::test]
async fn a_process_commits_until_it_dies() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let store = Redb::open(RedbOptions::new(folder.join("holdpoint.redb"))).unwrap();
    let mut row = create(&store, 1, |_| {}).await;
    for _ in 1..COMMITS {
        std::fs::write(folder.join("acknowledged"), row.version.to_string()).unwrap();
        row = advance(&store, &row, |_| {}).await;
    }
    std::fs::write(folder.join("acknowledged"), row.version.to_string()).unwrap();
}

fn live(folder: &Path, crash_at: &str) -> ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::crash::a_process_commits_until_it_dies"])
        .env(FOLDER, folder)
        .env("HOLDPOINT_CRASH_AT", crash_at)
        .env("HOLDPOINT_CRASH_LOG", folder.join("points"))
        .output()
        .unwrap()
        .status
}

async fn version(folder: &Path) -> u64 {
    let path = folder.join("holdpoint.redb");
    let store = Redb::open(RedbOptions::new(&path)).unwrap();
    let version = store.job(job(1)).await.unwrap().map_or(0, |row| row.version);
    assert_eq!(store.last_change().await.unwrap(), version);
    assert_eq!(store.journal(job(1), 0, 99).await.unwrap().len() as u64, version);
    store.close().await.unwrap();
    assert_eq!(verify(&path).unwrap().problems, []);
    version
}

#[tokio::test]
async fn every_point_of_the_store_can_be_died_at() {
    let whole = tempfile::tempdir().unwrap();
    assert!(live(whole.path(), "nowhere:1").success());
    let reached = std::fs::read_to_string(whole.path().join("points")).unwrap();
    for point in POINTS.iter().filter(|point| point.starts_with("store.")) {
        let times = reached.lines().filter(|line| line == point).count();
        assert!(times > 0, "{point} was never reached");
        for time in 1..=times {
            let folder = tempfile::tempdir().unwrap();
            let status = live(folder.path(), &format!("{point}:{time}"));
            assert_eq!(status.signal(), Some(9), "{point}:{time}");
            let acknowledged = std::fs::read_to_string(folder.path().join("acknowledged"));
            let acknowledged: u64 = acknowledged.map_or(0, |text| text.parse().unwrap());
            let found = version(folder.path()).await;
            let possible = acknowledged..=(acknowledged + 1).min(COMMITS);
            assert!(possible.contains(&found), "{point}:{time}: {found} of {acknowledged}");
        }
    }
}
