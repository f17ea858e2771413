//! Questions to a language model behind an OpenAI-compatible address, answered in a form that was
//! asked for. A model that does not answer so is unavailable: that is never an answer.

/// What a model answered.
mod answer;
/// The client.
mod client;
/// Text that others wrote, set apart from the prompt.
pub(crate) mod fence;
/// Forms of an answer, and how to get one from servers that know fewer.
mod form;
/// What an operator may set.
mod options;
/// What is asked.
mod question;
/// The way through the egress guard.
mod transport;
/// Why there is no answer.
mod unavailable;

pub use answer::{Told, Usage};
pub(crate) use client::Chat;
pub use options::{ApiKey, ChatOptions, Price};
pub use question::Question;
pub use unavailable::Unavailable;
