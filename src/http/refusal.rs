//! The table from what the engine says to what the API answers. The only one of its kind.

use crate::api::problem::FieldError;
use crate::dsl::schema::Violation;
use crate::engine::EngineError;
use crate::http::accounts::AccountError;
use crate::http::codes;
use crate::http::problem::ApiError;
use crate::model::refusal::Refusal;

/// How soon a caller may come again when the store could not answer, seconds: a reopened store is
/// back by then.
const STORE_RETRY_SECS: u64 = 2;
/// The same when the process stops: a restart takes about that long.
const RESTART_RETRY_SECS: u64 = 5;

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        let detail = error.to_string();
        match error {
            EngineError::Refused(refusal) => refusal.into(),
            EngineError::UnknownWorkflow { .. } => {
                let errors = vec![FieldError::at("/jobType", detail.clone())];
                ApiError::new(codes::UNKNOWN_WORKFLOW, detail).with_errors(errors)
            }
            EngineError::BrokenWorkflow { .. } => ApiError::new(codes::BROKEN_WORKFLOW, detail),
            EngineError::InvalidInput { violations, .. } => {
                let errors = fields("/inputData", violations);
                ApiError::new(codes::INVALID_INPUT, detail).with_errors(errors)
            }
            EngineError::UnknownAgent { .. } => ApiError::new(codes::NO_SUCH_AGENT, detail),
            EngineError::UnreachableCard { .. } => {
                let errors = vec![FieldError::at("/agentCardUrl", detail.clone())];
                ApiError::new(codes::INVALID_AGENT, detail).with_errors(errors)
            }
            EngineError::NoAgentNeeded { .. } => ApiError::invalid_at("/agentId", detail),
            EngineError::InvalidAgent { violations } => {
                ApiError::new(codes::INVALID_AGENT, detail).with_errors(fields("", violations))
            }
            EngineError::InvalidAgentInputs { violations, .. } => {
                let errors = fields("/inputs", violations);
                ApiError::new(codes::INVALID_INPUTS, detail).with_errors(errors)
            }
            EngineError::InactiveAgent { .. } => ApiError::new(codes::INACTIVE_AGENT, detail),
            EngineError::AgentNameTaken { .. } => ApiError::new(codes::AGENT_NAME_TAKEN, detail),
            EngineError::AgentChanged { .. } => ApiError::new(codes::AGENT_CHANGED, detail),
            EngineError::TooManyAgents => ApiError::new(codes::TOO_MANY_AGENTS, detail),
            EngineError::BadCallback => ApiError::new(codes::NO_SUCH_CALLBACK, detail),
            EngineError::CallbackOver => ApiError::new(codes::CALLBACK_OVER, detail),
            EngineError::InvalidResult { violations } => {
                ApiError::new(codes::INVALID_RESULT, detail).with_errors(fields("", violations))
            }
            EngineError::InvalidGate { violations } => {
                ApiError::new(codes::INVALID_REQUEST, detail).with_errors(fields("", violations))
            }
            EngineError::NoSuchLink => ApiError::new(codes::NO_SUCH_LINK, detail),
            EngineError::LinkOver { .. } => ApiError::new(codes::LINK_OVER, detail),
            EngineError::NoSuchRule => ApiError::new(codes::NO_SUCH_RULE, detail),
            EngineError::RuleChanged { .. } => ApiError::new(codes::RULE_CHANGED, detail),
            EngineError::InvalidRule { violations } => {
                ApiError::new(codes::INVALID_REQUEST, detail).with_errors(fields("", violations))
            }
            EngineError::NoSuchBatch => ApiError::new(codes::NO_SUCH_BATCH, detail),
            EngineError::KeyReused { .. } => ApiError::new(codes::KEY_REUSED, detail),
            EngineError::Cursor(_) => {
                ApiError::invalid(vec![FieldError::parameter("cursor", detail)])
            }
            EngineError::Busy { retry_after, .. } => {
                let seconds = retry_after.0.div_ceil(1_000_000);
                ApiError::new(codes::BUSY, detail).retry_after(seconds)
            }
            EngineError::Unavailable(_) => {
                ApiError::new(codes::UNAVAILABLE, detail).retry_after(STORE_RETRY_SECS)
            }
            EngineError::DiskFull(_) => ApiError::new(codes::DISK_FULL, detail),
            EngineError::Corrupt { .. } => ApiError::new(codes::UNREADABLE_JOB, detail),
            EngineError::Held { .. } => ApiError::new(codes::HELD, detail),
            EngineError::NotHeld => ApiError::new(codes::NOT_HELD, detail),
            EngineError::BackupFailed(_) => ApiError::new(codes::BACKUP_FAILED, detail),
            EngineError::Stopping => {
                ApiError::new(codes::STOPPING, detail).retry_after(RESTART_RETRY_SECS)
            }
        }
    }
}

