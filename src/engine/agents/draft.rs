//! What a registration must be like: every defect at once, each with a pointer into the request.
//! It asks nobody; whether the endpoint may be called is checked elsewhere.

use serde_json::Value;

use crate::dsl::schema::{Schema, Violation};
use crate::model::agent::{AgentRetry, AgentTimeouts, AuthScheme, Mode, RateLimit};
use crate::model::id::AgentId;
use crate::model::limits;
use crate::model::time::Span;

/// Credentials as an admin gives them.
#[derive(Clone)]
pub struct NewAuth {
    /// How they are sent.
    pub scheme: AuthScheme,
    /// The name of the header, for the scheme `header`; `X-API-Key` when absent.
    pub header: Option<String>,
    /// The secret; of the scheme `basic` it is `user:password`. Absent in a change: it stays.
    pub secret: Option<String>,
}

impl std::fmt::Debug for NewAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewAuth").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

/// An agent to be registered.
#[derive(Clone, Debug)]
pub struct NewAgent {
    /// Its name, unique whatever the case of its letters, and no UUID.
    pub name: String,
    /// What it can do.
    pub description: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Where requests are posted.
    pub endpoint: String,
    /// How it knows who is calling.
    pub auth: Option<NewAuth>,
    /// JSON Schema of what it takes.
    pub input_schema: Value,
    /// JSON Schema of what it gives.
    pub output_schema: Value,
    /// How long it may take.
    pub timeouts: AgentTimeouts,
    /// How often it is asked again.
    pub retry: AgentRetry,
    /// Requests to it at once.
    pub concurrency_max: u32,
    /// Requests to it in a period.
    pub rate_limit: Option<RateLimit>,
    /// How it answers.
    pub mode: Mode,
    /// Does it do the same work only once for one `Idempotency-Key`?
    pub idempotent: bool,
}

impl NewAgent {
    /// An agent that takes and gives anything, with the defaults of everything else.
    pub fn new(name: impl Into<String>, endpoint: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            tags: Vec::new(),
            endpoint: endpoint.into(),
            auth: None,
            input_schema: Value::Bool(true),
            output_schema: Value::Bool(true),
            timeouts: AgentTimeouts::default(),
            retry: AgentRetry::default(),
            concurrency_max: CONCURRENCY_DEFAULT,
            rate_limit: None,
            mode: Mode::Sync,
            idempotent: true,
        }
    }
}

/// Requests at once when nothing is said: as many as a small service usually has workers.
pub const CONCURRENCY_DEFAULT: u32 = 8;

/// A change of a registration: what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct AgentEdit {
    /// As in [`NewAgent`].
    pub name: Option<String>,
    /// As in [`NewAgent`].
    pub description: Option<String>,
    /// As in [`NewAgent`].
    pub tags: Option<Vec<String>>,
    /// As in [`NewAgent`]. When it leads to another server, the secret must be given again.
    pub endpoint: Option<String>,
    /// As in [`NewAgent`]; `Some(None)` takes the credentials away.
    pub auth: Option<Option<NewAuth>>,
    /// As in [`NewAgent`].
    pub input_schema: Option<Value>,
    /// As in [`NewAgent`].
    pub output_schema: Option<Value>,
    /// As in [`NewAgent`].
    pub timeouts: Option<AgentTimeouts>,
    /// As in [`NewAgent`].
    pub retry: Option<AgentRetry>,
    /// As in [`NewAgent`].
    pub concurrency_max: Option<u32>,
    /// As in [`NewAgent`]; `Some(None)` takes the limit away.
    pub rate_limit: Option<Option<RateLimit>>,
    /// As in [`NewAgent`].
    pub mode: Option<Mode>,
    /// As in [`NewAgent`].
    pub idempotent: Option<bool>,
    /// Is it to be asked?
    pub is_active: Option<bool>,
}

/// A registration whose schemas compile and whose figures make sense.
pub(super) struct Checked {
    pub(super) input: Schema,
    pub(super) output: Schema,
}

/// What is wrong, with pointers into the request as the HTTP API spells it.
#[derive(Default)]
pub(super) struct Defects(pub(super) Vec<Violation>);

impl Defects {
    pub(super) fn add(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.0.push(Violation { pointer: pointer.into(), message: message.into() });
    }

    fn range(&mut self, pointer: &str, value: u64, (least, most): (u64, u64)) {
        if !(least..=most).contains(&value) {
            self.add(pointer, format!("{value} is not from {least} to {most}"));
        }
    }

    fn text(&mut self, pointer: &str, text: &str, bytes_max: usize) {
        if text.len() > bytes_max {
            self.add(pointer, format!("longer than {bytes_max} bytes"));
        }
    }

    fn schema(&mut self, pointer: &str, schema: &Value) -> Option<Schema> {
        match Schema::compile(schema) {
            Ok(schema) => Some(schema),
            Err(violations) => {
                for violation in violations {
                    self.add(format!("{pointer}{}", violation.pointer), violation.message);
                }
                None
            }
        }
    }
}

