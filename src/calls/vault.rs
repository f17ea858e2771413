//! Secrets at rest: sealed under one key that lies outside the store, each bound to the record that
//! it belongs to. The key is never shown, and nothing that is opened here is ever logged.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// Bytes of a nonce of XChaCha20: long enough to be drawn (draft-irtf-cfrg-xchacha, section 2.1).
const NONCE_BYTES: usize = 24;
/// Bytes that tell one key from another in a sealed record. They say nothing about the key.
const KEY_ID_BYTES: usize = 4;
/// Bytes of a block of SHA-256.
const HMAC_BLOCK_BYTES: usize = 64;
/// The first byte of a sealed record: how the rest is to be read.
const FORMAT: u8 = 1;
/// Largest key file that is read, bytes: a longer one is another file.
const KEY_FILE_BYTES_MAX: u64 = 1_024;

/// Why there is no key, or why a record was not sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key file cannot be read or made.
    #[error("could not {wish} the key {path} (`[secrets] key_file`): {source}")]
    File {
        /// What was tried.
        wish: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A text is no key.
    #[error(
        "{place} holds no key: it must be 32 bytes as base64 or hex, such as \
         `openssl rand -base64 32` prints"
    )]
    NoKey {
        /// Where it stands.
        place: String,
    },
    /// Others may read the key.
    #[error("others may read the key {path} (mode {mode:o}); `chmod 600` it")]
    Readable {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// There is no key at all.
    #[error("a secret cannot be sealed or opened without a key (`[secrets] key_file`)")]
    Missing,
    /// The system has no chance to give.
    #[error("the system gave no random bytes: {0}")]
    Chance(String),
    /// The record was sealed under another key.
    #[error(
        "the secret was sealed under another key; bring that key back (`[secrets] key_file`) or \
         give the secret again"
    )]
    OtherKey,
    /// The record is damaged, or belongs to something else.
    #[error("the sealed secret is damaged or belongs to another record; give the secret again")]
    Damaged,
}

/// The key and what can be done with it. Clones share it; `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Vault(Arc<Keys>);

struct Keys {
    cipher: XChaCha20Poly1305,
    signing: [u8; KEY_BYTES],
    id: [u8; KEY_ID_BYTES],
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

impl Vault {
    /// A vault with this key.
    pub fn from_key(key: [u8; KEY_BYTES]) -> Self {
        let part = |purpose: &str| mac(&key, &[purpose.as_bytes()]);
        let mut id = [0; KEY_ID_BYTES];
        id.iter_mut().zip(part("holdpoint key id")).for_each(|(id, byte)| *id = byte);
        let cipher = XChaCha20Poly1305::new(&part("holdpoint sealing").into());
        Self(Arc::new(Keys { cipher, signing: part("holdpoint signing"), id }))
    }

    /// A vault with a key that nobody has: what it seals cannot be opened after it is gone.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn draw() -> Result<Self, VaultError> {
        Ok(Self::from_key(draw()?))
    }

    /// The key in a text: 32 bytes as base64 or hex. `place` names the text in the error.
    ///
    /// # Errors
    /// The text is no key.
    pub fn parse(text: &str, place: &str) -> Result<Self, VaultError> {
        let text = text.trim();
        let bytes =
            from_hex(text).or_else(|| STANDARD_NO_PAD.decode(text.trim_end_matches('=')).ok());
        let key = bytes.and_then(|bytes| <[u8; KEY_BYTES]>::try_from(bytes).ok());
        let no_key = || VaultError::NoKey { place: place.to_owned() };
        key.map(Self::from_key).ok_or_else(no_key)
    }