/// What is wrong with a member at this place of the request.
fn fields(at: &str, violations: Vec<Violation>) -> Vec<FieldError> {
    let field = |Violation { pointer, message }| FieldError::at(format!("{at}{pointer}"), message);
    violations.into_iter().map(field).collect()
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            Refusal::NoSuchJob => ApiError::new(codes::NO_SUCH_JOB, detail),
            Refusal::AlreadyCreated => ApiError::new(codes::ALREADY_CREATED, detail),
            Refusal::Illegal { status, .. } => {
                ApiError::new(codes::ILLEGAL_TRANSITION, detail).with_status(status.as_str())
            }
            Refusal::Stale { .. } => ApiError::new(codes::STALE, detail),
            Refusal::NoSuchCheckpoint => ApiError::new(codes::NO_SUCH_CHECKPOINT, detail),
            Refusal::AlreadyDecided { first, .. } => {
                ApiError::new(codes::ALREADY_DECIDED, detail).with_status(first.as_str())
            }
            Refusal::WrongDigest { .. } => ApiError::new(codes::WRONG_DIGEST, detail),
            Refusal::BadDecision { member, message } => {
                let errors = vec![FieldError::at(format!("/{member}"), message)];
                ApiError::new(codes::BAD_DECISION, detail).with_errors(errors)
            }
            Refusal::NotAssigned { .. } => ApiError::new(codes::NOT_ASSIGNED, detail),
            Refusal::FourEyes => ApiError::new(codes::FOUR_EYES, detail),
            Refusal::NotAPerson { .. } => ApiError::new(codes::NOT_A_PERSON, detail),
            Refusal::WrongDoor { .. } => ApiError::new(codes::WRONG_DOOR, detail),
            Refusal::NeedsRole { .. } => ApiError::new(codes::FORBIDDEN, detail),
            Refusal::ClaimedByOther { .. } => ApiError::new(codes::CLAIMED_BY_OTHER, detail),
            Refusal::AlreadyVoted { .. } => ApiError::new(codes::ALREADY_VOTED, detail),
            Refusal::StandingUsed { .. } => ApiError::new(codes::STANDING_USED, detail),
            Refusal::NeedsDigest { .. } => ApiError::new(codes::DIGEST_NEEDED, detail),
            Refusal::ReworksSpent { .. } => ApiError::new(codes::REWORKS_SPENT, detail),
            Refusal::CheckpointClosed { status, .. } => {
                ApiError::new(codes::CHECKPOINT_CLOSED, detail).with_status(status.as_str())
            }
            Refusal::Form { violations } => {
                let field = |(pointer, message): (String, String)| {
                    FieldError::at(format!("/input{pointer}"), message)
                };
                let errors = violations.into_iter().map(field).collect();
                ApiError::new(codes::INVALID_FORM, detail).with_errors(errors)
            }
            Refusal::NotEditable { outside, .. } => {
                let field = |pointer: String| {
                    FieldError::at(format!("/edit{pointer}"), "must not be edited")
                };
                let errors = outside.into_iter().map(field).collect();
                ApiError::new(codes::NOT_EDITABLE, detail).with_errors(errors)
            }
            Refusal::NotDue(_) => ApiError::new(codes::NOT_DUE, detail),
        }
    }
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        let detail = error.to_string();
        match error {
            AccountError::Engine(error) => error.into(),
            AccountError::Email(_) => ApiError::invalid_at("/email", detail),
            AccountError::Password(_) => ApiError::invalid_at("/password", detail),
            AccountError::Taken(_) => ApiError::new(codes::USER_EMAIL_TAKEN, detail),
            AccountError::Stale(_) => ApiError::new(codes::STALE, detail),
            AccountError::Hashing(_) | AccountError::Random(_) | AccountError::Damaged(..) => {
                tracing::error!(%detail, "an account could not be read or written");
                ApiError::new(codes::INTERNAL, "an account could not be read; the log says why")
            }
        }
    }
}
