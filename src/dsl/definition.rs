//! The checked form of a document. The machine interprets it; nothing in it can be invalid any
//! more.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

pub use crate::dsl::call_definitions::{
    AgentCall, CheckpointCall, Endpoint, EvaluateCall, HttpCall,
};
use crate::dsl::schema::Schema;
use crate::expr::{Expression, Template};
use crate::model::id::ContentHash;
use crate::model::job::Then;
use crate::model::time::Span;

/// A registered document. Immutable; shared by every job that pins its hash.
#[derive(Debug)]
pub struct Definition {
    /// SHA-256 of the canonical JSON (RFC 8785) of the document.
    pub hash: ContentHash,
    /// The document as a value: `$workflow.definition`.
    pub document: Arc<Value>,
    /// `document.namespace`.
    pub namespace: String,
    /// `document.name`: the job type.
    pub name: String,
    /// `document.version`.
    pub version: String,
    /// `document.title`.
    pub title: Option<String>,
    /// `document.summary`.
    pub summary: Option<String>,
    /// Does `document.metadata.holdpoint.assignment` say `required`?
    pub needs_agent: bool,
    /// Names of the secrets that it may use.
    pub secrets: Vec<String>,
    /// Its input.
    pub input: Input,
    /// Its output.
    pub output: Output,
    /// How long a run may take.
    pub timeout: Option<DurationSpec>,
    /// Every task by its reference (JSON Pointer, `/do/0/setRed`).
    pub tasks: HashMap<Arc<str>, Arc<Task>>,
    /// Every task list by its reference (`/do`, `/do/0/order/try`): the references of its tasks, in
    /// order.
    pub lists: HashMap<Arc<str>, Arc<[Arc<str>]>>,
    /// True when every expression is cheap, so that a decision may be made on any thread.
    pub is_cheap: bool,
}

/// `input` of a workflow or task.
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// Checked before `from`.
    pub schema: Option<Schema>,
    /// Transforms the raw input.
    pub from: Option<Template>,
}

/// `output` of a workflow or task.
#[derive(Debug, Clone, Default)]
pub struct Output {
    /// Transforms the raw output.
    pub transform: Option<Template>,
    /// Checked after it.
    pub schema: Option<Schema>,
}

/// `export` of a task.
#[derive(Debug, Clone, Default)]
pub struct Export {
    /// The new `$context`.
    pub transform: Option<Template>,
    /// Checked after it.
    pub schema: Option<Schema>,
}

/// A duration: fixed, or an expression that gives an ISO 8601 text.
#[derive(Debug, Clone)]
pub enum DurationSpec {
    /// Known.
    Fixed(Span),
    /// Evaluated when it is needed.
    Expression(Expression),
}

/// One task.
#[derive(Debug)]
pub struct Task {
    /// JSON Pointer, `/do/0/setRed`.
    pub reference: Arc<str>,
    /// Its name in its list.
    pub name: String,
    /// The list that it stands in.
    pub list: Arc<str>,
    /// Its place in the list.
    pub index: usize,
    /// Its source, as a value: `$task.definition`.
    pub source: Arc<Value>,
    /// `if`.
    pub condition: Option<Expression>,
    /// `input`.
    pub input: Input,
    /// `output`.
    pub output: Output,
    /// `export`.
    pub export: Export,
    /// `timeout`.
    pub timeout: Option<DurationSpec>,
    /// `then`.
    pub then: Then,
    /// `metadata.holdpoint.idempotent`: may a call whose outcome is unknown simply be made again?
    pub idempotent: Option<bool>,
    /// What it does.
    pub kind: TaskKind,
}

/// What a task does.
#[derive(Debug)]
pub enum TaskKind {
    /// `do`: goes through the list `<reference>/do`.
    Do {
        /// The list.
        list: Arc<str>,
    },
    /// `set`.
    Set {
        /// The new data.
        value: Template,
    },
    /// `switch`: the first case that holds says where to go.
    Switch {
        /// The cases in order; a case without a condition always holds.
        cases: Vec<Case>,
    },
    /// `for`.
    For {
        /// The collection.
        collection: Expression,
        /// The variable for the item (`item`).
        each: String,
        /// The variable for its index (`index`).
        at: String,
        /// `while`.
        condition: Option<Expression>,
        /// The list, `<reference>/do`.
        list: Arc<str>,
    },
    /// `fork`: every task of the list `<reference>/fork/branches` at once.
    Fork {
        /// The list of branches.
        branches: Arc<str>,
        /// Does the first one that ends win?
        compete: bool,
    },
    /// `try`.
    Try {
        /// The list `<reference>/try`.
        list: Arc<str>,
        /// What is caught.
        catch: Catch,
    },
    /// `raise`.
    Raise {
        /// The error.
        error: ErrorTemplate,
    },
    /// `wait`.
    Wait {
        /// How long.
        duration: DurationSpec,
    },
    /// `emit`.
    Emit {
        /// `event.with`.
        event: Template,
    },
    /// `listen`.
    Listen(Listen),
    /// `call: http`.
    CallHttp(HttpCall),
    /// `call: checkpoint`.
    Checkpoint(Box<CheckpointCall>),
    /// `call: agent`.
    Agent(AgentCall),
    /// `call: evaluate`.
    Evaluate(EvaluateCall),
    /// `call: write-files`: the arguments `files` and `directory`.
    WriteFiles {
        /// `with`.
        arguments: Template,
    },
    /// `call: webhook`: the arguments `url`, `payload`, `secret` and `gate`.
    Webhook {
        /// `with`.
        arguments: Template,
    },
    /// `run: workflow`.
    RunWorkflow {
        /// `namespace`.
        namespace: String,
        /// `name`.
        name: String,
        /// `version` (`latest` for the newest).
        version: String,
        /// `input`.
        input: Option<Template>,
        /// `await`.
        awaited: bool,
    },
}

