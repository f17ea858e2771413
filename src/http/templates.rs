//! Templates of jobs, as documents of the engine: those of one owner together, shared ones in a
//! place of their own. What a template says is checked when a job is created from it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::engine::{ChangeOutcome, Document, DocumentChange, Engine};
use crate::http::codes;
use crate::http::problem::ApiError;
use crate::model::audit::{Author, Fact};
use crate::model::id::TemplateId;
use crate::model::limits::TEMPLATES_MAX;
use crate::model::time::Timestamp;

/// The kind of the documents that hold templates, by place and id.
const KIND: &str = "template";
/// The place of templates that everybody may use. No user has this id.
const SHARED: &str = "shared";

/// A template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// Which template.
    pub id: TemplateId,
    /// Its name, unique in its place.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Is it for everybody?
    pub shared: bool,
    /// The user who keeps it.
    pub owner: String,
    /// Members of the jobs that are created from it.
    pub job: Map<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Template {
    fn place(&self) -> &str {
        if self.shared { SHARED } else { &self.owner }
    }

    fn document_id(&self) -> String {
        format!("{}/{}", self.place(), self.id)
    }

    /// The members of a job with those of the template where they are silent.
    pub fn filled_in(&self, mut given: Map<String, Value>) -> Map<String, Value> {
        for (name, value) in &self.job {
            if !given.contains_key(name) {
                given.insert(name.clone(), value.clone());
            }
        }
        given
    }
}

/// The templates that this user may use: first the own ones, then those that are shared, each by
/// name.
pub async fn all(engine: &Engine, user: &str) -> Result<Vec<Template>, ApiError> {
    let mut templates = in_place(engine, user).await?;
    templates.extend(in_place(engine, SHARED).await?);
    Ok(templates)
}

async fn in_place(engine: &Engine, place: &str) -> Result<Vec<Template>, ApiError> {
    let first = format!("{place}/");
    // One more than can be there shows documents of the next place.
    let documents = engine.documents(KIND, Some(&first), TEMPLATES_MAX).await?;
    let own = documents.into_iter().take_while(|document| document.id.starts_with(&first));
    let mut templates = Vec::new();
    for document in own {
        match serde_json::from_slice::<Template>(&document.body) {
            Ok(template) => templates.push(template),
            Err(error) => tracing::error!(template = document.id, %error, "left out"),
        }
    }
    templates.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(templates)
}

/// A template by its id or its name; an own one comes before a shared one of the same name.
pub async fn find(engine: &Engine, user: &str, wanted: &str) -> Result<Template, ApiError> {
    let found = all(engine, user).await?.into_iter().find(|template| {
        template.id.to_string() == wanted || template.name.eq_ignore_ascii_case(wanted)
    });
    found.ok_or_else(|| {
        let detail = format!("there is no template {wanted:?}; GET /api/templates lists them");
        ApiError::new(codes::NO_SUCH_TEMPLATE, detail)
    })
}

/// Keeps a template, new or changed.
pub async fn keep(
    engine: &Engine,
    template: &Template,
    by: impl Into<Author>,
) -> Result<(), ApiError> {
    let others = in_place(engine, template.place()).await?;
    let is_new = others.iter().all(|other| other.id != template.id);
    let is_taken = |other: &Template| {
        other.id != template.id && other.name.eq_ignore_ascii_case(&template.name)
    };
    if others.iter().any(is_taken) {
        let detail = format!("there is a template {:?} already", template.name);
        return Err(ApiError::new(codes::TEMPLATE_NAME_TAKEN, detail));
    }
    if is_new && others.len() >= TEMPLATES_MAX {
        let message = format!("there are {TEMPLATES_MAX} templates already, which is the most");
        return Err(ApiError::invalid_at("", message));
    }
    let body = serde_json::to_vec(template)
        .map_err(|error| ApiError::new(codes::INTERNAL, error.to_string()))?;
    let document =
        Document { id: template.document_id(), version: 0, updated_at: engine.now(), body };
    let (kind, expect_version) = (KIND.to_owned(), is_new.then_some(0));
    let change = DocumentChange::Put { kind, document, expect_version };
    let action = if is_new { "template.create" } else { "template.update" };
    match engine.change(vec![change], Some(fact(action, template, by))).await? {
        ChangeOutcome::Applied => Ok(()),
        ChangeOutcome::Conflict { .. } => {
            Err(ApiError::new(codes::STALE, "the template was changed meanwhile; read it again"))
        }
    }
}

/// Removes a template. Jobs that were created from it keep what they have.
pub async fn remove(
    engine: &Engine,
    template: &Template,
    by: impl Into<Author>,
) -> Result<(), ApiError> {
    let (kind, id) = (KIND.to_owned(), template.document_id());
    let change = DocumentChange::Remove { kind, id, expect_version: None };
    engine.change(vec![change], Some(fact("template.delete", template, by))).await?;
    Ok(())
}

fn fact(action: &str, template: &Template, by: impl Into<Author>) -> Fact {
    let detail = json!({ "name": template.name, "shared": template.shared });
    Fact::new(by, action, template.document_id()).with(detail)
}
