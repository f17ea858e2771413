//! A store as an older program left it: it is read, checked without a change, raised when it is
//! opened to be written to, and then says all that it said before.

use std::path::{Path, PathBuf};

use holdpoint::model::audit::AuditEntry;
use holdpoint::model::checkpoint::CheckpointStatus;
use holdpoint::model::row::{JobRow, Place};
use holdpoint::model::status::{Phase, Status, WaitCode, WaitingFor};
use holdpoint::model::time::Timestamp;
use holdpoint::store::redb::{FORMAT_VERSION, verify};
use holdpoint::store::{Document, Memory, Redb, RedbOptions, Store};
use redb::{Database, TableDefinition};

use super::build::*;
use super::dump::dump;
use crate::support::lines::Lines;

/// What the store of format 2 in `tests/golden` was filled with: something in every table, appends
/// of one and of several events, a journal in two parts, jobs that were removed with their entries
/// of the feed, and one that was removed without.
pub async fn fill(store: &dyn Store) {
    for n in 1..=18 {
        let mut commit = creation(n);
        let row = row_of(&mut commit);
        row.owner = ["ann", "bob"][n as usize % 2].to_owned();
        row.agent = n.is_multiple_of(3).then(|| "writer".to_owned());
        row.labels.insert("team".to_owned(), ["red", "blue"][n as usize / 2 % 2].to_owned());
        row.description = "ÜBER the Moon".to_owned();
        commit.checkpoints = vec![checkpoint_row(n, job(n))];
        commit.subscriptions = vec!["order".to_owned()];
        commit.key = Some(key(&format!("key {n}"), "request", 0));
        commit.nudge = (n == 5).then(|| job(1));
        let row = apply(store, commit).await;
        go_on(store, row, n).await;
    }
    let document = |id: &str| Document {
        id: id.to_owned(),
        version: 0,
        updated_at: Timestamp(7),
        body: b"{}".to_vec(),
    };
    store.put_document("user", document("ann"), None).await.unwrap();
    store.put_document("setting", document("one"), None).await.unwrap();
    let ended = [(job(4), 4), (job(8), 4), (job(12), 4)];
    assert_eq!(
        store.remove_jobs(ended[..2].to_vec(), Timestamp::default()).await.unwrap().len(),
        2
    );
    assert_eq!(store.prune_feed(0, 1_000).await.unwrap(), None);
    assert_eq!(
        store.remove_jobs(ended[2..].to_vec(), Timestamp::default()).await.unwrap().len(),
        1
    );
}

async fn go_on(store: &dyn Store, mut row: JobRow, n: u64) {
    for round in 0..n % 4 {
        let mut commit = commit_after(&row);
        commit.subscriptions = vec!["order".to_owned()];
        commit.snapshot = (round == 1).then(|| vec![7; 30]);
        let changed = row_of(&mut commit);
        (changed.status, changed.phase) = (Status::InProgress, Phase::Waiting);
        (changed.place, changed.waiting_for) = match n % 4 {
            1 => (Place::Active, None),
            2 => (Place::Parked(Some(Timestamp(n as i64))), waits()),
            _ => (Place::Parked(None), waits()),
        };
        if round == 2 {
            commit.events = vec![note("a"), note("b"), note("c")];
            row_of(&mut commit).version += 2;
        }
        row = apply(store, commit).await;
    }
    if n.is_multiple_of(4) && n < 16 {
        let mut commit = commit_after(&row);
        commit.events = vec![note("a"), note("b"), note("c")];
        let changed = row_of(&mut commit);
        changed.version += 2;
        (changed.status, changed.phase) = (Status::Completed, Phase::Completed);
        changed.place = Place::Ended;
        commit.checkpoints = vec![checkpoint_row(n, job(n))];
        commit.checkpoints[0].status = CheckpointStatus::Approved;
        apply(store, commit).await;
    }
}

fn waits() -> Option<WaitingFor> {
    Some(WaitingFor {
        code: WaitCode::Checkpoint,
        text: "waits".to_owned(),
        since: Timestamp(1),
        until: None,
    })
}

/// The store of format 2: stretches of one byte as length and byte, others as length with the
/// highest bit and bytes.
fn golden() -> Vec<u8> {
    let path = format!("{}/tests/golden/store-v2.runs", env!("CARGO_MANIFEST_DIR"));
    let (packed, mut image) = (std::fs::read(path).unwrap(), Vec::new());
    let mut rest = packed.as_slice();
    while let Some((length, more)) = rest.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length);
        let (run, is_one_byte) = ((length & !(1 << 31)) as usize, length >> 31 == 0);
        let (bytes, more) = more.split_at(if is_one_byte { 1 } else { run });
        image.extend(bytes.iter().cycle().take(run));
        rest = more;
    }
    image
}

