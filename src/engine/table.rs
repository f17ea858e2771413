//! The actor table: what the runtime does not know of its actors. For people and metrics; nothing
//! decides by it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ractor::ActorId;

use crate::engine::ActorNode;
use crate::model::time::Timestamp;

#[derive(Clone, Debug)]
struct Info {
    kind: &'static str,
    name: String,
    parent: Option<ActorId>,
    since: Timestamp,
    handled: u64,
    waiting: u64,
    state: Cow<'static, str>,
    restarts: u32,
    last_error: Option<String>,
}

/// The table of one engine.
#[derive(Default)]
pub(crate) struct Table(Mutex<BTreeMap<ActorId, Info>>);

impl Table {
    fn rows(&self) -> MutexGuard<'_, BTreeMap<ActorId, Info>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The row of a new actor. It stays as long as what is returned.
    pub fn born(
        self: &Arc<Self>,
        id: ActorId,
        kind: &'static str,
        name: String,
        parent: Option<ActorId>,
        since: Timestamp,
    ) -> Row {
        let (handled, waiting, state, restarts) = (0, 0, "running".into(), 0);
        let last_error = None;
        let row = Info { kind, name, parent, since, handled, waiting, state, restarts, last_error };
        self.rows().insert(id, row);
        Row { table: self.clone(), id }
    }

    fn change(&self, id: ActorId, with: impl FnOnce(&mut Info)) {
        if let Some(row) = self.rows().get_mut(&id) {
            with(row);
        }
    }

    /// A message was put into its mailbox.
    pub fn sent(&self, id: ActorId) {
        self.change(id, |row| row.waiting += 1);
    }

    /// A message was taken out of it and handled.
    pub fn handled(&self, id: ActorId) {
        self.change(id, |row| {
            row.handled += 1;
            row.waiting = row.waiting.saturating_sub(1);
        });
    }

    /// How many actors of each kind there are.
    pub fn counts(&self) -> Vec<(&'static str, u64)> {
        let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
        for row in self.rows().values() {
            *counts.entry(row.kind).or_default() += 1;
        }
        counts.into_iter().collect()
    }

    /// The tree below the actor that has no parent.
    pub fn tree(&self) -> Option<ActorNode> {
        let rows = self.rows().clone();
        let mut nodes: BTreeMap<ActorId, ActorNode> =
            rows.iter().map(|(id, row)| (*id, node(*id, row))).collect();
        // Children are younger than their parents, so taking the youngest first builds whole
        // subtrees.
        for (id, row) in rows.iter().rev() {
            let Some(parent) = row.parent else { continue };
            if let Some(child) = nodes.remove(id)
                && let Some(parent) = nodes.get_mut(&parent)
            {
                parent.children.insert(0, child);
            }
        }
        nodes.into_values().next()
    }
}

/// The row of one actor, for as long as that actor keeps it.
pub(crate) struct Row {
    table: Arc<Table>,
    id: ActorId,
}

impl Row {
    /// A message was handled; was it one of those that are counted when they are sent?
    pub fn handled(&self, was_counted: bool) {
        self.table.change(self.id, |row| {
            row.handled += 1;
            row.waiting = row.waiting.saturating_sub(u64::from(was_counted));
        });
    }

    /// What it is doing, in words.
    pub fn says(&self, state: &'static str) {
        self.table.change(self.id, |row| row.state = state.into());
    }

    /// The same in words that are put together.
    pub fn says_all(&self, state: String) {
        self.table.change(self.id, |row| row.state = state.into());
    }

    /// What it is for has another name now.
    pub fn is_called(&self, name: &str) {
        self.table.change(self.id, |row| {
            if row.name != name {
                name.clone_into(&mut row.name);
            }
        });
    }

    /// It is the successor of an actor that failed like this.
    pub fn restarted(&self, restarts: u32, error: &str) {
        self.table.change(self.id, |row| {
            row.restarts = restarts;
            row.last_error = Some(error.to_owned());
        });
    }

    /// Something of its own failed, and it goes on.
    pub fn failed(&self, error: &str) {
        self.table.change(self.id, |row| row.last_error = Some(error.to_owned()));
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        self.table.rows().remove(&self.id);
    }
}

fn node(id: ActorId, row: &Info) -> ActorNode {
    ActorNode {
        id: id.to_string(),
        kind: row.kind,
        name: row.name.clone(),
        state: row.state.clone().into_owned(),
        mailbox: row.waiting,
        handled: row.handled,
        restarts: row.restarts,
        since: row.since,
        last_error: row.last_error.clone(),
        children: Vec::new(),
    }
}