/// Checks everything that needs nobody else.
pub(super) fn check(new: &NewAgent, defects: &mut Defects) -> Option<Checked> {
    check_words(new, defects);
    check_figures(new, defects);
    if let Some(auth) = &new.auth {
        check_auth(auth, defects);
    }
    let input = defects.schema("/inputSchema", &new.input_schema);
    let output = defects.schema("/outputSchema", &new.output_schema);
    Some(Checked { input: input?, output: output? })
}

fn check_words(new: &NewAgent, defects: &mut Defects) {
    let name = new.name.trim();
    if name.is_empty() || name != new.name || name.chars().any(char::is_control) {
        defects.add("/name", "empty, or with space around it, or with control characters");
    }
    if name.parse::<AgentId>().is_ok() {
        defects.add("/name", "a UUID is taken for the id of an agent; give it a name in words");
    }
    defects.text("/name", &new.name, limits::AGENT_NAME_BYTES_MAX);
    defects.text("/description", &new.description, limits::TEXT_BYTES_MAX);
    defects.text("/endpointURL", &new.endpoint, limits::AGENT_ENDPOINT_BYTES_MAX);
    if new.endpoint.contains('#') {
        defects.add("/endpointURL", "a fragment (`#…`) is never sent; leave it out");
    }
    if new.tags.len() > limits::AGENT_TAGS_MAX {
        defects.add("/tags", format!("more than {} tags", limits::AGENT_TAGS_MAX));
    }
    for (place, tag) in new.tags.iter().enumerate() {
        let pointer = format!("/tags/{place}");
        defects.text(&pointer, tag, limits::AGENT_TAG_BYTES_MAX);
        if tag.trim().is_empty() {
            defects.add(pointer, "empty");
        }
    }
}

fn check_figures(new: &NewAgent, defects: &mut Defects) {
    let millis = |span: Span| span.0 / 1_000;
    let AgentTimeouts { connect_ms, response_ms, total_ms } = new.timeouts;
    let total_max = match new.mode {
        Mode::Sync => limits::AGENT_TOTAL_MAX,
        Mode::Async => limits::AGENT_CALLBACK_MAX,
    };
    defects.range("/timeouts/connectMs", connect_ms, (1, millis(limits::AGENT_CONNECT_MAX)));
    defects.range("/timeouts/responseMs", response_ms, (1, millis(limits::AGENT_RESPONSE_MAX)));
    defects.range("/timeouts/totalMs", total_ms, (1, millis(total_max)));
    let AgentRetry { max_attempts, backoff_ms, backoff_max_ms } = new.retry;
    let attempts_max = limits::AGENT_ATTEMPTS_MAX.into();
    defects.range("/retry/maxAttempts", max_attempts.into(), (1, attempts_max));
    let backoff_max = millis(limits::AGENT_BACKOFF_MAX);
    defects.range("/retry/backoffMs", backoff_ms, (0, backoff_max));
    defects.range("/retry/backoffMaxMs", backoff_max_ms, (0, backoff_max));
    let concurrency_max = limits::AGENT_CONCURRENCY_MAX.into();
    defects.range("/maxConcurrency", new.concurrency_max.into(), (1, concurrency_max));
    if let Some(RateLimit { requests, per_ms }) = new.rate_limit {
        let requests_max = limits::AGENT_RATE_REQUESTS_MAX.into();
        defects.range("/rateLimit/requests", requests.into(), (1, requests_max));
        let period_max = millis(limits::AGENT_RATE_PERIOD_MAX);
        defects.range("/rateLimit/perMs", per_ms, (1, period_max));
    }
}

fn check_auth(auth: &NewAuth, defects: &mut Defects) {
    match (auth.scheme, &auth.header) {
        (AuthScheme::Header, Some(header)) => {
            if let Err(reason) = crate::calls::check_auth_header(header) {
                defects.add("/auth/header", reason);
            }
        }
        (AuthScheme::Header, None) | (_, None) => {}
        (scheme, Some(_)) => {
            defects.add("/auth/header", format!("the scheme {scheme} has a header of its own"));
        }
    }
    let Some(secret) = &auth.secret else { return };
    defects.text("/auth/secret", secret, limits::AGENT_SECRET_BYTES_MAX);
    if secret.chars().any(char::is_control) || !secret.is_ascii() {
        defects.add("/auth/secret", "has characters that no header can carry");
    }
    let hidden = match auth.scheme {
        AuthScheme::Basic => secret.split_once(':').map(|(_, password)| password),
        AuthScheme::Bearer | AuthScheme::Header => Some(secret.as_str()),
    };
    let least = limits::AGENT_SECRET_BYTES_MIN;
    match hidden {
        None => defects.add("/auth/secret", "write it as user:password"),
        Some(hidden) if hidden.len() < least => defects.add(
            "/auth/secret",
            format!("shorter than {least} bytes: it could not be kept out of logs and answers"),
        ),
        Some(_) => {}
    }
}
