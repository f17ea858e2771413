//! The prompt, with its fenced blocks apart. The mark of the fence is taken from the system
//! message, which holds nothing that an agent wrote.

use std::collections::BTreeMap;

use super::chat::Message;

/// Characters of a mark.
const MARK_CHARS: usize = 32;

/// A prompt as a model reads it that keeps to the fence.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    /// All that stands outside the blocks.
    pub(super) outside: String,
    blocks: BTreeMap<String, String>,
}

impl Prompt {
    pub(super) fn read(messages: &[Message]) -> Self {
        let system = messages.iter().find(|message| message.role == "system");
        let mark = system.and_then(|message| mark(&message.content)).unwrap_or_default();
        let mut prompt = Self::default();
        for message in messages {
            prompt.add(&message.content, mark);
        }
        prompt
    }

    /// The text of a block; empty when there is none.
    pub(super) fn block(&self, name: &str) -> &str {
        self.blocks.get(name).map_or("", String::as_str)
    }

    fn add(&mut self, text: &str, mark: &str) {
        let mut open: Option<&str> = None;
        for line in text.lines() {
            match open {
                Some(name) if closes(line, name, mark) => open = None,
                Some(name) => {
                    let block = self.blocks.entry(name.to_owned()).or_default();
                    block.push_str(line);
                    block.push('\n');
                }
                None => {
                    open = opened(line, mark);
                    if open.is_none() {
                        self.outside.push_str(line);
                        self.outside.push('\n');
                    }
                }
            }
        }
    }
}

/// The first run of so many hexadecimal digits.
fn mark(system: &str) -> Option<&str> {
    system.split(|c: char| !c.is_ascii_hexdigit()).find(|word| word.len() == MARK_CHARS)
}

/// The name of the block that this line opens: `<<<NAME mark`.
fn opened<'t>(line: &'t str, mark: &str) -> Option<&'t str> {
    let (name, found) = line.strip_prefix("<<<")?.split_once(' ')?;
    (!mark.is_empty() && found == mark).then_some(name)
}

/// `NAME mark>>>`.
fn closes(line: &str, name: &str, mark: &str) -> bool {
    let rest = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(' '));
    rest.and_then(|rest| rest.strip_suffix(">>>")) == Some(mark)
}
