//! Signed heads beside the trail: whose signature holds, which entry each names, and which were
//! given up with a restore. It judges heads only, never entries.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::audit::key::verify_head;
use crate::engine::audit::notary::HEADS;
use crate::engine::audit::verify::{Anchors, Verification};
use crate::model::audit::{AuditHead, SignedHead};
use crate::store::{Store, StoreError};

/// Documents read at a time.
const PAGE: usize = 500;

/// Signed heads that wait for their entry.
pub(super) struct Heads {
    waiting: BTreeMap<u64, Vec<(String, SignedHead)>>,
    key: Option<String>,
    /// Keys that starts named, with the entry that did.
    pub(super) known_keys: Vec<(String, u64)>,
    /// Heads that do not fit, to be judged when it is known where stores were restored.
    unfit: Vec<(String, SignedHead)>,
    /// Entries up to which a head that holds vouches for the trail.
    vouched: BTreeSet<u64>,
}

impl Heads {
    /// All heads inside and outside the store whose signatures hold.
    pub(super) async fn of(
        store: &dyn Store,
        anchors: &Anchors,
        report: &mut Verification,
    ) -> Result<Self, StoreError> {
        let mut found = anchors.heads.clone();
        let mut after: Option<String> = None;
        loop {
            let page = store.documents(HEADS, after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            for document in page {
                let place = format!("the store, head {}", document.id.trim_start_matches('0'));
                match serde_json::from_slice::<SignedHead>(&document.body) {
                    Ok(head) => found.push((place, head)),
                    Err(error) => {
                        report.find(None, "forged-head", format!("{place}: it is none: {error}"));
                    }
                }
            }
        }
        let mut heads = Self {
            waiting: BTreeMap::new(),
            key: anchors.key.clone(),
            known_keys: Vec::new(),
            unfit: Vec::new(),
            vouched: BTreeSet::new(),
        };
        let mut others = BTreeSet::new();
        for (place, head) in found {
            if head.store_id != report.store_id && report.generation == 0 {
                others.insert(head.store_id.clone());
                continue;
            }
            match verify_head(&head) {
                Ok(()) => heads.waiting.entry(head.count).or_default().push((place, head)),
                Err(reason) => report.find(head.count, "forged-head", format!("{place}: {reason}")),
            }
        }
        for other in others {
            report.notes.push(format!("heads of another store, {other}, say nothing of this one"));
        }
        if heads.key.is_none() {
            heads.key = heads.waiting.values().flatten().map(|(_, head)| head.key.clone()).next();
            if heads.key.is_some() {
                let note = "the heads vouch for their own key: give --key with the one you noted";
                report.notes.push(note.to_owned());
            }
        }
        report.key = heads.key.clone();
        Ok(heads)
    }

    /// The heads of this entry.
    pub(super) fn check(&mut self, at: AuditHead, report: &mut Verification) {
        let Some(heads) = self.waiting.remove(&at.count) else { return };
        for (place, head) in heads {
            match head.hash == at.hash {
                true => self.sign_off(&place, &head, report),
                false => self.unfit.push((place, head)),
            }
        }
    }

    /// A head that fits counts only under a key that is known.
    fn sign_off(&mut self, place: &str, head: &SignedHead, report: &mut Verification) {
        let is_known = |(key, since): &(String, u64)| *key == head.key && *since <= head.count;
        if self.key.as_ref() == Some(&head.key) {
            report.heads += 1;
            self.vouched.insert(head.count);
        } else if self.known_keys.iter().any(is_known) {
            report.heads += 1;
            self.vouched.insert(head.count);
            let note = format!("{place}: signed by an earlier key of this store, {}", head.key);
            if !report.notes.contains(&note) {
                report.notes.push(note);
            }
        } else {
            let what = format!("{place}: it is signed by {}, a key that is not known", head.key);
            report.find(head.count, "forged-head", what);
        }
    }

    /// Heads that do not fit, or are of entries that are not there.
    pub(super) fn end(&mut self, count: u64, restores: &[(u64, u64)], report: &mut Verification) {
        let beyond = std::mem::take(&mut self.waiting).into_values().flatten();
        let unfit = std::mem::take(&mut self.unfit);
        for (place, head) in unfit.into_iter().chain(beyond) {
            let given_up = restores
                .iter()
                .find(|(seq, generation)| *generation > head.generation && *seq <= head.count);
            if let Some((seq, generation)) = given_up {
                report.notes.push(format!(
                    "{place}: entries from {seq} up to {} were given up when generation \
                     {generation} began with a restore",
                    head.count
                ));
            } else if head.count > count {
                let what = format!(
                    "entry {} is not there: {place}, signed at {}, says that there were {}. This \
                     is an older copy of the store, or its end was cut off",
                    count + 1,
                    head.at,
                    head.count
                );
                report.find(count + 1, "cut-off", what);
            } else {
                let vouched = self.vouched.range(..head.count).next_back().copied().unwrap_or(0);
                let (first, last) = (vouched + 1, head.count);
                let what = format!(
                    "entry {first}, or one after it up to {last}: {place}, signed at {}, names \
                     another link: the trail was written anew from there on",
                    head.at
                );
                report.find_within(Some(first), Some(last), "head-differs", what);
            }
        }
    }
}
