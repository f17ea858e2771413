//! Signed links for mail and chat: each lets one person decide at one checkpoint, about exactly
//! what it showed. What is kept of a link does not open it.

/// A link as it is kept.
mod link;
/// How links are made, found, used and revoked.
mod shelf;
/// What stands in the URL.
mod token;

pub use link::{Link, LinkStatus, NewLink};
pub use shelf::LinkView;
pub use token::LinkToken;
