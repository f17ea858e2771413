//! Workflow documents and their defects.

use crate::api::problem::FieldError;
use crate::api::workflow::Workflow;
use crate::dsl::Defect;
use crate::engine::WorkflowView;

/// A workflow; with its whole document where one is shown.
pub fn workflow(view: WorkflowView, with_document: bool) -> Workflow {
    Workflow {
        namespace: view.namespace,
        name: view.name,
        version: view.version,
        hash: view.hash.map(|hash| hash.to_string()),
        title: view.title,
        summary: view.summary,
        source: view.source,
        current: view.current,
        input_schema: view.input_schema,
        document: view.document.filter(|_| with_document),
        defects: defects(view.defects),
    }
}

/// What is wrong with a document, as an answer lists it.
pub fn defects(defects: Vec<Defect>) -> Vec<FieldError> {
    let field = |defect: Defect| FieldError {
        pointer: Some(defect.pointer),
        parameter: None,
        line: defect.line,
        column: defect.column,
        message: defect.message,
        hint: defect.hint,
    };
    defects.into_iter().map(field).collect()
}
