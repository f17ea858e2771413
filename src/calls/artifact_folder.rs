//! The folder of one job's artifacts on disk. A set of files appears as a whole: the folder that
//! holds it is built aside and renamed into place. It follows no link.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Most files in the folder of one job, over all its calls.
const ENTRIES_MAX: usize = 20_000;

/// A file to write. Its path has been checked.
pub(crate) struct NewFile {
    /// Relative, with `/` between the segments.
    pub(crate) path: String,
    pub(crate) content: Vec<u8>,
}

/// Why the files were not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FolderError {
    #[error("{}could not {doing} {path}: {source}", full(source))]
    Disk { doing: &'static str, path: String, source: io::Error },
    #[error("{path} is a link or a special file; remove it from the artifact folder")]
    Link { path: String },
    #[error("{path} is a folder here and a file there: an earlier call has taken the name")]
    Clash { path: String },
    #[error("the folder of the job would hold more than {ENTRIES_MAX} files and folders")]
    TooMany,
}

fn disk_is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

fn full(error: &io::Error) -> &'static str {
    if disk_is_full(error) { "the disk is full, free some space: " } else { "" }
}

impl FolderError {
    pub(crate) fn disk_full(&self) -> bool {
        matches!(self, Self::Disk { source, .. } if disk_is_full(source))
    }
}

/// The folder of one job and the two names beside it that a write uses for a moment.
pub(crate) struct ArtifactFolder {
    root: PathBuf,
    place: PathBuf,
    /// The folder that is being built.
    fresh: PathBuf,
    /// The folder that is being replaced.
    former: PathBuf,
}

impl ArtifactFolder {
    pub(crate) fn new(root: &Path, job: &str) -> Self {
        Self {
            root: root.to_owned(),
            place: root.join(job),
            fresh: root.join(format!(".{job}.new")),
            former: root.join(format!(".{job}.old")),
        }
    }

    /// Adds the files to what the folder holds, all of them or none. A crash leaves the former
    /// set or the new one; what it leaves beside them the next write clears away.
    pub(crate) fn write(
        &self,
        directory: Option<&str>,
        files: &[NewFile],
    ) -> Result<(), FolderError> {
        self.recover()?;
        let prefix = directory.map(|directory| format!("{directory}/")).unwrap_or_default();
        if self.holds(&prefix, files)? {
            return Ok(());
        }
        self.build(directory, &prefix, files).and_then(|()| self.swap()).inspect_err(|_| {
            // The error that is reported is the first one; the next write clears again.
            let _ = remove(&self.fresh);
        })
    }

    /// Ends or takes back what a crash has interrupted.
    fn recover(&self) -> Result<(), FolderError> {
        fs::create_dir_all(&self.root).map_err(at("create", &self.root))?;
        remove(&self.fresh)?;
        if kind(&self.place)?.is_none() && kind(&self.former)?.is_some() {
            fs::rename(&self.former, &self.place).map_err(at("restore", &self.place))?;
            sync_folder(&self.root)?;
        }
        remove(&self.former)?;
        match kind(&self.place)? {
            None | Some(Kind::Folder) => Ok(()),
            Some(Kind::File | Kind::Other) => Err(FolderError::Link { path: name(&self.place) }),
        }
    }

