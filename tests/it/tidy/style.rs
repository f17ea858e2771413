//! Sizes, headers, words and calls. A rule that a linter already checks is not repeated here.

use super::source::{Source, in_name};

const FILE_LINES_MAX: usize = 450;
const FUNCTION_LINES_MAX: usize = 70;
const COLUMNS_MAX: usize = 100;

/// Who else may read a clock, and why. The list may only shrink.
const TIME_READERS: &[(&str, &str)] = &[
    ("src/clock.rs", "it is the clock"),
    ("src/expr/", "the deadline of one evaluation is processor time, not wall time"),
    ("src/calls/oauth2.rs", "the age of a token in memory; it is monotonic and never stored"),
    ("src/store/redb/", "a commit is timed for its metric; the figure decides nothing"),
];

/// Parts of the code that stand in no file of `src`, with what to write instead.
const BANNED_CALLS: &[(&str, &str)] = &[
    (".unwrap()", "answer an error, or say why it cannot happen: expect(\"bug: …\")"),
    ("todo!", "nothing unfinished is committed"),
    ("unimplemented!", "nothing unfinished is committed"),
    ("dbg!", "use tracing"),
];

/// Only the command line writes to the streams.
const PRINTING: &[&str] = &["println!", "eprintln!", "print!", "eprint!"];

/// Names that say nothing about what is inside.
const BANNED_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "manager", "misc"];

/// Marks of unfinished work, put together here so that this file does not hold them.
const MARKS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];

/// Everything that is wrong with one file by itself.
pub fn check(source: &Source) -> Vec<String> {
    let mut problems = Vec::new();
    check_file(source, &mut problems);
    check_functions(source, &mut problems);
    for (n, _) in source.lines.iter().enumerate() {
        check_line(source, n, &mut problems);
    }
    let path = &source.path;
    problems.iter().map(|(line, text)| format!("{path}:{line}: {text}")).collect()
}

type Problems = Vec<(usize, String)>;

fn check_file(source: &Source, problems: &mut Problems) {
    if !source.lines.first().is_some_and(|line| line.raw.starts_with("//! ")) {
        problems.push((1, "the file does not open with a //! sentence".to_owned()));
    }
    let count = source.lines.len();
    if count > FILE_LINES_MAX {
        problems.push((count, format!("{count} lines; a file has at most {FILE_LINES_MAX}")));
    }
    let stem = source.path.rsplit('/').next().unwrap_or("").trim_end_matches(".rs");
    let folders = source.path.split('/');
    if let Some(name) = folders.chain([stem]).find(|name| BANNED_NAMES.contains(name)) {
        problems.push((1, format!("the name {name} says nothing; name the idea")));
    }
}

fn check_line(source: &Source, n: usize, problems: &mut Problems) {
    let line = &source.lines[n];
    let mut problem = |text: String| problems.push((n + 1, text));
    let columns = line.raw.chars().count();
    if columns > COLUMNS_MAX {
        problem(format!("{columns} columns; a line has at most {COLUMNS_MAX}"));
    }
    for mark in MARKS.iter().filter(|mark| words(&line.raw, mark) > 0) {
        problem(format!("{mark}: finish it or leave it out"));
    }
    if line.code.contains("#[ignore") {
        problem("a test that is not run proves nothing".to_owned());
    }
    let in_src = source.path.starts_with("src/");
    if line.test || !in_src {
        if line.code.contains("thread::sleep") {
            problem("wait for an event instead of sleeping".to_owned());
        }
        return;
    }
    for (call, instead) in BANNED_CALLS.iter().filter(|(call, _)| line.code.contains(call)) {
        problem(format!("{call}: {instead}"));
    }
    if is_public(source, n) && !is_documented(source, n) {
        problem("a public item has a doc comment: what it is, units, errors".to_owned());
    }
    if expects_without_reason(source, n) {
        problem(".expect(: the text must open with \"bug: \" and say why".to_owned());
    }
    let prints = PRINTING.iter().find(|name| words(&line.code, name.trim_end_matches('!')) > 0);
    if let Some(name) = prints.filter(|_| source.module() != Some("cli")) {
        problem(format!("{name}: only the command line prints; use tracing"));
    }
    let reads_time =
        ["SystemTime::now", "Instant::now"].iter().any(|call| line.code.contains(call));
    if reads_time && !TIME_READERS.iter().any(|(path, _)| source.path.starts_with(path)) {
        problem("only src/clock.rs reads the time; take it as an argument".to_owned());
    }
}

