//! Opening: one process at a time, newer formats, other files, what a crash left of a creation.

use std::path::Path;

use holdpoint::store::redb::{FORMAT_VERSION, verify};
use holdpoint::store::{OpenError, Recovery, Redb, RedbOptions, Store};
use redb::{Database, ReadableDatabase, TableDefinition};

use super::build::*;

const META: TableDefinition<&str, &str> = TableDefinition::new("meta");

fn open(path: &Path) -> Result<Redb, OpenError> {
    Redb::open(RedbOptions::new(path))
}

fn refused(path: &Path) -> OpenError {
    let error = open(path).unwrap_err();
    let shown = error.to_string();
    assert!(shown.contains(&*path.to_string_lossy()), "it must name the file: {shown}");
    error
}

#[tokio::test]
async fn a_store_is_created_with_its_folder_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/holdpoint.redb");
    let store = open(&path).unwrap();
    create(&store, 1, |_| {}).await;
    drop(store);
    let names: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    assert!(open(&path).unwrap().job(job(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn fast_recovery_keeps_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let options = RedbOptions {
        recovery: Recovery::Fast,
        ..RedbOptions::new(folder.path().join("holdpoint.redb"))
    };
    create(&Redb::open(options.clone()).unwrap(), 1, |_| {}).await;
    assert!(Redb::open(options).unwrap().job(job(1)).await.unwrap().is_some());
}

#[test]
fn a_second_opener_is_told_to_ask_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holdpoint.redb");
    let first = open(&path).unwrap();
    let error = refused(&path);
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    assert!(error.to_string().contains("running server"));
    assert!(matches!(verify(&path), Err(OpenError::Locked { .. })));
    drop(first);
    open(&path).unwrap();
}

/// Changes one entry of `meta`, as another program would.
fn set_meta(path: &Path, name: &str, value: &str) {
    let database = Database::open(path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(META).unwrap().insert(name, value).unwrap();
    transaction.commit().unwrap();
    database.close().unwrap();
}

#[tokio::test]
async fn a_newer_store_is_refused_with_both_versions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holdpoint.redb");
    create(&open(&path).unwrap(), 1, |_| {}).await;
    set_meta(&path, "format", "977");
    set_meta(&path, "created_by", "holdpoint 88.1");
    let error = refused(&path);
    assert!(matches!(error, OpenError::Newer { found: 977, supported: FORMAT_VERSION, .. }));
    let shown = error.to_string();
    let named = ["977", &FORMAT_VERSION.to_string(), "holdpoint 88.1"];
    assert!(named.iter().all(|word| shown.contains(*word)), "{shown}");
    // It is only looked at: the newer program must find what it left.
    set_meta(&path, "format", &FORMAT_VERSION.to_string());
    assert!(open(&path).unwrap().job(job(1)).await.unwrap().is_some());
}

#[test]
fn a_format_that_never_existed_is_damage() {
    for format in ["", "0", "-1", "one"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("holdpoint.redb");
        drop(open(&path).unwrap());
        set_meta(&path, "format", format);
        assert!(matches!(refused(&path), OpenError::Damaged { .. }), "{format:?}");
    }
}

#[test]
fn other_files_are_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other");
    for content in [&b""[..], b"r", b"SQLite format 3\0", &[0u8; 100_000]] {
        std::fs::write(&path, content).unwrap();
        assert!(matches!(refused(&path), OpenError::NotAStore { .. }));
        assert_eq!(std::fs::read(&path).unwrap(), content, "it is not ours to change");
    }
    let foreign = folder.path().join("foreign.redb");
    let database = Database::create(&foreign).unwrap();
    let transaction = database.begin_write().unwrap();
    let table: TableDefinition<u64, u64> = TableDefinition::new("theirs");
    transaction.open_table(table).unwrap().insert(1, 2).unwrap();
    transaction.commit().unwrap();
    drop(database);
    assert!(matches!(refused(&foreign), OpenError::NotAStore { .. }));
    let database = Database::open(&foreign).unwrap();
    let read = database.begin_read().unwrap();
    assert_eq!(read.open_table(table).unwrap().get(1).unwrap().unwrap().value(), 2);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "not a folder").unwrap();
    // Root may write everywhere, but nobody can make a file inside a file or a process.
    for path in [file.join("holdpoint.redb"), "/proc/self/none/holdpoint.redb".into()] {
        let error = open(&path).unwrap_err();
        assert!(matches!(error, OpenError::Io { .. }), "{error}");
    }
    assert!(matches!(refused(folder.path()), OpenError::Io { .. }));
}

#[tokio::test]
async fn what_a_crash_left_of_a_creation_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holdpoint.redb");
    let leftover = folder.path().join("holdpoint.redb.creating");
    drop(open(&path).unwrap());
    let whole = std::fs::read(&path).unwrap();
    for part in [0, 1, 4_096, whole.len() / 2, whole.len()] {
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&leftover, &whole[..part]).unwrap();
        create(&open(&path).unwrap(), 1, |_| {}).await;
        assert!(!leftover.exists());
    }
}

#[test]
fn a_creation_that_goes_on_is_not_disturbed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holdpoint.redb");
    let other = Database::create(folder.path().join("holdpoint.redb.creating")).unwrap();
    assert!(matches!(open(&path), Err(OpenError::Locked { .. })));
    assert!(!path.exists());
    drop(other);
    open(&path).unwrap();
}
