//! `/api/admin/doctor`: what can be said of a store that is in use.

use axum::Json;
use axum::extract::State;

use crate::api::doctor::{Doctor, DoctorAnswer, NewestBackup};
use crate::http::detached::detached;
use crate::http::present::doctor::{findings, forecast};
use crate::http::present::status::held;
use crate::http::problem::ApiError;
use crate::http::state::HttpState;

/// Looks.
#[utoipa::path(get, path = "/api/admin/doctor", operation_id = "examineStore", tag = "admin",
    description = "Looks at every job and at the disk: jobs that nothing will carry on, jobs that \
        were parked, how long the disk will last, the newest backup. Records, chains and indexes \
        are checked by `holdpoint doctor` on a stopped store, and by every backup.",
    responses((status = 200, description = "What was found", body = DoctorAnswer)))]
pub async fn examine(State(state): State<HttpState>) -> Result<Json<DoctorAnswer>, ApiError> {
    let engine = state.engine.clone();
    let found = detached(async move { engine.examine().await }).await?;
    let backup = state.engine.backups().await?.into_iter().next();
    let standing = state.engine.standing();
    let doctor = Doctor {
        jobs: found.jobs,
        stranded: findings(found.stranded),
        poisoned: findings(found.poisoned),
        rescues: state.engine.rescues(),
        forecast: forecast(found.forecast),
        backup: backup.map(|backup| NewestBackup {
            file: backup.file.display().to_string(),
            taken_at: backup.manifest.taken_at,
        }),
        generation: standing.generation,
        held: standing.hold.clone().map(held),
        read_only: state.engine.health().await?.read_only,
    };
    Ok(Json(DoctorAnswer { success: true, doctor }))
}
