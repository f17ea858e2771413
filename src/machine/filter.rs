//! Event filters: does an event have the attributes and correlations that a `listen` asks for?

use std::sync::Arc;

use serde_json::Value;

use crate::dsl::definition::{AttributeMatch, EventFilter};
use crate::machine::scratch::{Raised, Scratch};
use crate::model::cloud_event::CloudEvent;
use crate::model::event::Data;
use crate::model::id::FrameId;
use crate::model::job::Listening;

/// A filter was met; these correlations are settled by it.
#[derive(Default)]
pub(super) struct Met {
    pub correlations: Vec<(String, Data)>,
}

impl Scratch<'_> {
    pub fn meets(
        &self,
        id: FrameId,
        listening: &Listening,
        filter: &EventFilter,
        event: &CloudEvent,
    ) -> Raised<Option<Met>> {
        if filter.event_type.as_ref().is_some_and(|wanted| wanted != event.attribute("type")) {
            return Ok(None);
        }
        for (name, wanted) in &filter.attributes {
            let given = event.envelope().get(name).unwrap_or(&Value::Null);
            if !self.attribute_meets(id, wanted, given)? {
                return Ok(None);
            }
        }
        let mut met = Met::default();
        for correlation in &filter.correlate {
            let arguments = self.arguments(id, &[]);
            let found = self.evaluate(&correlation.from, event.envelope(), arguments)?;
            let expected = match &correlation.expect {
                Some(expect) => {
                    let input = self.frame(id).map(|frame| frame.input.clone()).unwrap_or_default();
                    Some(self.render(expect, &input, arguments)?)
                }
                None => listening.correlations.get(&correlation.key).cloned(),
            };
            match expected {
                Some(expected) if *expected != found => return Ok(None),
                Some(_) => {}
                // "If not set, the first extracted value will be used" (dsl-reference.md,
                // Correlation).
                None => met.correlations.push((correlation.key.clone(), Arc::new(found))),
            }
        }
        Ok(Some(met))
    }

    fn attribute_meets(&self, id: FrameId, wanted: &AttributeMatch, given: &Value) -> Raised<bool> {
        match wanted {
            AttributeMatch::Equal(value) => Ok(**value == *given),
            // An expression is a condition on the attribute, or gives the value that it must have.
            AttributeMatch::Expression(expression) => {
                let found = self.evaluate(expression, given, self.arguments(id, &[]))?;
                Ok(found == Value::Bool(true) || (!found.is_boolean() && found == *given))
            }
            AttributeMatch::Template(template) => {
                let given = Arc::new(given.clone());
                let found = self.render(template, &given, self.arguments(id, &[]))?;
                Ok(*found == *given)
            }
        }
    }
}
