//! The token of a link: which link it is, and 256 random bits that open it. Only a hash of those is
//! kept, and they are compared in a time that says nothing.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::model::id::ContentHash;

/// Bytes that open a link.
const KEY_BYTES: usize = 32;
/// Digits of the number that a person types to confirm.
const CONFIRMATION_DIGITS: usize = 6;

/// A token in the clear. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct LinkToken {
    link: Uuid,
    key: [u8; KEY_BYTES],
}

impl fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkToken")
    }
}

impl LinkToken {
    /// A token that nobody had before; nothing when the system gives no random bytes.
    pub(super) fn draw(link: Uuid) -> Option<Self> {
        let mut key = [0; KEY_BYTES];
        getrandom::fill(&mut key).ok()?;
        Some(Self { link, key })
    }

    /// The token in the path of a URL; nothing when the text is none.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (link, key) = bytes.split_first_chunk::<16>()?;
        let key: [u8; KEY_BYTES] = key.try_into().ok()?;
        Some(Self { link: Uuid::from_bytes(*link), key })
    }

    /// The token as it stands in a URL. Only for the person it is made for.
    pub fn reveal(&self) -> String {
        let mut bytes = self.link.as_bytes().to_vec();
        bytes.extend_from_slice(&self.key);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The link that it says it opens.
    pub(super) fn link(&self) -> Uuid {
        self.link
    }

    /// What is kept of it.
    pub(super) fn hash(&self) -> ContentHash {
        ContentHash::of(&self.key)
    }

    /// Is this what is kept of it? Takes as long when it is not.
    pub(super) fn fits(&self, kept: ContentHash) -> bool {
        let differing = self.hash().0.iter().zip(kept.0).fold(0, |all, (a, b)| all | (a ^ b));
        differing == 0
    }

    /// The number that the page shows as text and the person types: whoever submits forms without
    /// reading pages does not know it.
    pub fn confirmation(&self) -> String {
        let mut bytes = b"link confirmation".to_vec();
        bytes.extend_from_slice(&self.key);
        let hash = ContentHash::of(&bytes).0;
        // The share of each digit is off by less than a fiftieth, which nobody can use.
        hash.iter().take(CONFIRMATION_DIGITS).map(|byte| char::from(b'0' + byte % 10)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_and_no_other_text_is_one() {
        let token = LinkToken::draw(Uuid::from_u128(7)).expect("chance");
        let text = token.reveal();
        let again = LinkToken::parse(&text).expect("a token");
        assert!(again.fits(token.hash()) && again.link() == Uuid::from_u128(7));
        assert_eq!(again.confirmation(), token.confirmation());
        assert_eq!(token.confirmation().len(), CONFIRMATION_DIGITS);
        for wrong in ["", "x", &text[1..], &format!("{text}A"), "é"] {
            assert!(LinkToken::parse(wrong).is_none(), "{wrong}");
        }
        let other = LinkToken::draw(Uuid::from_u128(7)).expect("chance");
        assert!(!other.fits(token.hash()));
        assert_eq!(format!("{token:?}"), "LinkToken");
    }
}
