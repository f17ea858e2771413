//! The same random history in the model and in redb: equal answers, equal stores.

use holdpoint::model::checkpoint::CheckpointStatus;
use holdpoint::model::id::CommitId;
use holdpoint::model::row::{JobRow, Place};
use holdpoint::model::status::{Phase, Status, WaitCode, WaitingFor};
use holdpoint::model::time::Timestamp;
use holdpoint::store::{
    CheckpointQuery, CheckpointSort, Commit, Document, JobQuery, JobSort, Memory, Redb,
    RedbOptions, Store, redb::verify,
};
use proptest::prelude::*;

use super::build::*;
use super::dump::{EVENT_TYPES, KINDS, dump};

const OWNERS: [&str; 2] = ["ann", "bob"];
const AGENTS: [&str; 2] = ["writer", "reader"];
const TEAMS: [&str; 2] = ["red", "blue"];

/// One wish of a history.
#[derive(Clone, Debug)]
enum Wish {
    /// A commit that fits the job as it stands, or is off by this.
    Commit(Box<Draft>),
    /// The commit of that number once more.
    Again(usize),
    Put {
        kind: usize,
        id: u8,
        expect: Option<u64>,
    },
    Remove {
        kind: usize,
        id: u8,
    },
    ClearNudge(u64),
    Jobs(JobQuery),
    Checkpoints(CheckpointQuery),
}

#[derive(Clone, Debug)]
struct Draft {
    job: u64,
    events: usize,
    place: Place,
    status: Status,
    phase: Phase,
    agent: Option<bool>,
    waits: bool,
    priority: u8,
    raise_fence: bool,
    version_off: u64,
    fence_off: u64,
    checkpoint: Option<(u64, CheckpointStatus, Option<i64>)>,
    subscriptions: Vec<usize>,
    snapshot: bool,
    nudge: Option<u64>,
    key: Option<(u8, u8, i64)>,
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        (-3i64..3).prop_map(Place::Queue),
        Just(Place::Active),
        proptest::option::of((0i64..9).prop_map(Timestamp)).prop_map(Place::Parked),
        Just(Place::Ended),
    ]
}

fn draft() -> impl Strategy<Value = Draft> {
    let checkpoint =
        (1u64..5, proptest::sample::select(CheckpointStatus::ALL), proptest::option::of(0i64..9));
    let words = (
        proptest::sample::select(Status::ALL),
        proptest::sample::select(Phase::ALL),
        proptest::option::of(any::<bool>()),
        any::<bool>(),
    );
    let shape = (1u64..9, 1usize..4, place(), words, 0u8..4);
    // Most commits fit: a history of refusals would say little.
    let off = prop_oneof![12 => Just(0u64), 1 => Just(1u64)];
    let faults = (proptest::bool::weighted(0.1), off.clone(), off);
    let extras = (
        proptest::option::weighted(0.4, checkpoint),
        proptest::collection::vec(0..EVENT_TYPES.len(), 0..3),
        proptest::bool::weighted(0.2),
        proptest::option::weighted(0.2, 1u64..8),
        proptest::option::weighted(0.5, (0u8..2, 0u8..2, 0i64..40)),
    );
    (shape, faults, extras).prop_map(|(shape, faults, extras)| {
        let (job, events, place, (status, phase, agent, waits), priority) = shape;
        let (raise_fence, version_off, fence_off) = faults;
        let (checkpoint, subscriptions, snapshot, nudge, key) = extras;
        Draft {
            job,
            events,
            place,
            status,
            phase,
            agent,
            waits,
            priority,
            raise_fence,
            version_off,
            fence_off,
            checkpoint,
            subscriptions,
            snapshot,
            nudge,
            key,
        }
    })
}

