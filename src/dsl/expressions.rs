//! Expressions and templates of a document, compiled with the variables that exist where they stand
//! (dsl.md, "Runtime expression arguments").

use serde_json::Value;

use crate::dsl::check::Check;
use crate::expr::{Expression, ExpressionDefect, Scope, Template, strict};

/// The variables that exist at one place of the document, for each kind of expression there.
#[derive(Clone, Debug)]
pub(super) struct Scopes {
    /// `if` and `input.from` of a task.
    pub before: Scope,
    /// The task itself and its `output.as`.
    pub inside: Scope,
    /// `export.as`.
    pub after: Scope,
}

/// Names that the standard gives a meaning; a loop variable must not hide them.
pub(super) const RESERVED: [&str; 8] =
    ["context", "input", "output", "secrets", "authorization", "task", "workflow", "runtime"];

impl Scopes {
    /// The variables of a task outside of every loop and handler.
    pub fn of_task() -> Self {
        let before = ["context", "secrets", "task", "workflow", "runtime"];
        let inside = Scope::new(before).with("input").with("authorization");
        Self { before: Scope::new(before), after: inside.with("output"), inside }
    }

    /// The same with one more variable: that of a loop or of a caught error.
    pub fn with(&self, name: &str) -> Self {
        Self {
            before: self.before.with(name),
            inside: self.inside.with(name),
            after: self.after.with(name),
        }
    }

    /// The variables of the workflow's own `input.from`.
    pub fn workflow_input() -> Scope {
        Scope::new(["secrets", "workflow", "runtime"])
    }

    /// The variables of the workflow's own `output.as`.
    pub fn workflow_output() -> Scope {
        Scope::new(["context", "secrets", "workflow", "runtime"])
    }
}

impl<'d> Check<'d> {
    /// A member that is an expression by definition: `${ }` around it may be left out.
    pub fn expression(
        &mut self,
        value: &'d Value,
        what: &str,
        scope: &Scope,
    ) -> Option<Expression> {
        let text = self.text(value, what)?;
        self.compiled(Expression::compile(strict(text).unwrap_or(text), scope))
    }

    /// A text that is an expression when `${ }` stands around it, and nothing otherwise.
    pub fn marked_expression(&mut self, text: &str, scope: &Scope) -> Option<Option<Expression>> {
        match strict(text) {
            None => Some(None),
            Some(source) => self.compiled(Expression::compile(source, scope)).map(Some),
        }
    }

    fn compiled(&mut self, compiled: Result<Expression, ExpressionDefect>) -> Option<Expression> {
        match compiled {
            Ok(expression) => {
                self.is_cheap &= expression.is_cheap();
                Some(expression)
            }
            Err(defect) => {
                self.defect(defect.message, defect.hint);
                None
            }
        }
    }

    /// A value in which every string with `${ }` around it is an expression.
    pub fn template(&mut self, value: &Value, scope: &Scope) -> Option<Template> {
        match Template::compile(value, scope) {
            Ok(template) => {
                self.is_cheap &= template.is_cheap();
                Some(template)
            }
            Err(defects) => {
                for found in defects {
                    self.below(&found.pointer, |check| {
                        check.defect(found.defect.message, found.defect.hint);
                    });
                }
                None
            }
        }
    }

    /// A text that may be an expression, as a template.
    pub fn text_template(
        &mut self,
        value: &'d Value,
        what: &str,
        scope: &Scope,
    ) -> Option<Template> {
        self.text(value, what)?;
        self.template(value, scope)
    }

    /// What `from` and `as` take: an expression, with or without `${ }`, or an object of templates.
    pub fn transform(&mut self, value: &'d Value, what: &str, scope: &Scope) -> Option<Template> {
        match value {
            Value::Object(_) => self.template(value, scope),
            Value::String(_) => self.expression(value, what, scope).map(Template::Expression),
            _ => {
                self.defect(format!("{what} must be an expression or an object"), None);
                None
            }
        }
    }

    /// The name of a variable that a loop or a handler sets.
    pub fn variable(&mut self, value: &'d Value, what: &str) -> Option<String> {
        let name = self.text(value, what)?;
        let mut characters = name.chars();
        let starts = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if !starts || !characters.all(|c| c.is_ascii_alphanumeric() || c == '_') {
            self.defect_with(
                format!("`{name}` cannot name a variable"),
                "letters, digits and _, not starting with a digit, without $",
            );
            return None;
        }
        if RESERVED.contains(&name) {
            self.defect_with(format!("`{name}` would hide ${name}"), "choose another name");
            return None;
        }
        Some(name.to_owned())
    }
}
