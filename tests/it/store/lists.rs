//! Lists: orders, filters, pages. Cases of the conformance suite.

use holdpoint::model::checkpoint::CheckpointStatus;
use holdpoint::model::row::{JobRow, Place};
use holdpoint::model::status::{Phase, Status, WaitCode, WaitingFor};
use holdpoint::model::time::Timestamp;
use holdpoint::store::{
    CheckpointQuery, CheckpointSort, JobQuery, JobSort, Page, ReadError, Store,
};

use super::build::*;
use super::conformance::futures_of;

const SORTS: [JobSort; 4] = [
    JobSort::CreatedDescending,
    JobSort::CreatedAscending,
    JobSort::UpdatedDescending,
    JobSort::PriorityDescending,
];

/// Forty jobs of every kind, some created or changed at the same time.
async fn fill(store: &dyn Store) -> Vec<JobRow> {
    let mut rows = Vec::new();
    for n in 1..=40 {
        let created = create(store, n, |row| {
            row.created_at = Timestamp(n as i64 / 3 * 1_000_000);
            row.job_type = ["simple-task", "code-generation"][n as usize % 2].to_owned();
            row.owner = ["ann", "bob", "annette"][n as usize % 3].to_owned();
            row.status = Status::ALL[n as usize % 8];
            row.phase = Phase::ALL[n as usize % 7];
            row.priority = (n % 4) as u8;
            row.agent = (n % 5 == 0).then(|| "writer".to_owned());
            row.description = match n {
                n if n % 10 == 0 => "ÜBER the Moon".to_owned(),
                // Too long for what is kept to be searched.
                n if n % 9 == 4 => format!("{} ÜBER the Moon", "x".repeat(3_000)),
                _ => "nothing".to_owned(),
            };
            row.labels.insert("team".to_owned(), ["red", "blue"][n as usize / 2 % 2].to_owned());
            if n % 3 == 0 {
                row.labels.insert("a".to_owned(), "team".to_owned());
            }
            row.waiting_for = (n % 6 == 0).then(|| WaitingFor {
                code: if n % 12 == 0 { WaitCode::Checkpoint } else { WaitCode::Slot },
                text: "waits".to_owned(),
                since: Timestamp(1),
                until: None,
            });
        });
        let created = created.await;
        let changed = if n % 7 == 0 {
            advance(store, &created, |row| row.updated_at = Timestamp(90_000_000)).await
        } else {
            created
        };
        rows.push(changed);
    }
    rows
}

/// What the order promises, from the rows alone.
fn sorted(mut rows: Vec<JobRow>, sort: JobSort) -> Vec<JobRow> {
    rows.sort_by(|a, b| match sort {
        JobSort::CreatedDescending => (b.created_at, b.id).cmp(&(a.created_at, a.id)),
        JobSort::CreatedAscending => (a.created_at, a.id).cmp(&(b.created_at, b.id)),
        JobSort::UpdatedDescending => (b.updated_at, b.id).cmp(&(a.updated_at, a.id)),
        JobSort::PriorityDescending => {
            b.priority.cmp(&a.priority).then((a.created_at, a.id).cmp(&(b.created_at, b.id)))
        }
    });
    rows
}

/// All pages by offset and all pages by cursor must be the same rows.
async fn every_page(store: &dyn Store, query: &JobQuery, limit: u32) -> Page<JobRow> {
    let (mut by_cursor, mut by_offset) = (Vec::new(), Vec::new());
    let mut page = JobQuery { limit, ..query.clone() };
    let total = loop {
        let found = store.jobs(&page).await.unwrap();
        assert!(found.rows.len() <= limit as usize);
        by_cursor.extend(found.rows);
        match found.next_cursor {
            // The offset beside a cursor means nothing.
            Some(cursor) => (page.cursor, page.offset) = (Some(cursor), 17),
            None => break found.total,
        }
    };
    let mut page = JobQuery { limit, ..query.clone() };
    while page.offset < total {
        let found = store.jobs(&page).await.unwrap();
        assert_eq!(found.total, total);
        by_offset.extend(found.rows);
        page.offset += u64::from(limit);
    }
    assert_eq!(by_cursor, by_offset, "{query:?}");
    assert_eq!(by_cursor.len() as u64, total, "{query:?}");
    Page { rows: by_cursor, total, next_cursor: None }
}

