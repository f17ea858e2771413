//! Calls whose start is in the journal although they have certainly not left: they wait for a
//! place, or the engine is stopping. A clean stop writes them down, so that the next start does not
//! take them for interrupted ones.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::model::id::{FrameId, JobId};
use crate::model::time::Timestamp;
use crate::store::{Document, Store, StoreError};

const KIND: &str = "engine";
const ID: &str = "unmade-calls";

/// One call: job, frame, attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Unmade {
    pub job: JobId,
    pub frame: FrameId,
    pub attempt: u32,
}

/// The calls that are known not to have left.
#[derive(Default)]
pub(crate) struct UnmadeCalls(Mutex<BTreeSet<Unmade>>);

impl UnmadeCalls {
    fn calls(&self) -> MutexGuard<'_, BTreeSet<Unmade>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is this call known not to have left?
    pub fn contains(&self, call: Unmade) -> bool {
        self.calls().contains(&call)
    }

    /// It has not left.
    pub fn insert(&self, call: Unmade) {
        self.calls().insert(call);
    }

    /// It leaves now, or nobody wants it any more.
    pub fn remove(&self, call: Unmade) {
        self.calls().remove(&call);
    }

    /// Writes them down for the next start. Only when nothing can start a call any more.
    pub async fn save(&self, store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
        let calls: Vec<Unmade> = self.calls().iter().copied().collect();
        if calls.is_empty() {
            return Ok(());
        }
        // A list that does not serialise is lost: the calls then count as interrupted.
        let Ok(body) = serde_json::to_vec(&calls) else { return Ok(()) };
        let document = Document { id: ID.to_owned(), version: 0, updated_at: now, body };
        store.put_document(KIND, document, None).await.map(|_| ())
    }

    /// Removes what the last stop wrote down, untaken.
    pub async fn forget(store: &dyn Store) -> Result<(), StoreError> {
        store.remove_document(KIND, ID).await.map(|_| ())
    }

    /// Takes up what the last stop wrote down. It is gone from the store before any of the calls
    /// can leave: after a crash nothing is known of them.
    pub async fn load(&self, store: &dyn Store) -> Result<(), StoreError> {
        let Some(document) = store.document(KIND, ID).await? else { return Ok(()) };
        store.remove_document(KIND, ID).await?;
        let calls: Vec<Unmade> = serde_json::from_slice(&document.body).unwrap_or_default();
        self.calls().extend(calls);
        Ok(())
    }
}
