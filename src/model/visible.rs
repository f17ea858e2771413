//! Characters that cannot be seen, written out as `<U+200B>`: a model reads what a person would
//! not, and a person is shown what an agent hid. It never changes a character that is seen.

use std::fmt::Write;

/// The text with every character written out that no screen shows, or that changes the order in
/// which others are shown.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match is_unseen(c) {
            // Writing to a string cannot fail.
            true => write!(shown, "<U+{:04X}>", u32::from(c)).unwrap_or_default(),
            false => shown.push(c),
        }
    }
    shown
}

/// Control and format characters, fillers, variation selectors and tags (Unicode 16.0, categories
/// Cc and Cf, and the property Default_Ignorable_Code_Point), but for the ends of lines and tabs.
fn is_unseen(c: char) -> bool {
    if matches!(c, '\n' | '\t') {
        return false;
    }
    c.is_control()
        || matches!(u32::from(c),
            0xAD | 0x34F | 0x600..=0x605 | 0x61C | 0x6DD | 0x70F | 0x890..=0x891 | 0x8E2
            | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F
            | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F
            | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB
            | 0x110BD | 0x110CD | 0x13430..=0x1343F | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A
            | 0xE0000..=0xE0FFF)
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn what_cannot_be_seen_is_written_out_and_the_rest_is_kept() {
        let rows = [
            ("plain\ttext\n", "plain\ttext\n"),
            ("Grüße, 世界 ✓", "Grüße, 世界 ✓"),
            ("a\u{200B}b", "a<U+200B>b"),
            ("a\u{202E}b", "a<U+202E>b"),
            ("a\u{2066}b\u{2069}", "a<U+2066>b<U+2069>"),
            ("\u{E0041}", "<U+E0041>"),
            ("\u{1b}[2K\r", "<U+001B>[2K<U+000D>"),
            ("\u{FEFF}\u{AD}", "<U+FEFF><U+00AD>"),
            ("\u{2028}", "<U+2028>"),
        ];
        for (text, expected) in rows {
            assert_eq!(visible(text), expected, "{text:?}");
        }
    }
}
