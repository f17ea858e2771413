//! Words of a text, made comparable: lower case, without the endings of the plural and without
//! words that stand in every text.

use std::collections::BTreeSet;

/// Shortest word that counts, characters.
const WORD_CHARS_MIN: usize = 3;
/// Most words of one text that are looked at: more say nothing more about what is wanted.
const WORDS_MAX: usize = 2_000;
/// Words that say nothing about the work. Sorted.
const FILLERS: &[&str] = &[
    "about", "agent", "all", "and", "any", "are", "but", "can", "each", "for", "from", "has",
    "have", "into", "its", "job", "more", "must", "not", "one", "our", "out", "over", "please",
    "should", "task", "than", "that", "the", "them", "then", "there", "these", "they", "thi",
    "those", "use", "using", "was", "were", "what", "when", "which", "who", "will", "with", "you",
    "your",
];

/// The words of these texts.
pub(super) fn words<'t>(texts: impl IntoIterator<Item = &'t str>) -> BTreeSet<String> {
    let pieces = texts.into_iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    pieces
        .filter(|piece| !piece.is_empty())
        .take(WORDS_MAX)
        .map(stem)
        .filter(|word| word.chars().count() >= WORD_CHARS_MIN)
        .filter(|word| FILLERS.binary_search(&word.as_str()).is_err())
        .collect()
}

/// `Invoices` and `invoice`, `totals` and `total` are one word. English alone has this rule; in
/// other languages words are compared as they stand, but for a last s.
fn stem(word: &str) -> String {
    let lower = word.to_lowercase();
    let cut =
        lower.strip_suffix("ies").filter(|stem| stem.len() > 2).map(|stem| format!("{stem}y"));
    let plain = lower.strip_suffix('s').filter(|stem| stem.len() > 2 && !stem.ends_with('s'));
    cut.or_else(|| plain.map(str::to_owned)).unwrap_or(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fillers_are_sorted_and_as_words_are_compared() {
        assert!(FILLERS.is_sorted());
        assert!(FILLERS.iter().all(|filler| stem(filler) == *filler));
    }

    #[test]
    fn words_are_compared_without_case_plural_and_fillers() {
        let found = words(["Sum the INVOICES, and report totals in EUR (all companies)!"]);
        let expected = ["company", "eur", "invoice", "report", "sum", "total"];
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
        assert_eq!(words(["Grüße über Verträge"]).len(), 3);
        assert!(words(["", "a b c - 1"]).is_empty());
    }
}
