//! Jobs of the real machine that go their way by chance: what happens next is drawn from what each
//! of them waits for. Nothing here knows a disk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use holdpoint::dsl::definition::Definition;
use holdpoint::dsl::{Rules, from_value};
use holdpoint::machine::{
    Decided, Due, Environment, Setting, changed_checkpoints, decide, due, job_row,
};
use holdpoint::model::checkpoint::{CheckpointStatus, Verdict};
use holdpoint::model::cloud_event::CloudEvent;
use holdpoint::model::command::{Command, DecideCheckpoint};
use holdpoint::model::event::Outcome;
use holdpoint::model::id::{CommitId, ContentHash, JobId};
use holdpoint::model::job::{Job, JobSpec, Parent};
use holdpoint::model::principal::Principal;
use holdpoint::model::problem::{Kind, Problem};
use holdpoint::model::status::Status;
use holdpoint::model::time::{Span, Timestamp};
use holdpoint::model::voter::{ADMIN, Door, Voter};
use holdpoint::store::{Commit, Document, IdempotencyKey, Random};
use serde_json::{Value, json};

use super::ledger::{Ledger, Wish};

/// Events between two snapshots: short journals are to have some.
const SNAPSHOT_EVENTS: u64 = 8;
/// Jobs that go on at the same time, children not counted.
const LIVE_MAX: usize = 4;
/// Jobs of one cast: more would only make reading them back slower.
const JOBS_MAX: usize = 7;
/// Bytes of the largest document: a few of them make the file grow.
const DOCUMENT_BYTES_MAX: u64 = 40_000;
/// How long an idempotency key is remembered.
const KEYS_LAST: Span = Span::from_secs(3 * 60 * 60);

static DEFINITIONS: LazyLock<BTreeMap<&str, Arc<Definition>>> = LazyLock::new(|| {
    let call = |method: &str| {
        let with = json!({ "method": method, "endpoint": "https://a.test/" });
        json!({ "call": "http", "with": with })
    };
    let gate = |blocking: bool, then: &str| {
        let with = json!({
            "title": "Good?", "blocking": blocking, "expiresAfter": "PT2H", "onExpiry": then,
        });
        json!({ "call": "checkpoint", "with": with })
    };
    let child = json!({
        "run": { "workflow": { "namespace": "test", "name": "review", "version": "1.0.0" } }
    });
    let listen = json!({ "listen": { "to": { "one": { "with": { "type": "ping" } } } } });
    let again = json!({
        "try": [{ "ask": call("get") }],
        "catch": { "retry": { "delay": "PT1M", "limit": { "attempt": { "count": 3 } } } },
    });
    let tell = json!({ "emit": { "event": { "with": { "source": "urn:me", "type": "told" } } } });
    let branches = json!([{ "left": call("get") }, { "right": call("post") }]);
    let loop_tasks = json!([{ "ask": call("get") }, { "note": { "set": { "seen": 1 } } }]);
    let whole = |name: &str, tasks: Value| {
        let document = json!({
            "document": { "dsl": "1.0.3", "namespace": "test", "name": name, "version": "1.0.0" },
            "do": tasks,
        });
        from_value(Arc::new(document), &Rules::default()).expect("a workflow without defects")
    };
    BTreeMap::from([
        (
            "review",
            whole("review", json!([{ "make": call("post") }, { "gate": gate(true, "reject") }])),
        ),
        (
            "patience",
            whole(
                "patience",
                json!([
                    { "again": again },
                    { "pause": { "wait": "PT10M" } },
                    { "look": gate(false, "escalate") },
                    { "last": gate(true, "escalate") },
                ]),
            ),
        ),
        ("family", whole("family", json!([{ "child": child }, { "after": call("get") }]))),
        (
            "events",
            whole(
                "events",
                json!([
                    { "hear": listen },
                    { "both": { "fork": { "branches": branches } } },
                    { "tell": tell },
                ]),
            ),
        ),
        (
            "rounds",
            whole(
                "rounds",
                json!([{ "each": { "for": { "in": "${ [1, 2, 3] }" }, "do": loop_tasks } }]),
            ),
        ),
    ])
});

static ENVIRONMENT: LazyLock<Environment> = LazyLock::new(|| Environment {
    runtime: Arc::new(json!({ "name": "holdpoint", "version": "test" })),
    secrets: Arc::new(json!({})),
    key_mark: None,
    has_judge: false,
});

/// Who plays, and the time.
pub struct Cast {
    seed: u64,
    made: usize,
    commits: u64,
    pub now: Timestamp,
}

impl Cast {
    pub fn new(seed: u64) -> Self {
        Self { seed, made: 0, commits: 0, now: Timestamp(1_767_225_600_000_000) }
    }