fn put(folder: &tempfile::TempDir) -> PathBuf {
    let path = folder.path().join("holdpoint.redb");
    std::fs::write(&path, golden()).unwrap();
    path
}

async fn expected() -> Vec<String> {
    let model = Memory::new();
    fill(&model).await;
    dump(&model).await
}

fn set_format(path: &Path, format: &str) {
    const META: TableDefinition<'static, &str, &str> = TableDefinition::new("meta");
    let database = Database::open(path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(META).unwrap().insert("format", format).unwrap();
    transaction.commit().unwrap();
    database.close().unwrap();
}

#[tokio::test]
async fn a_store_of_an_older_format_is_raised_and_says_what_it_said() {
    // Between 1 and 2 only the records changed, and both are read.
    for format in ["1", "2"] {
        let folder = tempfile::tempdir().unwrap();
        let path = put(&folder);
        set_format(&path, format);
        let store = Redb::open(RedbOptions::new(&path)).unwrap();
        assert_eq!(dump(&store).await, expected().await);
        store.close().await.unwrap();
        let report = verify(&path).unwrap();
        assert_eq!((report.format, report.problems), (FORMAT_VERSION, vec![]));
        assert!(report.tables.iter().all(|(name, _)| !name.starts_with("by_")));
        // It goes on as a store that was always of this format.
        let store = Redb::open(RedbOptions::new(&path)).unwrap();
        let row = store.job(job(3)).await.unwrap().unwrap();
        advance(&store, &row, |_| {}).await;
        create(&store, 99, |_| {}).await;
        let ended = store.job(job(16)).await.unwrap().unwrap();
        let ended = advance(&store, &ended, |row| {
            (row.status, row.place) = (Status::Completed, Place::Ended);
        })
        .await;
        create(&store, 100, |_| {}).await;
        let removed =
            store.remove_jobs(vec![(ended.id, ended.version)], Timestamp::default()).await.unwrap();
        assert_eq!(removed, [ended.id]);
        assert_eq!(store.prune_feed(0, 1_000).await.unwrap(), None);
        store.close().await.unwrap();
        assert_eq!(verify(&path).unwrap().problems, []);
    }
}

/// Makes a store of format 3, which was this one without the audit trail. Answers what it says, and
/// the trail that was taken from it.
async fn put_without_trail(path: &Path) -> (Vec<String>, Vec<AuditEntry>) {
    let store = Redb::open(RedbOptions::new(path)).unwrap();
    fill(&store).await;
    let said = (dump(&store).await, store.audit_entries(0, 999).await.unwrap());
    store.close().await.unwrap();
    let database = Database::open(path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.delete_table(TableDefinition::<u64, &[u8]>::new("audit")).unwrap();
    transaction.commit().unwrap();
    database.close().unwrap();
    remove_meta(path, "audit_head");
    set_format(path, "3");
    said
}

#[tokio::test]
async fn a_store_without_a_trail_gets_one_of_its_journals() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holdpoint.redb");
    let (before, entries) = put_without_trail(&path).await;
    // Looking at it neither raises it nor complains.
    let report = verify(&path).unwrap();
    assert_eq!((report.format, report.problems), (3, vec![]));
    assert!(Redb::open_as_it_is(RedbOptions::new(&path)).unwrap().is_none());

    let store = Redb::open(RedbOptions::new(&path)).unwrap();
    assert_eq!(dump(&store).await, before);
    let made = store.audit_entries(0, 999).await.unwrap();
    let (last, made) = made.split_last().unwrap();
    let raised = (last.action.as_str(), &last.detail["fromFormat"]);
    assert_eq!(raised, ("store.raised", &serde_json::json!("3")));
    let told = |entry: &AuditEntry| {
        let AuditEntry { at, by, action, commit, digest, .. } = entry.clone();
        (at, by, action, commit, digest)
    };
    // Of the jobs that are gone there is nothing to make entries of.
    let mut kept = Vec::new();
    for entry in entries.iter().filter(|entry| entry.commit.is_some()) {
        let job = entry.commit.unwrap().job;
        if store.job(job).await.unwrap().is_some() {
            kept.push(told(entry));
        }
    }
    assert_eq!(made.iter().map(told).collect::<Vec<_>>(), kept);
    create(&store, 99, |_| {}).await;
    store.close().await.unwrap();
    let report = verify(&path).unwrap();
    assert_eq!((report.format, report.problems), (FORMAT_VERSION, vec![]));
}

/// Raising may take minutes; whoever waits for the server is to know why.
#[tokio::test]
async fn raising_is_announced_before_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(&folder);
    for is_raised in [true, false] {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(writer).finish();
        let store =
            tracing::subscriber::with_default(log, || Redb::open(RedbOptions::new(&path)).unwrap());
        store.close().await.unwrap();
        let said = lines.text();
        let (begins, ends) = (said.find("the store is being raised"), said.find("was raised"));
        assert_eq!(begins.is_some(), is_raised, "{said}");
        assert_eq!(ends.is_some(), is_raised, "{said}");
        assert!(begins <= ends, "{said}");
    }
}

