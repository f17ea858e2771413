//! The one test binary: a module per area.

mod documents;
mod dsl;
