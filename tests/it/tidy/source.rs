//! Rust text as the checks see it: comments and the insides of strings are blanks, so that no rule
//! fires on prose. Columns stay where they are.

/// One file.
pub struct Source {
    /// The path from the root of the repository.
    pub path: String,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// One line.
pub struct Line {
    /// As written.
    pub raw: String,
    /// Without comments and the insides of strings and characters, of the same length.
    pub code: String,
    /// Whether it belongs to a `#[cfg(test)]` module.
    pub test: bool,
    /// How many inline modules are open where it begins.
    pub inline_modules: usize,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let code = blank(text);
        let mut lines: Vec<Line> = text
            .lines()
            .zip(code.lines())
            .map(|(raw, code)| Line {
                raw: raw.to_owned(),
                code: code.to_owned(),
                test: false,
                inline_modules: 0,
            })
            .collect();
        mark_modules(&mut lines);
        Self { path: path.to_owned(), lines }
    }

    /// The module of `src` that the file belongs to; none for the roots and for tests.
    pub fn module(&self) -> Option<&str> {
        let below = self.path.strip_prefix("src/")?;
        let module = match below.split_once('/') {
            Some((folder, _)) => folder,
            None => below.strip_suffix(".rs")?,
        };
        (module != "lib" && module != "main").then_some(module)
    }

    /// How deep below `crate` the file's module lies.
    pub fn depth(&self) -> usize {
        let steps = self.path.split('/').count() - 1;
        if self.path.ends_with("/mod.rs") { steps - 1 } else { steps }
    }

    /// The code in one string, to see what goes over several lines.
    pub fn code(&self) -> String {
        self.lines.iter().map(|line| line.code.as_str()).collect::<Vec<_>>().join("\n")
    }
}

/// The number of the line, from 1, that holds a byte offset.
pub fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// Whether a character can be part of a name.
pub fn in_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Marks test modules and counts open inline modules by the braces.
fn mark_modules(lines: &mut [Line]) {
    let mut depth = 0_usize;
    // The brace depth at which each open inline module ends, and whether it holds tests.
    let mut open: Vec<(usize, bool)> = Vec::new();
    let mut cfg_test = false;
    for line in lines {
        line.test = open.iter().any(|(_, test)| *test);
        line.inline_modules = open.len();
        let code = line.code.trim();
        if code.starts_with("#[cfg(test)]") {
            cfg_test = true;
        }
        let begins = code.contains('{')
            && code.split(|c| !in_name(c)).take_while(|word| *word != "fn").any(|w| w == "mod");
        if begins {
            open.push((depth, cfg_test));
            line.test |= cfg_test;
        }
        if !code.is_empty() && !code.starts_with("#[") {
            cfg_test = false;
        }
        for c in code.chars() {
            match c {
                '{' => depth += 1,
                '}' => {
                    depth = depth.saturating_sub(1);
                    open.retain(|(outside, _)| *outside < depth);
                }
                _ => {}
            }
        }
    }
}

/// Replaces comments and the insides of strings and characters by blanks, character by character.
fn blank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut i = 0;
    while i < chars.len() {
        let end = opaque_end(&chars, i);
        if end == i {
            code.push(chars[i]);
            i += 1;
            continue;
        }
        for (n, c) in chars[i..end].iter().enumerate() {
            // The quotes stay, so that `expect("` can be told from `expect(text)`.
            let kept = *c == '\n' || (*c == '"' && (n == 0 || n == end - i - 1));
            code.push(if kept { *c } else { ' ' });
        }
        i = end;
    }
    code
}

/// The end of the comment, string or character that begins at `i`; `i` when none does.
fn opaque_end(chars: &[char], i: usize) -> usize {
    let at = |n: usize| chars.get(n).copied().unwrap_or('\0');
    match (at(i), at(i + 1)) {
        ('/', '/') => until(chars, i, |n| at(n) == '\n'),
        ('/', '*') => {
            let mut depth = 0_usize;
            let mut n = i;
            while n < chars.len() {
                match (at(n), at(n + 1)) {
                    ('/', '*') => (depth, n) = (depth + 1, n + 2),
                    ('*', '/') => (depth, n) = (depth - 1, n + 2),
                    _ => n += 1,
                }
                if depth == 0 {
                    break;
                }
            }
            n.min(chars.len())
        }
        ('"', _) => string_end(chars, i),
        ('r', '"' | '#') if i == 0 || !in_name(chars[i - 1]) || chars[i - 1] == 'b' => {
            raw_string_end(chars, i)
        }
        // A character, not a lifetime: one character or an escape between quotes.
        ('\'', '\\') => until(chars, i + 3, |n| at(n) == '\'') + 1,
        ('\'', _) if at(i + 2) == '\'' => i + 3,
        _ => i,
    }
}

fn until(chars: &[char], from: usize, end: impl Fn(usize) -> bool) -> usize {
    (from..chars.len()).find(|n| end(*n)).unwrap_or(chars.len())
}

fn string_end(chars: &[char], i: usize) -> usize {
    let mut n = i + 1;
    while n < chars.len() && chars[n] != '"' {
        n += if chars[n] == '\\' { 2 } else { 1 };
    }
    (n + 1).min(chars.len())
}

fn raw_string_end(chars: &[char], i: usize) -> usize {
    let hashes = chars[i + 1..].iter().take_while(|c| **c == '#').count();
    if chars.get(i + 1 + hashes) != Some(&'"') {
        return i;
    }
    let closes = |n: usize| {
        chars[n] == '"' && chars[n + 1..].iter().take_while(|c| **c == '#').count() >= hashes
    };
    (until(chars, i + 2 + hashes, closes) + 1 + hashes).min(chars.len())
}

#[test]
fn prose_is_blanked_and_code_is_kept() {
    let text = "let a = \"x // y\"; // z\nlet b = r#\"a \" b\"#;\nlet c = '\"'; /* /* d */ e */ f\n\
                fn g<'a>(s: &'a str) { '\\'' }\n";
    let source = Source::new("src/a.rs", text);
    let code: Vec<&str> = source.lines.iter().map(|line| line.code.trim_end()).collect();
    assert_eq!(code[0], "let a = \"      \";");
    assert!(!code[1].contains('a') && code[1].ends_with(';'), "{:?}", code[1]);
    assert!(
        code[2].ends_with('f') && !code[2].contains(['d', 'e', '*']) || code[2].starts_with("let")
    );
    assert!(code[3].contains("&'a str"));
    for line in &source.lines {
        assert_eq!(line.raw.chars().count(), line.code.chars().count());
    }
}

#[test]
fn test_modules_and_depths_are_seen() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n";
    let source = Source::new("src/store/redb/writer.rs", text);
    let tests: Vec<bool> = source.lines.iter().map(|line| line.test).collect();
    assert_eq!(tests, [false, false, true, true, true, false]);
    assert_eq!(source.module(), Some("store"));
    assert_eq!(source.depth(), 3);
    assert_eq!(Source::new("src/store/mod.rs", "").depth(), 1);
    assert_eq!(Source::new("src/clock.rs", "").module(), Some("clock"));
    assert_eq!(Source::new("src/lib.rs", "").module(), None);
    assert_eq!(Source::new("tests/it/main.rs", "").module(), None);
}
