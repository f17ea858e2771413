//! The door of this floor: runs one attempt and turns whatever happens into an outcome.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::calls::agent::{
    self, Again, AgentDirections, AgentFailure, AgentReply, AgentTarget, Surroundings,
};
use crate::calls::chat::{Chat, Question, Told, Unavailable};
use crate::calls::egress::{EgressError, Guard};
use crate::calls::http::Http;
use crate::calls::judge::{Judge, Unjudged};
use crate::calls::oauth2::Tokens;
use crate::calls::options::Options;
use crate::calls::resolver::{EndpointError, Lookup, SystemLookup};
use crate::calls::secrets::Secrets;
use crate::calls::vault::{Vault, VaultError};
use crate::calls::webhook::{self, WebhookDirections, WebhookReply};
use crate::calls::wire::Wire;
use crate::calls::write_files::FileWriter;
use crate::dsl::schema::Violation;
use crate::model::agent::Agent;
use crate::model::id::JobId;
use crate::model::problem::{Kind, Problem};

/// Why outgoing calls could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum CallsError {
    /// A file of certificate authorities is missing or no PEM.
    #[error("could not read the certificate authorities in {path} (`[egress] ca_files`): {reason}")]
    Roots {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The HTTP client does not start.
    #[error("could not set up the client for outgoing calls: {0}")]
    Client(String),
}

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `call: http` of the standard.
    Http,
    /// Writes files below the artifact folder of the job.
    WriteFiles,
    /// Calls a registered agent.
    Agent,
    /// Asks the judge whether a result is good enough.
    Evaluate,
    /// Sends a signed message.
    Webhook,
}

/// A text that names no function of this floor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no function that calls the outside")]
pub struct UnknownFunction(pub String);

impl FromStr for Function {
    type Err = UnknownFunction;

    fn from_str(text: &str) -> Result<Self, UnknownFunction> {
        match text {
            "http" => Ok(Self::Http),
            "write-files" => Ok(Self::WriteFiles),
            "agent" => Ok(Self::Agent),
            "evaluate" => Ok(Self::Evaluate),
            "webhook" => Ok(Self::Webhook),
            _ => Err(UnknownFunction(text.to_owned())),
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::WriteFiles => "write-files",
            Self::Agent => "agent",
            Self::Evaluate => "evaluate",
            Self::Webhook => "webhook",
        })
    }
}

/// One attempt, as data.
#[derive(Clone, Debug)]
pub struct Call {
    /// The job that asks.
    pub job: JobId,
    /// The stable key of the logical attempt, sent as `Idempotency-Key`.
    pub key: String,
    /// What to do.
    pub function: Function,
    /// The rendered `with`. Secrets stand in it as placeholders.
    pub arguments: Arc<Value>,
}

/// How one attempt ended. It holds no secret.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The output.
    Succeeded(Value),
    /// The error to raise.
    Failed(Problem),
}

/// Answers calls inside the process, where there is to be no outside: measurements without a
/// network, simulations, rehearsals on a copy of a store.
#[async_trait]
pub trait StandIn: Send + Sync + 'static {
    /// Runs one attempt.
    async fn run(&self, call: &Call) -> Outcome;

    /// Does it answer as a judge, too?
    fn judges(&self) -> bool {
        false
    }
}

/// Runs attempts. Clones share connections, tokens and settings.
#[derive(Clone)]
pub struct Caller {
    shared: Arc<Shared>,
    vault: Option<Vault>,
}

struct Shared {
    guard: Arc<Guard>,
    secrets: Secrets,
    way: Way,
}

impl Out {
    async fn judge(&self, call: &Call) -> Result<Value, Unjudged> {
        let judge = self.judge.as_ref().ok_or_else(Unjudged::without_judge)?;
        judge.run(call).await
    }
}

enum Way {
    Out(Box<Out>),
    StandIn(Arc<dyn StandIn>),
}

struct Out {
    http: Http,
    files: FileWriter,
    judge: Option<Judge>,
    total_timeout: Duration,
}

impl Caller {
    /// A caller that asks the operating system for addresses.
    ///
    /// # Errors
    /// A file of `[egress] ca_files` cannot be used, or the client does not start.
    pub fn new(options: Options, secrets: Secrets) -> Result<Self, CallsError> {
        Self::with_lookup(options, secrets, Arc::new(SystemLookup::new()))
    }

