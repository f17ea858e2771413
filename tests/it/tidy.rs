//! The rules of this repository, checked on every file: floors, outside crates, sizes, words. All
//! problems are printed at once, and each rule is shown to be able to fail.

use std::fs;
use std::path::{Path, PathBuf};

use self::floors::Floors;
use self::source::Source;

/// Imports and outside crates, by the table in `docs/ARCHITECTURE.md`.
mod floors;
/// Patches that bring known bugs back.
mod mutants;
/// Promises and their proofs.
mod promises;
/// Rust text with its comments and strings blanked.
mod source;
/// Sizes, headers, words and calls.
mod style;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every Rust file below `folder`, as paths from the root, sorted.
fn rust_files(folder: &Path, found: &mut Vec<String>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
        }
    }
}

#[test]
fn every_file_keeps_the_rules() {
    let mut paths = Vec::new();
    for folder in ["src", "tests", "benches"] {
        rust_files(&root().join(folder), &mut paths);
    }
    assert!(paths.len() > 20, "the walk found almost nothing: {paths:?}");
    let sources: Vec<Source> = paths.iter().map(|path| Source::new(path, &read(path))).collect();
    let floors = Floors::read(&read("docs/ARCHITECTURE.md"), &read("Cargo.toml"));
    let mut problems = floors.check_table();
    problems.extend(floors.check_modules(&sources));
    for source in &sources {
        problems.extend(floors.check_source(source));
        problems.extend(style::check(source));
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}
