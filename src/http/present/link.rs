//! Signed links. What opens one is never in here.

use crate::api::link::Link;
use crate::engine::LinkView;
use crate::http::present::time;

/// A link.
pub fn link(view: &LinkView) -> Link {
    let LinkView { link, status } = view;
    Link {
        id: link.id.to_string(),
        checkpoint_id: link.checkpoint.to_string(),
        job_id: link.job.to_string(),
        user: link.user.clone(),
        status: status.as_str().to_owned(),
        digest: link.digest.to_string(),
        created_by: link.made_by.to_string(),
        created_at: time(link.made_at),
        expires_at: time(link.expires_at),
        used_at: link.used_at.map(time),
        revoked_at: link.revoked.as_ref().map(|(at, _)| time(*at)),
        revoked_by: link.revoked.as_ref().map(|(_, by)| by.to_string()),
    }
}
