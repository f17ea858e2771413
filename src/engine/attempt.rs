//! One attempt of one call. It may panic and it may be killed: its parent takes that for an
//! interruption.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::calls::{Again, AgentDirections, AgentReply, Call, Function, WebhookReply};
use crate::engine::agents::{Grant, Word, callback_url};
use crate::engine::gates;
use crate::engine::job::JobMsg;
use crate::engine::shared::Shared;
use crate::engine::table::Row;
use crate::machine::DueCall;
use crate::model::agent::{AgentRetry, Mode};
use crate::model::command::Command;
use crate::model::crash_point;
use crate::model::event::Outcome;
use crate::model::id::JobId;
use crate::model::problem::{Kind, Problem};
use crate::model::time::Span;

/// How often a judge is asked that cannot be reached: a rate limit passes within these minutes, and
/// then a person need not wait any longer.
const JUDGE_RETRY: AgentRetry =
    AgentRetry { max_attempts: 4, backoff_ms: 2_000, backoff_max_ms: 60_000 };

/// How often a message is sent that is not taken: up to nine hours in all, so that a night without
/// its receiver loses none (Standard Webhooks recommends more than a day; who is down for longer
/// asks for the gate).
const WEBHOOK_RETRY: AgentRetry =
    AgentRetry { max_attempts: 20, backoff_ms: 2_000, backoff_max_ms: 3_600_000 };

/// Why an attempt ends that has handed its outcome over.
pub(crate) const DONE: &str = "done";

pub(crate) struct Attempt;

pub(crate) struct Work {
    shared: Arc<Shared>,
    job: JobId,
    call: DueCall,
    /// The right to call an agent, if one is called.
    grant: Option<Grant>,
    parent: ActorRef<JobMsg>,
    under_way: Option<UnderWay>,
    row: Option<Row>,
}

impl Work {
    /// A call that counts as under way from now on.
    pub fn new(
        shared: Arc<Shared>,
        job: JobId,
        call: DueCall,
        grant: Option<Grant>,
        parent: ActorRef<JobMsg>,
    ) -> Self {
        let under_way = Some(UnderWay::begin(shared.clone()));
        Self { shared, job, call, grant, parent, under_way, row: None }
    }
}

/// A call under way: until its outcome is in the journal, or it ends without one.
pub(crate) struct UnderWay(Arc<Shared>);

impl UnderWay {
    fn begin(shared: Arc<Shared>) -> Self {
        shared.calls.fetch_add(1, Ordering::AcqRel);
        Self(shared)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::AcqRel);
        self.0.calls_changed.notify_waiters();
    }
}

impl Actor for Attempt {
    type Msg = ();
    type State = Work;
    type Arguments = Work;

    async fn pre_start(
        &self,
        myself: ActorRef<()>,
        mut work: Work,
    ) -> Result<Work, ActorProcessingErr> {
        let (parent, now) = (Some(work.parent.get_id()), work.shared.parts.clock.now());
        let name = work.call.key.clone();
        work.row = Some(work.shared.table.born(myself.get_id(), "attempt", name, parent, now));
        myself.cast(())?;
        Ok(work)
    }

    async fn handle(
        &self,
        myself: ActorRef<()>,
        (): (),
        work: &mut Work,
    ) -> Result<(), ActorProcessingErr> {
        crash_point::reach("engine.before_call");
        let command = run(work).await;
        crash_point::reach("engine.after_call");
        let (frame, attempt) = (work.call.frame, work.call.attempt);
        let under_way = work.under_way.take();
        work.parent.cast(JobMsg::Outcome { frame, attempt, command, under_way })?;
        myself.stop(Some(DONE.to_owned()));
        Ok(())
    }
}

/// What the job is to be asked after the attempt.
async fn run(work: &mut Work) -> Command {
    let function: Function = match work.call.function.parse() {
        Ok(function) => function,
        Err(unknown) => {
            let detail = format!("this version has no function for the call: {unknown}");
            return settled(work, Outcome::Failed(Problem::new(Kind::Configuration, detail)));
        }
    };
    let call = Call {
        job: work.job,
        key: work.call.key.clone(),
        function,
        arguments: work.call.arguments.clone(),
    };
    match function {
        Function::Agent => return agent(work, &call).await,
        Function::Evaluate => return judge(work, &call).await,
        Function::Webhook => return webhook(work, &call).await,
        Function::Http | Function::WriteFiles => {}
    }
    plain(work, &call).await
}

/// A call that ends with its first attempt.
async fn plain(work: &Work, call: &Call) -> Command {
    let outcome = match work.shared.parts.caller.run(call).await {
        crate::calls::Outcome::Succeeded(value) => Outcome::Succeeded(Arc::new(value)),
        crate::calls::Outcome::Failed(problem) => Outcome::Failed(problem),
    };
    settled(work, outcome)
}

fn settled(work: &Work, outcome: Outcome) -> Command {
    Command::Settle { frame: work.call.frame, attempt: work.call.attempt, outcome }
}

