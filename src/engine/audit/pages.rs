//! Walks over a store of any size, a page at a time: along the trail, and along the commits of the
//! journals beside it. It judges nothing.

use std::collections::VecDeque;

use crate::model::audit::AuditEntry;
use crate::store::{AppendSeal, Store, StoreError};

/// Entries and commits read at a time.
const PAGE: usize = 2_000;

/// An entry, or the place and the reason of one that cannot be read.
pub(super) type Read = Result<AuditEntry, (u64, String)>;

/// The trail, entry by entry.
pub(super) struct Entries<'s> {
    store: &'s dyn Store,
    after: u64,
    ready: VecDeque<Read>,
}

impl<'s> Entries<'s> {
    pub(super) fn of(store: &'s dyn Store) -> Self {
        Self { store, after: 0, ready: VecDeque::new() }
    }

    /// The next entry, damaged or not; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Read>, StoreError> {
        if self.ready.is_empty() {
            self.fill().await?;
        }
        Ok(self.ready.pop_front())
    }

    async fn fill(&mut self) -> Result<(), StoreError> {
        match self.store.audit_entries(self.after, PAGE).await {
            Ok(page) => {
                self.after = page.last().map_or(self.after, |entry| entry.seq);
                self.ready.extend(page.into_iter().map(Ok));
                Ok(())
            }
            Err(StoreError::Corrupt { .. }) => self.fill_singly().await,
            Err(other) => Err(other),
        }
    }

    /// A page with damage in it is read up to the damage, which is passed over.
    async fn fill_singly(&mut self) -> Result<(), StoreError> {
        for _ in 0..PAGE {
            match self.store.audit_entries(self.after, 1).await {
                Ok(page) => {
                    let Some(entry) = page.into_iter().next() else { return Ok(()) };
                    self.after = entry.seq;
                    self.ready.push_back(Ok(entry));
                }
                Err(StoreError::Corrupt { key, reason, .. }) => {
                    let at = key.parse().unwrap_or(self.after + 1).max(self.after + 1);
                    self.after = at;
                    self.ready.push_back(Err((at, reason)));
                    return Ok(());
                }
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }
}

/// The commits of the journals, in the order of the feed.
pub(super) struct Appends<'s> {
    store: &'s dyn Store,
    after: u64,
    ready: VecDeque<AppendSeal>,
    is_done: bool,
}

impl<'s> Appends<'s> {
    pub(super) fn of(store: &'s dyn Store) -> Self {
        Self { store, after: 0, ready: VecDeque::new(), is_done: false }
    }

    /// The next commit up to this place of the feed.
    pub(super) async fn next_up_to(&mut self, feed: u64) -> Result<Option<AppendSeal>, StoreError> {
        if self.ready.is_empty() && !self.is_done {
            let page = self.store.appends(self.after, PAGE).await?;
            self.after = page.last().map_or(self.after, |seal| seal.feed);
            self.is_done = page.is_empty();
            self.ready.extend(page);
        }
        match self.ready.front() {
            Some(seal) if seal.feed <= feed => Ok(self.ready.pop_front()),
            _ => Ok(None),
        }
    }
}
