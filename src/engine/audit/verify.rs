//! Follows the whole trail: entry by entry, every commit of every journal beside its entry, every
//! signed head against the link that it names. It names the first entry that is not what was
//! written; it repairs nothing, and it is never asked before a job goes on.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::engine::Standing;
use crate::engine::audit::heads::Heads;
use crate::engine::audit::pages::{Appends, Entries, Read};
use crate::model::audit::{AuditEntry, AuditHead, SignedHead};
use crate::model::id::{ContentHash, JobId};
use crate::store::{JOBS_REMOVED, Store, StoreError};

/// Findings that are told one by one: the first one is what counts.
const FINDINGS_MAX: usize = 100;
/// The action of the entry that a restored or imported store begins with.
pub(crate) const RESTORED: &str = "store.restored";
/// The action of the entry that a start writes.
pub(crate) const STARTED: &str = "server.started";

/// What heads outside the store say, and whose signature counts.
#[derive(Clone, Debug, Default)]
pub struct Anchors {
    /// Signed heads, each with where it was found.
    pub heads: Vec<(String, SignedHead)>,
    /// The public key that must have signed, hex; none: the heads vouch for their key themselves.
    pub key: Option<String>,
}

/// Something that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The entry of the trail; none when it is about none.
    pub entry: Option<u64>,
    /// A stable word for its kind.
    pub kind: &'static str,
    /// What is wrong, for people.
    pub what: String,
    /// The last entry that may be the first bad one; the same as `entry` unless only a range is
    /// known.
    #[serde(skip)]
    pub up_to: Option<u64>,
}

/// What a walk along the whole trail found.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// The random id of the store.
    pub store_id: String,
    /// How often it was restored or imported.
    pub generation: u64,
    /// Entries that were followed.
    pub entries: u64,
    /// Commits of journals that are what their entries say.
    pub commits: u64,
    /// Commits whose jobs were removed when their time was over.
    pub removed: u64,
    /// Signed heads that hold, inside and outside the store.
    pub heads: u64,
    /// The key that signed them.
    pub key: Option<String>,
    /// What is wrong, by entry, at most a hundred of it; nothing when the trail holds.
    pub findings: Vec<Finding>,
    /// What is worth knowing and is no damage.
    pub notes: Vec<String>,
}

impl Verification {
    /// Is everything what was written?
    pub fn holds(&self) -> bool {
        self.findings.is_empty()
    }

    pub(super) fn find(&mut self, entry: impl Into<Option<u64>>, kind: &'static str, what: String) {
        let entry = entry.into();
        self.find_within(entry, entry, kind, what);
    }

    /// The first bad entry is one of these.
    pub(super) fn find_within(
        &mut self,
        entry: Option<u64>,
        up_to: Option<u64>,
        kind: &'static str,
        what: String,
    ) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding { entry, kind, what, up_to });
        }
    }
}

/// Follows the trail of a store, which may be in use.
///
/// # Errors
/// When the store cannot be read; damage is no error but a finding.
pub async fn verify(store: &dyn Store, anchors: &Anchors) -> Result<Verification, StoreError> {
    // In this order: a commit up to this place of the feed has its entry up to this head.
    let last_feed = store.last_change().await?;
    let head = store.audit_head().await?;
    let mut report = Verification {
        store_id: store.store_id().await?,
        generation: Standing::of(store).await?.generation,
        ..Verification::default()
    };
    let heads = Heads::of(store, anchors, &mut report).await?;
    let mut walk = Walk {
        report,
        heads,
        at: AuditHead::genesis(),
        doubt: None,
        last_feed: 0,
        missing: BTreeMap::new(),
        restores: Vec::new(),
    };
    let (mut entries, mut appends) = (Entries::of(store), Appends::of(store));
    while let Some(read) = entries.next().await? {
        let is_later = match &read {
            Ok(entry) => entry.seq > head.count,
            Err((seq, _)) => *seq > head.count,
        };
        walk.entry(read, is_later, &mut appends).await?;
    }
    walk.end_of_chain(head);
    walk.unlogged(&mut appends, last_feed).await?;
    Ok(walk.judge())
}

