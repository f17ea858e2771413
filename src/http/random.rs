//! What is drawn by chance: passwords, secrets and ids. The only place of this floor that asks the
//! system for random bytes.

use crate::model::time::Timestamp;

/// Letters and digits that are not mistaken for one another: 32, so each carries five bits.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// The system gives no random bytes.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the system gives no random bytes: {0}")]
pub struct NoChance(String);

/// A text of so many letters, five random bits in each.
pub fn letters<const LENGTH: usize>() -> Result<String, NoChance> {
    let mut bytes = [0u8; LENGTH];
    fill(&mut bytes)?;
    let letters = bytes.iter().filter_map(|byte| LETTERS.get(usize::from(byte % 32)));
    Ok(letters.map(|letter| char::from(*letter)).collect())
}

/// Could `letters` have drawn this?
pub fn is_drawn(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|letter| LETTERS.contains(&letter))
}

/// An id of this time (UUIDv7).
pub fn id(at: Timestamp) -> Result<String, NoChance> {
    let mut bytes = [0u8; 10];
    fill(&mut bytes)?;
    let millis = u64::try_from(at.as_millis()).unwrap_or_default();
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid().to_string())
}

fn fill(bytes: &mut [u8]) -> Result<(), NoChance> {
    getrandom::fill(bytes).map_err(|error| NoChance(error.to_string()))
}
