//! Every test that `docs/PROMISES.md` names exists, and every promise names one.

use super::{read, root, rust_files};

#[test]
fn every_promise_names_tests_that_exist() {
    let mut paths = Vec::new();
    rust_files(&root().join("tests"), &mut paths);
    let sources: String = paths.iter().map(|path| read(path)).collect();
    let page = read("docs/PROMISES.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| D")).collect();
    assert_eq!(rows.len(), 15, "one row for each promise of durability");
    let mut problems = Vec::new();
    for row in rows {
        let named: Vec<&str> = row.split('`').filter(|text| text.contains("::")).collect();
        if named.is_empty() {
            problems.push(format!("no test is named: {row}"));
        }
        for test in named {
            let name = test.rsplit("::").next().unwrap_or_default();
            if !sources.contains(&format!("fn {name}(")) {
                problems.push(format!("there is no test {test}"));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
