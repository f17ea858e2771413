//! Appends through the real store against a bare redb loop that makes the same changes with the
//! same group size in the same run, both with two-phase commits. The ratio is the figure; the
//! rates hang on the disk of the day. Run it with `cargo bench --bench append [SECONDS]`.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use holdpoint::model::event::Event;
use holdpoint::model::id::{CommitId, ContentHash, JobId};
use holdpoint::model::principal::Principal;
use holdpoint::model::row::{JobRow, Place};
use holdpoint::model::status::{Phase, Status};
use holdpoint::model::time::Timestamp;
use holdpoint::store::{Commit, CommitOutcome, Redb, RedbOptions, Store};
use redb::{Database, ReadableDatabase, TableDefinition};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const GROUP_SIZES: [usize; 4] = [1, 16, 64, 256];
/// Store and loop take turns, so that a disk that slows down slows down both.
const TURNS: u32 = 3;

const JOURNAL: TableDefinition<(u64, u32), &[u8]> = TableDefinition::new("journal");
const JOBS: TableDefinition<u128, &[u8]> = TableDefinition::new("jobs");
const BY_JOB: TableDefinition<(u128, u64), (u64, u32)> = TableDefinition::new("journal_by_job");
const CARDS: TableDefinition<(i64, u128), &[u8]> = TableDefinition::new("cards");
const FEED: TableDefinition<u64, (u128, u64, u64)> = TableDefinition::new("feed");
const AUDIT: TableDefinition<u64, &[u8]> = TableDefinition::new("audit");
const META: TableDefinition<&str, &str> = TableDefinition::new("meta");

/// Cards that share a record, of 70 bytes each.
const CARDS_TOGETHER: usize = 55;

/// What a run did.
#[derive(Clone, Copy, Default)]
struct Run {
    commits: u64,
    groups: u64,
    took: Duration,
}

impl Run {
    fn rate(self) -> f64 {
        self.commits as f64 / self.took.as_secs_f64()
    }

    fn add(&mut self, other: Run) {
        self.commits += other.commits;
        self.groups += other.groups;
        self.took += other.took;
    }
}

fn row(job: JobId) -> JobRow {
    JobRow {
        id: job,
        version: 0,
        fence: 0,
        job_type: "simple-task".to_owned(),
        definition: ContentHash::default(),
        name: "A job of a bench".to_owned(),
        description: "It has a description of the usual length, about a line.".to_owned(),
        status: Status::InProgress,
        phase: Phase::Running,
        waiting_for: None,
        place: Place::Active,
        priority: 5,
        labels: [("team".to_owned(), "red".to_owned())].into(),
        owner: "ann@example.org".to_owned(),
        agent: Some("writer".to_owned()),
        parent: None,
        run_number: 1,
        attempts: 1,
        pending_checkpoints: 0,
        error: None,
        created_at: Timestamp(1),
        updated_at: Timestamp(1),
        started_at: Some(Timestamp(1)),
        completed_at: None,
        due_at: None,
    }
}

fn next(row: &mut JobRow, event: &Arc<Event>) -> Commit {
    let expect_version = row.version;
    row.version += 1;
    row.updated_at = Timestamp(row.updated_at.0 + 1_000);
    Commit {
        job: row.id,
        expect_version,
        fence: 0,
        commit_id: CommitId::from_u128(u128::from(row.version) << 64 | row.id.as_u128()),
        at: row.updated_at,
        by: Principal::system("worker"),
        origin: None,
        events: vec![event.clone()],
        row: Arc::new(row.clone()),
        checkpoints: Vec::new(),
        subscriptions: Vec::new(),
        snapshot: None,
        nudge: None,
        key: None,
    }
}

