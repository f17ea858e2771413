//! The floors: which module may import which, and where an outside crate may be named. The table
//! in `docs/ARCHITECTURE.md` is the rule; nothing is listed twice.

use super::source::{Source, in_name, line_of};

/// One row of the table.
struct Row {
    module: String,
    may_import: Vec<String>,
    crates: Vec<String>,
}

/// The table, and every crate that the manifest names.
pub struct Floors {
    rows: Vec<Row>,
    free: Vec<String>,
    crates: Vec<String>,
}

impl Floors {
    /// Reads the rows between the `floors` markers and the list between the `free` markers.
    pub fn read(architecture: &str, manifest: &str) -> Self {
        let mut rows: Vec<Row> = Vec::new();
        for line in between(architecture, "floors").lines() {
            let cells: Vec<&str> =
                line.trim().trim_matches('|').split('|').map(str::trim).collect();
            let [_, module, _, may_import, crates] = cells[..] else { continue };
            if !module.starts_with('`') {
                continue;
            }
            let below = || rows.iter().map(|row| row.module.clone()).collect();
            let may_import = if may_import == "all below" { below() } else { names(may_import) };
            let module = names(module).concat();
            rows.push(Row { module, may_import, crates: names(crates) });
        }
        let manifest: toml::Table = manifest.parse().unwrap();
        let dependencies = manifest["dependencies"].as_table().unwrap();
        let crates = dependencies.keys().map(|name| name.replace('-', "_")).collect();
        Self { rows, free: names(between(architecture, "free")), crates }
    }

    /// The table itself: arrows go down, and every crate of the manifest has a place.
    pub fn check_table(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.rows.is_empty() {
            problems.push("table: no rows between the floors markers".to_owned());
        }
        for (at, row) in self.rows.iter().enumerate() {
            let module = &row.module;
            for target in &row.may_import {
                if !self.rows[..at].iter().any(|below| below.module == *target) {
                    problems.push(format!("table: {module} may not name {target}: not below it"));
                }
            }
            for name in row.crates.iter().filter(|name| !self.crates.contains(name)) {
                problems.push(format!("table: {module} names {name}, which is no dependency"));
            }
        }
        for name in &self.crates {
            let placed = self.rows.iter().any(|row| row.crates.contains(name));
            if !placed && !self.free.contains(name) {
                problems.push(format!("table: the crate {name} is on no floor and not free"));
            }
        }
        problems
    }

    /// Every module of `src` is on a floor, and every floor is a module.
    pub fn check_modules(&self, sources: &[Source]) -> Vec<String> {
        let mut modules: Vec<&str> = sources.iter().filter_map(Source::module).collect();
        modules.dedup();
        let nowhere = modules.iter().filter(|module| self.row(module).is_none());
        let mut problems: Vec<String> =
            nowhere.map(|module| format!("src/{module} is on no floor")).collect();
        for row in self.rows.iter().filter(|row| !modules.contains(&row.module.as_str())) {
            problems.push(format!("table: {} is no module of src", row.module));
        }
        problems
    }

    /// The imports and outside crates of one file.
    pub fn check_source(&self, source: &Source) -> Vec<String> {
        let Some(row) = source.module().and_then(|module| self.row(module)) else {
            return Vec::new();
        };
        let code = source.code();
        let (path, module) = (&source.path, &row.module);
        let mut problems = Vec::new();
        for (line, target) in crate_paths(&code) {
            if target != *module && !row.may_import.contains(&target) {
                problems.push(format!("{path}:{line}: {module} may not import {target}"));
            }
        }
        for line in escapes(source, &code) {
            problems.push(format!("{path}:{line}: super:: leaves the module; write crate::"));
        }
        for name in &self.crates {
            let free = module != "model" && self.free.contains(name);
            if free || row.crates.contains(name) {
                continue;
            }
            for line in uses(&code, name) {
                problems
                    .push(format!("{path}:{line}: the crate {name} does not belong in {module}"));
            }
        }
        problems
    }

    fn row(&self, module: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.module == module)
    }
}

