//! (job, wish, now) -> facts or a refusal. The only place where a job's fate is decided.

use crate::machine::scratch::{Decided, Scratch, Setting};
use crate::model::command::Command;
use crate::model::event::Event;
use crate::model::id::JobId;
use crate::model::job::{Job, JobSpec};
use crate::model::principal::Principal;
use crate::model::refusal::Refusal;

use crate::machine::evolve::evolve;
use std::sync::Arc;

/// Decides what a wish leads to. `now` is in the setting: this function has no clock.
///
/// # Errors
/// A `Refusal` when the job's life cycle, run or checkpoints do not allow it. A refusal changes
/// nothing.
pub fn decide(
    job: Option<&Job>,
    id: JobId,
    command: &Command,
    setting: Setting<'_>,
) -> Result<Decided, Refusal> {
    let Some(job) = job else {
        return match command {
            Command::Create(spec) => {
                let created = Event::Created { spec: requested(spec, setting.by) };
                let job = evolve(None, id, &created, setting.now)
                    .expect("bug: `created` begins every journal");
                Ok(Decided { events: vec![created.into()], job, more: false })
            }
            _ => Err(Refusal::NoSuchJob),
        };
    };
    let mut scratch = Scratch::new(setting, job.clone());
    obey(&mut scratch, command)?;
    Ok(scratch.done())
}

/// The request with who made it, unless it says so: whatever door it came by.
fn requested(spec: &Arc<JobSpec>, by: &Principal) -> Arc<JobSpec> {
    match by {
        Principal::Person(id) if spec.requested_by.is_none() => {
            Arc::new(JobSpec { requested_by: Some(id.clone()), ..(**spec).clone() })
        }
        _ => spec.clone(),
    }
}

fn obey(scratch: &mut Scratch<'_>, command: &Command) -> Result<(), Refusal> {
    match command {
        Command::Create(_) => return Err(Refusal::AlreadyCreated),
        Command::Assign { agent, inputs, reason, report } => {
            scratch.assign(agent, inputs, reason.as_deref(), report.as_ref())?;
        }
        Command::Match => scratch.start_matching()?,
        Command::FailMatching { round, report, again_after } => {
            scratch.fail_matching(*round, report, *again_after)?;
        }
        Command::Unassign { reason } => scratch.unassign(reason.as_deref())?,
        Command::Reassign { agent, inputs, reason } => scratch.reassign(agent, inputs, reason)?,
        Command::Execute => scratch.execute()?,
        Command::Begin => scratch.begin()?,
        Command::Suspend { reason } => scratch.suspend(reason)?,
        Command::Resume => scratch.resume()?,
        Command::Terminate { reason } => scratch.terminate(reason)?,
        Command::Resubmit { reason } => scratch.resubmit(reason)?,
        Command::ForceComplete { result, reason } => scratch.force_complete(result, reason)?,
        Command::Poison { reason } => scratch.poison(reason)?,
        Command::Settle { frame, attempt, outcome } => {
            scratch.settle_call(*frame, *attempt, outcome)?;
        }
        Command::Retry { frame, attempt, problem, delay } => {
            scratch.retry_call(*frame, *attempt, problem, *delay)?;
        }
        Command::Accept { frame, attempt, status_url, poll_after, expires_after } => {
            let asked = status_url.as_ref().map(|url| (url, *poll_after));
            scratch.accept_call(*frame, *attempt, asked, *expires_after)?;
        }
        Command::Interrupt { frame, attempt, reason, repeatable } => {
            scratch.interrupt(*frame, *attempt, reason, *repeatable)?;
        }
        Command::RetryTask { reason } => scratch.retry_task(reason)?,
        Command::ConfirmChild { child } => scratch.confirm_child(*child)?,
        Command::SettleChild { child, outcome } => scratch.settle_child(*child, outcome)?,
        Command::DropChild { child } => scratch.drop_child(*child)?,
        Command::Decide(decision) => scratch.decide_checkpoint(decision)?,
        Command::Claim { checkpoint, voter } => scratch.claim(*checkpoint, voter)?,
        Command::Release { checkpoint, voter } => scratch.release(*checkpoint, voter)?,
        Command::Delegate { checkpoint, to, until, reason, voter } => {
            scratch.delegate(*checkpoint, to, *until, reason.as_deref(), voter)?;
        }
        Command::Comment { checkpoint, text, voter } => {
            scratch.comment(*checkpoint, text, voter)?
        }
        Command::Rearm { checkpoint, expiry, reason, voter } => {
            scratch.rearm(*checkpoint, *expiry, reason, voter)?;
        }
        Command::Deliver(event) => scratch.deliver(event),
        Command::Tick => scratch.tick(),
    }
    scratch.advance();
    Ok(())
}