/// As many writers as the group is to have, each with a job of its own, each waiting for its
/// answers.
async fn run_store(path: &Path, writers: usize, time: Duration) -> Result<Run, Failure> {
    let store = Arc::new(Redb::open(RedbOptions::new(path))?);
    let output = serde_json::json!({ "summary": "x".repeat(200), "score": 0.5, "files": [1, 2] });
    let event = Arc::new(Event::RunCompleted { output: Arc::new(output) });
    let began = Instant::now();
    let tasks = (0..writers as u128).map(|n| {
        let (store, event) = (store.clone(), event.clone());
        tokio::spawn(async move {
            let mut row = row(JobId::from_u128(n + 1));
            while began.elapsed() < time {
                match store.commit(next(&mut row, &event)).await? {
                    CommitOutcome::Applied { .. } => {}
                    other => return Err(format!("{other:?}").into()),
                }
            }
            Ok::<(), Failure>(())
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await??;
    }
    let took = began.elapsed();
    let health = store.health().await?;
    store.close().await?;
    Ok(Run { commits: health.commits, groups: health.groups, took })
}

/// Records as the store wrote them.
struct Records {
    event: Vec<u8>,
    job: Vec<u8>,
    entry: Vec<u8>,
}

/// One record of each kind.
fn records(path: &Path) -> Result<Records, Failure> {
    let database = Database::open(path)?;
    let transaction = database.begin_read()?;
    let event = transaction.open_table(JOURNAL)?.get((1, 0))?.map(|r| r.value().to_vec());
    let job = transaction.open_table(JOBS)?.get(1)?.map(|r| r.value().to_vec());
    let entry = transaction.open_table(AUDIT)?.get(1)?.map(|r| r.value().to_vec());
    Ok(Records {
        event: event.ok_or("no event")?,
        job: job.ok_or("no job")?,
        entry: entry.ok_or("no entry")?,
    })
}

/// The same changes without a store: no checks, no encoding, no hashes, no channel, no answers.
fn run_bare(path: &Path, group: usize, records: &Records, time: Duration) -> Result<Run, Failure> {
    let database = Database::builder().set_cache_size(128 << 20).create(path)?;
    let drawer = vec![7; CARDS_TOGETHER * 70];
    let mut run = Run::default();
    let began = Instant::now();
    for round in 1u64.. {
        let mut transaction = database.begin_write()?;
        transaction.set_two_phase_commit(true);
        {
            let mut journal = transaction.open_table(JOURNAL)?;
            let mut jobs = transaction.open_table(JOBS)?;
            let mut by_job = transaction.open_table(BY_JOB)?;
            let mut cards = transaction.open_table(CARDS)?;
            let mut feed = transaction.open_table(FEED)?;
            let mut audit = transaction.open_table(AUDIT)?;
            let mut meta = transaction.open_table(META)?;
            let at = round as i64 * 1_000;
            for id in 1..=group as u128 {
                run.commits += 1;
                journal.insert((run.commits, 0), records.event.as_slice())?;
                by_job.insert((id, round), (run.commits, 0))?;
                jobs.insert(id, records.job.as_slice())?;
                feed.insert(run.commits, (id, round, round))?;
                audit.insert(run.commits, records.entry.as_slice())?;
            }
            for first in (1..=group as u128).step_by(CARDS_TOGETHER) {
                cards.insert((1, first), drawer.as_slice())?;
            }
            meta.insert("last_time", at.to_string().as_str())?;
            meta.insert("audit_head", format!("{} {:064}", run.commits, round).as_str())?;
        }
        transaction.commit()?;
        run.groups += 1;
        run.took = began.elapsed();
        if run.took >= time {
            break;
        }
    }
    Ok(run)
}

fn main() -> Result<(), Failure> {
    let seconds = std::env::args().find_map(|argument| argument.parse::<f64>().ok());
    let time = Duration::from_secs_f64(seconds.unwrap_or(4.0) / 8.0 / f64::from(TURNS));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    println!("writers   group   store commits/s   bare commits/s   ratio   store us/commit");
    for writers in GROUP_SIZES {
        let (mut store, mut bare) = (Run::default(), Run::default());
        for _ in 0..TURNS {
            let folder = tempfile::tempdir()?;
            let path = folder.path().join("store.redb");
            let run = runtime.block_on(run_store(&path, writers, time))?;
            let group = (run.commits as f64 / run.groups.max(1) as f64).round().max(1.0) as usize;
            let records = records(&path)?;
            bare.add(run_bare(&folder.path().join("bare.redb"), group, &records, time)?);
            store.add(run);
        }
        println!(
            "{writers:7} {:7.1} {:17.0} {:16.0} {:6.0}% {:17.1}",
            store.commits as f64 / store.groups.max(1) as f64,
            store.rate(),
            bare.rate(),
            100.0 * store.rate() / bare.rate(),
            1e6 / store.rate(),
        );
    }
    Ok(())
}
