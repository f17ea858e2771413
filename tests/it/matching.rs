//! Matching: points with reasons, the same order for the same facts, inputs that fit, and the
//! model's part.

mod model;
mod order;
mod points;
pub mod rounds;

use holdpoint::dsl::schema::Schema;
use holdpoint::engine::matching::{Candidate, Opening, Record, Task};
use serde_json::{Value, json};

pub fn task() -> Task {
    Task {
        name: "Sum invoices".to_owned(),
        description: "Sum the invoices and report the total".to_owned(),
        criteria: "The text names a total".to_owned(),
        input: json!({}),
    }
}

/// An agent that suits the task.
pub fn agent(id: &str) -> Candidate {
    Candidate {
        id: id.to_owned(),
        name: format!("agent {id}"),
        description: "sums invoices and reports totals in EUR".to_owned(),
        tags: Vec::new(),
        input_schema: json!({"type": "object"}),
        input: Schema::compile(&json!({"type": "object"})).unwrap(),
        opening: Opening::Places { free: 4, all: 4 },
        record: Record::default(),
    }
}

pub fn taking(agent: Candidate, schema: Value) -> Candidate {
    let input = Schema::compile(&schema).unwrap();
    Candidate { input_schema: schema, input, ..agent }
}
