//! The name, kind and meaning of every metric, in one place. No label may hold an id, a name that
//! a user chose, or the text of an error: each value of a label costs memory for ever.

/// How a metric behaves; printed as its `# TYPE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only rises.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Counts samples by size.
    Histogram,
}

/// One metric as it is described to its reader.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// The name, with its unit last.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// One line for `# HELP`.
    pub help: &'static str,
}

/// Jobs now in each status. A gauge in spite of its name, which clients already scrape.
pub const AGENT_JOBS_TOTAL: &str = "agent_jobs_total";
/// Time from the first run's start of a job to its end.
pub const AGENT_JOBS_DURATION_SECONDS: &str = "agent_jobs_duration_seconds";
/// Changes of status.
pub const AGENT_JOB_TRANSITIONS_TOTAL: &str = "agent_job_transitions_total";
/// Checkpoints now in each status. A gauge in spite of its name, which clients already scrape.
pub const AGENT_CHECKPOINTS_TOTAL: &str = "agent_checkpoints_total";
/// Checkpoints that wait for a person.
pub const AGENT_CHECKPOINTS_PENDING: &str = "agent_checkpoints_pending";
/// Runs that hold a slot.
pub const AGENT_WORKER_ACTIVE_JOBS: &str = "agent_worker_active_jobs";
/// Time of one commit of the store, its syncs included.
pub const STORE_COMMIT_SECONDS: &str = "holdpoint_store_commit_seconds";
/// Commands in one commit.
pub const STORE_BATCH_SIZE: &str = "holdpoint_store_batch_size";
/// Bytes of the file of the store.
pub const STORE_FILE_BYTES: &str = "holdpoint_store_file_bytes";
/// Bytes of that file that are held in memory.
pub const STORE_CACHE_BYTES: &str = "holdpoint_store_cache_bytes";
/// Bytes free on the disk of the store.
pub const STORE_DISK_FREE_BYTES: &str = "holdpoint_store_disk_free_bytes";
/// Actors started anew after a failure.
pub const ACTOR_RESTARTS_TOTAL: &str = "holdpoint_actor_restarts_total";
/// Actors alive.
pub const LIVE_ACTORS: &str = "holdpoint_live_actors";
/// Due jobs that lay idle until the safety sweep found them.
pub const SWEEP_RESCUES_TOTAL: &str = "holdpoint_sweep_rescues_total";
/// Time from opening the store to readiness at the last start.
pub const RECOVERY_SECONDS: &str = "holdpoint_recovery_seconds";
/// Requests answered.
pub const HTTP_REQUESTS_TOTAL: &str = "holdpoint_http_requests_total";
/// Connections that were closed against the will of their clients.
pub const HTTP_CONNECTIONS_CLOSED_TOTAL: &str = "holdpoint_http_connections_closed_total";

/// Calls of agents that ended.
pub const AGENT_CALLS_TOTAL: &str = "holdpoint_agent_calls_total";
/// Time of the calls of agents that succeeded.
pub const AGENT_CALL_SECONDS: &str = "holdpoint_agent_call_seconds";
/// Verdicts about results of agents.
pub const AGENT_VERDICTS_TOTAL: &str = "holdpoint_agent_verdicts_total";
/// Calls of agents that were made because an earlier result was not good enough.
pub const AGENT_RESUBMISSIONS_TOTAL: &str = "holdpoint_agent_resubmissions_total";
/// Tokens that judges read and wrote.
pub const JUDGE_TOKENS_TOTAL: &str = "holdpoint_judge_tokens_total";
/// What judges cost, millionths of the currency of the prices.
pub const JUDGE_COST_MICROS_TOTAL: &str = "holdpoint_judge_cost_micros_total";