/// A public item, or a field of a public struct. A re-export is told where it is defined, and the
/// fields of a variant by the variant: rustc's own lint would ask for both.
fn is_public(source: &Source, n: usize) -> bool {
    const ITEMS: &[&str] = &[
        "async", "const", "enum", "extern", "fn", "mod", "static", "struct", "trait", "type",
        "union", "unsafe",
    ];
    let Some(item) = source.lines[n].code.trim_start().strip_prefix("pub ") else { return false };
    let first = item.split(|c| !in_name(c)).next().unwrap_or("");
    if first == "use" || ITEMS.contains(&first) {
        return first != "use";
    }
    let above = source.lines[..n].iter().rev().map(|line| line.code.trim_start());
    above.into_iter().find(|code| words(code, "struct") > 0).is_none_or(|code| {
        // A field of a struct that is not public is not public either.
        code.starts_with("pub struct")
    })
}

/// Whether a doc comment stands above the attributes of the item at line `n`.
fn is_documented(source: &Source, n: usize) -> bool {
    let mut inside_attribute = false;
    for line in source.lines[..n].iter().rev() {
        let raw = line.raw.trim();
        if raw.starts_with("#[") {
            inside_attribute = false;
        } else if raw.ends_with(")]") {
            inside_attribute = true;
        } else if !inside_attribute {
            return raw.starts_with("///") || raw.starts_with("$(#[");
        }
    }
    false
}

/// An `expect` is right when its text, here or on the next line, opens with `bug: `.
fn expects_without_reason(source: &Source, n: usize) -> bool {
    let line = &source.lines[n];
    line.code.match_indices(".expect(").any(|(at, call)| {
        // Blanking keeps the number of characters, not of bytes.
        let before = line.code[..at + call.len()].chars().count();
        let here: String = line.raw.chars().skip(before).collect();
        let next = source.lines.get(n + 1).map_or("", |next| next.raw.trim_start());
        let text = if here.trim().is_empty() { next } else { here.as_str() };
        !text.starts_with("\"bug: ")
    })
}

/// How often `word` stands alone in `text`.
fn words(text: &str, word: &str) -> usize {
    let alone =
        |at: usize| !text[..at].ends_with(in_name) && !text[at + word.len()..].starts_with(in_name);
    text.match_indices(word).filter(|(at, _)| alone(*at)).count()
}

fn check_functions(source: &Source, problems: &mut Problems) {
    for (n, line) in source.lines.iter().enumerate() {
        let starts = line.code.trim_start().starts_with("fn ") || line.code.contains(" fn ");
        if !starts {
            continue;
        }
        let Some(length) = function_length(source, n) else { continue };
        if length > FUNCTION_LINES_MAX {
            let text = format!("{length} lines; a function has at most {FUNCTION_LINES_MAX}");
            problems.push((n + 1, text));
        }
    }
}

