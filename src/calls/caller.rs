//! The door of this floor: runs one attempt and turns whatever happens into an outcome.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::calls::egress::{EgressError, Guard};
use crate::calls::http::Http;
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
}

/// A text that names no function of this floor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no function that calls the outside; there are http and write-files")]
pub struct UnknownFunction(pub String);

impl FromStr for Function {
    type Err = UnknownFunction;

    fn from_str(text: &str) -> Result<Self, UnknownFunction> {
        match text {
            "http" => Ok(Self::Http),
            "write-files" => Ok(Self::WriteFiles),
            _ => Err(UnknownFunction(text.to_owned())),
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::WriteFiles => "write-files",
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
    Out { http: Http, files: FileWriter, total_timeout: Duration },
    StandIn(Arc<dyn StandIn>),
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
        let wire = Wire::new(&options, Arc::clone(&guard), lookup)?;
        let way = Way::Out {
            http: Http { wire, tokens: Tokens::default() },
            total_timeout: Duration::from_millis(options.total_timeout_ms),
            files: FileWriter::new(options.artifacts),
        };
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
        let (http, files, total_timeout) = match &self.shared.way {
            Way::Out { http, files, total_timeout } => (http, files, *total_timeout),
            Way::StandIn(stand_in) => return stand_in.run(call).await,
        };
        let result = match call.function {
            Function::Http => self.http(http, call, total_timeout).await,
            Function::WriteFiles => files.run(call.job, &call.arguments).await,
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