/// Signed heads of the audit trail that did not get to where they were to be kept.
pub const AUDIT_HEADS_LOST_TOTAL: &str = "holdpoint_audit_heads_lost_total";
/// Entries of the audit trail.
pub const AUDIT_ENTRIES: &str = "holdpoint_audit_entries";
/// Checkpoints that wait for a person, by how long they have.
pub const OVERSIGHT_OPEN: &str = "holdpoint_oversight_open";
/// How checkpoints ended.
pub const OVERSIGHT_OUTCOMES_TOTAL: &str = "holdpoint_oversight_outcomes_total";
/// Approvals within a second of the opening of their checkpoint.
pub const OVERSIGHT_SUB_SECOND_TOTAL: &str = "holdpoint_oversight_sub_second_total";

/// Every metric that Holdpoint exposes.
pub const ALL: &[Metric] = &[
    gauge(AGENT_JOBS_TOTAL, &["status"], "Number of agent jobs now in each status"),
    histogram(AGENT_JOBS_DURATION_SECONDS, &["status"], "Duration of agent jobs in seconds"),
    counter(
        AGENT_JOB_TRANSITIONS_TOTAL,
        &["from", "to"],
        "Changes of the status of agent jobs since the start of the process",
    ),
    gauge(AGENT_CHECKPOINTS_TOTAL, &["status"], "Number of agent checkpoints now in each status"),
    gauge(AGENT_CHECKPOINTS_PENDING, &[], "Number of pending agent checkpoints"),
    gauge(AGENT_WORKER_ACTIVE_JOBS, &[], "Number of currently active agent jobs"),
    histogram(STORE_COMMIT_SECONDS, &[], "Time of one commit of the store, syncs included"),
    histogram(STORE_BATCH_SIZE, &[], "Commands that shared one commit of the store"),
    gauge(STORE_FILE_BYTES, &[], "Bytes of the file of the store"),
    gauge(STORE_CACHE_BYTES, &[], "Bytes of the file of the store that are held in memory"),
    gauge(STORE_DISK_FREE_BYTES, &[], "Bytes free on the disk of the store"),
    counter(ACTOR_RESTARTS_TOTAL, &["kind"], "Actors started anew after a failure"),
    gauge(LIVE_ACTORS, &["kind"], "Actors alive"),
    counter(
        SWEEP_RESCUES_TOTAL,
        &[],
        "Due jobs that lay idle until the safety sweep found them; any is a defect",
    ),
    gauge(RECOVERY_SECONDS, &[], "Time from opening the store to readiness at the last start"),
    counter(AGENT_CALLS_TOTAL, &["outcome"], "Calls of agents that ended, since the first start"),
    histogram(AGENT_CALL_SECONDS, &[], "Time of the calls of agents that succeeded"),
    counter(
        AGENT_VERDICTS_TOTAL,
        &["verdict"],
        "Verdicts about results of agents, since the first start",
    ),
    counter(
        AGENT_RESUBMISSIONS_TOTAL,
        &[],
        "Calls of agents made because a result was not good enough, since the first start",
    ),
    counter(JUDGE_TOKENS_TOTAL, &["direction"], "Tokens that judges read and wrote"),
    counter(JUDGE_COST_MICROS_TOTAL, &[], "Cost of judges in millionths of the currency"),
    counter(
        AUDIT_HEADS_LOST_TOTAL,
        &["to"],
        "Signed heads of the audit trail that were not taken by the file or the webhook",
    ),
    gauge(AUDIT_ENTRIES, &[], "Entries of the audit trail"),
    gauge(OVERSIGHT_OPEN, &["age"], "Checkpoints that wait for a person, by age"),
    counter(OVERSIGHT_OUTCOMES_TOTAL, &["outcome"], "How checkpoints ended, since the first start"),
    counter(
        OVERSIGHT_SUB_SECOND_TOTAL,
        &[],
        "Approvals within a second of the opening of their checkpoint, since the first start",
    ),
    counter(HTTP_REQUESTS_TOTAL, &["route", "status"], "HTTP requests answered"),
    counter(
        HTTP_CONNECTIONS_CLOSED_TOTAL,
        &["reason"],
        "Connections closed for being slow, idle or too many",
    ),
];

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric { name, kind: Kind::Counter, labels, help }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, labels, help }
}

const fn histogram(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric { name, kind: Kind::Histogram, labels, help }
}
