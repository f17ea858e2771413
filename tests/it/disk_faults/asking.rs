//! Several at one store, always in the same groups: the first one's transaction is held at the disk
//! until the others stand in line, so that a seed says everything.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use holdpoint::store::{CommitOutcome, DocumentOutcome, Redb, SimDisk, Store, StoreError};

use super::ledger::{KIND, Wish};

/// What became of a wish.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Commit(CommitOutcome),
    Document(DocumentOutcome),
    Removed(bool),
    Cleared,
}

pub type Asked = Result<Answer, StoreError>;

/// Asks once.
pub async fn ask(store: &Redb, wish: &Wish) -> Asked {
    match wish {
        Wish::Commit(draft) => store.commit(draft.commit.clone()).await.map(Answer::Commit),
        Wish::Put(document) => {
            let expect = Some(document.version);
            let written = store.put_document(KIND, document.clone(), expect).await;
            written.map(Answer::Document)
        }
        Wish::Remove(id) => store.remove_document(KIND, id).await.map(Answer::Removed),
        Wish::ClearNudge(job) => store.clear_nudge(*job).await.map(|()| Answer::Cleared),
    }
}

type Asking<'a> = Pin<Box<dyn Future<Output = Asked> + 'a>>;

/// Asks for everything at once: the first one in a transaction of its own, all others in one.
pub async fn ask_together(store: &Redb, disk: &SimDisk, wishes: &[Wish]) -> Vec<Asked> {
    let mut asking = wishes.iter().map(|wish| -> Asking<'_> { Box::pin(ask(store, wish)) });
    let Some(mut first) = asking.next() else { return Vec::new() };
    let mut others: Vec<Asking<'_>> = asking.collect();
    let is_held = disk.hold();
    // A transaction that has nothing to write never comes to the disk.
    let answered = tokio::select! {
        answer = &mut first => Some(answer),
        _ = is_held => None,
    };
    let mut answers: Vec<Option<Asked>> = vec![None; others.len()];
    poll_fn(|context| {
        for (asking, answer) in others.iter_mut().zip(&mut answers) {
            if let Poll::Ready(ready) = asking.as_mut().poll(context) {
                *answer = Some(ready);
            }
        }
        Poll::Ready(())
    })
    .await;
    disk.release();
    let mut all = vec![match answered {
        Some(answer) => answer,
        None => first.await,
    }];
    for (asking, answer) in others.into_iter().zip(answers) {
        all.push(match answer {
            Some(answer) => answer,
            None => asking.await,
        });
    }
    all
}

/// Is this what a store answers that does it now?
pub fn is_done(wish: &Wish, answer: &Answer, next_feed: u64) -> bool {
    match (wish, answer) {
        (Wish::Commit(draft), Answer::Commit(CommitOutcome::Applied { version, feed })) => {
            *version == draft.commit.row.version && *feed == next_feed
        }
        (Wish::Put(document), Answer::Document(DocumentOutcome::Written(version))) => {
            *version == document.version + 1
        }
        (Wish::Remove(_), Answer::Removed(removed)) => *removed,
        (Wish::ClearNudge(_), Answer::Cleared) => true,
        _ => false,
    }
}

/// Is this what a store answers that has done it before?
pub fn is_known(wish: &Wish, answer: &Answer) -> bool {
    match (wish, answer) {
        (Wish::Commit(draft), Answer::Commit(CommitOutcome::Replayed { version })) => {
            *version == draft.commit.row.version
        }
        (Wish::Put(document), Answer::Document(DocumentOutcome::Conflict(version))) => {
            *version == document.version + 1
        }
        (Wish::Remove(_), Answer::Removed(removed)) => !*removed,
        // A nudge may have come since: clearing it once more is done once more.
        _ => false,
    }
}
