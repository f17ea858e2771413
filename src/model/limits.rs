//! Every hard limit of Holdpoint in one place, each with its reason.

use crate::model::time::Span;

/// Longest source of one expression, bytes: longer ones are programs, not expressions.
pub const EXPRESSION_SOURCE_BYTES_MAX: usize = 16 * 1024;
/// Largest result of one expression, bytes as JSON: an event must hold it.
pub const EXPRESSION_RESULT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longest evaluation of one expression: a runaway faults its task and nothing else.
pub const EXPRESSION_TIME_MAX: Span = Span::from_millis(250);
/// Largest workflow document, bytes: a person must be able to read it.
pub const DOCUMENT_BYTES_MAX: usize = 1024 * 1024;
/// Deepest nesting of a workflow document or a JSON body: parsing recurses.
pub const DEPTH_MAX: usize = 64;
/// Most tasks in one document.
pub const DOCUMENT_TASKS_MAX: usize = 2_000;
/// Steps that one decision takes before it asks for another turn: an actor must not be held.
pub const STEPS_PER_DECISION_MAX: u32 = 1_000;
/// Steps without anything from outside before a run counts as an endless loop.
pub const STEPS_WITHOUT_EFFECT_MAX: u32 = 100_000;
/// Largest event, bytes as JSON.
pub const EVENT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Largest folded job, bytes as JSON: it is held in memory while it is live.
pub const STATE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Events between two snapshots of a job: loading reads at most this tail.
pub const SNAPSHOT_EVENTS: u64 = 256;
/// Crashes or panics in the same call before its task faults: a call that kills the process must
/// not kill it forever.
pub const INTERRUPTIONS_MAX: u32 = 5;
/// Deepest chain of jobs that run jobs: a workflow that runs itself must end.
pub const CHILD_DEPTH_MAX: u32 = 16;
/// Largest request body, bytes.
pub const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Most bytes of large bodies in hand at once, of all requests of those who are signed in;
/// strangers have a quarter of it: connections alone would allow two GiB.
pub const BODIES_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Largest body that is not counted there, bytes: a thousand of them are 64 MiB.
pub const BODY_BYTES_SMALL: usize = 64 * 1024;
/// Most values (objects, lists and what is in them) of a JSON body: in memory each
/// takes many times its bytes on the wire.
pub const BODY_VALUES_MAX: usize = 200_000;
/// Most bytes of `name` of a job.
pub const NAME_BYTES_MAX: usize = 200;
/// Most bytes of a free text (description, criteria, reason, comment).
pub const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Most labels of a job.
pub const LABELS_MAX: usize = 64;
/// Longest label key or value, bytes.
pub const LABEL_BYTES_MAX: usize = 200;
/// Highest priority of a job; the lowest is 0.
pub const PRIORITY_MAX: u8 = 9;
/// Waiting time that is worth one step of priority: no job starves.
pub const PRIORITY_AGEING: Span = Span::from_secs(60);
/// Rows on one page of a list.
pub const PAGE_MAX: u32 = 200;
/// Rows on a page when nothing is said.
pub const PAGE_DEFAULT: u32 = 50;
/// Largest answer of an outside service, bytes after decompression.
pub const RESPONSE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long an idempotency key is kept.
pub const IDEMPOTENCY_KEPT: Span = Span::from_secs(24 * 3600);
/// Longest idempotency key, bytes.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;
/// Time a checkpoint waits when its document does not say (24 hours).
pub const CHECKPOINT_EXPIRY: Span = Span::from_secs(24 * 3600);
/// Most files that one `write-files` writes.
pub const FILES_MAX: usize = 500;
/// Largest file that `write-files` writes, bytes.
pub const FILE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Longest path of a written file, bytes.
pub const FILE_PATH_BYTES_MAX: usize = 512;
/// Most rules of one evaluation: each may take as long as an expression may.
pub const RULES_MAX: usize = 32;
/// Most texts that a job keeps for its next attempt, the newest: an agent reads all of them.
pub const FEEDBACK_MAX: usize = 20;
/// Most bytes of one of them; the rest is cut off.
pub const FEEDBACK_BYTES_MAX: usize = 4 * 1024;
/// Most opinions that a judge is asked for about one result: each costs a call.
pub const VOTES_MAX: u32 = 9;
/// Largest report of a search for an agent, bytes as JSON: it is kept with the job.
pub const MATCHING_REPORT_BYTES_MAX: usize = 256 * 1024;
/// Shortest pause before an agent is asked how a call stands: it must not be asked without end.
pub const POLL_PAUSE_MIN: Span = Span::from_millis(100);
/// Events that one `listen` keeps before its task faults.
pub const LISTEN_EVENTS_MAX: usize = 10_000;
/// Most registered agents, inactive ones included: all of them are held in memory, compiled.
pub const AGENTS_MAX: usize = 1_000;
/// Longest name of an agent, bytes: it stands in lists, logs and workflow documents.
pub const AGENT_NAME_BYTES_MAX: usize = 100;
/// Longest endpoint of an agent, bytes: common servers refuse longer request lines.
pub const AGENT_ENDPOINT_BYTES_MAX: usize = 2_048;
/// Most tags of an agent.
pub const AGENT_TAGS_MAX: usize = 32;
/// Longest tag of an agent, bytes.
pub const AGENT_TAG_BYTES_MAX: usize = 64;
/// Shortest secret of an agent, bytes: a shorter one occurs in answers by chance, so it could not
/// be taken out of them.
pub const AGENT_SECRET_BYTES_MIN: usize = 8;
/// Longest secret of an agent, bytes: servers refuse longer headers.
pub const AGENT_SECRET_BYTES_MAX: usize = 4_096;
/// Longest time to connect to an agent.
pub const AGENT_CONNECT_MAX: Span = Span::from_secs(60);
/// Longest silence of an agent: a connection that says nothing for longer is usually dead.
pub const AGENT_RESPONSE_MAX: Span = Span::from_secs(3_600);
/// Longest attempt of an agent that answers at once: it holds a slot all the while.
pub const AGENT_TOTAL_MAX: Span = Span::from_secs(6 * 3_600);
/// Longest time until an asynchronous agent calls back: as long as a long weekend's work.
pub const AGENT_CALLBACK_MAX: Span = Span::from_secs(7 * 24 * 3_600);
/// Most attempts of one call of an agent.
pub const AGENT_ATTEMPTS_MAX: u32 = 20;
/// Longest pause between two attempts, whatever the agent's `Retry-After` says.
pub const AGENT_BACKOFF_MAX: Span = Span::from_secs(3_600);
/// Most requests to one agent at once.
pub const AGENT_CONCURRENCY_MAX: u32 = 1_000;
/// Most requests that a rate limit may name: more is no limit.
pub const AGENT_RATE_REQUESTS_MAX: u32 = 1_000_000;
/// Longest period of a rate limit.
pub const AGENT_RATE_PERIOD_MAX: Span = Span::from_secs(24 * 3_600);
/// Most bytes of feedback that a header carries, percent-encoded: servers refuse larger heads.
pub const AGENT_FEEDBACK_HEADER_BYTES_MAX: usize = 4_096;

/// Most jobs that one batch is about: its record is written anew while it is done.
pub const BATCH_ITEMS_MAX: usize = 1_000;
/// Most templates of one owner: they are listed at once.
pub const TEMPLATES_MAX: usize = 500;