    /// The key in a file that must be there.
    ///
    /// # Errors
    /// It cannot be read, holds no key, or others may read it.
    pub fn open(path: &Path) -> Result<Self, VaultError> {
        let failed = |source| VaultError::File { wish: "read", path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
        // A group may be how a service gets its key; the world is never meant.
        if mode & 0o007 != 0 {
            return Err(VaultError::Readable { path: path.to_owned(), mode });
        }
        let mut text = String::new();
        file.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
        Self::parse(&text, &path.display().to_string())
    }

    /// The key in a file, which is made with a drawn key when it is not there: mode 0600, whole or
    /// not at all.
    ///
    /// # Errors
    /// As [`Vault::open`]; or the file cannot be made.
    pub fn open_or_make(path: &Path) -> Result<Self, VaultError> {
        match Self::open(path) {
            Err(VaultError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        let failed = |source| VaultError::File { wish: "make", path: path.to_owned(), source };
        let text = format!("{}\n", STANDARD.encode(draw::<KEY_BYTES>()?));
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".new");
        let unfinished = PathBuf::from(unfinished);
        let write = || {
            let mut options = OpenOptions::new();
            let mut file =
                options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&unfinished, path)?;
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        };
        write().map_err(failed)?;
        tracing::info!(
            path = %path.display(),
            "made the key that seals secrets; keep a copy of it apart from the backups"
        );
        Self::open(path)
    }

    /// Seals a secret for the record of this name; it opens under that name only.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn seal(&self, secret: &str, record: &str) -> Result<String, VaultError> {
        let nonce: [u8; NONCE_BYTES] = draw()?;
        let payload = Payload { msg: secret.as_bytes(), aad: record.as_bytes() };
        // It fails only for messages of gigabytes.
        let sealed = self.0.cipher.encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| VaultError::Damaged)?;
        let mut bytes = vec![FORMAT];
        bytes.extend_from_slice(&self.0.id);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&sealed);
        Ok(STANDARD_NO_PAD.encode(bytes))
    }

    /// Opens what was sealed for the record of this name.
    ///
    /// # Errors
    /// It was sealed under another key, or for another record, or is damaged.
    pub fn unseal(&self, sealed: &str, record: &str) -> Result<String, VaultError> {
        let bytes = STANDARD_NO_PAD.decode(sealed).map_err(|_| VaultError::Damaged)?;
        let Some((&FORMAT, rest)) = bytes.split_first() else { return Err(VaultError::Damaged) };
        let (id, rest) = rest.split_first_chunk::<KEY_ID_BYTES>().ok_or(VaultError::Damaged)?;
        if *id != self.0.id {
            return Err(VaultError::OtherKey);
        }
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(VaultError::Damaged)?;
        let payload = Payload { msg: sealed, aad: record.as_bytes() };
        let opened = self.0.cipher.decrypt(&XNonce::from(*nonce), payload);
        let opened = opened.map_err(|_| VaultError::Damaged)?;
        String::from_utf8(opened).map_err(|_| VaultError::Damaged)
    }

    /// Signs a message for one purpose (HMAC-SHA-256): no signature passes for another purpose's.
    pub fn sign(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        let length = (purpose.len() as u64).to_be_bytes();
        mac(&self.0.signing, &[&length, purpose.as_bytes(), message])
    }

    /// Is this the signature of the message for this purpose? Takes as long when it is not.
    pub fn verify(&self, purpose: &str, message: &[u8], signature: &[u8]) -> bool {
        // The length keeps a purpose and its message apart.
        let length = (purpose.len() as u64).to_be_bytes();
        let parts: [&[u8]; 3] = [&length, purpose.as_bytes(), message];
        keyed(&self.0.signing, &parts).verify_slice(signature).is_ok()
    }
}

fn keyed(key: &[u8; KEY_BYTES], parts: &[&[u8]]) -> Hmac<Sha256> {
    // A key shorter than a block is filled up with zeros (RFC 2104, section 2).
    let mut block = [0; HMAC_BLOCK_BYTES];
    block.iter_mut().zip(key).for_each(|(block, byte)| *block = *byte);
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new(&block.into());
    parts.iter().for_each(|part| mac.update(part));
    mac
}