    /// Are these very files there already? Then the call is a repetition.
    fn holds(&self, prefix: &str, files: &[NewFile]) -> Result<bool, FolderError> {
        if kind(&self.place)?.is_none() {
            return Ok(false);
        }
        for file in files {
            let mut path = self.place.clone();
            let segments = prefix.split('/').chain(file.path.split('/'));
            for segment in segments.filter(|segment| !segment.is_empty()) {
                path.push(segment);
                match kind(&path)? {
                    None => return Ok(false),
                    Some(Kind::Other) => return Err(FolderError::Link { path: name(&path) }),
                    Some(Kind::File | Kind::Folder) => {}
                }
            }
            let length = fs::metadata(&path).map_err(at("read", &path))?.len();
            if length != file.content.len() as u64 || !path.is_file() {
                return Ok(false);
            }
            if fs::read(&path).map_err(at("read", &path))? != file.content {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Builds the new folder aside: the new files, and links to what else the old one holds.
    fn build(
        &self,
        directory: Option<&str>,
        prefix: &str,
        files: &[NewFile],
    ) -> Result<(), FolderError> {
        // It fails when the name exists, so nobody can have put a link there.
        fs::create_dir(&self.fresh).map_err(at("create", &self.fresh))?;
        if let Some(directory) = directory {
            let path = self.fresh.join(directory);
            fs::create_dir_all(&path).map_err(at("create", &path))?;
        }
        for file in files {
            let path = self.fresh.join(format!("{prefix}{}", file.path));
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(at("create", folder))?;
            }
            let mut options = OpenOptions::new();
            let mut opened =
                options.write(true).create_new(true).open(&path).map_err(at("create", &path))?;
            opened.write_all(&file.content).map_err(at("write", &path))?;
            opened.sync_all().map_err(at("sync", &path))?;
        }
        if kind(&self.place)?.is_some() {
            let mut left = ENTRIES_MAX.saturating_sub(files.len());
            keep(&self.place, &self.fresh, &mut left)?;
        }
        sync_tree(&self.fresh)
    }

    fn swap(&self) -> Result<(), FolderError> {
        if kind(&self.place)?.is_some() {
            fs::rename(&self.place, &self.former).map_err(at("set aside", &self.place))?;
        }
        fs::rename(&self.fresh, &self.place).map_err(at("put in place", &self.place))?;
        sync_folder(&self.root)?;
        remove(&self.former)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    /// A link, device, socket or pipe: nothing that this program makes.
    Other,
}

/// What stands at a path, links not followed.
fn kind(path: &Path) -> Result<Option<Kind>, FolderError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => Ok(Some(Kind::File)),
        Ok(found) if found.is_dir() => Ok(Some(Kind::Folder)),
        Ok(_) => Ok(Some(Kind::Other)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        // A file stands where a folder of the path should be.
        Err(error) if error.kind() == ErrorKind::NotADirectory => Ok(None),
        Err(error) => Err(at("look at", path)(error)),
    }
}

/// Takes over what the new folder lacks. The depth is bounded by the length of a checked path.
fn keep(from: &Path, to: &Path, left: &mut usize) -> Result<(), FolderError> {
    for entry in fs::read_dir(from).map_err(at("list", from))? {
        let entry = entry.map_err(at("list", from))?;
        *left = left.checked_sub(1).ok_or(FolderError::TooMany)?;
        let (old, new) = (entry.path(), to.join(entry.file_name()));
        match (kind(&old)?, kind(&new)?) {
            (Some(Kind::File), None) => {
                // Not every file system knows hard links.
                fs::hard_link(&old, &new)
                    .or_else(|_| fs::copy(&old, &new).and_then(|_| File::open(&new)?.sync_all()))
                    .map_err(at("keep", &old))?;
            }
            (Some(Kind::File), Some(Kind::File)) => {}
            (Some(Kind::Folder), found) if found != Some(Kind::File) => {
                if found.is_none() {
                    fs::create_dir(&new).map_err(at("create", &new))?;
                }
                keep(&old, &new, left)?;
            }
            (Some(Kind::Other), _) => return Err(FolderError::Link { path: name(&old) }),
            (Some(_), Some(_)) => return Err(FolderError::Clash { path: name(&old) }),
            (_, _) => {}
        }
    }
    Ok(())
}

/// Removes a folder with all it holds, or a link that stands in its place, if there is one.
fn remove(path: &Path) -> Result<(), FolderError> {
    match kind(path)? {
        None => Ok(()),
        // It does not follow links: what they lead to stays.
        Some(Kind::Folder) => fs::remove_dir_all(path).map_err(at("clear away", path)),
        Some(Kind::File | Kind::Other) => fs::remove_file(path).map_err(at("clear away", path)),
    }
}

fn sync_tree(folder: &Path) -> Result<(), FolderError> {
    for entry in fs::read_dir(folder).map_err(at("list", folder))? {
        let path = entry.map_err(at("list", folder))?.path();
        if kind(&path)? == Some(Kind::Folder) {
            sync_tree(&path)?;
        }
    }
    sync_folder(folder)
}

/// Makes the names in a folder last. Windows has no such call and needs none.
fn sync_folder(folder: &Path) -> Result<(), FolderError> {
    if cfg!(unix) {
        File::open(folder).and_then(|opened| opened.sync_all()).map_err(at("sync", folder))?;
    }
    Ok(())
}

fn at(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = name(path);
    move |source| FolderError::Disk { doing, path, source }
}

/// The last segment: an error must not tell where the server keeps its files.
fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
