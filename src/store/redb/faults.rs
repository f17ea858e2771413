//! Tests on a disk that fails, or loses and tears what was not synced, from a seed.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use ::redb::{Builder, Database, StorageBackend};

use crate::model::event::Event;
use crate::model::id::{CommitId, ContentHash, JobId};
use crate::model::principal::Principal;
use crate::model::row::{JobRow, Place};
use crate::model::status::{Phase, Status};
use crate::model::time::Timestamp;
use crate::store::redb::error::OpenError;
use crate::store::redb::open::{self, RedbOptions};
use crate::store::{Commit, CommitOutcome, Redb, Store, StoreError};

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % limit
    }
}

#[derive(Clone, Debug)]
enum Change {
    Length(usize),
    Write(usize, Vec<u8>),
}

impl Change {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Change::Length(length) => image.resize(*length, 0),
            Change::Write(at, bytes) => {
                image.resize(image.len().max(at + bytes.len()), 0);
                image[*at..at + bytes.len()].copy_from_slice(bytes);
            }
        }
    }
}

#[derive(Debug, Default)]
struct State {
    live: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
    /// Changes until the disk fails.
    fails_in: Option<u64>,
    /// Does it stay dead, or work again once somebody opens the file anew?
    dead: bool,
}

/// A disk in memory.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<State>>);

impl Disk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("bug: the disk works")
    }

    fn change(&self, change: Option<Change>) -> io::Result<()> {
        let mut state = self.state();
        if let Some(left) = &mut state.fails_in {
            *left = left.saturating_sub(1);
            if *left == 0 {
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
        }
        match change {
            Some(change) => {
                change.apply(&mut state.live);
                state.pending.push(change);
            }
            None => {
                state.durable = state.live.clone();
                state.pending.clear();
            }
        }
        Ok(())
    }

    /// What a power cut leaves: every write that was not synced is lost, whole or torn by sectors.
    fn after_power_cut(&self, random: &mut Random) -> Vec<u8> {
        const SECTOR: usize = 512;
        let state = self.state();
        let mut image = state.durable.clone();
        for change in &state.pending {
            match (random.below(3), change) {
                (0, _) => {}
                (1, _) | (_, Change::Length(_)) => change.apply(&mut image),
                (_, Change::Write(at, bytes)) => {
                    for (sector, part) in bytes.chunks(SECTOR).enumerate() {
                        if random.below(2) == 0 {
                            let at = at + sector * SECTOR;
                            Change::Write(at, part.to_vec()).apply(&mut image);
                        }
                    }
                }
            }
        }
        image
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().live.len() as u64)
    }

    fn read(&self, at: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        if state.dead {
            return Err(io::Error::other("no power"));
        }
        let at = at as usize;
        let found = state.live.get(at..at + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.change(Some(Change::Length(length as usize)))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.change(None)
    }

    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.change(Some(Change::Write(at as usize, bytes.to_vec())))
    }
}

fn database(disk: &Disk) -> Result<Database, OpenError> {
    let opened = Builder::new().set_check_integrity_on_open(true).create_with_backend(disk.clone());
    opened.map_err(|error| OpenError::from_redb("disk".as_ref(), error))
}

/// A disk with an empty store.
fn founded() -> Disk {
    let disk = Disk::default();
    let database = database(&disk).expect("bug: the disk works");
    open::found(&database).expect("bug: the disk works");
    database.close().expect("bug: the disk works");
    disk
}

/// A store on this disk. Opening it again means that the disk works again.
fn store(disk: &Disk) -> Redb {
    let again = disk.clone();
    let reopen = move || {
        again.state().fails_in = None;
        database(&again)
    };
    let options = RedbOptions { disk_floor_bytes: 0, ..RedbOptions::new("disk") };
    Redb::start(options, database(disk).expect("bug: the disk works"), Box::new(reopen))
        .expect("bug: the disk works")
}

fn commit(job: u64, version: u64) -> Commit {
    let at = Timestamp((job * 100 + version) as i64);
    let row = JobRow {
        id: JobId::from_u128(u128::from(job)),
        version,
        fence: 0,
        job_type: "simple-task".to_owned(),
        definition: ContentHash::default(),
        name: "x".repeat(300),
        description: String::new(),
        status: Status::InProgress,
        phase: Phase::Running,
        waiting_for: None,
        place: Place::Active,
        priority: 0,
        labels: Default::default(),
        owner: "ann".to_owned(),
        agent: None,
        parent: None,
        run_number: 1,
        attempts: 0,
        pending_checkpoints: 0,
        error: None,
        created_at: Timestamp(job as i64),
        updated_at: at,
        started_at: None,
        completed_at: None,
        due_at: None,
    };
    Commit {
        job: row.id,
        expect_version: version - 1,
        fence: 0,
        commit_id: CommitId::derived(&[&job.to_string(), &version.to_string()]),
        at,
        by: Principal::system("worker"),
        events: vec![Arc::new(Event::Suspended { reason: format!("{job} {version}") })],
        row,
        checkpoints: Vec::new(),
        subscriptions: Vec::new(),
        snapshot: None,
        nudge: None,
        key: None,
    }
}