pub async fn jobs_come_in_every_order_without_loss_or_double(store: &dyn Store) {
    let rows = fill(store).await;
    for sort in SORTS {
        for limit in [1, 7, 40, 100] {
            let query = JobQuery { sort, ..Default::default() };
            let found = every_page(store, &query, limit).await;
            assert_eq!(found.rows, sorted(rows.clone(), sort), "{sort:?} by {limit}");
        }
    }
}

/// A filter and what it promises, from the row alone.
type Filter = (JobQuery, fn(&JobRow) -> bool);

fn filters() -> Vec<Filter> {
    filters_of_one().into_iter().chain(filters_of_several()).collect()
}

fn filters_of_one() -> Vec<Filter> {
    let none = JobQuery::default;
    let at = |second: i64| Some(Timestamp(second * 1_000_000));
    let text = |word: &str| Some(word.to_owned());
    vec![
        (none(), |_| true),
        (JobQuery { statuses: vec![Status::Failed], ..none() }, |row| row.status == Status::Failed),
        (
            JobQuery { statuses: vec![Status::Failed, Status::Pending, Status::Failed], ..none() },
            |row| matches!(row.status, Status::Failed | Status::Pending),
        ),
        (JobQuery { phase: Some(Phase::Waiting), ..none() }, |row| row.phase == Phase::Waiting),
        (JobQuery { job_type: text("simple-task"), ..none() }, |row| row.job_type == "simple-task"),
        (JobQuery { owner: text("ann"), ..none() }, |row| row.owner == "ann"),
        (JobQuery { owner: text("nobody"), ..none() }, |_| false),
        (JobQuery { agent: text("writer"), ..none() }, |row| row.agent.is_some()),
        (JobQuery { text: text("über the m"), ..none() }, |row| row.description.contains("ÜBER")),
        (JobQuery { text: text("JOB 1"), ..none() }, |row| row.name.starts_with("Job 1")),
        (JobQuery { text: text(""), ..none() }, |_| true),
        (JobQuery { text: text("xxx"), ..none() }, |row| row.description.starts_with("xxx")),
        (JobQuery { text: text("1nothing"), ..none() }, |_| false),
        (
            JobQuery {
                text: text("MOON"),
                owner: text("bob"),
                phase: Some(Phase::Waiting),
                ..none()
            },
            |row| {
                row.owner == "bob"
                    && row.phase == Phase::Waiting
                    && row.description.contains("Moon")
            },
        ),
        (
            JobQuery { text: text("moon"), created_from: at(4), created_to: at(11), ..none() },
            |row| {
                (4_000_000..11_000_000).contains(&row.created_at.0)
                    && row.description.contains("Moon")
            },
        ),
    ]
}

/// More of them: several members at once, and none that fits.
fn filters_of_several() -> Vec<Filter> {
    let none = JobQuery::default;
    let at = |second: i64| Some(Timestamp(second * 1_000_000));
    let text = |word: &str| Some(word.to_owned());
    vec![
        (JobQuery { waiting_for_person: true, ..none() }, |row| {
            row.waiting_for.as_ref().is_some_and(|wait| wait.code == WaitCode::Checkpoint)
        }),
        (JobQuery { labels: vec![("team".to_owned(), "red".to_owned())], ..none() }, |row| {
            row.labels["team"] == "red"
        }),
        (
            JobQuery {
                labels: vec![
                    ("team".to_owned(), "red".to_owned()),
                    ("a".to_owned(), "team".to_owned()),
                ],
                ..none()
            },
            |row| row.labels["team"] == "red" && row.labels.contains_key("a"),
        ),
        (JobQuery { labels: vec![("ateam".to_owned(), "".to_owned())], ..none() }, |_| false),
        (
            JobQuery { phase: Some(Phase::Faulted), statuses: vec![Status::Failed], ..none() },
            |row| row.phase == Phase::Faulted && row.status == Status::Failed,
        ),
        (
            JobQuery {
                agent: text("writer"),
                waiting_for_person: true,
                job_type: text("simple-task"),
                ..none()
            },
            |row| {
                row.agent.is_some()
                    && row.job_type == "simple-task"
                    && row.waiting_for.as_ref().is_some_and(|it| it.code == WaitCode::Checkpoint)
            },
        ),
        (JobQuery { created_from: at(3), created_to: at(9), ..none() }, |row| {
            (3_000_000..9_000_000).contains(&row.created_at.0)
        }),
        (JobQuery { created_from: at(9), created_to: at(3), ..none() }, |_| false),
        (JobQuery { owner: text("bob"), created_from: at(5), ..none() }, |row| {
            row.owner == "bob" && row.created_at.0 >= 5_000_000
        }),
        (
            JobQuery {
                owner: text("annette"),
                job_type: text("code-generation"),
                statuses: vec![Status::Rejected, Status::Assigned],
                ..none()
            },
            |row| {
                (row.owner.as_str(), row.job_type.as_str()) == ("annette", "code-generation")
                    && matches!(row.status, Status::Rejected | Status::Assigned)
            },
        ),
    ]
}

