//! The door of this floor: runs one attempt and turns whatever happens into an outcome.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::calls::chat::{Chat, Question, Told, Unavailable};
use crate::calls::egress::{EgressError, Guard};
use crate::calls::http::Http;
use crate::calls::judge::Judge;
use crate::calls::oauth2::Tokens;
use crate::calls::options::Options;
use crate::calls::resolver::{Lookup, SystemLookup};
use crate::calls::secrets::Secrets;
use crate::calls::wire::Wire;
use crate::calls::write_files::FileWriter;
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
    /// Asks the judge whether a result is good enough.
    Evaluate,
}

/// A text that names no function of this floor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no function that calls the outside; there are http, write-files and evaluate")]
pub struct UnknownFunction(pub String);

impl FromStr for Function {
    type Err = UnknownFunction;

    fn from_str(text: &str) -> Result<Self, UnknownFunction> {
        match text {
            "http" => Ok(Self::Http),
            "write-files" => Ok(Self::WriteFiles),
            "evaluate" => Ok(Self::Evaluate),
            _ => Err(UnknownFunction(text.to_owned())),
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::WriteFiles => "write-files",
            Self::Evaluate => "evaluate",
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
}

/// Runs attempts. Clones share connections, tokens and settings.
#[derive(Clone)]
pub struct Caller {
    shared: Arc<Shared>,
}

struct Shared {
    guard: Arc<Guard>,
    secrets: Secrets,
    way: Way,
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
        Ok(Self { shared: Arc::new(Shared { guard, secrets, way }) })
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
        Self { shared: Arc::new(Shared { guard, secrets, way }) }
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
            Function::Evaluate => evaluate(out.judge.as_ref(), call).await,
        };
        match result {
            Ok(output) => Outcome::Succeeded(output),
            Err(problem) => Outcome::Failed(problem),
        }
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
}

/// The judgement as data. A judge that is not there is one that cannot be reached.
async fn evaluate(judge: Option<&Judge>, call: &Call) -> Result<Value, Problem> {
    let unavailable = |reason: String| Problem::new(Kind::JudgeUnavailable, reason);
    let Some(judge) = judge else {
        let reason = "no judge is configured (`[openai] base_url` and `model`)".to_owned();
        return Err(unavailable(reason));
    };
    let judgement = judge.judge(&call.key, &call.arguments).await;
    let judgement = judgement.map_err(|error| unavailable(error.to_string()))?;
    serde_json::to_value(judgement).map_err(|error| unavailable(error.to_string()))
}
