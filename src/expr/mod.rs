//! Floor 1: runtime expressions (jq) with limits.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

/// Names of variables that an expression may use.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Scope(Vec<String>);
impl Scope {
    /// A scope of these names.
    pub fn new<I: IntoIterator<Item = S>, S: Into<String>>(names: I) -> Scope {
        Scope(names.into_iter().map(Into::into).collect())
    }
    /// The scope with one more name.
    pub fn with(&self, name: &str) -> Scope {
        let mut s = self.clone();
        s.0.push(name.into());
        s
    }
}
/// Values of variables for one evaluation.
#[derive(Clone, Default, Debug)]
pub struct Variables(BTreeMap<String, Arc<Value>>);
impl Variables {
    /// Binds a name.
    pub fn insert(&mut self, name: impl Into<String>, value: Arc<Value>) {
        self.0.insert(name.into(), value);
    }
}
/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Expression(Arc<str>);
/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionDefect {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// Where.
    pub offset: usize,
}
/// Why an evaluation failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ExpressionError {
    /// It failed.
    #[error("{0}")]
    Failed(String),
}
/// Strips `${ }`.
pub fn strict(_text: &str) -> Option<&str> {
    None
}
impl Expression {
    /// Compiles.
    pub fn compile(source: &str, _scope: &Scope) -> Result<Expression, ExpressionDefect> {
        Ok(Expression(source.into()))
    }
    /// The source.
    pub fn source(&self) -> &str {
        &self.0
    }
    /// Can it not run away?
    pub fn is_cheap(&self) -> bool {
        true
    }
    /// Evaluates.
    pub fn evaluate(&self, _: &Value, _: &Variables) -> Result<Value, ExpressionError> {
        Ok(Value::Null)
    }
    /// Truth in jq's sense.
    pub fn is_true(&self, _: &Value, _: &Variables) -> Result<bool, ExpressionError> {
        Ok(true)
    }
}
/// A defect inside a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateDefect {
    /// JSON Pointer inside the value.
    pub pointer: String,
    /// The defect.
    pub defect: ExpressionDefect,
}
/// A value whose `${ }` strings are expressions.
#[derive(Clone, Debug)]
pub enum Template {
    /// No expression inside.
    Literal(Arc<Value>),
    /// One expression.
    Expression(Expression),
    /// A list.
    Array(Vec<Template>),
    /// An object.
    Object(Vec<(String, Template)>),
}
impl Template {
    /// Compiles.
    pub fn compile(value: &Value, _scope: &Scope) -> Result<Template, Vec<TemplateDefect>> {
        Ok(Template::Literal(Arc::new(value.clone())))
    }
    /// Evaluates.
    pub fn evaluate(&self, _: &Value, _: &Variables) -> Result<Value, ExpressionError> {
        Ok(Value::Null)
    }
    /// Can it not run away?
    pub fn is_cheap(&self) -> bool {
        true
    }
}
