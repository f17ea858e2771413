//! A process that dies in the middle of a backup: under the final name there is a whole backup or
//! nothing, and the next one is in nobody's way.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use holdpoint::model::crash_point::POINTS;
use holdpoint::model::time::Timestamp;
use holdpoint::store::{BackupOrder, Manifest, Redb, RedbOptions, Store, verify};

use crate::store::build::*;

/// In the environment of the process that is to die: the folder that it works in.
const FOLDER: &str = "HOLDPOINT_TEST_BACKUP_FOLDER";

async fn back_up(folder: &Path) -> Manifest {
    let store = Redb::open(RedbOptions::new(folder.join("holdpoint.redb"))).unwrap();
    if store.last_change().await.unwrap() == 0 {
        for n in 1..=20 {
            create(&store, n, |_| {}).await;
        }
    }
    let file = folder.join("backup.redb");
    store.backup(BackupOrder { file, taken_at: Timestamp(1), generation: 0 }).await.unwrap()
}

/// The process that dies: this test, started again by the one below with a folder to work in.
#[tokio::test]
async fn a_process_backs_up_until_it_dies() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    back_up(&folder).await;
}

#[tokio::test]
async fn a_kill_in_a_backup_leaves_a_whole_one_or_none() {
    let mut outcomes = Vec::new();
    for point in POINTS.iter().filter(|point| point.starts_with("backup.")) {
        let folder = tempfile::tempdir().unwrap();
        let died = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "backup::killed::a_process_backs_up_until_it_dies"])
            .env(FOLDER, folder.path())
            .env("HOLDPOINT_CRASH_AT", format!("{point}:1"))
            .output()
            .unwrap()
            .status;
        assert_eq!(died.signal(), Some(9), "{point}: {died}");
        let file = folder.path().join("backup.redb");
        let is_there = file.exists();
        outcomes.push((*point, is_there));
        if is_there {
            assert_eq!(verify(&file).unwrap().problems, []);
            assert_eq!(Manifest::read(&file).unwrap().jobs, 20);
            continue;
        }
        let manifest = back_up(folder.path()).await;
        assert_eq!(Manifest::read(&file).unwrap(), manifest);
        assert_eq!(verify(&file).unwrap().problems, []);
        assert!(!folder.path().join("backup.redb.unfinished").exists(), "{point}");
    }
    let expected =
        [("backup.copied", false), ("backup.before_rename", false), ("backup.after_rename", true)];
    assert_eq!(outcomes, expected);
}
