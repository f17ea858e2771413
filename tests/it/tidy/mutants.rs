//! The patches that bring known bugs back still apply, and each says what it is and who notices.

use std::path::PathBuf;
use std::process::Command;

use super::root;

const HEAD: [&str; 4] = ["# Bug: ", "# Seen: ", "# Target: ", "# Killers: "];

fn patches() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(root().join("tests/mutants")).unwrap();
    let paths = folder.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|ending| ending == "patch")).collect()
}

#[test]
fn every_mutant_applies_and_says_what_it_is() {
    let patches = patches();
    assert!(patches.len() >= 10, "{patches:?}");
    let mut problems = Vec::new();
    for path in &patches {
        let name = path.file_name().unwrap().display().to_string();
        let text = std::fs::read_to_string(path).unwrap();
        for (line, wanted) in text.lines().zip(HEAD) {
            if !line.starts_with(wanted) || line.trim_end().len() <= wanted.len() {
                problems.push(format!("{name}: {line:?} is not {wanted:?} and something"));
            }
        }
        // Outside of a repository, so that a copy of the tree is checked as well.
        let checked = Command::new("git")
            .args(["apply", "--check"])
            .arg(path)
            .current_dir(root())
            .env("GIT_CEILING_DIRECTORIES", root().parent().unwrap())
            .output()
            .expect("git");
        if !checked.status.success() {
            problems.push(format!("{name}: {}", String::from_utf8_lossy(&checked.stderr)));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