struct Walk {
    report: Verification,
    heads: Heads,
    /// The link that the next entry must carry.
    at: AuditHead,
    /// An entry that does not carry the link of the one before it: its place, and the link it
    /// would have if only what it carries was changed.
    doubt: Option<(u64, ContentHash)>,
    /// The last place of the feed that an entry was about.
    last_feed: u64,
    /// Jobs that are gone, by the first of their entries, until an entry says that they went.
    missing: BTreeMap<JobId, (u64, u64)>,
    /// Entries at which a store was restored, with the generation that began.
    restores: Vec<(u64, u64)>,
}

impl Walk {
    async fn entry(
        &mut self,
        read: Read,
        is_later: bool,
        appends: &mut Appends<'_>,
    ) -> Result<(), StoreError> {
        let entry = match read {
            Ok(entry) => entry,
            Err((seq, reason)) => {
                self.skipped(seq);
                self.report.find(seq, "damaged-entry", format!("entry {seq}: {reason}"));
                // What follows carries a link that nothing here can say.
                self.at = AuditHead { count: seq, hash: ContentHash::default() };
                self.doubt = None;
                return Ok(());
            }
        };
        self.skipped(entry.seq);
        self.link(&entry);
        self.remember(&entry);
        if !is_later {
            self.beside_journal(&entry, appends).await?;
        }
        self.report.entries += 1;
        Ok(())
    }

    /// Entries that are not there.
    fn skipped(&mut self, seq: u64) {
        let expected = self.at.count + 1;
        if seq > expected {
            let what = match seq - expected {
                1 => format!("entry {expected} is not there"),
                more => format!("entry {expected} and {} after it are not there", more - 1),
            };
            self.report.find(expected, "missing-entry", what);
            self.at = AuditHead { count: seq - 1, hash: ContentHash::default() };
            self.doubt = None;
        }
    }

    fn link(&mut self, entry: &AuditEntry) {
        self.settle_doubt(entry.previous_hash);
        let before = self.at;
        let is_known = before.hash != ContentHash::default();
        if is_known && entry.previous_hash != before.hash && self.doubt.is_none() {
            // Either the entry before was changed, or the link that this one carries: what the
            // next one carries tells which.
            self.doubt = Some((entry.seq, before.after(entry.content_hash).hash));
        }
        self.at = AuditHead { count: entry.seq, hash: entry.hash };
        self.heads.check(self.at, &mut self.report);
    }

    /// The next link tells which of two entries was changed.
    fn settle_doubt(&mut self, carried: ContentHash) {
        let Some((seq, if_link)) = self.doubt.take() else { return };
        let (bad, which) = if carried == if_link {
            (seq, "the link that it carries was changed")
        } else if carried == self.at.hash {
            (seq - 1, "it is not what the entry after it was linked to: it was changed")
        } else {
            (seq, "it neither follows on the one before it nor is it what the next one follows on")
        };
        self.report.find(bad, "broken-link", format!("entry {bad}: {which}"));
        // From here on the trail is followed as it goes on.
        self.at.hash = carried;
    }

    /// What later entries need to know of this one.
    fn remember(&mut self, entry: &AuditEntry) {
        match entry.action.as_str() {
            JOBS_REMOVED => {
                let jobs = entry.detail.get("jobs").and_then(Value::as_array);
                for job in jobs.into_iter().flatten() {
                    let job = job.as_str().and_then(|job| job.parse().ok());
                    if let Some((_, commits)) = job.and_then(|job| self.missing.remove(&job)) {
                        self.report.removed += commits;
                    }
                }
            }
            RESTORED => {
                let generation = entry.detail.get("generation").and_then(Value::as_u64);
                self.restores.push((entry.seq, generation.unwrap_or_default()));
            }
            STARTED => {
                let key = entry.detail.get("auditKey").and_then(Value::as_str);
                self.heads.known_keys.extend(key.map(|key| (key.to_owned(), entry.seq)));
            }
            _ => {}
        }
    }