/// A case of a `switch`.
#[derive(Debug)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// `when`.
    pub when: Option<Expression>,
    /// Where to go.
    pub then: Then,
}

/// `catch` of a `try`.
#[derive(Debug)]
pub struct Catch {
    /// `errors.with`: each member must equal the error's; types are compared as
    /// `model::problem::same_type` does.
    pub filter: BTreeMap<String, Template>,
    /// The variable for the error (`error`).
    pub variable: String,
    /// `when`.
    pub when: Option<Expression>,
    /// `exceptWhen`.
    pub except_when: Option<Expression>,
    /// `retry`, resolved from `use.retries` when it is a name.
    pub retry: Option<RetryPolicy>,
    /// The list `<reference>/catch/do`, if there is one.
    pub list: Option<Arc<str>>,
}

/// A retry policy.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    /// `when`.
    pub when: Option<Expression>,
    /// `exceptWhen`.
    pub except_when: Option<Expression>,
    /// `delay`; none counts as nothing.
    pub delay: Option<DurationSpec>,
    /// `backoff`.
    pub backoff: Backoff,
    /// `jitter`: from, to.
    pub jitter: Option<(DurationSpec, DurationSpec)>,
    /// `limit.attempt.count`: how often it is tried again.
    pub attempts_max: Option<u32>,
    /// `limit.attempt.duration`: how long one attempt may take.
    pub attempt_duration: Option<DurationSpec>,
    /// `limit.duration`: how long all of it may take.
    pub duration: Option<DurationSpec>,
}

/// How the delay grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backoff {
    /// Always the delay.
    Constant,
    /// The delay times the number of the round.
    Linear,
    /// The delay doubled each round.
    Exponential,
}

/// An error to be raised, resolved from `use.errors` when it is a name.
#[derive(Debug, Clone)]
pub struct ErrorTemplate {
    /// `type`.
    pub kind: Template,
    /// `status`.
    pub status: Template,
    /// `title`.
    pub title: Option<Template>,
    /// `detail`.
    pub detail: Option<Template>,
    /// `instance`; the task's reference when absent.
    pub instance: Option<Template>,
}

/// `listen`.
#[derive(Debug)]
pub struct Listen {
    /// How many events it takes.
    pub strategy: Strategy,
    /// The filters. `any` without filters takes every event.
    pub filters: Vec<EventFilter>,
    /// `until` of `any`.
    pub until: Option<Until>,
    /// How an event is read.
    pub read: ReadAs,
    /// `foreach`.
    pub foreach: Option<Foreach>,
}

/// How many events a `listen` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// One event that meets the filter.
    One,
    /// The first event that meets any of the filters (or all that come, with `until`).
    Any,
    /// One event for each of the filters.
    All,
}

/// What ends an `any`.
#[derive(Debug)]
pub enum Until {
    /// A condition over the array of consumed events, evaluated after each.
    Condition(Expression),
    /// Other events; they are not part of the output.
    Events {
        /// How many of them.
        strategy: Strategy,
        /// Their filters.
        filters: Vec<EventFilter>,
    },
}

/// A filter over CloudEvents.
#[derive(Debug)]
pub struct EventFilter {
    /// The event types it can meet when `type` is a plain text; none when it may be any.
    pub event_type: Option<String>,
    /// `with`: the attribute and how it must be.
    pub attributes: Vec<(String, AttributeMatch)>,
    /// `correlate`.
    pub correlate: Vec<Correlation>,
}

/// How an attribute of an event must be.
#[derive(Debug)]
pub enum AttributeMatch {
    /// Equal to this value.
    Equal(Arc<Value>),
    /// An expression over the attribute (`.` is the attribute's value): true, or equal to its
    /// result.
    Expression(Expression),
    /// Template members inside an object: the result must equal.
    Template(Template),
}

/// A correlation of a filter.
#[derive(Debug)]
pub struct Correlation {
    /// Its key.
    pub key: String,
    /// Extracts the value (`.` is the event's envelope with its data under `data`).
    pub from: Expression,
    /// What it must equal; when absent the first value that comes settles it.
    pub expect: Option<Template>,
}

/// How consumed events are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadAs {
    /// The data.
    Data,
    /// The whole envelope.
    Envelope,
    /// The data as it came.
    Raw,
}

/// `foreach` of a `listen`.
#[derive(Debug)]
pub struct Foreach {
    /// The variable for the event (`item`).
    pub item: String,
    /// The variable for its index (`index`).
    pub at: String,
    /// The list `<reference>/foreach/do`, if there is one.
    pub list: Option<Arc<str>>,
    /// `output`.
    pub output: Output,
    /// `export`.
    pub export: Export,
}