    /// A caller that finds addresses in its own way. Every address is still checked.
    ///
    /// # Errors
    /// As [`Caller::new`].
    pub fn with_lookup(
        options: Options,
        secrets: Secrets,
        lookup: Arc<dyn Lookup>,
    ) -> Result<Self, CallsError> {
        let guard = Arc::new(Guard::new(options.allow.clone(), &options.resolve));
        let wire = Arc::new(Wire::new(&options, Arc::clone(&guard), lookup)?);
        let chat = options.chat.clone().map(|chat| Arc::new(Chat::new(chat, Arc::clone(&wire))));
        let way = Way::Out(Box::new(Out {
            http: Http { wire, tokens: Tokens::default() },
            judge: chat.map(|chat| Judge { chat }),
            total_timeout: Duration::from_millis(options.total_timeout_ms),
            files: FileWriter::new(options.artifacts),
        }));
        Ok(Self { shared: Arc::new(Shared { guard, secrets, way }), vault: None })
    }

    /// A caller that lets nothing out of the process: `stand_in` answers every call.
    pub fn standing_in(stand_in: Arc<dyn StandIn>) -> Self {
        Self::standing_in_knowing(stand_in, Secrets::default())
    }

    /// The same for documents that name secrets. Their values go nowhere: `stand_in` sees the
    /// placeholders.
    pub fn standing_in_knowing(stand_in: Arc<dyn StandIn>, secrets: Secrets) -> Self {
        let guard = Arc::new(Guard::new(Vec::new(), &BTreeMap::new()));
        let way = Way::StandIn(stand_in);
        Self { shared: Arc::new(Shared { guard, secrets, way }), vault: None }
    }

    /// The same with a key: without one no secret of an agent is sealed or opened, and no agent is
    /// told where to bring a result.
    pub fn with_vault(self, vault: Vault) -> Self {
        Self { vault: Some(vault), ..self }
    }

    /// Does a stand-in answer every call?
    pub fn is_stand_in(&self) -> bool {
        matches!(self.shared.way, Way::StandIn(_))
    }

    /// The key, if there is one.
    pub fn vault(&self) -> Option<&Vault> {
        self.vault.as_ref()
    }

    /// Runs one attempt. Every failure is data; none is a panic.
    pub async fn run(&self, call: &Call) -> Outcome {
        let out = match &self.shared.way {
            Way::Out(out) => out,
            Way::StandIn(stand_in) => return stand_in.run(call).await,
        };
        let result = match call.function {
            Function::Http => self.http(&out.http, call, out.total_timeout).await,
            Function::WriteFiles => out.files.run(call.job, &call.arguments).await,
            Function::Evaluate => out.judge(call).await.map_err(|unjudged| unjudged.problem),
            Function::Agent => {
                let detail = "an agent is called by its registration, and there is none";
                Err(Problem::new(Kind::Configuration, detail))
            }
            Function::Webhook => {
                let detail = "a webhook is sent with directions, and there are none";
                Err(Problem::new(Kind::Configuration, detail))
            }
        };
        match result {
            Ok(output) => Outcome::Succeeded(output),
            Err(problem) => Outcome::Failed(problem),
        }
    }

    /// Runs one attempt of a call of a registered agent. A stand-in sees it like any other call.
    pub async fn run_agent(&self, call: &Call, directions: &AgentDirections) -> AgentReply {
        let http = match &self.shared.way {
            Way::Out(out) => &out.http,
            Way::StandIn(stand_in) => {
                return match stand_in.run(call).await {
                    Outcome::Succeeded(value) => AgentReply::Succeeded(value),
                    Outcome::Failed(problem) => AgentReply::Failed(AgentFailure::for_good(problem)),
                };
            }
        };
        let (secrets, vault) = (&self.shared.secrets, self.vault());
        agent::run(Surroundings { wire: &http.wire, secrets, vault }, call, directions).await
    }

    /// Runs one attempt to deliver a webhook. A stand-in sees it like any other call.
    pub async fn run_webhook(&self, call: &Call, directions: WebhookDirections) -> WebhookReply {
        match &self.shared.way {
            Way::Out(out) => {
                webhook::run(&out.http.wire, &self.shared.secrets, call, directions).await
            }
            Way::StandIn(stand_in) => match stand_in.run(call).await {
                Outcome::Succeeded(value) => WebhookReply::Delivered(value),
                Outcome::Failed(problem) => {
                    WebhookReply::Failed { problem: Box::new(problem), again: Again::Never }
                }
            },
        }
    }

