//! Floor 2: the outside work of one attempt. A request value goes in, an outcome value comes out;
//! nothing here decides about a job, and every failure is data.

/// Runs one attempt.
mod caller;
/// Which addresses may be reached.
pub mod egress;
/// What an operator may set.
mod options;
/// Names become addresses that were checked.
mod resolver;
/// Secrets, and what stands for them everywhere else.
pub mod secrets;

pub use caller::{Call, Caller, CallsError, Function, Outcome, UnknownFunction};
pub use egress::{AllowRule, EgressError};
pub use options::Options;
pub use resolver::Lookup;
pub use secrets::Secrets;
