//! Where answers go: standard output, as text for people or JSON for programs. What others wrote
//! (names, reasons, titles) never reaches the terminal with control characters in it.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use serde_json::Value;

use super::table::Table;
use crate::clock::{Clock, System};
use crate::model::time::Timestamp;

/// How a piece of text is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    /// As everything else.
    Plain,
    /// Headings.
    Bold,
    /// Less important.
    Dim,
    /// It went well.
    Good,
    /// Somebody has to do something.
    Attention,
    /// It went wrong.
    Bad,
}

/// Standard output and how to write to it.
pub(super) struct Output {
    out: Box<dyn Write + Send>,
    colour: bool,
    json: bool,
    clock: System,
}

impl Output {
    /// The output of this process: colours on a terminal only, and not with NO_COLOR.
    pub(super) fn of_process(json: bool) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let colour = io::stdout().is_terminal() && !set("NO_COLOR") && !dumb;
        Self { out: Box::new(io::stdout()), colour, json, clock: System::new() }
    }

    /// Are answers to be JSON?
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// The time, for ages.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// One line; control characters in it are made visible.
    pub(super) fn line(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        writeln!(self.out, "{}", printable_lines(text.as_ref()))?;
        self.out.flush()
    }

    /// One line in one paint.
    pub(super) fn painted(&mut self, paint: Paint, text: impl AsRef<str>) -> io::Result<()> {
        let text = printable_lines(text.as_ref());
        let line = self.paint(paint, &text);
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }

    /// A fact under a heading: its name and its value.
    pub(super) fn fact(&mut self, name: &str, paint: Paint, value: &str) -> io::Result<()> {
        let value = self.paint(paint, &printable(value));
        writeln!(self.out, "  {name:<10}  {value}")?;
        self.out.flush()
    }

    /// A table.
    pub(super) fn table(&mut self, table: &Table) -> io::Result<()> {
        for line in table.lines(|paint, text| self.paint(paint, text)) {
            writeln!(self.out, "{line}")?;
        }
        self.out.flush()
    }

    /// An answer for programs.
    pub(super) fn value(&mut self, value: &Value) -> io::Result<()> {
        // JSON escapes control characters by itself.
        writeln!(self.out, "{value:#}")?;
        self.out.flush()
    }

    /// Text of the server's own making, as it is.
    pub(super) fn verbatim(&mut self, text: &str) -> io::Result<()> {
        let text = printable_lines(text);
        self.out.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            self.out.write_all(b"\n")?;
        }
        self.out.flush()
    }

    /// A text in a paint, when the terminal shows paints.
    pub(super) fn paint(&self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Bold => "1",
            Paint::Dim => "2",
            Paint::Good => "32",
            Paint::Attention => "33",
            Paint::Bad => "31",
            Paint::Plain => return text.to_owned(),
        };
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The paint of a status of a job or checkpoint.
pub(super) fn paint_of(status: &str) -> Paint {
    match status {
        "COMPLETED" | "APPROVED" => Paint::Good,
        "FAILED" | "REJECTED" | "RESUBMISSION_REQUIRED" | "EXPIRED" => Paint::Bad,
        "CANCELLED" => Paint::Dim,
        _ => Paint::Plain,
    }
}

/// `1 job`, `2 jobs`.
pub(super) fn count(n: u64, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

/// A text of several lines without control characters but the line feeds.
pub(super) fn printable_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && is_unprintable(c))
}

/// A text of one line without control characters.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, is_unprintable)
}

fn escaped(text: &str, bad: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&bad) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if bad(c) { clean.extend(c.escape_unicode()) } else { clean.push(c) }
    }
    Cow::Owned(clean)
}

/// Control characters move the cursor; bidi controls and separators reorder or hide what a person
/// is about to approve.
fn is_unprintable(c: char) -> bool {
    let bidi =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let invisible = matches!(c, '\u{200b}'..='\u{200d}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
    c.is_control() || bidi || invisible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_cannot_move_the_cursor() {
        assert_eq!(printable("Grüße, 世界"), "Grüße, 世界");
        assert_eq!(printable("a\u{1b}[2Jb\nc"), "a\\u{1b}[2Jb\\u{a}c");
        assert_eq!(printable_lines("a\nb\u{202e}c"), "a\nb\\u{202e}c");
    }
}