    /// The result that an agent brought by itself, without secrets.
    ///
    /// # Errors
    /// It does not fit the output schema: the error to raise, and every violation.
    pub fn checked_result(
        &self,
        target: &AgentTarget,
        value: Value,
    ) -> Result<Value, Box<(Problem, Vec<Violation>)>> {
        agent::checked(self.vault(), target, value)
    }

    /// What an agent says of its own failure, as an error to raise.
    pub fn reported_problem(&self, target: &AgentTarget, problem: &Value) -> Problem {
        agent::reported(self.vault(), target, problem)
    }

    /// Can the secret of this agent be opened? A stand-in sends none.
    ///
    /// # Errors
    /// Why not.
    pub fn can_open(&self, agent: &Agent) -> Result<(), VaultError> {
        match (&self.shared.way, &agent.auth, self.vault()) {
            (Way::StandIn(_), _, _) | (_, None, _) => Ok(()),
            (_, Some(_), None) => Err(VaultError::Missing),
            (_, Some(auth), Some(vault)) => {
                vault.unseal(&auth.sealed, &agent.id.to_string()).map(drop)
            }
        }
    }

    /// Runs one attempt of a call of the judge. A stand-in sees it like any other call.
    ///
    /// # Errors
    /// There is no judgement; may the same question be answered later?
    pub async fn run_judge(&self, call: &Call) -> Result<Value, Unjudged> {
        match &self.shared.way {
            Way::Out(out) => out.judge(call).await,
            Way::StandIn(stand_in) => match stand_in.run(call).await {
                Outcome::Succeeded(value) => Ok(value),
                Outcome::Failed(problem) => Err(Unjudged::for_good(problem)),
            },
        }
    }

    /// Seals a secret for the record of this name.
    ///
    /// # Errors
    /// There is no key.
    pub fn seal(&self, secret: &str, record: &str) -> Result<String, VaultError> {
        self.vault().ok_or(VaultError::Missing)?.seal(secret, record)
    }

    async fn http(&self, http: &Http, call: &Call, limit: Duration) -> Result<Value, Problem> {
        let attempt = http.run(&call.arguments, &call.key, &self.shared.secrets);
        tokio::time::timeout(limit, attempt).await.unwrap_or_else(|_| {
            let limit = limit.as_millis();
            let detail =
                format!("call http: not done after {limit} ms (`[egress] total_timeout_ms`)");
            Err(Problem::new(Kind::Timeout, detail))
        })
    }

    /// Is there somebody to judge results, a language model or a stand-in?
    pub fn judges(&self) -> bool {
        match &self.shared.way {
            Way::Out(out) => out.judge.is_some(),
            Way::StandIn(stand_in) => stand_in.judges(),
        }
    }

    /// Is there a language model to judge and to match?
    pub fn has_judge(&self) -> bool {
        self.chat().is_some()
    }

    /// Asks the language model once; nothing when there is none.
    ///
    /// # Errors
    /// There is no answer, and why.
    pub async fn ask(&self, question: &Question) -> Option<Result<Told, Unavailable>> {
        Some(self.chat()?.ask(question).await)
    }

    fn chat(&self) -> Option<&Chat> {
        match &self.shared.way {
            Way::Out(out) => out.judge.as_ref().map(|judge| judge.chat.as_ref()),
            Way::StandIn(_) => None,
        }
    }

    /// The secrets with every leaf replaced by a placeholder: what expressions see as `$secrets`.
    pub fn masked_secrets(&self) -> Arc<Value> {
        self.shared.secrets.masked()
    }

    /// Checks a URL before anything is sent there, such as when an endpoint is registered.
    ///
    /// # Errors
    /// As [`Guard::check_url`].
    pub fn check_url(&self, url: &str) -> Result<(), EgressError> {
        self.shared.guard.check_url(url)
    }

    /// Checks an endpoint that is to be registered: the URL, and every address that its name has
    /// now. It is checked again whenever it is called. A stand-in lets nothing out, and looks
    /// nothing up.
    ///
    /// # Errors
    /// As [`Caller::check_url`]; or its name has no address, or none that may be called.
    pub async fn check_endpoint(&self, url: &str) -> Result<(), EndpointError> {
        self.check_url(url)?;
        match &self.shared.way {
            Way::Out(out) => out.http.wire.check_name(url).await,
            Way::StandIn(_) => Ok(()),
        }
    }
}
