//! Commits, rows and checkpoints for store tests: the smallest ones that a store can tell apart.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdpoint::model::checkpoint::{CheckpointStatus, Purpose};
use holdpoint::model::event::Event;
use holdpoint::model::id::{CheckpointId, CommitId, ContentHash, JobId};
use holdpoint::model::principal::Principal;
use holdpoint::model::row::{CheckpointRow, JobRow, Place};
use holdpoint::model::status::{Phase, Status};
use holdpoint::model::time::Timestamp;
use holdpoint::store::{Commit, CommitOutcome, IdempotencyKey, Store};
use serde_json::json;

/// The n-th job.
pub fn job(n: u64) -> JobId {
    JobId::from_u128(u128::from(n))
}

/// The n-th checkpoint.
pub fn checkpoint(n: u64) -> CheckpointId {
    CheckpointId::from_u128(u128::from(n))
}

/// An event that carries something.
pub fn note(text: &str) -> Arc<Event> {
    Arc::new(Event::RunCompleted { output: Arc::new(json!({ "note": text, "n": [1, 2.5, null] })) })
}

/// The row of a new job, created at second `n`.
pub fn row(n: u64) -> JobRow {
    let at = Timestamp(n as i64 * 1_000_000);
    JobRow {
        id: job(n),
        version: 0,
        fence: 0,
        job_type: "simple-task".to_owned(),
        definition: ContentHash::of(b"definition"),
        name: format!("Job {n}"),
        description: String::new(),
        status: Status::Pending,
        phase: Phase::Pending,
        waiting_for: None,
        place: Place::Queue(at.0),
        priority: 5,
        labels: BTreeMap::new(),
        owner: "ann".to_owned(),
        agent: None,
        parent: None,
        run_number: 0,
        attempts: 0,
        pending_checkpoints: 0,
        error: None,
        created_at: at,
        updated_at: at,
        started_at: None,
        completed_at: None,
        due_at: None,
    }
}

/// The row of a new checkpoint of a job, opened at second `n`.
pub fn checkpoint_row(n: u64, job: JobId) -> CheckpointRow {
    CheckpointRow {
        id: checkpoint(n),
        job,
        job_type: "simple-task".to_owned(),
        job_name: "Job".to_owned(),
        owner: "ann".to_owned(),
        reference: "/do/1/review".to_owned(),
        purpose: Purpose::Gate,
        title: format!("Checkpoint {n}"),
        status: CheckpointStatus::Pending,
        digest: ContentHash::of(b"shown"),
        assignees: vec!["reviewer".to_owned()],
        opened_at: Timestamp(n as i64 * 1_000_000),
        expires_at: None,
        closed_at: None,
        decided_by: None,
        comment: None,
        quorum: 1,
        voters: Vec::new(),
        excluded: Vec::new(),
        delegates: Vec::new(),
        claim: None,
        escalates_at: None,
    }
}

/// The commit that follows a row: one event, made one second after the last, with a commit id of
/// its own.
pub fn commit_after(before: &JobRow) -> Commit {
    let version = before.version + 1;
    let mut row = before.clone();
    row.version = version;
    if before.version > 0 {
        row.updated_at = Timestamp(before.updated_at.0 + 1_000_000);
    }
    Commit {
        job: row.id,
        expect_version: before.version,
        fence: before.fence,
        commit_id: CommitId::derived(&[&row.id.to_string(), &version.to_string()]),
        at: row.updated_at,
        by: Principal::Person("ann".to_owned()),
        origin: None,
        events: vec![note(&format!("event {version}"))],
        row: Arc::new(row),
        checkpoints: Vec::new(),
        subscriptions: Vec::new(),
        snapshot: None,
        nudge: None,
        key: None,
    }
}

/// The commit that creates the n-th job.
pub fn creation(n: u64) -> Commit {
    commit_after(&row(n))
}

/// A key used by ann for a request with this content.
pub fn key(key: &str, request: &str, forget_before: i64) -> IdempotencyKey {
    IdempotencyKey {
        owner: "ann".to_owned(),
        key: key.to_owned(),
        digest: ContentHash::of(request.as_bytes()),
        forget_before: Timestamp(forget_before),
    }
}

/// The row of a commit, to be changed.
pub fn row_of(commit: &mut Commit) -> &mut JobRow {
    Arc::make_mut(&mut commit.row)
}

/// Commits what must apply, and returns the row that it left.
pub async fn apply(store: &dyn Store, commit: Commit) -> JobRow {
    let (row, shown) = (commit.row.clone(), format!("{commit:?}"));
    let outcome = store.commit(commit).await.unwrap();
    assert!(matches!(outcome, CommitOutcome::Applied { .. }), "{outcome:?} for {shown}");
    (*row).clone()
}

/// Creates the n-th job with a row that was changed like this.
pub async fn create(store: &dyn Store, n: u64, change: impl FnOnce(&mut JobRow)) -> JobRow {
    let mut row = row(n);
    change(&mut row);
    apply(store, commit_after(&row)).await
}

/// Commits one more event of a job with a row that was changed like this.
pub async fn advance(
    store: &dyn Store,
    before: &JobRow,
    change: impl FnOnce(&mut JobRow),
) -> JobRow {
    let mut commit = commit_after(before);
    change(row_of(&mut commit));
    apply(store, commit).await
}
