//! Keeps one event on its own lines: what a caller wrote cannot begin a line that looks like an
//! event, nor reach the terminal of whoever reads the log as a command.

use std::io;

use tracing_subscriber::fmt::MakeWriter;

/// How a line that goes on begins.
const GOES_ON: &str = "\n    | ";

/// A writer of events behind this one, each of which comes in one piece.
#[derive(Clone, Debug)]
pub struct OneLine<M> {
    inner: M,
    has_colours: bool,
}

impl<M> OneLine<M> {
    /// Writes to this; with colours, the escape sequences of the formatter stay.
    pub fn new(inner: M, has_colours: bool) -> Self {
        Self { inner, has_colours }
    }
}

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for OneLine<M> {
    type Writer = OneLine<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        OneLine { inner: self.inner.make_writer(), has_colours: self.has_colours }
    }
}

impl<W: io::Write> io::Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        self.inner.write_all(harmless(&text, self.has_colours).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The text of an event with every further line marked, and whatever moves a cursor spelled out.
pub fn harmless(event: &str, has_colours: bool) -> String {
    let (text, end) = event.strip_suffix('\n').map_or((event, ""), |text| (text, "\n"));
    let mut out = String::with_capacity(event.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str(GOES_ON),
            '\t' => out.push(c),
            '\u{1b}' if has_colours => out.push(c),
            // Line ends, direction marks and tags that are not drawn.
            '\u{2028}'
            | '\u{2029}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}' => {
                out.extend(c.escape_unicode());
            }
            c if c.is_control() => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out + end
}