fn mac(key: &[u8; KEY_BYTES], parts: &[&[u8]]) -> [u8; 32] {
    keyed(key, parts).finalize().into_bytes().into()
}

fn draw<const N: usize>() -> Result<[u8; N], VaultError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| VaultError::Chance(error.to_string()))?;
    Ok(bytes)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 2 * KEY_BYTES || !text.is_ascii() {
        return None;
    }
    let byte = |place: usize| u8::from_str_radix(text.get(place..place + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(byte: u8) -> Vault {
        Vault::from_key([byte; KEY_BYTES])
    }

    #[test]
    fn a_secret_opens_under_its_key_and_record_only() {
        let sealed = vault(1).seal("canary-secret", "agent-1").expect("chance");
        assert_eq!(vault(1).unseal(&sealed, "agent-1").expect("open"), "canary-secret");
        assert!(matches!(vault(2).unseal(&sealed, "agent-1"), Err(VaultError::OtherKey)));
        assert!(matches!(vault(1).unseal(&sealed, "agent-2"), Err(VaultError::Damaged)));
        assert!(!sealed.contains("canary"));
        let again = vault(1).seal("canary-secret", "agent-1").expect("chance");
        assert_ne!(sealed, again, "a nonce is never used twice");
    }

    #[test]
    fn every_damaged_byte_is_noticed() {
        let sealed = vault(1).seal("secret", "a").expect("chance");
        let bytes = STANDARD_NO_PAD.decode(&sealed).expect("base64");
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            assert!(vault(1).unseal(&STANDARD_NO_PAD.encode(damaged), "a").is_err(), "{place}");
        }
        for cut in 0..bytes.len() {
            assert!(vault(1).unseal(&STANDARD_NO_PAD.encode(&bytes[..cut]), "a").is_err());
        }
    }

    #[test]
    fn a_signature_is_good_for_its_purpose_key_and_message() {
        let signature = vault(1).sign("callback", b"message");
        assert!(vault(1).verify("callback", b"message", &signature));
        assert!(!vault(1).verify("callbac", b"kmessage", &signature));
        assert!(!vault(1).verify("callback", b"messagf", &signature));
        assert!(!vault(2).verify("callback", b"message", &signature));
        assert!(!vault(1).verify("callback", b"message", &signature[..31]));
        assert!(!vault(1).verify("callback", b"message", b""));
    }

    #[test]
    fn keys_are_read_as_base64_and_hex_and_nothing_else() {
        let key = [7u8; KEY_BYTES];
        let sealed = Vault::from_key(key).seal("secret", "a").expect("chance");
        for text in [STANDARD.encode(key), STANDARD_NO_PAD.encode(key), "07".repeat(32)] {
            let vault = Vault::parse(&format!(" {text}\n"), "a test").expect("a key");
            assert_eq!(vault.unseal(&sealed, "a").expect("the same key"), "secret");
        }
        for text in ["", "07", &"0g".repeat(32), &STANDARD.encode([7u8; 31]), "correct horse"] {
            let error = Vault::parse(text, "HOLDPOINT_KEY").expect_err("no key").to_string();
            assert!(error.contains("HOLDPOINT_KEY"), "{error}");
            assert!(text.is_empty() || !error.contains(text), "a key is never shown: {error}");
        }
    }

    #[test]
    fn a_made_key_is_for_its_owner_alone_and_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("holdpoint.key");
        assert!(Vault::open(&path).is_err());
        let sealed = Vault::open_or_make(&path).expect("a key").seal("secret", "a").expect("seal");
        let mode = std::fs::metadata(&path).expect("the file").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let again = Vault::open_or_make(&path).expect("the same key");
        assert_eq!(again.unseal(&sealed, "a").expect("open"), "secret");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("chmod");
        assert!(matches!(Vault::open(&path), Err(VaultError::Readable { .. })));
        assert!(matches!(Vault::open_or_make(&path), Err(VaultError::Readable { .. })));
    }
}
