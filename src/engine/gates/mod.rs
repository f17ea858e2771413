//! Approval gates for other programs: a program opens one, people decide, and the program is told.
//! A gate is a job of a built-in document, so it survives whatever a job survives.

/// The built-in documents.
mod documents;
/// What happened to a gate.
mod events;
/// How a gate is opened and withdrawn.
mod open;
/// The secrets that callbacks are signed with.
mod secrets;
/// What a callback says, and how it is signed.
mod telling;
/// A gate as it stands.
mod view;
/// Whoever waits for a job.
mod watch;

pub(crate) use documents::{BUILT_IN, is_reserved};
pub use events::GateFact;
pub use open::{NewCallback, NewGate, OpenedGate};
pub(crate) use telling::{Told, directions};
pub use view::{CallbackStatus, CallbackView, GateQuery, GateStatus, GateView};
pub use watch::JobWatch;
pub(crate) use watch::Watchers;
