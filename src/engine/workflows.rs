//! Workflows and documents through the handle: registering, checking, and the small records of
//! other floors.

use crate::dsl::{Defect, Format};
use crate::engine::catalog;
use crate::engine::{Document, DocumentChange, DocumentOutcome, Engine, EngineError, WorkflowView};
use crate::model::audit::Author;

impl Engine {
    /// Every registered workflow and every broken file, by name and version.
    pub fn workflows(&self) -> Vec<WorkflowView> {
        self.shared.catalog.views()
    }

    /// Checks a document without registering it.
    ///
    /// # Errors
    /// Every defect of the document.
    pub fn check_workflow(&self, text: &str, format: Format) -> Result<WorkflowView, Vec<Defect>> {
        catalog::check(text, format).map(|definition| catalog::view(&definition, "api", false))
    }

    /// Registers a document. The inner error lists its defects.
    ///
    /// # Errors
    /// When the store cannot take it.
    pub async fn register_workflow(
        &self,
        text: &str,
        format: Format,
        by: impl Into<Author>,
    ) -> Result<Result<WorkflowView, Vec<Defect>>, EngineError> {
        let definition = match catalog::check(text, format) {
            Ok(definition) => definition,
            Err(defects) => return Ok(Err(defects)),
        };
        let author = by.into();
        let by = author.by.clone();
        let registered =
            self.shared.catalog.register(definition, "api", self.now(), author).await?;
        Ok(registered.map(|definition| {
            let (name, version) = (&definition.name, &definition.version);
            tracing::info!(name, version, hash = %definition.hash, %by, "workflow registered");
            catalog::view(&definition, "api", true)
        }))
    }

    /// A document (a user, a session).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn document(&self, kind: &str, id: &str) -> Result<Option<Document>, EngineError> {
        Ok(self.shared.parts.store.document(kind, id).await?)
    }

    /// Documents of a kind, in order of id, after this one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn documents(
        &self,
        kind: &str,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<Document>, EngineError> {
        Ok(self.shared.parts.store.documents(kind, after, max).await?)
    }

    /// Writes a document (see `Store::put_document`); the engine stamps the time.
    ///
    /// # Errors
    /// When the store cannot take it.
    pub async fn put_document(
        &self,
        kind: &str,
        id: &str,
        body: Vec<u8>,
        expect_version: Option<u64>,
    ) -> Result<DocumentOutcome, EngineError> {
        let document = Document { id: id.to_owned(), version: 0, updated_at: self.now(), body };
        Ok(self.shared.parts.store.put_document(kind, document, expect_version).await?)
    }

    /// The writing of a document as one of several changes.
    pub(crate) fn put(
        &self,
        kind: &str,
        id: String,
        body: Vec<u8>,
        expect_version: Option<u64>,
    ) -> DocumentChange {
        let document = Document { id, version: 0, updated_at: self.now(), body };
        DocumentChange::Put { kind: kind.to_owned(), document, expect_version }
    }

    /// Removes a document. Says whether it was there.
    ///
    /// # Errors
    /// When the store cannot take it.
    pub async fn remove_document(&self, kind: &str, id: &str) -> Result<bool, EngineError> {
        Ok(self.shared.parts.store.remove_document(kind, id).await?)
    }
}
