//! Folders for stores, documents and settings. It removes what it made, and nothing else: a folder
//! that somebody named must be empty or have been made here.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use toml::Value;

use super::agent::NAME;
use crate::cli::exit::{Code, Failure};
use crate::config::Config;
use crate::config::load::{Sources, load};

/// Stands in every folder that this made.
const MARK: &str = "made-by-holdpoint-bench";
/// Runs at once: what clients have under way, and then some, so that no job waits for a slot.
const RUNS_MAX: u32 = 512;
/// A whole store of parked jobs may pass through the queue.
const QUEUE_MAX: u32 = 10_000_000;

const DOCUMENTS: [(&str, &str); 2] = [
    ("calls.yaml", include_str!("documents/calls.yaml")),
    ("checkpoint.yaml", include_str!("documents/checkpoint.yaml")),
];

/// The folder of a run.
pub(super) struct Scratch {
    root: PathBuf,
    keep: bool,
}

/// The folder of one store.
pub(super) struct Place {
    folder: PathBuf,
}

impl Scratch {
    /// Makes a temporary folder, or uses this one.
    pub(super) fn make(named: Option<PathBuf>, keep: bool) -> Result<Self, Failure> {
        let temporary =
            || std::env::temp_dir().join(format!("holdpoint-bench-{}", std::process::id()));
        let root = named.unwrap_or_else(temporary);
        let failed = |error| io_failure("use the folder", &root, &error);
        fs::create_dir_all(&root).map_err(failed)?;
        let is_ours = root.join(MARK).exists();
        let is_empty = fs::read_dir(&root).map_err(failed)?.next().is_none();
        if !is_ours && !is_empty {
            let text = format!(
                "{} holds something else: name a folder that is empty or not there",
                root.display()
            );
            return Err(Failure::new(Code::Usage, text));
        }
        fs::write(root.join(MARK), "").map_err(failed)?;
        // The server writes its paths into its settings: they must hold in any working directory.
        let root = fs::canonicalize(&root).map_err(failed)?;
        Ok(Self { root, keep })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// An empty place for a store.
    pub(super) fn empty(&self, name: &str) -> Result<Place, Failure> {
        let place = Place { folder: self.root.join(name) };
        place.remove()?;
        place.make()?;
        Ok(place)
    }

    /// A place whose store may be left from an earlier run.
    pub(super) fn kept(&self, name: &str) -> Result<Place, Failure> {
        let place = Place { folder: self.root.join(name) };
        place.make()?;
        Ok(place)
    }

    /// Removes everything, unless it is to be kept. What cannot be removed stays.
    pub(super) fn remove(self) {
        if !self.keep {
            fs::remove_dir_all(&self.root).ok();
        }
    }
}

impl Place {
    fn make(&self) -> Result<(), Failure> {
        let workflows = self.folder.join("workflows");
        let made = || -> io::Result<()> {
            fs::create_dir_all(&workflows)?;
            for (name, text) in DOCUMENTS {
                fs::write(workflows.join(name), text)?;
            }
            Ok(())
        };
        made().map_err(|error| io_failure("make the folder", &workflows, &error))
    }

    /// Removes the store and all that belongs to it.
    pub(super) fn remove(&self) -> Result<(), Failure> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(io_failure("remove the folder", &self.folder, &error))
            }
            _ => Ok(()),
        }
    }

    /// The file of the store.
    pub(super) fn store(&self) -> PathBuf {
        self.folder.join("holdpoint.redb")
    }

    /// The file of a bare loop beside it.
    pub(super) fn bare_store(&self) -> PathBuf {
        self.folder.join("bare.redb")
    }

    /// Where the server logs.
    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Writes the settings of a server whose agent listens on this port; answers the file.
    pub(super) fn write_settings(&self, agent_port: u16) -> Result<PathBuf, Failure> {
        let path = |path: PathBuf| Value::String(path.display().to_string()).to_string();
        let text = format!(
            "[http]\nlisten = \"127.0.0.1:0\"\n\
             [store]\nurl = {}\n\
             [worker]\nmax_concurrent_jobs = {RUNS_MAX}\n\
             [engine]\nqueue_max = {QUEUE_MAX}\n\
             [egress]\nallow = [\"127.0.0.0/8\"]\n\
             resolve = {{ \"{NAME}\" = \"127.0.0.1:{agent_port}\" }}\n\
             [workflows]\ndir = {}\n[artifacts]\ndir = {}\n\
             [audit]\nheads_file = {}\n[log]\nfilter = \"warn\"\n",
            Value::String(format!("redb://{}", self.store().display())),
            path(self.folder.join("workflows")),
            path(self.folder.join("artifacts")),
            path(self.folder.join("audit-heads.jsonl")),
        );
        let file = self.folder.join("config.toml");
        fs::write(&file, text).map_err(|error| io_failure("write", &file, &error))?;
        Ok(file)
    }

    /// The same settings for an engine in this process, which calls nobody.
    pub(super) fn config(&self) -> Result<Config, Failure> {
        let file = Some(self.write_settings(0)?);
        let sources = Sources { file, ..Sources::default() };
        Ok(load(&sources)?.config)
    }
}

pub(super) fn io_failure(attempted: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::new(Code::Io, format!("cannot {attempted} {}: {error}", path.display()))
}
