//! Agents: what is registered, who may call one now, and what comes back from those that call back.

/// When an agent is left alone because it does not answer.
mod breaker;
/// Results that agents bring themselves.
mod callback;
/// The parent of every agent's actor, and the actor of one agent.
mod desk;
/// What a registration must be like.
mod draft;
/// Who may call an agent now, and who is next.
mod gate;
/// The registry, as the handle of the engine offers it.
mod handle;
/// The right to make one call, and the words for those who wait for it.
mod permit;
/// How many calls a period takes.
mod rate;
/// What is registered.
mod registry;
/// A call for a look, outside any job.
mod trial;
/// What is shown of an agent.
mod view;

pub use callback::CallbackBody;
pub(crate) use callback::callback_url;
pub(crate) use desk::{Agents, AgentsMsg};
pub use draft::{AgentEdit, CONCURRENCY_DEFAULT, NewAgent, NewAuth};
pub(crate) use permit::{Claim, Grant, Word};
pub(crate) use registry::Registry;
pub use trial::AgentTrial;
pub use view::{AgentState, AgentView, Availability};
