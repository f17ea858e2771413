//! What may stand on every task and on the workflow: `input`, `output`, `export`, `timeout`.

use serde_json::Value;

use crate::dsl::check::{Check, Object};
use crate::dsl::definition::{DurationSpec, Export, Input, Output};
use crate::dsl::schema::Schema;
use crate::expr::{Scope, Template};

impl<'d> Check<'d> {
    /// `input` of an object that may have one.
    pub fn input(&mut self, object: &'d Object, scope: &Scope) -> Input {
        let read = |check: &mut Self, value| check.shaped(value, "`input`", "from", scope);
        let (schema, from) = self.member(object, "input", read).unwrap_or_default();
        Input { schema, from }
    }

    /// `output` of an object that may have one.
    pub fn output(&mut self, object: &'d Object, scope: &Scope) -> Output {
        let read = |check: &mut Self, value| check.shaped(value, "`output`", "as", scope);
        let (schema, transform) = self.member(object, "output", read).unwrap_or_default();
        Output { transform, schema }
    }

    /// `export` of an object that may have one.
    pub fn export(&mut self, object: &'d Object, scope: &Scope) -> Export {
        let read = |check: &mut Self, value| check.shaped(value, "`export`", "as", scope);
        let (schema, transform) = self.member(object, "export", read).unwrap_or_default();
        Export { transform, schema }
    }

    fn shaped(
        &mut self,
        value: &'d Value,
        what: &str,
        transform: &str,
        scope: &Scope,
    ) -> Option<(Option<Schema>, Option<Template>)> {
        let object = self.members(value, what, &[], &["schema", transform])?;
        let schema = self.member(object, "schema", Self::schema);
        let name = format!("`{transform}`");
        let transform =
            self.member(object, transform, |check, value| check.transform(value, &name, scope));
        Some((schema, transform))
    }

    /// `schema`: its format and its inline document.
    fn schema(&mut self, value: &'d Value) -> Option<Schema> {
        let object = self.members(value, "a schema", &[], &["format", "document", "resource"])?;
        self.member(object, "format", |check, value| {
            let format = check.text(value, "`format`")?;
            // A version may follow, as in `json:2020-12`.
            if format.split(':').next() != Some("json") {
                check.defect_with(
                    format!("schemas of the format `{format}` are not supported"),
                    "write the schema as JSON Schema, with the format `json`",
                );
            }
            Some(())
        });
        self.member(object, "resource", |check, _| {
            check.defect_with(
                "external schemas are not fetched by this version",
                "write the schema inline, as `document`",
            );
            Some(())
        });
        if !object.contains_key("document") && !object.contains_key("resource") {
            self.defect("a schema needs the member `document`", None);
        }
        self.member(object, "document", |check, value| check.compiled_schema(value))
    }

    /// A JSON Schema, compiled.
    fn compiled_schema(&mut self, value: &Value) -> Option<Schema> {
        match Schema::compile(value) {
            Ok(schema) => Some(schema),
            Err(violations) => {
                for violation in violations {
                    self.below(&violation.pointer, |check| check.defect(violation.message, None));
                }
                None
            }
        }
    }

    /// `timeout` of an object that may have one: `{after}`, or the name of one under
    /// `use.timeouts`.
    pub fn timeout(&mut self, object: &'d Object, scope: &Scope) -> Option<DurationSpec> {
        self.member(object, "timeout", |check, value| match value {
            Value::String(name) => {
                let value = check.reusable("timeouts", name)?;
                check.elsewhere(&["use", "timeouts", name], None, |check| {
                    check.timeout_value(value, scope)
                })
            }
            _ => check.timeout_value(value, scope),
        })
    }

    /// The object `{after}`.
    pub fn timeout_value(&mut self, value: &'d Value, scope: &Scope) -> Option<DurationSpec> {
        let object = self.members(value, "a timeout", &["after"], &[])?;
        self.member(object, "after", |check, value| check.duration(value, scope))
    }
}