/// The store holds these versions of its jobs, whole.
async fn check(store: &Redb, versions: &[u64]) {
    let mut commits = 0;
    for (job, version) in (1..).zip(versions) {
        let id = JobId::from_u128(job);
        let loaded = store.load(id).await.expect("bug: the disk works");
        assert_eq!(loaded.map_or(0, |loaded| loaded.tail.len() as u64), *version);
        assert_eq!(
            store.job(id).await.expect("bug: the disk works").map_or(0, |row| row.version),
            *version
        );
        commits += version;
    }
    assert_eq!(store.last_change().await.expect("bug: the disk works"), commits);
}

/// Commits until it is applied; a full disk must show as such and never as anything else.
async fn insist(store: &Redb, wish: &Commit, failures: &mut u32) {
    loop {
        match store.commit(wish.clone()).await {
            Ok(CommitOutcome::Applied { version, .. } | CommitOutcome::Replayed { version }) => {
                return assert_eq!(version, wish.row.version);
            }
            Ok(other) => panic!("{other:?}"),
            Err(StoreError::Unavailable(reason) | StoreError::Ambiguous(reason)) => {
                *failures += 1;
                assert!(reason.contains("disk is full") || reason.contains("opened"), "{reason}");
                tokio::task::yield_now().await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_failing_disk_loses_nothing_and_work_goes_on() {
    let (mut failures, mut ambiguous) = (0, 0);
    for fails_in in 1..=40 {
        let disk = founded();
        let store = store(&disk);
        insist(&store, &commit(1, 1), &mut failures).await;
        disk.state().fails_in = Some(fails_in);
        for version in 2..=6 {
            match store.commit(commit(1, version)).await {
                Err(StoreError::Ambiguous(_)) => ambiguous += 1,
                Err(StoreError::Unavailable(_)) | Ok(_) => {}
                Err(error) => panic!("{error}"),
            }
            insist(&store, &commit(1, version), &mut failures).await;
        }
        check(&store, &[6]).await;
        assert_eq!(store.health().await.expect("bug: the disk works").read_only, None);
        store.close().await.expect("bug: the disk works");
    }
    assert!(ambiguous > 5, "the disk failed in {ambiguous} commits only");
}

#[tokio::test]
async fn a_power_cut_keeps_what_was_acknowledged() {
    const JOBS: usize = 3;
    let mut cut_in_work = 0;
    for seed in 0..60 {
        let mut random = Random(seed);
        let mut image = founded().state().durable.clone();
        let mut versions = [0u64; JOBS];
        let mut unseen = None;
        for _ in 0..4 {
            let disk = Disk::default();
            {
                let mut state = disk.state();
                (state.live, state.durable) = (image.clone(), image.clone());
            }
            let store = store_until_power_cut(&disk);
            // A commit whose outcome is unknown may be there or not; nothing else may differ.
            if let Some(job) = unseen.take() {
                let row = store
                    .job(JobId::from_u128(job as u128 + 1))
                    .await
                    .expect("bug: the disk works");
                let found = row.map_or(0, |row| row.version);
                assert!(found == versions[job] || found == versions[job] + 1);
                versions[job] = found;
            }
            check(&store, &versions).await;
            disk.state().fails_in = Some(1 + random.below(80));
            loop {
                let job = random.below(JOBS as u64) as usize;
                let wish = commit(job as u64 + 1, versions[job] + 1);
                match store.commit(wish).await {
                    Ok(CommitOutcome::Applied { version, .. }) => versions[job] = version,
                    Ok(other) => panic!("{other:?}"),
                    Err(StoreError::Ambiguous(_)) => break unseen = Some(job),
                    Err(_) => break,
                }
            }
            cut_in_work += 1;
            disk.state().dead = true;
            drop(store);
            image = disk.after_power_cut(&mut random);
        }
    }
    assert_eq!(cut_in_work, 240);
}

/// A store that finds its disk dead when it opens it again.
fn store_until_power_cut(disk: &Disk) -> Redb {
    let options = RedbOptions { disk_floor_bytes: 0, ..RedbOptions::new("disk") };
    let dead = || Err(OpenError::io("disk".as_ref(), "open", &io::Error::other("no power")));
    Redb::start(options, database(disk).expect("bug: the disk works"), Box::new(dead))
        .expect("bug: the disk works")
}
