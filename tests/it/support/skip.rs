//! What this machine lacks: a test that cannot run here says why, and never passes in silence.

use std::path::{Path, PathBuf};

/// Where programs are that the environment's path may not name.
const FOLDERS: [&str; 3] = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

/// Says that a test is skipped, and why.
pub fn skip(what: &str, reason: &str) {
    println!("SKIPPED {what}: {reason}");
}

/// Finds these programs; otherwise says which is missing.
pub fn need(programs: &[&str]) -> Result<(), String> {
    let missing: Vec<&str> = programs.iter().copied().filter(|name| find(name).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!("{} is not installed; tests/setup does that", missing.join(" and ")))
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(FOLDERS.map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|file| is_file(file))
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}