fn job_query() -> impl Strategy<Value = JobQuery> {
    let sort = proptest::sample::select(vec![
        JobSort::CreatedDescending,
        JobSort::CreatedAscending,
        JobSort::UpdatedDescending,
        JobSort::PriorityDescending,
    ]);
    let words = |words: &'static [&'static str]| {
        proptest::option::weighted(0.2, proptest::sample::select(words).prop_map(str::to_owned))
    };
    let time = || proptest::option::weighted(0.2, (0i64..6).prop_map(Timestamp));
    let of_row = (
        proptest::collection::vec(proptest::sample::select(Status::ALL), 0..3),
        proptest::option::weighted(0.2, proptest::sample::select(Phase::ALL)),
        words(&OWNERS),
        words(&AGENTS),
        words(&["simple-task", "other"]),
        words(&["JOB 1", "job", "moon", "ÜBER", ""]),
        proptest::option::weighted(0.2, proptest::sample::select(&TEAMS[..])),
        proptest::bool::weighted(0.1),
    );
    (sort, of_row, time(), time(), 0u32..4, 0u64..3).prop_map(
        |(sort, of_row, created_from, created_to, limit, offset)| {
            let (statuses, phase, owner, agent, job_type, text, team, waiting_for_person) = of_row;
            let labels = team.map(|team| ("team".to_owned(), team.to_owned()));
            JobQuery {
                statuses,
                phase,
                job_type,
                owner,
                agent,
                labels: labels.into_iter().collect(),
                text,
                created_from,
                created_to,
                waiting_for_person,
                sort,
                limit,
                offset,
                cursor: None,
            }
        },
    )
}

fn checkpoint_query() -> impl Strategy<Value = CheckpointQuery> {
    let sort = proptest::sample::select(vec![CheckpointSort::Age, CheckpointSort::Expiry]);
    let statuses = proptest::collection::vec(proptest::sample::select(CheckpointStatus::ALL), 0..3);
    (sort, statuses, 0u32..4, proptest::option::of(1u64..6)).prop_map(
        |(sort, statuses, limit, of)| CheckpointQuery {
            sort,
            statuses,
            limit,
            job: of.map(job),
            ..CheckpointQuery::default()
        },
    )
}

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        12 => draft().prop_map(|draft| Wish::Commit(Box::new(draft))),
        2 => (0usize..20).prop_map(Wish::Again),
        2 => (0..KINDS.len(), 0u8..3, proptest::option::of(0u64..3))
            .prop_map(|(kind, id, expect)| Wish::Put { kind, id, expect }),
        1 => (0..KINDS.len(), 0u8..3).prop_map(|(kind, id)| Wish::Remove { kind, id }),
        1 => (1u64..8).prop_map(Wish::ClearNudge),
        5 => job_query().prop_map(Wish::Jobs),
        2 => checkpoint_query().prop_map(Wish::Checkpoints),
    ]
}

/// The row of a new job with something for every filter; some are created at the same time.
fn new_row(n: u64) -> JobRow {
    let mut row = row(n);
    row.created_at = Timestamp(n as i64 / 2);
    row.owner = OWNERS[n as usize % 2].to_owned();
    row.job_type = ["simple-task", "other"][n as usize / 3 % 2].to_owned();
    row.labels.insert("team".to_owned(), TEAMS[n as usize / 2 % 2].to_owned());
    row.description = ["über the Moon".to_owned(), "Y".repeat(4_000)][n as usize / 4 % 2].clone();
    row
}

/// Every page of a query, each from the cursor of the one before.
async fn pages(store: &dyn Store, query: &JobQuery) -> String {
    let (mut shown, mut query) = (String::new(), query.clone());
    loop {
        let page = store.jobs(&query).await.unwrap();
        shown += &format!("{page:?}");
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            return shown;
        }
    }
}

