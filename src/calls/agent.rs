//! One attempt of a call of a registered agent: a POST of its inputs, or a GET of where it shows
//! how the call stands. Its credentials leave with the request and are taken out of all that comes
//! back.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use crate::calls::agent_answer::{Reading, judge, of_poll};
use crate::calls::agent_request::{
    AgentArguments, Credentials, body, callback, head, status_request,
};
use crate::calls::caller::Call;
use crate::calls::redaction::{Disclosed, Filling};
use crate::calls::secrets::Secrets;
use crate::calls::vault::Vault;
use crate::calls::wire::{Answer, Limits, Request, Trouble, Wire};
use crate::dsl::schema::{Schema, Violation};
use crate::model::agent::Agent;
use crate::model::problem::{Kind, Problem};
use crate::model::time::Span;

/// A registered agent with its schemas compiled.
#[derive(Clone, Debug)]
pub struct AgentTarget {
    /// The registration.
    pub agent: Arc<Agent>,
    /// What it takes.
    pub input: Schema,
    /// What it gives.
    pub output: Schema,
}

/// What an attempt needs beside its call.
#[derive(Clone, Debug)]
pub struct AgentDirections {
    /// Who is called.
    pub target: Arc<AgentTarget>,
    /// Where an asynchronous agent brings its result.
    pub callback_url: Option<String>,
    /// Path and query of where the agent shows how the call stands; none when the call is to be
    /// made.
    pub poll: Option<String>,
    /// May errors name the endpoint? Only an admin may see it.
    pub shows_endpoint: bool,
}

impl AgentDirections {
    /// A call of this agent, whose errors name its endpoint.
    pub fn new(target: Arc<AgentTarget>) -> Self {
        Self { target, callback_url: None, poll: None, shows_endpoint: true }
    }
}

/// How one attempt ended. It holds no secret.
#[derive(Clone, Debug, PartialEq)]
pub enum AgentReply {
    /// The result, which fits the output schema.
    Succeeded(Value),
    /// The agent took the call and answers later.
    Accepted {
        /// Path and query of where it shows how the call stands, on the server of its endpoint.
        status_url: Option<String>,
        /// When to look there.
        poll_after: Option<Span>,
        /// How long to wait for it in all.
        expires_after: Span,
    },
    /// It failed.
    Failed(AgentFailure),
}

/// Why an attempt failed, and what follows.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentFailure {
    /// The error to raise when it is not made again.
    pub problem: Problem,
    /// May it be made again?
    pub again: Again,
    /// Did the agent answer at all? A server that fails (5xx) does not.
    pub answered: bool,
}

/// May an attempt be made again?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// It would end in the same way.
    Never,
    /// It may pass; the agent asked for at least this pause.
    Later(Option<Span>),
    /// Nobody knows whether it happened, and the agent does not recognise a repetition.
    Unknown,
}

impl AgentFailure {
    /// A failure of a call that never left, or whose answer would be the same the next time.
    pub(crate) fn for_good(problem: Problem) -> Self {
        Self { problem, again: Again::Never, answered: true }
    }
}

/// What every attempt needs.
pub(crate) struct Surroundings<'a> {
    pub(crate) wire: &'a Wire,
    pub(crate) secrets: &'a Secrets,
    pub(crate) vault: Option<&'a Vault>,
}

/// Makes one attempt.
pub(crate) async fn run(
    around: Surroundings<'_>,
    call: &Call,
    directions: &AgentDirections,
) -> AgentReply {
    let mut disclosed = Disclosed::default();
    let reply = attempt(around, call, directions, &mut disclosed).await;
    match reply {
        Ok(reply) => reply,
        Err(mut failure) => {
            let problem = disclosed.redact_problem(failure.problem);
            failure.problem = match directions.shows_endpoint {
                true => problem,
                false => concealed(problem, &directions.target.agent),
            };
            AgentReply::Failed(failure)
        }
    }
}

async fn attempt(
    around: Surroundings<'_>,
    call: &Call,
    directions: &AgentDirections,
    disclosed: &mut Disclosed,
) -> Result<AgentReply, AgentFailure> {
    let agent = &directions.target.agent;
    let credentials = credentials(around.vault, agent, disclosed)?;
    let arguments = AgentArguments::read(&call.arguments).map_err(AgentFailure::for_good)?;
    let mut request = head(agent, call, credentials.as_ref())?;
    let total_ms = arguments.timeout_ms.unwrap_or(agent.timeouts.total_ms);
    let total = Span::from_millis(total_ms);
    let limits = Limits {
        connect_ms: agent.timeouts.connect_ms,
        response_ms: agent.timeouts.response_ms,
        body_bytes_max: around.wire.limits().body_bytes_max,
        names: ["its `timeouts.connectMs`", "its `timeouts.responseMs`"],
    };
    if let Some(path) = &directions.poll {
        status_request(&mut request, path)?;
        let answer = send(around.wire, &limits, total_ms, &request).await;
        return of_poll(&Reading { directions, disclosed, total }, answer);
    }
    let mut filling = Filling { secrets: around.secrets, disclosed };
    let input = filling.value(arguments.input).map_err(AgentFailure::for_good)?;
    let sent = body(&directions.target, input, &arguments.feedback, &mut request)?;
    request.method = Method::POST;
    request.body = Some(sent);
    if let Some(url) = &directions.callback_url {
        callback(&mut request, url)?;
    }
    let answer = send(around.wire, &limits, total_ms, &request).await;
    judge(&Reading { directions, disclosed, total }, answer)
}

