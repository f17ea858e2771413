//! What a store is among its copies: how often it was restored, the mark of this copy, and whether
//! it is held. A copy that cannot say so must not run, so nothing here is ever guessed.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::engine::audit::RESTORED;
use crate::engine::unmade::UnmadeCalls;
use crate::model::audit::{Author, Fact, Origin};
use crate::model::principal::Principal;
use crate::model::time::Timestamp;
use crate::store::{ChangeOutcome, Document, DocumentChange, Store, StoreError};

/// The document that says it.
const KIND: &str = "engine";
const ID: &str = "standing";

/// Bytes of chance in the mark of a copy: two copies of one backup must not share their keys.
const MARK_BYTES: usize = 4;

/// Held: reads and decisions only, nothing leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// Since when.
    pub since: Timestamp,
    /// Why, for people.
    pub reason: String,
}

/// The end of a hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: Principal,
    /// Why.
    pub reason: String,
}

/// What a store is among its copies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Standing {
    /// How often it was restored or imported: 0 for an original.
    pub generation: u64,
    /// What tells this copy from every other of the same generation; none for an original.
    pub mark: Option<String>,
    /// Held, since when and why.
    pub hold: Option<Hold>,
    /// The last release.
    pub released: Option<Release>,
}

impl Standing {
    /// What this store is.
    ///
    /// # Errors
    /// When the store cannot say.
    pub async fn of(store: &dyn Store) -> Result<Self, StoreError> {
        read(store).await.map(|(standing, _)| standing)
    }

    /// Makes a copy of a store out of a store: one generation on, with a mark of its own, and held.
    /// What only the original could know of its calls is forgotten.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn hold_copy(
        store: &dyn Store,
        now: Timestamp,
        reason: String,
    ) -> Result<Self, StoreError> {
        let (standing, version) = read(store).await?;
        let held = Self {
            generation: standing.generation + 1,
            mark: Some(draw_mark()?),
            hold: Some(Hold { since: now, reason }),
            released: None,
        };
        // The original may have made these calls after the copy was taken.
        UnmadeCalls::forget(store).await?;
        let detail = json!({
            "generation": held.generation,
            "mark": held.mark,
            "reason": held.hold.as_ref().map(|hold| &hold.reason),
        });
        let fact = Fact::new(Author::of_command_line(), RESTORED, "store").with(detail);
        write(store, &held, version, now, fact).await?;
        Ok(held)
    }

    /// Ends a hold.
    pub(crate) async fn release(
        store: &dyn Store,
        release: Release,
        origin: Option<Origin>,
    ) -> Result<Option<Self>, StoreError> {
        let (standing, version) = read(store).await?;
        if standing.hold.is_none() {
            return Ok(None);
        }
        let at = release.at;
        let author = Author { by: release.by.clone(), origin };
        let detail = json!({ "generation": standing.generation, "reason": release.reason });
        let fact = Fact::new(author, "store.released", "store").with(detail);
        let free = Self { hold: None, released: Some(release), ..standing };
        write(store, &free, version, at, fact).await?;
        Ok(Some(free))
    }

    /// What this copy puts into the keys of its calls; nothing in an original, whose keys stay as
    /// they were.
    pub fn key_mark(&self) -> Option<String> {
        self.mark.as_ref().map(|mark| format!("g{}-{mark}", self.generation))
    }
}

async fn read(store: &dyn Store) -> Result<(Standing, u64), StoreError> {
    let Some(document) = store.document(KIND, ID).await? else {
        return Ok((Standing::default(), 0));
    };
    let standing = serde_json::from_slice(&document.body).map_err(|error| StoreError::Corrupt {
        table: "documents",
        key: format!("{KIND}/{ID}"),
        reason: format!("whether the store is held cannot be read: {error}"),
    })?;
    Ok((standing, document.version))
}

async fn write(
    store: &dyn Store,
    standing: &Standing,
    version: u64,
    now: Timestamp,
    fact: Fact,
) -> Result<(), StoreError> {
    let unwritten = |reason: String| StoreError::Unavailable(reason);
    let body = serde_json::to_vec(standing).map_err(|error| unwritten(error.to_string()))?;
    let document = Document { id: ID.to_owned(), version: 0, updated_at: now, body };
    let (kind, expect_version) = (KIND.to_owned(), Some(version));
    let change = DocumentChange::Put { kind, document, expect_version };
    match store.change_documents(vec![change], Some(fact), now).await? {
        ChangeOutcome::Applied => Ok(()),
        ChangeOutcome::Conflict { .. } => {
            Err(unwritten("somebody else holds or releases the store: look again".to_owned()))
        }
    }
}

fn draw_mark() -> Result<String, StoreError> {
    let mut bytes = [0u8; MARK_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