/// The commit that a draft means at this point of the history.
async fn complete(store: &dyn Store, draft: &Draft, step: usize) -> Commit {
    let before = store.job(job(draft.job)).await.unwrap().unwrap_or_else(|| new_row(draft.job));
    let mut commit = commit_after(&before);
    commit.commit_id = CommitId::derived(&["step", &step.to_string()]);
    commit.at = Timestamp(step as i64);
    commit.events = (0..draft.events).map(|n| note(&format!("{step} {n}"))).collect();
    commit.expect_version += draft.version_off;
    commit.fence += draft.fence_off;
    let version = commit.expect_version + draft.events as u64;
    let row = row_of(&mut commit);
    row.version = version;
    (row.place, row.status, row.priority) = (draft.place, draft.status, draft.priority);
    row.phase = draft.phase;
    row.agent = draft.agent.map(|which| AGENTS[usize::from(which)].to_owned());
    row.waiting_for = draft.waits.then(|| WaitingFor {
        code: if draft.priority > 1 { WaitCode::InDoubt } else { WaitCode::Time },
        text: "waits".to_owned(),
        since: Timestamp(step as i64),
        until: None,
    });
    row.updated_at = Timestamp(step as i64 / 2);
    row.fence += u64::from(draft.raise_fence);
    commit.checkpoints = draft
        .checkpoint
        .iter()
        .map(|(n, status, expires)| {
            let mut row = checkpoint_row(draft.job * 10 + n, job(draft.job));
            (row.status, row.expires_at) = (*status, expires.map(Timestamp));
            row
        })
        .collect();
    let types = draft.subscriptions.iter().map(|n| EVENT_TYPES[*n].to_owned());
    commit.subscriptions = types.collect();
    commit.snapshot = draft.snapshot.then(|| format!("folded {step}").into_bytes());
    commit.nudge = draft.nudge.map(job);
    commit.key = draft
        .key
        .filter(|_| before.version == 0)
        .map(|(name, request, age)| key(&name.to_string(), &request.to_string(), age));
    commit
}

/// What a store answers, as text that can be compared.
async fn answer(store: &dyn Store, wish: &Wish, commit: Option<&Commit>, step: usize) -> String {
    match (wish, commit) {
        (Wish::Commit(_) | Wish::Again(_), Some(commit)) => {
            format!("{:?}", store.commit(commit.clone()).await)
        }
        (Wish::Commit(_) | Wish::Again(_), None) => String::new(),
        (Wish::Put { kind, id, expect }, _) => {
            let updated_at = Timestamp(step as i64);
            let document =
                Document { id: id.to_string(), version: 0, updated_at, body: vec![*id; 3] };
            format!("{:?}", store.put_document(KINDS[*kind], document, *expect).await)
        }
        (Wish::Remove { kind, id }, _) => {
            format!("{:?}", store.remove_document(KINDS[*kind], &id.to_string()).await)
        }
        (Wish::ClearNudge(n), _) => format!("{:?}", store.clear_nudge(job(*n)).await),
        (Wish::Jobs(query), _) => pages(store, query).await,
        (Wish::Checkpoints(query), _) => format!("{:?}", store.checkpoints(query).await),
    }
}

async fn compare(wishes: Vec<Wish>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("random.redb");
    let (model, redb) = (Memory::new(), Redb::open(RedbOptions::new(&path)).unwrap());
    let mut commits: Vec<Commit> = Vec::new();
    for (step, wish) in (1..).zip(&wishes) {
        let commit = match wish {
            Wish::Commit(draft) => Some(complete(&model, draft, step).await),
            Wish::Again(n) => commits.get(*n).cloned(),
            _ => None,
        };
        let expected = answer(&model, wish, commit.as_ref(), step).await;
        assert_eq!(answer(&redb, wish, commit.as_ref(), step).await, expected, "{wish:?}");
        commits.extend(commit);
    }
    let expected = dump(&model).await;
    assert_eq!(dump(&redb).await, expected);
    redb.close().await.unwrap();
    assert_eq!(verify(&path).unwrap().problems, []);
    assert_eq!(dump(&Redb::open(RedbOptions::new(&path)).unwrap()).await, expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn redb_answers_as_the_model_does(wishes in proptest::collection::vec(wish(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(compare(wishes));
    }
}
