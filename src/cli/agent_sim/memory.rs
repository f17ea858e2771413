//! What each key was told: work that was begun under a key is never begun again, and its answer
//! stays the same. Without a key every request is work of its own.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::answer::Answer;

/// The answer to some work, once it is done.
pub(super) type Work = watch::Receiver<Option<Answer>>;

/// The path of an agent and a key.
pub(super) type Name = (String, String);

#[derive(Default)]
struct Known {
    /// Work in the order in which it was begun.
    works: Vec<Work>,
    by_name: HashMap<Name, usize>,
    tries: HashMap<Name, u64>,
}

/// All keys of all agents. It grows with the keys: a rehearsal ends before that matters.
#[derive(Default)]
pub(super) struct Memory(Mutex<Known>);

/// What `begin` found.
pub(super) struct Begun {
    /// Its number, for the address of its status.
    pub(super) number: usize,
    pub(super) work: Work,
    /// Where its answer goes, if it was not begun before.
    pub(super) fresh: Option<watch::Sender<Option<Answer>>>,
}

impl Memory {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins the work of this name unless it was begun before.
    pub(super) fn begin(&self, name: Option<Name>) -> Begun {
        let mut known = self.known();
        let found = name.as_ref().and_then(|name| known.by_name.get(name)).copied();
        if let Some(number) = found
            && let Some(work) = known.works.get(number)
        {
            return Begun { number, work: work.clone(), fresh: None };
        }
        let (done, work) = watch::channel(None);
        let number = known.works.len();
        known.works.push(work.clone());
        if let Some(name) = name {
            known.by_name.insert(name, number);
        }
        Begun { number, work, fresh: Some(done) }
    }

    /// The work of this number.
    pub(super) fn work(&self, number: usize) -> Option<Work> {
        self.known().works.get(number).cloned()
    }

    /// Counts one more try under this name and says how many there were before.
    pub(super) fn try_again(&self, name: Name) -> u64 {
        let mut known = self.known();
        let tries = known.tries.entry(name).or_default();
        *tries += 1;
        *tries - 1
    }
}
