//! The `[audit]` section: where signed heads of the audit trail go besides the store.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer};

use super::check::Complaints;
use super::folders::optional;

/// Signed heads.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// The file that each one is added to; none: none.
    #[serde(deserialize_with = "optional")]
    pub heads_file: Option<PathBuf>,
    /// Where each one is sent; none: nowhere.
    #[serde(deserialize_with = "optional_text")]
    pub webhook: Option<String>,
}

impl Audit {
    pub(super) fn check(&self, complaints: &mut Complaints) {
        let is_url = |url: &str| url.starts_with("https://") || url.starts_with("http://");
        if let Some(url) = self.webhook.as_deref().filter(|url| !is_url(url)) {
            let problem = format!("{url:?} is no URL");
            complaints.add("audit.webhook", problem, "a URL that begins with https:// or http://");
        }
    }
}

fn optional_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(from)?;
    Ok((!text.is_empty()).then_some(text))
}
