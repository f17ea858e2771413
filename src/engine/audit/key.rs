//! The key that signs heads (Ed25519, RFC 8032): made at the first start, kept beside the key that
//! seals secrets. The private half is never shown.

use std::fmt::Write as _;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::model::audit::{AuditHead, SignedHead};
use crate::model::time::Timestamp;
use crate::store::durable_file::write_whole;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("cannot {wish} the key of the audit trail {}: {source}", path.display())]
    File {
        /// What was attempted.
        wish: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others may read it.
    #[error("others may read the key of the audit trail {}: chmod 600 it", path.display())]
    Readable {
        /// The file.
        path: PathBuf,
    },
    /// It holds no key.
    #[error("{} holds no key of an audit trail: 64 hexadecimal digits", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The system gives no random bytes.
    #[error("cannot draw the key of the audit trail: {0}")]
    NoChance(String),
}

/// The private key.
pub struct AuditKey(SigningKey);

impl std::fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("AuditKey").field(&self.public()).finish()
    }
}

impl AuditKey {
    /// The key in this file.
    ///
    /// # Errors
    /// There is none, or others may read it.
    pub fn open(path: &Path) -> Result<Self, KeyError> {
        let failed = |source| KeyError::File { wish: "read", path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(failed)?;
        if std::fs::metadata(path).map_err(failed)?.permissions().mode() & 0o077 != 0 {
            return Err(KeyError::Readable { path: path.to_owned() });
        }
        let bytes = from_hex::<32>(text.trim());
        let bytes = bytes.ok_or_else(|| KeyError::NoKey { path: path.to_owned() })?;
        Ok(Self(SigningKey::from_bytes(&bytes)))
    }

    /// The key in this file, which is made when there is none.
    ///
    /// # Errors
    /// As `open`; the file cannot be written.
    pub fn open_or_make(path: &Path) -> Result<Self, KeyError> {
        match Self::open(path) {
            Err(KeyError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        let mut seed = [0u8; 32];
        getrandom::fill(&mut seed).map_err(|error| KeyError::NoChance(error.to_string()))?;
        let failed = |source| KeyError::File { wish: "make", path: path.to_owned(), source };
        write_whole(path, format!("{}\n", hex(&seed)).as_bytes()).map_err(failed)?;
        let key = Self::open(path)?;
        let (path, public) = (path.display(), key.public());
        tracing::info!(%path, public, "made the key of the audit trail; note its public half");
        Ok(key)
    }

    /// The public half, hex.
    pub fn public(&self) -> String {
        hex(self.0.verifying_key().as_bytes())
    }

    /// The signature of these bytes.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(bytes).to_bytes()
    }

    /// Signs a head.
    pub fn sign_head(
        &self,
        store_id: String,
        generation: u64,
        head: AuditHead,
        at: Timestamp,
    ) -> SignedHead {
        let AuditHead { count, hash } = head;
        let (at, key, signature) = (at.to_rfc3339(), self.public(), String::new());
        let mut signed = SignedHead { store_id, generation, count, hash, at, key, signature };
        signed.signature = hex(&self.sign(signed.message().as_bytes()));
        signed
    }
}

/// Is this head signed by the key that it names?
///
/// # Errors
/// Why not, for people.
pub fn verify_head(head: &SignedHead) -> Result<(), String> {
    let key = from_hex::<32>(&head.key).and_then(|key| VerifyingKey::from_bytes(&key).ok());
    let key = key.ok_or("its key is no Ed25519 key")?;
    let signature = from_hex::<64>(&head.signature).ok_or("its signature is no hex of 64 bytes")?;
    let signature = Signature::from_bytes(&signature);
    key.verify_strict(head.message().as_bytes(), &signature)
        .map_err(|_| "its signature does not hold".to_owned())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0u8; N];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}
