//! Every test that `docs/PROMISES.md` and `docs/SECURITY.md` name exists, and every promise names
//! one.

use super::{read, root, rust_files};

/// What is wrong with the rows of a page: no test named, or one that does not exist.
fn problems(page: &str, rows: &[&str]) -> Vec<String> {
    let mut paths = Vec::new();
    rust_files(&root().join("tests"), &mut paths);
    let sources: String = paths.iter().map(|path| read(path)).collect();
    let mut problems = Vec::new();
    for row in rows {
        let named: Vec<&str> = row.split('`').filter(|text| text.contains("::")).collect();
        if named.is_empty() {
            problems.push(format!("{page}: no test is named: {row}"));
        }
        for test in named {
            let name = test.rsplit("::").next().unwrap_or_default();
            if !sources.contains(&format!("fn {name}(")) {
                problems.push(format!("{page}: there is no test {test}"));
            }
        }
    }
    problems
}

#[test]
fn every_promise_names_tests_that_exist() {
    let page = read("docs/PROMISES.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| D")).collect();
    assert_eq!(rows.len(), 15, "one row for each promise of durability");
    let problems = problems("docs/PROMISES.md", &rows);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_promise_about_security_names_tests_that_exist() {
    let page = read("docs/SECURITY.md");
    let is_row = |line: &&str| {
        line.starts_with("| ") && !line.starts_with("| threat |") && !line.starts_with("|---")
    };
    let rows: Vec<&str> = page.lines().filter(is_row).collect();
    assert!(rows.len() > 20, "{}", rows.len());
    let problems = problems("docs/SECURITY.md", &rows);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