pub async fn filters_select_and_count(store: &dyn Store) {
    let rows = fill(store).await;
    for (query, wanted) in filters() {
        let expected: Vec<_> = rows.iter().filter(|row| wanted(row)).cloned().collect();
        let found = every_page(store, &query, 100).await;
        assert_eq!(found.rows, sorted(expected, query.sort), "{query:?}");
    }
}

pub async fn a_filter_and_an_order_page_together(store: &dyn Store) {
    let rows = fill(store).await;
    for (query, wanted) in filters() {
        for sort in SORTS {
            let query = JobQuery { sort, ..query.clone() };
            let expected: Vec<_> = rows.iter().filter(|row| wanted(row)).cloned().collect();
            assert_eq!(
                every_page(store, &query, 3).await.rows,
                sorted(expected, sort),
                "{query:?}"
            );
        }
    }
}

/// So many that what lists are made of does not fit into one piece; created in another order than
/// they come in, some removed, some changed.
pub async fn many_jobs_come_in_every_order(store: &dyn Store) {
    const MANY: u64 = 300;
    let commits = (1..=MANY).map(|n| {
        let mut row = row(n);
        // 7 has no divisor in common with 300: every second is used once.
        row.created_at = Timestamp((n * 7 % MANY) as i64 * 1_000_000);
        row.updated_at = row.created_at;
        row.owner = ["ann", "bob"][n as usize % 2].to_owned();
        row.priority = (n % 3) as u8;
        row.description = "d".repeat(n as usize % 150);
        (row.status, row.place) = (Status::Completed, Place::Ended);
        commit_after(&row)
    });
    for answer in futures_of(store, commits.collect()).await {
        answer.unwrap();
    }
    create(store, MANY + 1, |_| {}).await;
    let doomed = (1..=MANY).filter(|n| (60..190).contains(n)).map(|n| (job(n), 1)).collect();
    assert_eq!(store.remove_jobs(doomed, Timestamp::default()).await.unwrap().len(), 130);
    for n in (1..60).step_by(5) {
        let row = store.job(job(n)).await.unwrap().unwrap();
        advance(store, &row, |row| row.updated_at = Timestamp(n as i64)).await;
    }
    let mut rows = Vec::new();
    for n in 1..=MANY + 1 {
        rows.extend(store.job(job(n)).await.unwrap());
    }
    assert_eq!(rows.len() as u64, MANY + 1 - 130);
    let bobs = JobQuery { owner: Some("bob".to_owned()), ..JobQuery::default() };
    for sort in SORTS {
        let all = every_page(store, &JobQuery { sort, ..JobQuery::default() }, 37).await;
        assert_eq!(all.rows, sorted(rows.clone(), sort), "{sort:?}");
        let found = every_page(store, &JobQuery { sort, ..bobs.clone() }, 20).await;
        let expected = rows.iter().filter(|row| row.owner == "bob").cloned().collect();
        assert_eq!(found.rows, sorted(expected, sort), "{sort:?}");
    }
    let within = JobQuery {
        created_from: Some(Timestamp(100_000_000)),
        created_to: Some(Timestamp(200_000_000)),
        text: Some("DDD".to_owned()),
        ..JobQuery::default()
    };
    let expected = rows.iter().filter(|row| {
        (100..200).contains(&(row.created_at.0 / 1_000_000)) && row.description.len() > 2
    });
    let expected = sorted(expected.cloned().collect(), within.sort);
    assert_eq!(every_page(store, &within, 11).await.rows, expected);
}

