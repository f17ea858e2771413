//! Where jobs are kept, what they listen to, what stands where. Cases of the conformance suite.

use holdpoint::model::checkpoint::CheckpointStatus;
use holdpoint::model::row::Place;
use holdpoint::model::status::Status;
use holdpoint::model::time::Timestamp;
use holdpoint::store::Store;

use super::build::*;
use super::conformance::row_at;

pub async fn a_job_is_in_one_place_and_moves(store: &dyn Store) {
    let at = Timestamp(50);
    let mut row = create(store, 1, |row| row.place = Place::Queue(-3)).await;
    let places = [
        Place::Queue(-3),
        Place::Queue(8),
        Place::Active,
        Place::Parked(Some(at)),
        Place::Parked(None),
        Place::Queue(i64::MIN),
        Place::Ended,
        Place::Active,
    ];
    for place in places {
        row = advance(store, &row, |row| row.place = place).await;
        let queue = store.queue(9).await.unwrap();
        let due = store.due(Timestamp(i64::MAX), 9).await.unwrap();
        let active = store.active(None, 9).await.unwrap();
        let counts = store.counts().await.unwrap();
        let found = (queue, due, active, (counts.queued, counts.active, counts.parked));
        let expected = match place {
            Place::Queue(key) => (vec![(key, job(1))], vec![], vec![], (1, 0, 0)),
            Place::Active => (vec![], vec![], vec![job(1)], (0, 1, 0)),
            Place::Parked(Some(at)) => (vec![], vec![(at, job(1))], vec![], (0, 0, 1)),
            Place::Parked(None) => (vec![], vec![], vec![], (0, 0, 1)),
            Place::Ended => (vec![], vec![], vec![], (0, 0, 0)),
        };
        assert_eq!(found, expected, "{place:?}");
    }
}

pub async fn wakes_are_due_in_order(store: &dyn Store) {
    for (n, at) in [(1, 30), (2, 10), (3, 20), (4, 20), (5, -5)] {
        create(store, n, |row| row.place = Place::Parked(Some(Timestamp(at)))).await;
    }
    assert_eq!(store.next_wake().await.unwrap(), Some(Timestamp(-5)));
    let due = store.due(Timestamp(20), 10).await.unwrap();
    let due: Vec<_> = due.into_iter().map(|(at, job)| (at.0, job)).collect();
    assert_eq!(due, [(-5, job(5)), (10, job(2)), (20, job(3)), (20, job(4))]);
    assert_eq!(store.due(Timestamp(20), 2).await.unwrap().len(), 2);
    assert_eq!(store.due(Timestamp(-6), 2).await.unwrap(), []);
}

pub async fn active_jobs_come_in_pages(store: &dyn Store) {
    for n in 1..=5 {
        create(store, n, |row| row.place = Place::Active).await;
    }
    assert_eq!(store.active(None, 2).await.unwrap(), [job(1), job(2)]);
    assert_eq!(store.active(Some(job(2)), 2).await.unwrap(), [job(3), job(4)]);
    assert_eq!(store.active(Some(job(4)), 2).await.unwrap(), [job(5)]);
    assert_eq!(store.active(Some(job(5)), 2).await.unwrap(), []);
}

pub async fn subscriptions_are_replaced(store: &dyn Store) {
    let listening = |commit: &mut holdpoint::store::Commit, types: &[&str]| {
        commit.subscriptions = types.iter().map(|name| (*name).to_owned()).collect();
    };
    let mut rows = Vec::new();
    for (n, types) in [(1, &["order", "paid"][..]), (2, &["*"]), (3, &["order", "*"]), (4, &[])] {
        let mut commit = creation(n);
        listening(&mut commit, types);
        rows.push(apply(store, commit).await);
    }
    let ask = async |name: &str| store.subscribers(name, None, 9).await.unwrap();
    assert_eq!(ask("order").await, [job(1), job(2), job(3)]);
    assert_eq!(ask("paid").await, [job(1), job(2), job(3)]);
    assert_eq!(ask("orde").await, [job(2), job(3)]);
    assert_eq!(store.subscribers("order", Some(job(1)), 1).await.unwrap(), [job(2)]);
    assert_eq!(store.subscribers("order", Some(job(2)), 9).await.unwrap(), [job(3)]);
    let mut commit = commit_after(&rows[0]);
    listening(&mut commit, &["paid"]);
    apply(store, commit).await;
    apply(store, commit_after(&rows[2])).await;
    assert_eq!(ask("order").await, [job(2)]);
    assert_eq!(ask("paid").await, [job(1), job(2)]);
}

pub async fn a_nudge_stays_until_the_job_commits(store: &dyn Store) {
    let parents = [create(store, 1, |_| {}).await, create(store, 2, |_| {}).await];
    for (n, parent) in [(3, 1), (4, 2), (5, 1)] {
        let mut commit = creation(n);
        commit.nudge = Some(job(parent));
        apply(store, commit).await;
    }
    assert_eq!(store.nudged(9).await.unwrap(), [job(1), job(2)]);
    assert_eq!(store.nudged(1).await.unwrap(), [job(1)]);
    advance(store, &parents[0], |_| {}).await;
    assert_eq!(store.nudged(9).await.unwrap(), [job(2)]);
    // A commit that is refused has not looked at anything.
    let mut late = commit_after(&row_at(&parents[1], 8));
    late.nudge = Some(job(1));
    store.commit(late).await.unwrap();
    assert_eq!(store.nudged(9).await.unwrap(), [job(2)]);
    store.clear_nudge(job(2)).await.unwrap();
    store.clear_nudge(job(2)).await.unwrap();
    assert_eq!(store.nudged(9).await.unwrap(), []);
}

pub async fn numbers_follow_the_rows(store: &dyn Store) {
    let first = create(store, 1, |_| {}).await;
    create(store, 2, |_| {}).await;
    let mut commit = commit_after(&first);
    row_of(&mut commit).status = Status::InProgress;
    commit.checkpoints = vec![checkpoint_row(1, job(1)), checkpoint_row(2, job(1))];
    let second = apply(store, commit).await;
    let mut commit = commit_after(&second);
    row_of(&mut commit).status = Status::Completed;
    row_of(&mut commit).place = Place::Ended;
    commit.checkpoints = vec![checkpoint_row(2, job(1))];
    commit.checkpoints[0].status = CheckpointStatus::Approved;
    apply(store, commit).await;
    let counts = store.counts().await.unwrap();
    for (status, jobs) in counts.jobs {
        let expected = u64::from(matches!(status, Status::Pending | Status::Completed));
        assert_eq!(jobs, expected, "{status}");
    }
    for (status, checkpoints) in counts.checkpoints {
        use CheckpointStatus::{Approved, Pending};
        assert_eq!(checkpoints, u64::from(matches!(status, Pending | Approved)), "{status}");
    }
    assert_eq!((counts.queued, counts.active, counts.parked), (1, 0, 0));
}
