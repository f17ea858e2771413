//! Runtime expressions: jq through `jaq`, compiled once, evaluated under limits. Nothing here reads
//! the clock, the environment or a disk, so an expression gives the same result in every replay.

mod error;
mod expression;
mod scope;
mod template;

pub use error::{ExpressionDefect, ExpressionError, TemplateDefect};
pub use expression::{Expression, strict};
pub use scope::{Scope, Variables};
pub use template::Template;
