//! Results that asynchronous agents bring themselves. A token is derived from the call that it
//! belongs to and kept nowhere; it is used up when the job has taken an outcome.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::calls::Vault;
use crate::engine::shared::Shared;
use crate::engine::{Engine, EngineError};
use crate::model::command::Command;
use crate::model::event::Outcome;
use crate::model::id::{FrameId, JobId};
use crate::model::job::Job;
use crate::model::principal::Principal;
use crate::model::refusal::Refusal;

/// Bytes of the key's hash in a token: enough to tell the calls of a job's several pasts apart.
const MARK_BYTES: usize = 8;
/// What a signature of a token is for: no other signature passes for one.
const PURPOSE: &str = "agent-callback";

/// What an agent brings.
#[derive(Clone, Debug, PartialEq)]
pub enum CallbackBody {
    /// Its result.
    Result(Value),
    /// Why there is none: problem details (RFC 9457), sent as `application/problem+json`.
    Problem(Value),
}

/// The call that a token belongs to.
struct Ticket {
    job: JobId,
    frame: FrameId,
    mark: [u8; MARK_BYTES],
}

impl Ticket {
    fn of(job: JobId, frame: FrameId, key: &str) -> Self {
        let mut mark = [0; MARK_BYTES];
        // The key tells a call from another one that a restored copy makes from the same place.
        let hash = Sha256::digest(key.as_bytes());
        mark.iter_mut().zip(hash).for_each(|(mark, byte)| *mark = byte);
        Self { job, frame, mark }
    }

    fn signed(&self, vault: &Vault) -> String {
        let mut bytes = self.bytes();
        bytes.extend_from_slice(&vault.sign(PURPOSE, &bytes));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.job.as_u128().to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.frame.0.to_be_bytes());
        bytes.extend_from_slice(&self.mark);
        bytes
    }

    /// The ticket in a token that this vault signed.
    fn read(token: &str, vault: &Vault) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (job, rest) = bytes.split_first_chunk::<16>()?;
        let (frame, rest) = rest.split_first_chunk::<4>()?;
        let (mark, signature) = rest.split_first_chunk::<MARK_BYTES>()?;
        let job = JobId::from_u128(u128::from_be_bytes(*job));
        let ticket = Self { job, frame: FrameId(u32::from_be_bytes(*frame)), mark: *mark };
        vault.verify(PURPOSE, &ticket.bytes(), signature).then_some(ticket)
    }

    /// The attempt of the call that still waits for an outcome, with its arguments.
    fn call(&self, job: &Job) -> Option<(u32, Arc<Value>)> {
        let due = crate::machine::awaited_call(job, self.frame)?;
        let is_same = Self::of(self.job, self.frame, &due.key).mark == self.mark;
        is_same.then_some((due.attempt, due.arguments))
    }
}

/// Where the agent of this call brings its result; none without a key or a public address.
pub(crate) fn callback_url(
    shared: &Shared,
    job: JobId,
    frame: FrameId,
    key: &str,
) -> Option<String> {
    let vault = shared.parts.caller.vault()?;
    let base = shared.parts.options.public_url.as_deref()?.trim_end_matches('/');
    let token = Ticket::of(job, frame, key).signed(vault);
    Some(format!("{base}/api/callbacks/{token}"))
}

impl Engine {
    /// Takes the result of an asynchronous call. What the token's job makes of it is on disk when
    /// this returns; it answers that job.
    ///
    /// # Errors
    /// `BadCallback` when the token was never given out; `CallbackOver` when the call has an
    /// outcome already (of an earlier callback, of a poll, or because it expired);
    /// `InvalidResult` when the result does not fit the output schema: then the call has failed,
    /// and the token is used up as well.
    pub async fn callback(&self, token: &str, body: CallbackBody) -> Result<JobId, EngineError> {
        let vault = self.shared.parts.caller.vault();
        let ticket = vault.and_then(|vault| Ticket::read(token, vault));
        let ticket = ticket.ok_or(EngineError::BadCallback)?;
        let view = match self.job(ticket.job).await {
            Err(EngineError::Refused(Refusal::NoSuchJob)) => Err(EngineError::CallbackOver),
            other => other,
        }?;
        let (attempt, arguments) = ticket.call(&view.job).ok_or(EngineError::CallbackOver)?;
        let target = self.shared.registry.called(&arguments);
        let target = target.ok_or(EngineError::CallbackOver)?;
        let caller = &self.shared.parts.caller;
        let (outcome, violations) = match body {
            CallbackBody::Problem(problem) => {
                (Outcome::Failed(caller.reported_problem(&target, &problem)), Vec::new())
            }
            CallbackBody::Result(value) => match caller.checked_result(&target, value) {
                Ok(value) => (Outcome::Succeeded(Arc::new(value)), Vec::new()),
                Err(misfit) => {
                    let (problem, violations) = *misfit;
                    (Outcome::Failed(problem), violations)
                }
            },
        };
        let command = Command::Settle { frame: ticket.frame, attempt, outcome };
        let by = Principal::system("callback");
        match self.wish(ticket.job, command, by.into(), None).await {
            Ok(_) if violations.is_empty() => Ok(ticket.job),
            Ok(_) => Err(EngineError::InvalidResult { violations }),
            // Somebody else brought an outcome in between.
            Err(EngineError::Refused(_)) => Err(EngineError::CallbackOver),
            Err(error) => Err(error),
        }
    }
}
