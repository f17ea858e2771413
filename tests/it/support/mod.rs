//! What several areas of the tests stand on.

/// The real binary as a process.
#[cfg(feature = "crash-points")]
pub mod process;
