//! `/api/templates`: members of jobs under a name, to create jobs from. Everybody keeps their own;
//! an admin may share one with all.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::api::template::{self as shape, NewTemplate, TemplateAnswer, TemplateList};
use crate::http::authorize::{Action, Caller, Resource};
use crate::http::extract::{JsonBody, NamePath, typed};
use crate::http::guard::permit;
use crate::http::present::template::template;
use crate::http::problem::ApiError;
use crate::http::state::HttpState;
use crate::http::templates::{self, Template};
use crate::http::validate::Defects;
use crate::model::id::TemplateId;
use crate::model::limits::{NAME_BYTES_MAX, TEXT_BYTES_MAX};

/// Keeps a template.
#[utoipa::path(post, path = "/api/templates", operation_id = "createTemplate", tag = "templates",
    description = "Keeps members of a job under a name. POST /api/jobs with `template` takes what \
    the request does not say from it.",
    request_body = NewTemplate,
    responses((status = 201, description = "Kept", body = TemplateAnswer)))]
pub async fn create(
    State(state): State<HttpState>,
    caller: Caller,
    body: JsonBody<NewTemplate>,
) -> Result<Response, ApiError> {
    let now = state.engine.now();
    let new = checked(&caller, body.value)?;
    let kept = Template {
        id: TemplateId(state.engine.new_id()),
        name: new.name,
        description: new.description,
        shared: new.shared,
        owner: caller.id.clone(),
        job: new.job,
        created_at: now,
        updated_at: now,
    };
    templates::keep(&state.engine, &kept, caller.author()).await?;
    let answer = TemplateAnswer { success: true, template: template(&kept), message: None };
    let location = HeaderValue::from_str(&format!("/api/templates/{}", kept.id));
    let mut response = (StatusCode::CREATED, Json(answer)).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// What is wrong with the members shows here as far as it can be known without a workflow.
fn checked(caller: &Caller, new: NewTemplate) -> Result<NewTemplate, ApiError> {
    let mut defects = Defects::default();
    defects.text("/name", &new.name, NAME_BYTES_MAX);
    defects.length("/description", &new.description, TEXT_BYTES_MAX);
    for member in new.job.keys() {
        if !shape::MEMBERS.contains(&member.as_str()) {
            let pointer = format!("/job/{}", member.replace('~', "~0").replace('/', "~1"));
            defects.add(&pointer, format!("a job has no member `{member}`"));
        }
    }
    let new = defects.done(new)?;
    // The required members may come with the request that uses the template.
    let mut whole = new.job.clone();
    for name in ["name", "description", "acceptanceCriteria"] {
        whole.entry(name.to_owned()).or_insert_with(|| "-".into());
    }
    let typed: Result<crate::api::job::NewJob, ApiError> = typed(&whole.into());
    typed.map_err(|mut error| {
        for field in &mut error.errors {
            field.pointer = field.pointer.take().map(|pointer| format!("/job{pointer}"));
        }
        error
    })?;
    if new.shared {
        permit(caller, Action::ShareTemplate, Resource::Any)?;
    }
    Ok(new)
}

/// The templates.
#[utoipa::path(get, path = "/api/templates", operation_id = "listTemplates", tag = "templates",
    description = "The templates of the caller and those that are shared.",
    responses((status = 200, description = "The templates", body = TemplateList)))]
pub async fn list(
    State(state): State<HttpState>,
    caller: Caller,
) -> Result<Json<TemplateList>, ApiError> {
    let found = templates::all(&state.engine, &caller.id).await?;
    Ok(Json(TemplateList { success: true, templates: found.iter().map(template).collect() }))
}

/// A template.
#[utoipa::path(get, path = "/api/templates/{id}", operation_id = "readTemplate",
    tag = "templates",
    description = "A template, by id or name.",
    params(("id" = String, Path, description = "The template")),
    responses((status = 200, description = "The template", body = TemplateAnswer)))]
pub async fn read(
    State(state): State<HttpState>,
    caller: Caller,
    NamePath(id): NamePath,
) -> Result<Json<TemplateAnswer>, ApiError> {
    let found = templates::find(&state.engine, &caller.id, &id).await?;
    Ok(Json(TemplateAnswer { success: true, template: template(&found), message: None }))
}

/// Changes a template.
#[utoipa::path(put, path = "/api/templates/{id}", operation_id = "replaceTemplate",
    tag = "templates",
    description = "Puts this in place of a template of the caller, or of a shared one for an \
    admin. Jobs that were created from it keep what they have.",
    params(("id" = String, Path, description = "The template")),
    request_body = NewTemplate,
    responses((status = 200, description = "The template", body = TemplateAnswer)))]
pub async fn replace(
    State(state): State<HttpState>,
    caller: Caller,
    NamePath(id): NamePath,
    body: JsonBody<NewTemplate>,
) -> Result<Json<TemplateAnswer>, ApiError> {
    let old = own(&state, &caller, &id).await?;
    let new = checked(&caller, body.value)?;
    let kept = Template {
        name: new.name,
        description: new.description,
        shared: new.shared,
        job: new.job,
        updated_at: state.engine.now(),
        ..old.clone()
    };
    templates::keep(&state.engine, &kept, caller.author()).await?;
    if kept.shared != old.shared {
        templates::remove(&state.engine, &old, caller.author()).await?;
    }
    let message = Some("Template changed".to_owned());
    Ok(Json(TemplateAnswer { success: true, template: template(&kept), message }))
}

/// Removes a template.
#[utoipa::path(delete, path = "/api/templates/{id}", operation_id = "deleteTemplate",
    tag = "templates",
    description = "Removes a template of the caller, or a shared one for an admin. Jobs that were \
    created from it keep what they have.",
    params(("id" = String, Path, description = "The template")),
    responses((status = 200, description = "The removed template", body = TemplateAnswer)))]
pub async fn delete(
    State(state): State<HttpState>,
    caller: Caller,
    NamePath(id): NamePath,
) -> Result<Json<TemplateAnswer>, ApiError> {
    let old = own(&state, &caller, &id).await?;
    templates::remove(&state.engine, &old, caller.author()).await?;
    let message = Some("Template removed".to_owned());
    Ok(Json(TemplateAnswer { success: true, template: template(&old), message }))
}

/// A template that the caller may change.
async fn own(state: &HttpState, caller: &Caller, id: &str) -> Result<Template, ApiError> {
    let found = templates::find(&state.engine, &caller.id, id).await?;
    if found.shared {
        permit(caller, Action::ShareTemplate, Resource::Any)?;
    }
    Ok(found)
}
