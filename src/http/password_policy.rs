//! Which passwords are good enough, by the rules of NIST SP 800-63B: length and what is not
//! guessed first; no rule about kinds of letters.

/// Shortest password of an account, characters (NIST SP 800-63B asks for at least eight).
pub const PASSWORD_CHARS_MIN: usize = 8;
/// Longest one, characters: long enough for a sentence, short enough to hash.
pub const PASSWORD_CHARS_MAX: usize = 128;

/// What is tried first by whoever guesses: well-known lists of leaked passwords, those that are
/// long enough to be taken otherwise. One a line, in lower case.
const COMMON: &str = include_str!("common_passwords.txt");

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// It is too short.
    #[error("a password has at least {PASSWORD_CHARS_MIN} characters")]
    Short,
    /// It is too long.
    #[error("a password has at most {PASSWORD_CHARS_MAX} characters")]
    Long,
    /// It is the address, or its first part.
    #[error("a password must not be the email address")]
    Email,
    /// It is one of those that are tried first.
    #[error("this password is among the commonest: it would be tried first")]
    Common,
}

/// Is it good enough for the account with this email?
pub fn check(password: &str, email: &str) -> Result<(), Weak> {
    let length = password.chars().count();
    if length < PASSWORD_CHARS_MIN {
        return Err(Weak::Short);
    }
    if length > PASSWORD_CHARS_MAX {
        return Err(Weak::Long);
    }
    let folded = password.trim().to_lowercase();
    let email = email.trim().to_lowercase();
    let local = email.split('@').next().unwrap_or_default();
    if folded == email || folded == local {
        return Err(Weak::Email);
    }
    if COMMON.lines().any(|known| known == folded) || is_one_letter(&folded) {
        return Err(Weak::Common);
    }
    Ok(())
}

fn is_one_letter(text: &str) -> bool {
    let mut letters = text.chars();
    let first = letters.next();
    letters.all(|letter| Some(letter) == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_counts_at_its_edges_and_common_ones_are_refused() {
        let cases: &[(&str, Result<(), Weak>)] = &[
            ("short77", Err(Weak::Short)),
            ("äöüß€ñç", Err(Weak::Short)),
            ("äöüß€ñçx", Ok(())),
            ("correct horse", Ok(())),
            ("Password1", Err(Weak::Common)),
            ("QWERTYUIOP", Err(Weak::Common)),
            ("zzzzzzzzzz", Err(Weak::Common)),
            ("Ann.Miller@x.org", Err(Weak::Email)),
            ("ann.miller", Err(Weak::Email)),
        ];
        for (password, expected) in cases {
            assert_eq!(check(password, "ann.miller@x.org"), *expected, "{password}");
        }
        let edge: String = "ab".repeat(PASSWORD_CHARS_MAX / 2);
        assert_eq!(check(&edge, "a@b"), Ok(()));
        assert_eq!(check(&format!("{edge}c"), "a@b"), Err(Weak::Long));
    }

    #[test]
    fn the_list_holds_what_the_length_lets_through_and_nothing_twice() {
        let mut seen = std::collections::BTreeSet::new();
        for known in COMMON.lines() {
            assert!(known.len() >= PASSWORD_CHARS_MIN, "{known} is refused by its length");
            assert_eq!(known, known.to_lowercase());
            assert!(seen.insert(known), "{known} is there twice");
        }
        assert!(seen.len() > 100);
    }
}
