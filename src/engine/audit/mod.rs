//! The audit trail: what is done beside journals gets its entry, how far the trail goes is signed,
//! and the whole of it can be checked by whoever does not trust this machine.

/// What a job's decisions were made from, for somebody without a server.
mod bundle;
/// Whether such a bundle says what was.
mod bundle_check;
/// The trail through the handle.
mod handle;
/// Signed heads beside the trail.
mod heads;
/// The key that signs heads.
mod key;
/// Signs heads, and says so to others.
mod notary;
/// A walk along journals beside a walk along the trail.
mod pages;
/// Follows the whole trail and names what is wrong with it.
mod verify;

pub use bundle::bundle_of;
pub use bundle_check::{BundleReport, check_bundle};
pub use key::{AuditKey, KeyError, verify_head};
pub use notary::{HEADS, Notary, read_heads_file};
pub use verify::{Anchors, Finding, Verification, verify};
pub(crate) use verify::{RESTORED, STARTED};
