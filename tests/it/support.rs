//! What the journeys share: a whole server, a client that is signed in, services of the outside.

/// A signed-in client that hides nothing of an answer.
pub mod client;
/// A service of the outside over TLS.
pub mod https;
/// The real binary as a process.
#[cfg(feature = "fault-injection")]
pub mod process;
/// A whole server of its own.
pub mod server;