    /// Up to `count` wishes that do not concern each other.
    pub fn wishes(&mut self, ledger: &Ledger, random: &mut Random, count: u64) -> Vec<Wish> {
        let mut wishes = Vec::new();
        let mut busy = BTreeSet::new();
        for _ in 0..count {
            self.now = self.now.after(Span::from_secs(1 + random.below(90)));
            let wish = match random.below(12) {
                0 => self.put(ledger, random),
                1 => ledger.documents.keys().next().cloned().map(Wish::Remove),
                2 => ledger.nudged.first().copied().map(Wish::ClearNudge),
                _ => None,
            };
            let wish = wish.or_else(|| self.commit(ledger, random, &busy));
            if let Some(wish) = wish.filter(|wish| busy.insert(wish.subject())) {
                wishes.push(wish);
            }
        }
        wishes
    }

    fn put(&mut self, ledger: &Ledger, random: &mut Random) -> Option<Wish> {
        let id = format!("document {}", random.below(4));
        let expect = ledger.documents.get(&id).map_or(0, |held| held.version);
        let bytes = random.below(DOCUMENT_BYTES_MAX) as usize;
        let body = vec![b'a' + random.below(26) as u8; bytes];
        Some(Wish::Put(Document { id, version: expect, updated_at: self.now, body }))
    }

    fn commit(
        &mut self,
        ledger: &Ledger,
        random: &mut Random,
        busy: &BTreeSet<String>,
    ) -> Option<Wish> {
        let is_free = |job: &&Job| !busy.contains(&job.id.to_string());
        let jobs = ledger.jobs.values().map(|known| &known.job);
        let going: Vec<&Job> = jobs.filter(|job| goes_on(job)).collect();
        let may_create = self.made < JOBS_MAX && going.len() < LIVE_MAX;
        let free: Vec<&Job> = going.into_iter().filter(is_free).collect();
        if free.is_empty() || may_create && random.below(3) == 0 {
            return may_create.then(|| self.create(random)).flatten();
        }
        let job = free[random.below(free.len() as u64) as usize];
        self.step(ledger, job, random)
    }

    fn create(&mut self, random: &mut Random) -> Option<Wish> {
        let number = self.made.to_string();
        self.made += 1;
        let names: Vec<&&str> = DEFINITIONS.keys().collect();
        let name = names[random.below(names.len() as u64) as usize];
        let id = JobId::derived(&["cast", &self.seed.to_string(), &number]);
        let mut wish = self.decided(None, id, Command::Create(spec(name, None)), random)?;
        if let Wish::Commit(draft) = &mut wish
            && random.below(3) > 0
        {
            draft.commit.key = Some(IdempotencyKey {
                owner: "ada".to_owned(),
                digest: ContentHash::of(number.as_bytes()),
                key: number,
                forget_before: self.forget_before(),
            });
        }
        Some(wish)
    }

    /// The creation of another job with a key that was used.
    pub fn creation_with(&mut self, key: IdempotencyKey, random: &mut Random) -> Option<Wish> {
        let id = JobId::derived(&["another", &self.commits.to_string()]);
        let mut wish = self.decided(None, id, Command::Create(spec("review", None)), random)?;
        if let Wish::Commit(draft) = &mut wish {
            draft.commit.key = Some(IdempotencyKey { forget_before: self.forget_before(), ..key });
        }
        Some(wish)
    }

    fn forget_before(&self) -> Timestamp {
        Timestamp(self.now.0 - KEYS_LAST.as_duration().as_micros() as i64)
    }

    /// What happens next to a job.
    fn step(&mut self, ledger: &Ledger, job: &Job, random: &mut Random) -> Option<Wish> {
        let due = due(job);
        if let Some(child) = due.children.iter().find(|child| !child.created)
            && !ledger.jobs.contains_key(&child.child)
        {
            let parent = Parent { job: job.id, depth: 1, awaited: child.awaited };
            let create = Command::Create(spec("review", Some(parent)));
            return self.decided(None, child.child, create, random);
        }
        let mut options = options(ledger, job, &due, random);
        if options.is_empty() {
            self.now = self.now.max(due.wake?);
            options.push(Command::Tick);
        }
        let command = options.swap_remove(random.below(options.len() as u64) as usize);
        self.decided(Some(job), job.id, command, random)
    }

