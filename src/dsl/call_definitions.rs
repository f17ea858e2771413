//! The checked arguments of calls: what the functions of a document are given.

use crate::dsl::definition::DurationSpec;
use crate::expr::{Expression, Template};
use crate::model::checkpoint::OnExpiry;
use crate::model::evaluation::{JudgeMode, OnUnavailable};

/// `call: http`.
#[derive(Debug)]
pub struct HttpCall {
    /// Literal or template endpoint: a URI template text, or an expression.
    pub endpoint: Endpoint,
    /// `with` without the endpoint's URI: method, headers, query, body, output, redirect, and
    /// `authentication` resolved from `use.authentications`.
    pub arguments: Template,
    /// May it be repeated when its outcome is unknown? From the method (GET, HEAD, OPTIONS, PUT,
    /// DELETE) unless `metadata.holdpoint.idempotent` says otherwise.
    pub is_idempotent: bool,
}

/// Where a call goes.
#[derive(Debug, Clone)]
pub enum Endpoint {
    /// A URI template (RFC 6570 simple expansion) over the task's input.
    Template(String),
    /// An expression that gives the URI.
    Expression(Expression),
}

/// `call: checkpoint`.
#[derive(Debug)]
pub struct CheckpointCall {
    /// `title`.
    pub title: Template,
    /// `summary`.
    pub summary: Option<Template>,
    /// `show`; the task's input when absent.
    pub show: Option<Template>,
    /// `blocking`.
    pub blocking: bool,
    /// `expiresAfter`.
    pub expires_after: DurationSpec,
    /// `onExpiry`.
    pub on_expiry: OnExpiry,
    /// `onExpiry`, when an expression gives it.
    pub on_expiry_by: Option<Expression>,
    /// `assignees`; this and what follows is read by `checkpoint_words` when it opens.
    pub assignees: Template,
    /// `quorum`.
    pub quorum: Template,
    /// `fourEyes`.
    pub four_eyes: Template,
    /// `form`.
    pub form: Option<Template>,
    /// `editable`.
    pub editable: Template,
    /// `reworks`.
    pub reworks: Template,
    /// `exclude`.
    pub exclude: Template,
    /// `linkConfirm`.
    pub link_confirm: Template,
    /// `remindAfter`.
    pub remind_after: Option<DurationSpec>,
    /// `escalateAfter`.
    pub escalate_after: Option<DurationSpec>,
    /// `escalateTo`.
    pub escalate_to: Template,
}

/// `call: agent`.
#[derive(Debug)]
pub struct AgentCall {
    /// `agent`: its id or name; the agent of the job when absent.
    pub agent: Option<Template>,
    /// `input`; when absent the inputs of the assignment, if it is the agent of the job, else the
    /// task's input.
    pub input: Option<Template>,
    /// `feedback`: reasons of an earlier verdict; those of the job when absent.
    pub feedback: Option<Template>,
    /// `timeout`: how long one attempt may take; what the agent's registration says when absent.
    pub timeout: Option<DurationSpec>,
}

/// `call: evaluate`.
#[derive(Debug)]
pub struct EvaluateCall {
    /// `result`; the task's input when absent.
    pub result: Option<Template>,
    /// `criteria`; the acceptance criteria of the job when absent.
    pub criteria: Option<Template>,
    /// `rules`; the acceptance rules of the job when absent.
    pub rules: Option<Template>,
    /// `judge`.
    pub judge: JudgeMode,
    /// `votes`: how many opinions the judge gives.
    pub votes: u32,
    /// `onUnavailable`.
    pub on_unavailable: OnUnavailable,
    /// `assignees`: who decides when a person has to.
    pub assignees: Vec<String>,
    /// `expiresAfter`: how long a person has.
    pub expires_after: DurationSpec,
    /// `onExpiry`.
    pub on_expiry: OnExpiry,
}
