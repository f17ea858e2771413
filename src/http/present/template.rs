//! Templates.

use crate::api::template::Template;
use crate::http::present::time;
use crate::http::templates;

/// A template.
pub fn template(template: &templates::Template) -> Template {
    Template {
        id: template.id.to_string(),
        name: template.name.clone(),
        description: template.description.clone(),
        shared: template.shared,
        user_id: template.owner.clone(),
        job: template.job.clone(),
        created_at: time(template.created_at),
        updated_at: time(template.updated_at),
    }
}
