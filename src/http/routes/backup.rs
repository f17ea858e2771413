//! `/api/admin/backup` and `/api/admin/release`: copies of the store, and the release of a copy.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, Response, StatusCode, header};
use hyper::body::{Frame, SizeHint};
use serde_json::json;
use tokio::fs::File;
use tokio::io::{AsyncRead, ReadBuf};

use crate::api::backup::{BackupAnswer, BackupList, ReleaseAnswer};
use crate::api::job::Reason;
use crate::engine::EngineError;
use crate::http::authorize::Caller;
use crate::http::codes;
use crate::http::detached::detached;
use crate::http::extract::{JsonBody, NamePath};
use crate::http::present::backup::present;
use crate::http::problem::ApiError;
use crate::http::state::HttpState;
use crate::http::validate;
use crate::model::audit::Fact;

/// Bytes that are sent at a time.
const CHUNK_BYTES: usize = 256 * 1024;

/// Takes one.
#[utoipa::path(post, path = "/api/admin/backup", operation_id = "takeBackup", tag = "admin",
    description = "Takes a consistent backup of the store into the folder `[backup] dir` of the \
        server while jobs run, verifies it, and answers when it has its name. One at a time; it \
        may take longer than other requests.",
    responses((status = 201, description = "The backup", body = BackupAnswer)))]
pub async fn take(
    State(state): State<HttpState>,
    caller: Caller,
) -> Result<(StatusCode, Json<BackupAnswer>), ApiError> {
    tracing::info!(by = %caller.id, "a backup is to be taken");
    let engine = state.engine.clone();
    let by = caller.author();
    let taken = detached(async move {
        let taken = engine.backup().await?;
        let (file, sha256) = (&taken.manifest.file, taken.manifest.sha256);
        let fact = Fact::new(by, "backup.make", file.as_str());
        engine.record(fact.with(json!({ "sha256": sha256 }))).await?;
        Ok::<_, EngineError>(taken)
    });
    let taken = taken.await?;
    let answer = BackupAnswer { success: true, backup: present(taken) };
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Lists them.
#[utoipa::path(get, path = "/api/admin/backup", operation_id = "listBackups", tag = "admin",
    description = "The backups in the folder of the server, newest first.",
    responses((status = 200, description = "The backups", body = BackupList)))]
pub async fn list(State(state): State<HttpState>) -> Result<Json<BackupList>, ApiError> {
    let backups = state.engine.backups().await?.into_iter().map(present).collect();
    Ok(Json(BackupList { success: true, backups }))
}

/// Downloads one.
#[utoipa::path(get, path = "/api/admin/backup/{name}", operation_id = "downloadBackup",
    tag = "admin",
    description = "The file of a backup. It holds everything that the store holds, passwords' \
        hashes and logins included: keep it as you keep the store.",
    params(("name" = String, Path, description = "Its name, as the list shows it")),
    responses((status = 200, description = "The file", content_type = "application/octet-stream")))]
pub async fn download(
    State(state): State<HttpState>,
    NamePath(name): NamePath,
) -> Result<Response<Body>, ApiError> {
    // Only a name from the list is opened, so no path leads out of the folder.
    let backups = state.engine.backups().await?;
    let found = backups.into_iter().find(|backup| backup.manifest.file == name);
    let missing = || ApiError::new(codes::NO_SUCH_BACKUP, format!("there is no backup {name:?}"));
    let found = found.ok_or_else(missing)?;
    let file = File::open(&found.file).await.map_err(|_| missing())?;
    let mut response = Response::new(Body::new(Sent { file, left: found.manifest.bytes }));
    let kind = HeaderValue::from_static("application/octet-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// Releases the store.
#[utoipa::path(post, path = "/api/admin/release", operation_id = "releaseStore", tag = "admin",
    description = "Lets a held store work: after a restore or an import nothing starts until an \
        admin says that the original does not run any more.",
    request_body = Reason,
    responses((status = 200, description = "It works", body = ReleaseAnswer)))]
pub async fn release(
    State(state): State<HttpState>,
    caller: Caller,
    body: JsonBody<Reason>,
) -> Result<Json<ReleaseAnswer>, ApiError> {
    let reason = validate::reason("/reason", body.value.reason)?;
    let (engine, by) = (state.engine.clone(), caller.author());
    detached(async move { engine.release(by, reason).await }).await?;
    let message = "Released: the queue, the timers and the calls begin".to_owned();
    Ok(Json(ReleaseAnswer { success: true, message }))
}

/// A file as the body of an answer, read as it is sent.
struct Sent {
    file: File,
    left: u64,
}

impl hyper::body::Body for Sent {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let wanted = usize::try_from(self.left).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
        let mut chunk = vec![0; wanted];
        let mut buffer = ReadBuf::new(&mut chunk);
        ready!(Pin::new(&mut self.file).poll_read(context, &mut buffer))?;
        let read = buffer.filled().len();
        if read == 0 {
            // The length was announced: ending early must not look like the end.
            return Poll::Ready(Some(Err(std::io::ErrorKind::UnexpectedEof.into())));
        }
        self.left = self.left.saturating_sub(read as u64);
        chunk.truncate(read);
        Poll::Ready(Some(Ok(Frame::data(chunk.into()))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
