//! Runtime expressions: jq through `jaq`, compiled once, evaluated under limits. Nothing here reads
//! the clock, the environment or a disk, so an expression gives the same result in every replay.

mod access;
mod check;
mod compile;
mod datum;
mod error;
mod expression;
mod json;
mod library;
mod meter;
mod natives;
mod number;
mod operators;
mod pool;
mod scope;
mod selection;
mod source;
mod template;
mod term;

pub use error::{ExpressionDefect, ExpressionError, TemplateDefect};
pub use expression::{Expression, strict};
pub use scope::{Scope, Variables};
pub use template::Template;