/// The lines from the one with `fn` to its closing brace; none for one without a body.
fn function_length(source: &Source, start: usize) -> Option<usize> {
    let at = source.lines[start].code.find("fn ")?;
    let (mut braces, mut others) = (0_usize, 0_usize);
    for (n, line) in source.lines.iter().enumerate().skip(start) {
        let code = if n == start { &line.code[at..] } else { line.code.as_str() };
        for c in code.chars() {
            match c {
                '(' | '[' => others += 1,
                ')' | ']' => others = others.saturating_sub(1),
                ';' if braces == 0 && others == 0 => return None,
                '{' => braces += 1,
                '}' if braces <= 1 => return Some(n + 1 - start),
                '}' => braces -= 1,
                _ => {}
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(path: &str, body: &str) -> Vec<String> {
        check(&Source::new(path, &format!("//! What it is.\n{body}")))
    }

    fn only(path: &str, body: &str, text: &str) {
        let found = problems(path, body);
        assert!(found.len() == 1 && found[0].contains(text), "{path}, {text}: {found:?}");
    }

    #[test]
    fn a_clean_file_has_no_problems() {
        let body = "fn a() { b.expect(\"bug: c\") }\n// .unwrap() is for tests\n\
                    let s = \"dbg!\";\n#[cfg(test)]\nmod tests {\n    a.unwrap();\n}\n";
        assert!(problems("src/engine/job.rs", body).is_empty());
        assert!(problems("src/cli/serve.rs", "println!(\"ready\");").is_empty());
        assert!(problems("src/clock.rs", "SystemTime::now()").is_empty());
        assert!(problems("src/expr/deadline.rs", "Instant::now()").is_empty());
        assert!(problems("tests/it/a.rs", "a.unwrap(); b.expect(\"c\");").is_empty());
        assert!(problems("src/a.rs", "a\n    .expect(\n\"bug: b\")").is_empty());
    }

    #[test]
    fn calls_that_panic_or_print_are_found() {
        for call in ["a.unwrap();", "todo!()", "unimplemented!()", "dbg!(a)", "println!()"] {
            only("src/engine/job.rs", call, "src/engine/job.rs:2: ");
        }
        only("src/engine/job.rs", "eprintln!(\"a\")", "only the command line prints");
        only("src/cli/serve.rs", "a.unwrap();", ".unwrap()");
        only("src/engine/job.rs", "a.expect(\"it works\")", ".expect(");
        only("src/engine/job.rs", "let ü = \"ü\"; a.expect(\"it works\")", ".expect(");
        only("src/engine/job.rs", "a.expect(text)", ".expect(");
    }

    #[test]
    fn public_items_are_documented() {
        for item in ["pub fn a() {}", "pub struct A;", "pub a: u8,", "#[derive(A)]\npub enum B {}"]
        {
            only("src/a.rs", item, "doc comment");
            assert!(problems("src/a.rs", &format!("/// What.\n{item}")).is_empty(), "{item}");
        }
        let derived = "/// What.\n#[derive(\n    A,\n)]\n#[serde(b)]\npub struct C;\n";
        assert!(problems("src/a.rs", derived).is_empty());
        only("src/a.rs", &derived[10..], "doc comment");
        let inner = "pub(super) struct A {\n    pub a: u8,\n}";
        for item in ["pub use a::b;", "pub(crate) fn a() {}", "fn a() {}", inner] {
            assert!(problems("src/a.rs", item).is_empty(), "{item}");
        }
    }

    #[test]
    fn only_the_clock_reads_the_time() {
        for call in
            ["SystemTime::now()", "std::time::Instant::now()", "tokio::time::Instant::now()"]
        {
            only("src/engine/job.rs", call, "only src/clock.rs");
        }
    }

    #[test]
    fn sizes_are_bounded() {
        let lines = |count: usize| "x;\n".repeat(count);
        assert!(problems("src/a.rs", &lines(FILE_LINES_MAX - 1)).is_empty());
        only("src/a.rs", &lines(FILE_LINES_MAX), "a file has at most");
        let function = |count: usize| format!("fn a(b: [u8; 4]) {{\n{}}}\n", lines(count - 2));
        assert!(problems("src/a.rs", &function(FUNCTION_LINES_MAX)).is_empty());
        only("src/a.rs", &function(FUNCTION_LINES_MAX + 1), "a function has at most");
        let later = format!("async fn a(\n  b: B,\n) {{\n{}}}\n", lines(FUNCTION_LINES_MAX));
        only("src/a.rs", &later, "a function has at most");
        assert!(
            problems("src/a.rs", &format!("fn a();\n{}", lines(FUNCTION_LINES_MAX + 5))).is_empty()
        );
        only("src/a.rs", &"ü".repeat(COLUMNS_MAX + 1), "columns");
        assert!(problems("src/a.rs", &"ü".repeat(COLUMNS_MAX)).is_empty());
    }

    #[test]
    fn headers_words_and_names_are_checked() {
        let headless = check(&Source::new("src/a.rs", "fn a() {}\n"));
        assert!(headless[0].contains("//! sentence"), "{headless:?}");
        for mark in MARKS {
            only("src/a.rs", &format!("// {mark}: later"), "finish it");
        }
        for path in ["src/utils.rs", "src/engine/helpers.rs", "src/manager/mod.rs"] {
            only(path, "", "says nothing");
        }
        only("tests/it/a.rs", "#[ignore]", "proves nothing");
        only("tests/it/a.rs", "std::thread::sleep(d)", "wait for an event");
    }
}
