//! Floor 3: the actors. Outside sees only the cloneable `Engine` handle.

mod agent_card;
mod agents;
mod assignment;
mod attempt;
/// The audit trail.
pub mod audit;
mod batch;
mod catalog;
mod checkpoints;
mod child;
mod commit;
mod error;
mod examine;
/// Approval gates for other programs.
mod gates;
mod handle;
mod hands;
mod job;
mod jobs;
/// Signed links for mail and chat.
mod links;
mod load;
/// Which agent suits a job.
pub mod matching;
mod obey;
mod options;
/// How people decide.
mod oversight;
mod owed;
mod park;
mod parts;
mod reads;
mod recovery;
mod root;
/// Auto-approve rules.
mod rules;
mod scheduler;
mod shared;
mod slots;
mod standing;
mod start;
/// What became of the work of each agent.
mod statistics;
mod stop;
mod submit;
mod table;
mod turns;
mod unmade;
mod upkeep;
mod view;
mod wakes;
mod workflows;

pub use crate::calls::WebhookSecret;
pub use crate::store::{
    AuditPage, AuditQuery, BadCursor, Change, ChangeOutcome, CheckpointQuery, CheckpointSort,
    Counts, Document, DocumentChange, DocumentOutcome, Health, IdempotencyKey, JobQuery, JobSort,
    Page, ReadError,
};
pub use agents::{
    AgentEdit, AgentState, AgentTrial, AgentView, Availability, CONCURRENCY_DEFAULT, CallbackBody,
    NewAgent, NewAuth,
};
pub use batch::{Batch, BatchAction, BatchItem, ItemOutcome, NewBatch, items_of};
pub(crate) use catalog::DEFINITIONS;
pub use checkpoints::BatchOutcome;
pub use error::EngineError;
pub use examine::{Examination, Finding, Findings, Forecast, examine};
pub use gates::{
    CallbackStatus, CallbackView, GateFact, GateQuery, GateStatus, GateView, JobWatch, NewCallback,
    NewGate, OpenedGate,
};
pub use handle::{Engine, NewJob, Submitted};
pub use links::{Link, LinkStatus, LinkToken, LinkView, NewLink};
pub use options::Options;
pub use oversight::{Decisions, OpenByAge, Oversight, OversightBy, OversightRow};
pub use parts::Parts;
pub use rules::{NewRule, Rule, RuleEdit, RuleTrial, TrialFinding, TrialOutcome};
pub use standing::{Hold, Release, Standing};
pub use statistics::AgentStatistics;
pub use upkeep::Backup;
pub use view::{
    ActorNode, CheckpointView, JobView, LogRow, RecoveryReport, TimelineRow, WorkerStatus,
    WorkflowView,
};
