//! The types that records are made of, one module for each schema version, and the way from and
//! to the model. A version that was released never changes: a change is a new version and an
//! upcaster.

mod audit;
mod convert;
#[cfg(test)]
mod tests;
pub(crate) mod v1;
pub(crate) mod v2;

pub(crate) use audit::{Draft, read_audit, read_audit_body};
pub(crate) use convert::{
    Append, HeldJob, Key, read_checkpoint, read_document, read_snapshot, write_checkpoint,
    write_document, write_snapshot,
};
