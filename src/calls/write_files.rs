//! The function `write-files`: from its arguments to files below the artifact folder of the job. It
//! checks everything before it touches the disk.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::calls::artifact_folder::{ArtifactFolder, FolderError, NewFile};
use crate::model::artifact_path::{PathDefect, check_path, check_paths};
use crate::model::id::{ContentHash, JobId};
use crate::model::problem::{Kind, Problem};

/// Most jobs that write at a time: a disk gets slower with more.
const WRITERS_MAX: usize = 8;
/// Locks over which the jobs are spread; two jobs on one lock only wait for each other.
const LOCKS: usize = 64;

/// Writes files for all jobs.
pub(crate) struct FileWriter {
    root: PathBuf,
    writers: Arc<Semaphore>,
    /// Calls of one job that run side by side must not swap the folder under each other, nor under
    /// a call whose caller has stopped waiting.
    locks: Arc<[Mutex<()>; LOCKS]>,
}

impl FileWriter {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self {
            root,
            writers: Arc::new(Semaphore::new(WRITERS_MAX)),
            locks: Arc::new([const { Mutex::new(()) }; LOCKS]),
        }
    }

    /// Writes `{files, directory?}` and returns `{directory, files: [{path, bytes, sha256}]}`, the
    /// directory relative to the artifact folder of all jobs.
    pub(crate) async fn run(&self, job: JobId, arguments: &Value) -> Result<Value, Problem> {
        let directory = directory(arguments)?;
        let files = new_files(arguments)?;
        let written = files.iter().map(|file| {
            let sha256 = ContentHash::of(&file.content).to_string();
            json!({"path": file.path, "bytes": file.content.len(), "sha256": sha256})
        });
        let place = match &directory {
            Some(directory) => format!("{job}/{directory}"),
            None => job.to_string(),
        };
        let output = json!({"directory": place, "files": written.collect::<Vec<_>>()});

        let stopped = |_| Problem::new(Kind::Runtime, "write-files: the program is stopping");
        let permit = Arc::clone(&self.writers).acquire_owned().await.map_err(stopped)?;
        let folder = ArtifactFolder::new(&self.root, &job.to_string());
        let locks = Arc::clone(&self.locks);
        let lock = usize::from(job.shard()) % LOCKS;
        let work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            // What a panic left half done is cleared away by the next write, so it poisons nothing.
            let _guard = locks.get(lock).map(|l| l.lock().unwrap_or_else(|e| e.into_inner()));
            folder.write(directory.as_deref(), &files)
        });
        match work.await {
            Ok(Ok(())) => Ok(output),
            Ok(Err(error)) => Err(problem(&error)),
            Err(error) => Err(Problem::new(Kind::Runtime, format!("write-files: {error}"))),
        }
    }
}

fn problem(error: &FolderError) -> Problem {
    let kind = match error {
        FolderError::Disk { .. } => Kind::Runtime,
        FolderError::Link { .. } | FolderError::Clash { .. } | FolderError::TooMany => {
            Kind::Validation
        }
    };
    let problem = Problem::new(kind, format!("write-files: {error}"));
    if error.disk_full() { problem.with_status(507) } else { problem }
}

fn invalid(defects: &[PathDefect]) -> Problem {
    let listed = defects.iter().map(PathDefect::to_string).collect::<Vec<_>>().join("; ");
    Problem::new(Kind::Validation, format!("write-files: nothing was written: {listed}"))
}

fn directory(arguments: &Value) -> Result<Option<String>, Problem> {
    match arguments.get("directory") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(path)) => match check_path(path) {
            Ok(()) => Ok(Some(path.clone())),
            Err(reason) => {
                let path = format!("directory {}", path.escape_debug());
                Err(invalid(&[PathDefect { path, reason }]))
            }
        },
        Some(_) => {
            let reason = "must be a string".to_owned();
            Err(invalid(&[PathDefect { path: "directory".to_owned(), reason }]))
        }
    }
}

fn new_files(arguments: &Value) -> Result<Vec<NewFile>, Problem> {
    let files = arguments.get("files").unwrap_or(&Value::Null);
    check_paths(files).map_err(|defects| invalid(&defects))?;
    let mut defects = Vec::new();
    let mut read = Vec::new();
    for file in files.as_array().into_iter().flatten() {
        let text = |name: &str| file.get(name).and_then(Value::as_str).unwrap_or_default();
        let content = match text("encoding") {
            "base64" => STANDARD.decode(text("content")),
            _ => Ok(text("content").as_bytes().to_vec()),
        };
        match content {
            Ok(content) => read.push(NewFile { path: text("path").to_owned(), content }),
            Err(error) => defects.push(PathDefect {
                path: text("path").to_owned(),
                reason: format!("has content that is no base64: {error}"),
            }),
        }
    }
    if defects.is_empty() { Ok(read) } else { Err(invalid(&defects)) }
}