fn remove_meta(path: &Path, name: &str) {
    const META: TableDefinition<'static, &str, &str> = TableDefinition::new("meta");
    let database = Database::open(path).unwrap();
    let transaction = database.begin_write().unwrap();
    drop(transaction.open_table(META).unwrap().remove(name).unwrap());
    transaction.commit().unwrap();
    database.close().unwrap();
}

#[tokio::test]
async fn looking_at_a_store_of_an_older_format_does_not_raise_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(&folder);
    for _ in 0..2 {
        let report = verify(&path).unwrap();
        assert_eq!((report.format, report.rows("jobs")), (2, 15));
        assert_eq!(report.problems, []);
        assert_eq!(report.rows("by_owner"), 15);
    }
}

#[test]
fn damage_of_a_store_of_an_older_format_is_named() {
    let folder = tempfile::tempdir().unwrap();
    macro_rules! without_its_first_row {
        ($($name:ident: $key:ty => $value:ty;)*) => {$(
            let path = put(&folder);
            let database = Database::open(&path).unwrap();
            let transaction = database.begin_write().unwrap();
            let table = TableDefinition::<$key, $value>::new(stringify!($name));
            drop(transaction.open_table(table).unwrap().pop_first().unwrap().unwrap());
            transaction.commit().unwrap();
            database.close().unwrap();
            let problems = verify(&path).unwrap().problems;
            let named = problems.iter().any(|defect| defect.table == stringify!($name));
            assert!(named, "{}: {problems:?}", stringify!($name));
        )*};
    }
    without_its_first_row! {
        journal: (u128, u64) => &'static [u8];
        by_created: (i64, u128) => ();
        by_updated: (i64, u128) => ();
        by_priority: (i64, i64, u128) => ();
        by_status: (u8, i64, u128) => ();
        by_type: (&'static str, i64, u128) => ();
        by_owner: (&'static str, i64, u128) => ();
        queue: (i64, u128) => ();
        feed: u64 => (u128, u64, u64);
        counters: (u8, u8) => u64;
    }
}

#[cfg(feature = "fault-injection")]
#[tokio::test]
async fn the_power_may_be_cut_while_a_store_is_raised() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holdpoint.redb");
    let (without_trail, _) = put_without_trail(&path).await;
    cut_while_raising(2, &golden(), &expected().await).await;
    cut_while_raising(3, &std::fs::read(&path).unwrap(), &without_trail).await;
}

/// Whatever is lost on the way, the store is of one format or of the other, and whole.
#[cfg(feature = "fault-injection")]
async fn cut_while_raising(format: u64, image: &[u8], expected: &[String]) {
    use holdpoint::store::{SimDisk, verify_disk};

    let whole = SimDisk::with_image(image.to_vec());
    drop(Redb::on_disk(RedbOptions::on_disk(), &whole).unwrap());
    let (mut raised, mut older) = (0, 0);
    for at in 0..whole.operations() {
        let disk = SimDisk::with_image(image.to_vec());
        disk.cut_power_at(at);
        drop(Redb::on_disk(RedbOptions::on_disk(), &disk));
        let after = SimDisk::with_image(disk.image_after_power_cut(at));
        let report = verify_disk(&after).unwrap();
        assert_eq!(report.problems, [], "format {format}, cut at {at}");
        match report.format {
            FORMAT_VERSION => raised += 1,
            found => {
                assert_eq!(found, format, "a format in between, cut at {at}");
                older += 1;
            }
        }
        let store = Redb::on_disk(RedbOptions::on_disk(), &after).unwrap();
        assert_eq!(dump(&store).await, expected, "format {format}, cut at {at}");
    }
    assert!(raised > 0 && older > 0, "format {format}: {raised} raised, {older} not");
}