    async fn beside_journal(
        &mut self,
        entry: &AuditEntry,
        appends: &mut Appends<'_>,
    ) -> Result<(), StoreError> {
        let Some(commit) = entry.commit else { return Ok(()) };
        let (seq, job) = (entry.seq, commit.job);
        if commit.feed <= self.last_feed {
            let what = format!("entry {seq} is about a commit that an earlier one is about");
            self.report.find(seq, "wrong-order", what);
            return Ok(());
        }
        self.last_feed = commit.feed;
        let mut found = None;
        while let Some(seal) = appends.next_up_to(commit.feed).await? {
            match seal.feed == commit.feed {
                true => found = Some(seal),
                false => self.unlogged_seal(&seal),
            }
        }
        let found = match found {
            Some(seal) if (seal.job, seal.last_seq) != (job, commit.last_seq) => {
                let (other, last) = (seal.job, seal.last_seq);
                Err(format!("the feed has event {last} of job {other} in its place"))
            }
            Some(seal) => seal.hash,
            None => Ok(None),
        };
        let last = commit.last_seq;
        match found {
            Ok(Some(hash)) if hash == entry.digest => self.report.commits += 1,
            Ok(Some(_)) => {
                let what = format!(
                    "entry {seq} ({}): the journal of job {job} up to event {last} is not what was \
                     committed: it was edited",
                    entry.action
                );
                self.report.find(seq, "journal-differs", what);
            }
            Ok(None) => self.missing.entry(job).or_insert((seq, 0)).1 += 1,
            Err(reason) => {
                let what =
                    format!("entry {seq}: the journal of job {job} at event {last}: {reason}");
                self.report.find(seq, "journal-damaged", what);
            }
        }
        Ok(())
    }

    fn unlogged_seal(&mut self, seal: &crate::store::AppendSeal) {
        if let Ok(None) = seal.hash {
            return;
        }
        let (feed, job, last) = (seal.feed, seal.job, seal.last_seq);
        let what =
            format!("commit {feed} (job {job} up to event {last}) has no entry in the trail");
        self.report.find(None, "unlogged-commit", what);
    }

    /// The end of the entries against what was noted with the last one.
    fn end_of_chain(&mut self, head: AuditHead) {
        let count = self.at.count;
        if count < head.count {
            let (first, gone) = (count + 1, head.count - count);
            let what = format!(
                "entry {first} is not there: the trail ends with entry {count}, and its head says \
                 {}: {gone} were cut off",
                head.count
            );
            self.report.find(first, "cut-off", what);
            self.doubt = None;
        } else if count == head.count {
            self.settle_doubt(head.hash);
            if self.at.hash != head.hash && self.at.hash != ContentHash::default() {
                let what = format!("entry {count}: its link is not the one that the head names");
                self.report.find(count, "broken-link", what);
            }
        }
        // One that is longer grew while it was read.
        self.doubt = None;
    }

    async fn unlogged(
        &mut self,
        appends: &mut Appends<'_>,
        last_feed: u64,
    ) -> Result<(), StoreError> {
        while let Some(seal) = appends.next_up_to(last_feed).await? {
            self.unlogged_seal(&seal);
        }
        Ok(())
    }

    fn judge(mut self) -> Verification {
        for (job, (seq, _)) in std::mem::take(&mut self.missing) {
            let what = format!(
                "entry {seq}: the journal of job {job} is not there, and no entry says that it \
                 was removed"
            );
            self.report.find(seq, "journal-missing", what);
        }
        self.heads.end(self.at.count, &self.restores, &mut self.report);
        // The first one named is the first one changed: what names an entry comes before what knows
        // only that it is one of several up to there, and what is about no entry comes last.
        self.report.findings.sort_by_key(|finding| {
            (finding.up_to.unwrap_or(u64::MAX), finding.entry != finding.up_to)
        });
        self.report
    }
}