/// Calls an agent, tells its gate how that went, and follows the registration in what is next.
async fn agent(work: &mut Work, call: &Call) -> Command {
    let Some(target) = work.shared.registry.called(&call.arguments) else {
        if work.shared.parts.caller.is_stand_in() {
            // A rehearsal knows what agents said, not how they were registered.
            return plain(work, call).await;
        }
        let named = call.arguments.get("agent").and_then(serde_json::Value::as_str);
        let named = named.unwrap_or_default().escape_debug();
        let detail = format!("no agent `{named}` is registered");
        return settled(work, Outcome::Failed(Problem::new(Kind::Configuration, detail)));
    };
    let (frame, attempt) = (work.call.frame, work.call.attempt);
    let callback_url = match target.agent.mode {
        Mode::Sync => None,
        Mode::Async => callback_url(&work.shared, work.job, frame, &call.key),
    };
    let poll = work.call.poll.clone();
    let retry = target.agent.retry;
    let directions = AgentDirections { target, callback_url, poll, shows_endpoint: false };
    let reply = work.shared.parts.caller.run_agent(call, &directions).await;
    if let Some(grant) = work.grant.take() {
        grant.end(word_of(&reply));
    }
    match reply {
        AgentReply::Succeeded(value) => settled(work, Outcome::Succeeded(Arc::new(value))),
        AgentReply::Accepted { status_url, poll_after, expires_after } => {
            Command::Accept { frame, attempt, status_url, poll_after, expires_after }
        }
        AgentReply::Failed(failure) => match failure.again {
            Again::Later(asked) if attempt < retry.max_attempts => {
                let delay = retry.delay(&call.key, attempt, asked);
                Command::Retry { frame, attempt, problem: *failure.problem, delay }
            }
            Again::Later(_) => settled(work, Outcome::Failed(after(*failure.problem, attempt))),
            Again::Never => settled(work, Outcome::Failed(*failure.problem)),
            Again::Unknown => {
                let reason = failure.problem.detail.unwrap_or_default();
                Command::Interrupt { frame, attempt, reason, repeatable: Some(false) }
            }
        },
    }
}

/// Asks the judge. One that cannot be reached is asked again for a while; what is then to be done
/// is for the document to say.
async fn judge(work: &Work, call: &Call) -> Command {
    let unjudged = match work.shared.parts.caller.run_judge(call).await {
        Ok(judgement) => return settled(work, Outcome::Succeeded(Arc::new(judgement))),
        Err(unjudged) => unjudged,
    };
    let (frame, attempt) = (work.call.frame, work.call.attempt);
    if !unjudged.may_pass || attempt >= JUDGE_RETRY.max_attempts {
        return settled(work, Outcome::Failed(after(unjudged.problem, attempt)));
    }
    let asked = unjudged.retry_after.map(|pause| Span::from_millis(pause.as_millis() as u64));
    let delay = JUDGE_RETRY.delay(&call.key, attempt, asked);
    Command::Retry { frame, attempt, problem: unjudged.problem, delay }
}

/// Sends a signed message until it is taken, for some hours.
async fn webhook(work: &Work, call: &Call) -> Command {
    if work.shared.parts.caller.is_stand_in() {
        // A rehearsal has no secrets, and nobody to tell.
        return plain(work, call).await;
    }
    let reply = match gates::directions(&work.shared, work.job, &call.arguments).await {
        Ok(directions) => work.shared.parts.caller.run_webhook(call, directions).await,
        Err(gates::Told::Never(problem)) => {
            WebhookReply::Failed { problem: Box::new(problem), again: Again::Never }
        }
        Err(gates::Told::Later(problem)) => {
            WebhookReply::Failed { problem: Box::new(problem), again: Again::Later(None) }
        }
    };
    let (frame, attempt) = (work.call.frame, work.call.attempt);
    match reply {
        WebhookReply::Delivered(value) => settled(work, Outcome::Succeeded(Arc::new(value))),
        WebhookReply::Failed { problem, again: Again::Later(asked) }
            if attempt < WEBHOOK_RETRY.max_attempts =>
        {
            let delay = WEBHOOK_RETRY.delay(&call.key, attempt, asked);
            Command::Retry { frame, attempt, problem: *problem, delay }
        }
        WebhookReply::Failed { problem, .. } => {
            settled(work, Outcome::Failed(after(*problem, attempt)))
        }
    }
}

/// The last error, with how often it was tried.
fn after(mut problem: Problem, attempts: u32) -> Problem {
    let detail = problem.detail.unwrap_or_default();
    problem.detail = Some(match attempts {
        1 => detail,
        _ => format!("{detail} (after {attempts} attempts)"),
    });
    problem
}

/// What an attempt tells of the agent.
fn word_of(reply: &AgentReply) -> Word {
    let AgentReply::Failed(failure) = reply else { return Word::Answered };
    match failure.again {
        _ if !failure.answered => Word::Failed(failure.problem.detail.clone().unwrap_or_default()),
        // Who wants fewer requests means all of them.
        Again::Later(Some(pause)) => Word::Rest(pause),
        _ => Word::Answered,
    }
}
