//! Passwords: Argon2id with the parameters that OWASP recommends (19 MiB, 2 passes). A hash never
//! leaves here
//! but to the account's document, and a password is never kept.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

/// Hashes at once: each takes 19 MiB and a core for some 20 ms.
const HASHES_AT_ONCE: usize = 2;

/// What hashing can run into.
#[derive(Debug, Clone, thiserror::Error)]
#[error("hashing a password failed: {0}")]
pub struct HashingFailed(String);

/// Hashes and verifies passwords away from the threads that answer requests.
#[derive(Debug)]
pub struct Passwords {
    places: Semaphore,
    /// What an unknown account is verified against, so that it takes as long as a known one.
    decoy: tokio::sync::OnceCell<String>,
}

impl Passwords {
    /// Ready to hash.
    pub fn new() -> Self {
        Self { places: Semaphore::new(HASHES_AT_ONCE), decoy: tokio::sync::OnceCell::new() }
    }

    /// The hash of a password, in the PHC text form.
    pub async fn hash(&self, password: String) -> Result<String, HashingFailed> {
        self.away(move || {
            let hash = Argon2::default().hash_password(password.as_bytes());
            hash.map(|hash| hash.to_string()).map_err(|error| HashingFailed(error.to_string()))
        })
        .await?
    }

    /// Is it the password of this hash? Without a hash the work is the same and the answer no.
    pub async fn verify(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, HashingFailed> {
        let decoy = self.decoy.get_or_try_init(|| self.hash("decoy".to_owned())).await?.clone();
        let is_known = hash.is_some();
        let hash = hash.unwrap_or(decoy);
        let fits = self
            .away(move || {
                let parsed = PasswordHash::new(&hash);
                let parsed = parsed.map_err(|error| HashingFailed(error.to_string()))?;
                Ok(Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok())
            })
            .await??;
        Ok(fits && is_known)
    }

    async fn away<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashingFailed> {
        let failed = |error: &dyn std::fmt::Display| HashingFailed(error.to_string());
        let _place = self.places.acquire().await.map_err(|error| failed(&error))?;
        tokio::task::spawn_blocking(work).await.map_err(|error| failed(&error))
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}
