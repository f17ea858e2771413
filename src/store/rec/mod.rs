//! The types that records are made of, one module for each schema version, and the way from and
//! to the model. A version that was released never changes: a change is a new version and an
//! upcaster.

mod audit;
mod checkpoint;
mod convert;
#[cfg(test)]
mod tests;
pub(crate) mod v1;
pub(crate) mod v2;

pub(crate) use audit::{Draft, read_audit, read_audit_body};
pub(crate) use checkpoint::{read_checkpoint, write_checkpoint};
pub(crate) use convert::{
    Append, HeldJob, Key, read_document, read_snapshot, write_document, write_snapshot,
};
