//! What the journeys share: a whole server, a client that is signed in, services of the outside.

/// A signed-in client that hides nothing of an answer.
pub mod client;
/// A service of the outside over TLS.
pub mod https;
/// Log lines that are kept.
pub mod lines;
/// The real binary as a process.
#[cfg(feature = "fault-injection")]
pub mod process;
/// A mount namespace with a file system of its own.
#[cfg(feature = "fault-injection")]
pub mod room;
/// A whole server of its own.
pub mod server;
/// What this machine lacks.
#[cfg(feature = "fault-injection")]
pub mod skip;
/// A server that is killed at one of its syncs.
#[cfg(feature = "fault-injection")]
pub mod strace;