    /// The commit of a decision, put together as the engine does it.
    fn decided(
        &mut self,
        before: Option<&Job>,
        id: JobId,
        command: Command,
        random: &mut Random,
    ) -> Option<Wish> {
        let by = match random.below(2) {
            0 => Principal::Person("ada".to_owned()),
            _ => Principal::system("job"),
        };
        let job_type = match (before, &command) {
            (Some(job), _) => &job.spec.job_type,
            (None, Command::Create(spec)) => &spec.job_type,
            _ => return None,
        };
        let definition = &DEFINITIONS[job_type.as_str()];
        let setting = Setting { definition, environment: &ENVIRONMENT, now: self.now, by: &by };
        let decided = decide(before, id, &command, setting).ok()?;
        if decided.events.is_empty() {
            return None;
        }
        let Decided { events, job, .. } = decided;
        self.commits += 1;
        let due = due(&job);
        let (version, fence) = before.map_or((0, 0), |job| (job.version, job.fence));
        let crossed = version / SNAPSHOT_EVENTS != job.version / SNAPSHOT_EVENTS;
        let commit = Commit {
            job: id,
            expect_version: version,
            fence,
            commit_id: CommitId::derived(&[&self.seed.to_string(), &self.commits.to_string()]),
            at: self.now,
            by,
            origin: None,
            checkpoints: changed_checkpoints(&job, &events),
            nudge: nudged(&job, &due),
            subscriptions: due.subscriptions,
            snapshot: crossed.then(|| serde_json::to_vec(&job).expect("a job that serialises")),
            events,
            row: Arc::new(job_row(&job)),
            key: None,
        };
        Some(Wish::commit(commit, job))
    }
}

fn goes_on(job: &Job) -> bool {
    let is_over = matches!(job.status, Status::Completed | Status::Cancelled);
    let is_asked = job.checkpoints.values().any(|row| row.status == CheckpointStatus::Pending);
    !is_over || is_asked
}

fn nudged(job: &Job, due: &Due) -> Option<JobId> {
    if due.children.iter().any(|child| child.created && child.awaited) {
        return Some(job.id);
    }
    let parent = job.spec.parent.filter(|parent| parent.awaited)?;
    job.status.is_ended().then_some(parent.job)
}

fn spec(name: &str, parent: Option<Parent>) -> Arc<JobSpec> {
    let definition = &DEFINITIONS[name];
    Arc::new(JobSpec {
        job_type: name.to_owned(),
        definition: definition.hash,
        name: format!("a {name}"),
        description: String::new(),
        acceptance_criteria: String::new(),
        acceptance_rules: Arc::new(json!([])),
        input: Arc::new(json!({ "n": 1 })),
        priority: 3,
        labels: BTreeMap::new(),
        owner: "ada".to_owned(),
        due_at: None,
        auto_execute: true,
        needs_agent: definition.needs_agent,
        parent,
        requested_by: None,
    })
}

/// Everything that may happen to a job now.
fn options(ledger: &Ledger, job: &Job, due: &Due, random: &mut Random) -> Vec<Command> {
    let reason = || "by chance".to_owned();
    match random.below(24) {
        _ if job.suspended.is_some() => return vec![Command::Resume],
        0 => return vec![Command::Suspend { reason: reason() }],
        1 => return vec![Command::Terminate { reason: reason() }],
        _ => {}
    }
    let mut options = Vec::new();
    match job.status {
        Status::Pending | Status::Assigned => options.push(Command::Begin),
        Status::Failed | Status::Rejected | Status::ResubmissionRequired => {
            options.push(Command::Resubmit { reason: reason() });
        }
        _ if due.tick => options.push(Command::Tick),
        _ => {}
    }
    for call in &due.calls {
        let (frame, attempt) = (call.frame, call.attempt);
        options.push(match random.below(6) {
            0 => Command::Interrupt { frame, attempt, reason: reason(), repeatable: None },
            1 => {
                let outcome = Outcome::Failed(Problem::new(Kind::Communication, "down"));
                Command::Settle { frame, attempt, outcome }
            }
            _ => {
                let outcome = Outcome::Succeeded(Arc::new(json!({ "answer": [1, 2.5, null] })));
                Command::Settle { frame, attempt, outcome }
            }
        });
    }
    for child in &due.children {
        let known = ledger.jobs.get(&child.child);
        options.extend(match known {
            Some(_) if !child.created => Some(Command::ConfirmChild { child: child.child }),
            Some(known) if known.job.status.is_ended() => {
                let outcome = Outcome::Succeeded(Arc::new(json!({})));
                Some(Command::SettleChild { child: child.child, outcome })
            }
            _ => None,
        });
    }
    options.extend(due.orphans.iter().map(|child| Command::DropChild { child: *child }));
    for row in job.checkpoints.values().filter(|row| row.status == CheckpointStatus::Pending) {
        let verdict = match random.below(5) {
            0 => Verdict::Reject,
            _ => Verdict::Approve,
        };
        let voter = Voter::person("ada", &[ADMIN], Door::Session);
        options.push(Command::Decide(DecideCheckpoint {
            digest: Some(row.digest),
            comment: Some("I looked".to_owned()),
            ..DecideCheckpoint::new(row.id, verdict, voter)
        }));
    }
    if !due.subscriptions.is_empty() {
        let event = json!({ "specversion": "1.0", "id": "1", "source": "test", "type": "ping" });
        options.extend(CloudEvent::parse(event).map(Command::Deliver));
    }
    options
}
