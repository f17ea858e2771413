//! What came of the jobs: status, result, and where the approved files are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::api::job::Job;
use crate::cli::exit::{Code, Failure};
use crate::cli::output::{Output, Paint, paint_of};
use crate::cli::times;
use crate::model::status::Status;

/// Prints it. A job that did not complete makes the demo a failure.
pub(super) fn print<'a>(
    jobs: impl Iterator<Item = &'a Job>,
    artifacts: &Path,
    output: &mut Output,
) -> Result<(), Failure> {
    output.painted(Paint::Bold, "\nWhat came of it")?;
    let mut missed = 0;
    for job in jobs {
        let summary = &job.summary;
        let took = times::between(Some(&summary.created_at), summary.completed_at.as_deref());
        let head = format!("{} {} {} in {took}", summary.status, summary.job_type, summary.id);
        output.painted(paint_of(&summary.status), head)?;
        if let Some(result) = &job.result {
            output.line(format!("  result: {result}"))?;
        }
        if let Some(error) = &summary.error {
            let detail = error.detail.as_deref().or(error.title.as_deref()).unwrap_or_default();
            output.line(format!("  error: {detail}"))?;
        }
        for file in files_below(&artifacts.join(&summary.id))? {
            output.line(format!("  file: {}", file.display()))?;
        }
        missed += usize::from(summary.status != Status::Completed.as_str());
    }
    match missed {
        0 => Ok(()),
        n => Err(Failure::new(Code::Refused, format!("{n} of the jobs did not complete"))),
    }
}

/// Every file below a folder, in order; none when there is no such folder.
fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            files.extend(files_below(&entry.path())?);
        } else {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}
