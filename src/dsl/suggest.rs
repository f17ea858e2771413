//! "Did you mean": the known word nearest to an unknown one.

/// Longest word that is compared: longer ones are no typing mistakes.
const WORD_CHARS_MAX: usize = 40;

/// The known word that is most like this one, if any is like it.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let length = word.chars().count();
    if length > WORD_CHARS_MAX {
        return None;
    }
    // A third of the letters may be wrong, and never all of them: a short word is not like every
    // other.
    let furthest = (length / 3).max(1).min(length.saturating_sub(1));
    let word = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= furthest)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A hint that names the nearest known word, or else lists them.
pub(super) fn hint<'k, I>(word: &str, known: I) -> Option<String>
where
    I: IntoIterator<Item = &'k str>,
{
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(word, known.iter().copied()) {
        Some(candidate) => Some(format!("did you mean `{candidate}`?")),
        None if known.is_empty() => None,
        None => Some(format!("known here: {}", known.join(", "))),
    }
}
