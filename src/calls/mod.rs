//! Floor 2: the outside work of one attempt. A request value goes in, an outcome value comes out;
//! nothing here decides about a job, and every failure is data.

/// One attempt of a call of a registered agent.
mod agent;
/// What its answer means.
mod agent_answer;
/// What it is asked.
mod agent_request;
/// The artifacts of one job on disk.
mod artifact_folder;
/// Credentials of a request.
mod authentication;
/// Runs one attempt.
mod caller;
/// Questions to a language model.
pub(crate) mod chat;
/// Which addresses may be reached.
pub mod egress;
/// `call: http`.
mod http;
/// Its arguments.
mod http_arguments;
/// Its request.
mod http_request;
/// Its output.
mod http_response;
/// Whether a result is good enough.
mod judge;
/// Tokens of OAuth 2.0 and OpenID Connect.
mod oauth2;
/// How they are asked for.
mod oauth2_request;
/// What an operator may set.
mod options;
/// Secrets go in last and come out first.
mod redaction;
/// Names become addresses that were checked.
mod resolver;
/// Secrets, and what stands for them everywhere else.
pub mod secrets;
/// Secrets at rest.
mod vault;
/// The function `webhook`.
mod webhook;
/// How its messages are signed.
mod webhook_signature;
/// One exchange over HTTP.
mod wire;
/// The function `write-files`.
mod write_files;

pub use agent::{Again, AgentDirections, AgentFailure, AgentReply, AgentTarget};
pub use agent_request::{check_auth_header, same_origin};
pub use caller::{Call, Caller, CallsError, Function, Outcome, StandIn, UnknownFunction};
pub use chat::{ApiKey, ChatOptions, Price, Question, Told, Unavailable, Usage};
pub use egress::{AllowRule, EgressError};
pub use judge::Unjudged;
pub use options::Options;
pub use redaction::defuse;
pub use resolver::{EndpointError, Lookup};
pub use secrets::Secrets;
pub use vault::{Vault, VaultError};
pub use webhook::{WebhookDirections, WebhookReply};
pub use webhook_signature::{BadSecret, Forged, SignedMessage, TOLERANCE, WebhookSecret};