pub async fn checkpoints_come_in_every_order_without_loss_or_double(store: &dyn Store) {
    let mut rows = Vec::new();
    for n in 1..=4 {
        let mut commit = creation(n);
        for place in 0..5 {
            let mut row = checkpoint_row(n * 10 + place, job(n));
            row.opened_at = Timestamp(place as i64);
            row.owner = ["ann", "bob"][n as usize % 2].to_owned();
            row.status = CheckpointStatus::ALL[(n + place) as usize % 3];
            row.expires_at = (place != 2).then_some(Timestamp(100 - (n * place) as i64));
            row.assignees = vec!["reviewer".to_owned(), format!("user-{place}")];
            rows.push(row);
        }
        commit.checkpoints = rows[rows.len() - 5..].to_vec();
        apply(store, commit).await;
    }
    use CheckpointStatus::{Approved, Pending};
    let none = CheckpointQuery::default;
    let queries = [
        none(),
        CheckpointQuery { statuses: vec![Pending], ..none() },
        CheckpointQuery { statuses: vec![Approved, Pending], ..none() },
        CheckpointQuery { job: Some(job(3)), ..none() },
        CheckpointQuery { owner: Some("bob".to_owned()), statuses: vec![Pending], ..none() },
        CheckpointQuery { assignee: Some("user-2".to_owned()), ..none() },
        CheckpointQuery { assignee: Some("user".to_owned()), ..none() },
    ];
    for query in queries {
        for sort in [CheckpointSort::Age, CheckpointSort::Expiry] {
            let mut expected: Vec<_> = rows
                .iter()
                .filter(|row| query.statuses.is_empty() || query.statuses.contains(&row.status))
                .filter(|row| query.job.is_none_or(|job| row.job == job))
                .filter(|row| query.owner.as_ref().is_none_or(|owner| &row.owner == owner))
                .filter(|row| query.assignee.as_ref().is_none_or(|who| row.assignees.contains(who)))
                .cloned()
                .collect();
            let never = Timestamp(i64::MAX);
            expected.sort_by_key(|row| match sort {
                CheckpointSort::Age => (row.opened_at, row.id),
                CheckpointSort::Expiry => (row.expires_at.unwrap_or(never), row.id),
            });
            let mut found = Vec::new();
            let mut page = CheckpointQuery { sort, limit: 3, ..query.clone() };
            loop {
                let part = store.checkpoints(&page).await.unwrap();
                assert_eq!(part.total, expected.len() as u64, "{page:?}");
                found.extend(part.rows);
                let Some(cursor) = part.next_cursor else { break };
                page.cursor = Some(cursor);
            }
            assert_eq!(found, expected, "{query:?} {sort:?}");
            let page = CheckpointQuery { sort, limit: 2, offset: 3, ..query.clone() };
            let part = store.checkpoints(&page).await.unwrap();
            let from = 3.min(expected.len());
            assert_eq!(part.rows, expected[from..(from + 2).min(expected.len())]);
        }
    }
}

pub async fn a_foreign_cursor_is_refused(store: &dyn Store) {
    fill(store).await;
    let query = JobQuery { limit: 1, ..Default::default() };
    let cursor = store.jobs(&query).await.unwrap().next_cursor.unwrap();
    let longer = format!("{cursor}0");
    for (sort, cursor) in [
        (JobSort::UpdatedDescending, cursor.as_str()),
        (JobSort::CreatedDescending, ""),
        (JobSort::CreatedDescending, "x"),
        (JobSort::CreatedDescending, longer.as_str()),
        (JobSort::CreatedDescending, &"é".repeat(33)),
    ] {
        let query = JobQuery { sort, limit: 1, cursor: Some(cursor.to_owned()), ..query.clone() };
        let error = store.jobs(&query).await.unwrap_err();
        assert!(matches!(error, ReadError::Cursor(_)), "{cursor}: {error}");
    }
    let query = CheckpointQuery { cursor: Some(cursor), limit: 1, ..Default::default() };
    assert!(matches!(store.checkpoints(&query).await, Err(ReadError::Cursor(_))));
}

pub async fn a_page_of_nothing_still_counts(store: &dyn Store) {
    fill(store).await;
    for (limit, offset) in [(0, 0), (5, 40), (5, u64::MAX), (0, 3)] {
        let query = JobQuery { limit, offset, ..Default::default() };
        let page = store.jobs(&query).await.unwrap();
        assert_eq!((page.rows.len(), page.total, page.next_cursor), (0, 40, None));
    }
}