async fn send(
    wire: &Wire,
    limits: &Limits,
    total_ms: u64,
    request: &Request,
) -> Result<Answer, Trouble> {
    let exchange = wire.exchange_within(limits, request);
    match tokio::time::timeout(Duration::from_millis(total_ms), exchange).await {
        Ok(answer) => answer,
        Err(_) => {
            let label = &request.label;
            let detail = format!("{label}: not done after {total_ms} ms (its `timeouts.totalMs`)");
            let problem = Problem::new(Kind::Timeout, detail);
            Err(Trouble { problem, was_sent: true, may_pass: true })
        }
    }
}

fn credentials(
    vault: Option<&Vault>,
    agent: &Agent,
    disclosed: &mut Disclosed,
) -> Result<Option<Credentials>, AgentFailure> {
    let Some(auth) = &agent.auth else { return Ok(None) };
    Credentials::open(vault, agent, auth, disclosed).map(Some).map_err(|reason| {
        let detail = format!("agent {:?}: {reason}", agent.name);
        AgentFailure::for_good(Problem::new(Kind::Configuration, detail))
    })
}

/// What an agent brought by itself: redacted, and checked by its output schema.
///
/// # Errors
/// The error to raise, and every violation.
pub(crate) fn checked(
    vault: Option<&Vault>,
    target: &AgentTarget,
    value: Value,
) -> Result<Value, (Problem, Vec<Violation>)> {
    let disclosed = of_agent(vault, &target.agent);
    let value = disclosed.redact_value(value);
    let violations = target.output.violations(&value);
    if violations.is_empty() {
        return Ok(value);
    }
    let detail = misfit(&target.agent, &violations);
    Err((disclosed.redact_problem(Problem::new(Kind::Validation, detail)), violations))
}

/// What an agent says of its own failure, as an error to raise.
pub(crate) fn reported(vault: Option<&Vault>, target: &AgentTarget, problem: &Value) -> Problem {
    let text = |member: &str| problem.get(member).and_then(Value::as_str);
    let said = text("detail").or(text("title")).unwrap_or("no reason");
    let said = of_agent(vault, &target.agent).redact_text(said.to_owned());
    let said: String = said.chars().filter(|c| !c.is_control()).take(REPORT_CHARS_MAX).collect();
    let detail = format!("agent {:?} gave up: {said}", target.agent.name);
    Problem::new(Kind::Communication, detail)
}

/// Most characters of an agent's own words about its failure.
const REPORT_CHARS_MAX: usize = 2_000;

/// The words for a result of the wrong shape.
pub(crate) fn misfit(agent: &Agent, violations: &[Violation]) -> String {
    format!(
        "agent {:?}: its result does not fit its output schema: {}",
        agent.name,
        all(violations)
    )
}

/// Every violation in one line.
pub(crate) fn all(violations: &[Violation]) -> String {
    let place = |violation: &Violation| match violation.pointer.as_str() {
        "" => violation.message.clone(),
        pointer => format!("{pointer}: {}", violation.message),
    };
    violations.iter().map(place).collect::<Vec<_>>().join("; ")
}

/// The secrets of this agent, to be taken out of what it says.
fn of_agent(vault: Option<&Vault>, agent: &Agent) -> Disclosed {
    let mut disclosed = Disclosed::default();
    if let Some(auth) = &agent.auth {
        // Without its key nothing can have been sent, so there is nothing to take out.
        Credentials::open(vault, agent, auth, &mut disclosed).ok();
    }
    disclosed
}

/// The problem as the owner of a job may see it: without a word about where the agent is.
fn concealed(mut problem: Problem, agent: &Agent) -> Problem {
    let Some(detail) = problem.detail.take() else { return problem };
    let is_refused = problem.is(Kind::Authorization);
    let Ok(url) = reqwest::Url::parse(&agent.endpoint) else { return problem };
    let host = url.host_str().unwrap_or_default();
    if is_refused {
        tracing::warn!(agent = %agent.id, detail, "an agent may not be called");
        let detail = format!(
            "agent {:?}: its endpoint may not be called (`[egress] allow`); a test of the agent \
             tells an admin why",
            agent.name
        );
        problem.detail = Some(detail);
        return problem;
    }
    let authority = url.port().map(|port| format!("{host}:{port}"));
    let places = [Some(agent.endpoint.as_str()), authority.as_deref(), Some(host)];
    let shown = places.into_iter().flatten().filter(|place| !place.is_empty());
    problem.detail = Some(shown.fold(detail, |text, place| text.replace(place, "its endpoint")));
    problem
}
