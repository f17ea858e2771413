//! JSON values with expressions inside. A template never looks inside a string: either all of it is
//! an expression, or none of it.

use std::sync::Arc;

use serde_json::Value;

use super::error::{ExpressionError, TemplateDefect};
use super::expression::{Expression, strict};
use super::scope::{Scope, Variables};

/// A JSON value whose strings of the form `${ … }` are expressions.
#[derive(Clone, Debug)]
pub enum Template {
    /// A value without expressions.
    Literal(Arc<Value>),
    /// A string that is an expression.
    Expression(Expression),
    /// An array with an expression somewhere inside.
    Array(Vec<Template>),
    /// An object with an expression somewhere inside its values, in the order of its keys.
    Object(Vec<(String, Template)>),
}

impl Template {
    /// Compiles every expression inside `value`, each against `scope`. Keys are never expressions.
    /// All defects are reported at once, in the order of the value.
    pub fn compile(value: &Value, scope: &Scope) -> Result<Template, Vec<TemplateDefect>> {
        let mut defects = Vec::new();
        let template = compile_at(value, scope, &mut String::new(), &mut defects);
        if !defects.is_empty() {
            return Err(defects);
        }
        Ok(template.unwrap_or_else(|| Template::Literal(Arc::new(value.clone()))))
    }

    /// The value with every expression replaced by its result, all on the same input.
    pub fn evaluate(&self, input: &Value, variables: &Variables) -> Result<Value, ExpressionError> {
        Ok(match self {
            Template::Literal(value) => (**value).clone(),
            Template::Expression(expression) => expression.evaluate(input, variables)?,
            Template::Array(items) => {
                let items = items.iter().map(|item| item.evaluate(input, variables));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Template::Object(members) => {
                let members = members.iter().map(|(key, member)| {
                    member.evaluate(input, variables).map(|value| (key.clone(), value))
                });
                Value::Object(members.collect::<Result<_, _>>()?)
            }
        })
    }

    /// Whether every expression inside is cheap (see [`Expression::is_cheap`]).
    pub fn is_cheap(&self) -> bool {
        match self {
            Template::Literal(_) => true,
            Template::Expression(expression) => expression.is_cheap(),
            Template::Array(items) => items.iter().all(Template::is_cheap),
            Template::Object(members) => members.iter().all(|(_, member)| member.is_cheap()),
        }
    }
}

/// None when there is no expression in `value`: the caller then keeps it as part of one literal.
fn compile_at(
    value: &Value,
    scope: &Scope,
    pointer: &mut String,
    defects: &mut Vec<TemplateDefect>,
) -> Option<Template> {
    let whole = |value: &Value| Template::Literal(Arc::new(value.clone()));
    match value {
        Value::String(text) => match Expression::compile(strict(text)?, scope) {
            Ok(expression) => Some(Template::Expression(expression)),
            Err(defect) => {
                defects.push(TemplateDefect { pointer: pointer.clone(), defect });
                None
            }
        },
        Value::Array(items) => {
            let parts: Vec<_> = (items.iter().enumerate())
                .map(|(index, item)| step(item, scope, pointer, &index.to_string(), defects))
                .collect();
            parts.iter().any(Option::is_some).then(|| {
                let parts = parts.into_iter().zip(items);
                Template::Array(
                    parts.map(|(part, item)| part.unwrap_or_else(|| whole(item))).collect(),
                )
            })
        }
        Value::Object(members) => {
            let parts: Vec<_> = (members.iter())
                .map(|(key, member)| step(member, scope, pointer, key, defects))
                .collect();
            parts.iter().any(Option::is_some).then(|| {
                let parts = parts.into_iter().zip(members);
                Template::Object(
                    parts
                        .map(|(part, (key, member))| {
                            (key.clone(), part.unwrap_or_else(|| whole(member)))
                        })
                        .collect(),
                )
            })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// One step down, with `token` escaped into the pointer as RFC 6901 says.
fn step(
    value: &Value,
    scope: &Scope,
    pointer: &mut String,
    token: &str,
    defects: &mut Vec<TemplateDefect>,
) -> Option<Template> {
    let parent_len = pointer.len();
    pointer.push('/');
    pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
    let template = compile_at(value, scope, pointer, defects);
    pointer.truncate(parent_len);
    template
}