/// The text between `<!-- name -->` and `<!-- /name -->`.
fn between<'t>(text: &'t str, name: &str) -> &'t str {
    let after = text.split_once(&format!("<!-- {name} -->")).map_or("", |(_, after)| after);
    after.split_once(&format!("<!-- /{name} -->")).map_or("", |(inside, _)| inside)
}

/// The words in backticks.
fn names(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(|name| name.replace('-', "_")).collect()
}

/// Where `word` stands alone in `code`.
fn words<'c>(code: &'c str, word: &'c str) -> impl Iterator<Item = usize> + 'c {
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        !code[..*at].ends_with(in_name) && !code[at + word.len()..].starts_with(in_name)
    })
}

/// The first name of each `crate::name` and of each member of `crate::{…}`, with its line.
fn crate_paths(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for at in words(code, "crate") {
        let Some(rest) = code[at + "crate".len()..].strip_prefix("::") else { continue };
        let start = code.len() - rest.len();
        if !rest.starts_with('{') {
            found.push((line_of(code, at), name_at(rest).to_owned()));
            continue;
        }
        let mut depth = 0;
        for (n, c) in rest.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            if depth == 1 && matches!(c, '{' | ',') {
                let member = rest[n + 1..].trim_start();
                let name = name_at(member);
                if !name.is_empty() {
                    let place = start + rest.len() - member.len();
                    found.push((line_of(code, place), name.to_owned()));
                }
            }
        }
    }
    found
}

/// The name that `text` begins with.
fn name_at(text: &str) -> &str {
    text.split(|c| !in_name(c)).next().unwrap_or("")
}

/// The lines where a chain of `super::` climbs out of the module.
fn escapes(source: &Source, code: &str) -> Vec<usize> {
    let mut lines = Vec::new();
    for at in words(code, "super") {
        if code[..at].ends_with("super::") {
            continue;
        }
        let mut rest = &code[at..];
        let mut climbs = 0;
        while let Some(after) = rest.strip_prefix("super::") {
            climbs += 1;
            rest = after;
        }
        let line = line_of(code, at);
        // Being `n` deep, `n` climbs lead to the crate itself.
        if climbs >= source.depth() + source.lines[line - 1].inline_modules {
            lines.push(line);
        }
    }
    lines
}

/// Whether a path can go on after this character: a name, or `<T as Trait>`.
fn ends_a_path(c: char) -> bool {
    in_name(c) || c == '>'
}

