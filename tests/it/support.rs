//! What the journeys share: a whole server, a client that is signed in, services of the outside.

/// A signed-in client that hides nothing of an answer.
pub mod client;
/// A service of the outside over TLS.
pub mod https;
/// A whole server of its own.
pub mod server;
