//! A scripted server of language models in the form of OpenAI's chat completions. The name of the
//! model chooses how it behaves. It knows nothing of the world, and that is what it is for.

/// Requests and answers of the protocol.
mod chat;
/// The scripts, by the name of the model.
mod conduct;
/// What a gullible model takes for an order.
mod obedience;
/// The prompt, with its fenced blocks apart.
mod prompt;

pub(super) use conduct::{PATH, answer};