/// The lines that name an outside crate: as the head of a path or in a `use`.
fn uses(code: &str, name: &str) -> Vec<usize> {
    let mut lines = Vec::new();
    for at in words(code, name) {
        let (before, after) = (code[..at].trim_end(), &code[at + name.len()..]);
        // A member of a path or of a value, and a lifetime, only have the same name.
        let inner = before.strip_suffix("::").is_some_and(|head| head.ends_with(ends_a_path));
        let same_name = inner || before.ends_with('.') || code[..at].ends_with('\'');
        let imported = before.ends_with("use") || before.ends_with("extern crate");
        if !same_name && (after.starts_with("::") || imported) {
            lines.push(line_of(code, at));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "<!-- floors -->\n\
        | floor | module | is | may import | outside crates |\n|---|---|---|---|---|\n\
        | 0 | `model` | words | nothing | `serde` |\n\
        | 1 | `store` | keeps | `model` | `redb` |\n\
        | 2 | `engine` | acts | `model`, `store` | `ractor` |\n\
        | 3 | `app` | all | all below | |\n\
        <!-- /floors -->\n<!-- free -->`serde`, `tokio-util`<!-- /free -->";
    const MANIFEST: &str =
        "[dependencies]\nserde = \"1\"\nredb = \"4\"\nractor = \"0.16\"\ntokio-util = \"0.7\"\n";

    fn problems(path: &str, text: &str) -> Vec<String> {
        Floors::read(TABLE, MANIFEST).check_source(&Source::new(path, text))
    }

    #[test]
    fn an_arrow_up_is_found_in_every_form() {
        let up = ["use crate::engine::Engine;", "fn f(e: crate::engine::Engine) {}"];
        for text in up {
            assert_eq!(
                problems("src/store/mod.rs", text),
                ["src/store/mod.rs:1: store may not import engine"]
            );
        }
        let group = "use crate::{\n    model::{id, app},\n    engine::Engine,\n};\n";
        assert_eq!(
            problems("src/store/redb/a.rs", group),
            ["src/store/redb/a.rs:3: store may not import engine"]
        );
        let down = "use crate::{model::id, store};\nuse crate::engine::job;\n// crate::app\n";
        assert!(problems("src/engine/mod.rs", down).is_empty());
        assert!(problems("src/app.rs", "use crate::engine::Engine;").is_empty());
        assert!(!problems("src/app.rs", "use crate::cli::Cli;").is_empty());
    }

    #[test]
    fn super_may_not_leave_the_module() {
        assert_eq!(problems("src/store/mod.rs", "use super::engine;").len(), 1);
        assert_eq!(problems("src/store/redb/a.rs", "use super::super::super::engine;").len(), 1);
        assert!(problems("src/store/redb/a.rs", "use super::super::Store;").is_empty());
        let tests = "#[cfg(test)]\nmod tests {\n    use super::*;\n}\n";
        assert!(problems("src/app.rs", tests).is_empty());
        let out = "#[cfg(test)]\nmod tests {\n    use super::super::engine;\n}\n";
        assert_eq!(problems("src/app.rs", out).len(), 1);
    }

    #[test]
    fn an_outside_crate_stays_on_its_floor() {
        let named = [
            "use redb::Table;",
            "fn f(t: redb::Table) {}",
            "fn f(t: ::redb::Table) {}",
            "use redb;",
        ];
        for text in named {
            let found = problems("src/engine/job.rs", text);
            assert_eq!(
                found,
                ["src/engine/job.rs:1: the crate redb does not belong in engine"],
                "{text}"
            );
        }
        assert!(problems("src/store/redb/a.rs", "use redb::Table;").is_empty());
        assert!(problems("src/engine/a.rs", "use crate::store::redb::Store;").is_empty());
        assert!(problems("src/engine/a.rs", "let redb = x.redb; // redb::Table").is_empty());
        assert!(problems("src/engine/a.rs", "use tokio_util::sync::CancellationToken;").is_empty());
        assert_eq!(problems("src/model/a.rs", "use tokio_util::sync::CancellationToken;").len(), 1);
        assert!(problems("src/model/a.rs", "use serde::Serialize;").is_empty());
    }

    #[test]
    fn the_table_itself_is_checked() {
        assert!(Floors::read(TABLE, MANIFEST).check_table().is_empty());
        let check = |from: &str, to: &str| {
            Floors::read(&TABLE.replace(from, to), MANIFEST).check_table().join("\n")
        };
        let up = check("`model` | `redb`", "`model`, `engine` | `redb`");
        assert_eq!(up, "table: store may not name engine: not below it");
        let gone = check("`ractor`", "");
        assert_eq!(gone, "table: the crate ractor is on no floor and not free");
        assert!(check("`ractor`", "`ractor`, `axum`").contains("axum, which is no dependency"));
        assert!(check("<!-- floors -->", "").contains("no rows"));
    }

    #[test]
    fn every_module_has_a_floor_and_every_floor_a_module() {
        let floors = Floors::read(TABLE, MANIFEST);
        let sources = |paths: &[&str]| -> Vec<Source> {
            paths.iter().map(|path| Source::new(path, "")).collect()
        };
        let all = ["src/app.rs", "src/engine/mod.rs", "src/model/id.rs", "src/store/mod.rs"];
        assert!(floors.check_modules(&sources(&all)).is_empty());
        let mut more = all.to_vec();
        more.push("src/widgets/mod.rs");
        assert_eq!(floors.check_modules(&sources(&more)), ["src/widgets is on no floor"]);
        assert_eq!(floors.check_modules(&sources(&all[1..])), ["table: app is no module of src"]);
    }
}
