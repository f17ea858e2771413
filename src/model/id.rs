//! Identifiers as newtypes that parse. They are never drawn here: the caller brings them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Letters of an identifier: 32 digits and four hyphens (RFC 9562, section 4).
const TEXT_LENGTH: usize = 36;

/// A text that is no identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a UUID")]
pub struct BadId(pub String);

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The identifier as the number that keys it in a store.
            pub fn as_u128(self) -> u128 {
                self.0.as_u128()
            }

            /// The identifier that this number keys.
            pub fn from_u128(value: u128) -> Self {
                Self(Uuid::from_u128(value))
            }

            /// An identifier that follows from its parts: the same parts give the same identifier.
            pub fn derived(parts: &[&str]) -> Self {
                Self(derived_uuid(stringify!($name), parts))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                // One id has one spelling, so that one thing has one address.
                let id = Uuid::parse_str(text).ok().filter(|_| text.len() == TEXT_LENGTH);
                id.map(Self).ok_or_else(|| BadId(text.to_owned()))
            }
        }
    };
}

uuid_id! {
    /// A template of jobs.
    TemplateId
}

uuid_id! {
    /// A batch: a wish for many jobs.
    BatchId
}

uuid_id! {
    /// A job (UUIDv7, or derived for the child of a job).
    JobId
}
uuid_id! {
    /// A checkpoint, derived from the job, run and frame that opened it.
    CheckpointId
}
uuid_id! {
    /// One append to a journal. It resolves an append whose outcome was not seen.
    CommitId
}

uuid_id! {
    /// A registered agent (UUIDv7).
    AgentId
}

fn derived_uuid(kind: &str, parts: &[&str]) -> Uuid {
    let mut hasher = Sha256::new();
    hasher.update(kind.as_bytes());
    for part in parts {
        // The length before each part keeps ("ab","c") and ("a","bc") apart.
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let digest = hasher.finalize();
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    Uuid::new_v8(bytes)
}

impl JobId {
    /// The shard of a job: a stable spread of ids over 1024 parts, for several nodes on one store.
    pub fn shard(self) -> u16 {
        let digest = Sha256::digest(self.0.as_bytes());
        u16::from_be_bytes([digest[0], digest[1]]) % 1024
    }
}

/// A frame of a run: its ordinal, never used again in its job. 0 is the workflow itself, in every
/// run.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct FrameId(pub u32);

impl fmt::Display for FrameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The SHA-256 of some content, shown as lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ContentHash(pub [u8; 32]);

impl ContentHash {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ContentHash {
    type Err = BadHash;

    fn from_str(text: &str) -> Result<Self, BadHash> {
        let bad = || BadHash(text.to_owned());
        if text.len() != 64 || !text.is_ascii() {
            return Err(bad());
        }
        let mut bytes = [0u8; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).map_err(|_| bad())?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for ContentHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContentHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A text that is no content hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a SHA-256 in hex")]
pub struct BadHash(pub String);
