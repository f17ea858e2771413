//! Checks a bundle of evidence with nothing but the bundle itself, and the public key if whoever
//! checks has noted it: records against links, links against signed heads, what was shown against
//! what was decided. It asks no server and no store.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Value, json};

use crate::engine::audit::bundle::FORMAT;
use crate::engine::audit::key::verify_head;
use crate::model::audit::{AuditEntry, AuditHead, SignedHead};
use crate::model::id::ContentHash;
use crate::store::evidence::{read_append, read_entry};

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleReport {
    /// The job.
    pub job: String,
    /// The key that signed.
    pub key: String,
    /// Entries of the trail that are proven.
    pub entries: u64,
    /// Events of the journal that are proven.
    pub events: u64,
    /// Decisions that are proven, each with what was shown.
    pub decisions: u64,
    /// What does not hold; nothing when everything does.
    pub problems: Vec<String>,
}

/// Checks a bundle. `key`: the public key that must have signed, hex; none: the one that the bundle
/// names.
pub fn check_bundle(bundle: &Value, key: Option<&str>) -> BundleReport {
    let mut check = Check { bundle, report: BundleReport::default(), entries: Vec::new() };
    if let Err(problem) = check.run(key) {
        check.report.problems.push(problem);
    }
    check.report
}

struct Check<'b> {
    bundle: &'b Value,
    report: BundleReport,
    entries: Vec<AuditEntry>,
}

impl Check<'_> {
    fn run(&mut self, key: Option<&str>) -> Result<(), String> {
        let bundle = self.bundle;
        if text(bundle, "/format")? != FORMAT {
            return Err(format!("this is no bundle of the form {FORMAT:?}"));
        }
        self.report.job = text(bundle, "/job/id")?.to_owned();
        self.report.key = text(bundle, "/key")?.to_owned();
        let key = key.unwrap_or(&self.report.key).to_owned();
        for proof in list(bundle, "/proofs")? {
            self.proof(proof, &key)?;
        }
        self.journal()?;
        self.shown()?;
        self.workflow()
    }

    /// Follows the links from the first entry to the head, whose signature must hold.
    fn proof(&mut self, proof: &Value, key: &str) -> Result<(), String> {
        let head = proof.get("head").cloned().unwrap_or_default();
        let head: SignedHead =
            serde_json::from_value(head).map_err(|error| format!("a head is none: {error}"))?;
        verify_head(&head).map_err(|reason| format!("the head at {}: {reason}", head.count))?;
        if head.key != key {
            return Err(format!(
                "the head at {} is signed by another key, {}",
                head.count, head.key
            ));
        }
        let first = proof.get("first").and_then(Value::as_u64).filter(|first| *first > 0);
        let first = first.ok_or("a proof has no first entry")?;
        let mut at = AuditHead { count: first - 1, hash: hash(text(proof, "/previousHash")?)? };
        for link in list(proof, "/links")? {
            let content = match link.as_str() {
                Some(known) => hash(known)?,
                None => self.entry(link, at)?,
            };
            at = at.after(content);
        }
        match (at.count, at.hash) == (head.count, head.hash) {
            true => Ok(()),
            false => Err(format!(
                "the links lead to entry {} with {}, the signed head is {} with {}",
                at.count, at.hash, head.count, head.hash
            )),
        }
    }

    fn entry(&mut self, link: &Value, before: AuditHead) -> Result<ContentHash, String> {
        let content = bytes(text(link, "/content")?)?;
        let entry = read_entry(&content, before.hash)?;
        let commit = entry.commit.ok_or("an entry is about no commit")?;
        if entry.seq != before.count + 1 || commit.job.to_string() != self.report.job {
            return Err(format!("entry {} belongs elsewhere", entry.seq));
        }
        self.report.entries += 1;
        self.entries.push(entry);
        Ok(ContentHash::of(&content))
    }

    /// The records against the entries: each ends with an append whose hash an entry has.
    fn journal(&mut self) -> Result<(), String> {
        let mut before: Option<ContentHash> = None;
        let mut events = 0;
        let mut unproven = self.entries.iter().peekable();
        for record in list(self.bundle, "/journal")? {
            let body = bytes(text(record, "/record")?)?;
            let version = record.get("version").and_then(Value::as_u64).unwrap_or_default();
            let append = read_append(u16::try_from(version).unwrap_or_default(), &body)?;
            let last = append.first_seq + append.events.len() as u64 - 1;
            let wrong = |what: &str| Err(format!("the journal at event {last}: {what}"));
            if append.first_seq != events + 1 {
                return wrong("events before it are missing");
            }
            if before.is_some_and(|before| before != append.previous_hash) {
                return wrong("it does not follow on the record before it");
            }
            if record.get("by") != Some(&json!(append.by))
                || record.get("at") != Some(&json!(append.at.to_rfc3339()))
            {
                return wrong("who and when are not what the record says");
            }
            if record.get("events") != Some(&Value::Array(append.events)) {
                return wrong("the events that are shown are not those of the record");
            }
            let digest = ContentHash::of(&body);
            let place = |entry: &AuditEntry| entry.commit.map(|commit| commit.last_seq);
            if let Some(entry) = unproven.next_if(|entry| place(entry) == Some(last))
                && entry.digest != digest
            {
                return wrong("it is not what its entry in the trail says");
            }
            (before, events) = (Some(digest), last);
        }
        if let Some(entry) = unproven.next() {
            return Err(format!("the journal lacks the commit of entry {}", entry.seq));
        }
        let proven = self.entries.last().and_then(|entry| entry.commit);
        if proven.is_none_or(|commit| commit.last_seq != events) {
            return Err("the journal goes on after the last entry".to_owned());
        }
        self.report.events = events;
        Ok(())
    }

    /// What was shown is what its digest says, and what was decided about is what was shown.
    fn shown(&mut self) -> Result<(), String> {
        let decided: Vec<ContentHash> = self
            .entries
            .iter()
            .filter(|entry| entry.action == "decided")
            .filter_map(|entry| entry.shown)
            .collect();
        for checkpoint in list(self.bundle, "/checkpoints")? {
            let (id, digest) = (text(checkpoint, "/id")?, hash(text(checkpoint, "/sha256")?)?);
            if ContentHash::of(text(checkpoint, "/shown")?.as_bytes()) != digest {
                return Err(format!("checkpoint {id}: what was shown is not what its digest says"));
            }
            if checkpoint.get("decision").is_some_and(Value::is_object) {
                if !decided.contains(&digest) {
                    return Err(format!("checkpoint {id}: no entry says that it was decided"));
                }
                if !self.is_recorded(id, &checkpoint["decision"])? {
                    return Err(format!("checkpoint {id}: the journal has another decision"));
                }
                self.report.decisions += 1;
            }
        }
        Ok(())
    }

    /// Is there an event of this decision? The events are those of the records by now.
    fn is_recorded(&self, checkpoint: &str, shown: &Value) -> Result<bool, String> {
        let is_it = |event: &Value| {
            let made = &event["decision"];
            let same = |member: &str| made[member] == shown[member];
            event["type"] == "decided"
                && event["checkpoint"] == checkpoint
                && ["verdict", "by", "comment"].into_iter().all(same)
        };
        let mut records = list(self.bundle, "/journal")?.iter();
        Ok(records.any(|record| record["events"].as_array().is_some_and(|of| of.iter().any(is_it))))
    }

    fn workflow(&mut self) -> Result<(), String> {
        let Ok(document) = text(self.bundle, "/workflow/document") else { return Ok(()) };
        match ContentHash::of(document.as_bytes()) == hash(text(self.bundle, "/workflow/sha256")?)?
        {
            true => Ok(()),
            false => Err("the workflow is not what its hash says".to_owned()),
        }
    }
}

fn text<'v>(value: &'v Value, pointer: &str) -> Result<&'v str, String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.ok_or_else(|| format!("{pointer} is missing, or no text"))
}

fn list<'v>(value: &'v Value, pointer: &str) -> Result<&'v Vec<Value>, String> {
    let found = value.pointer(pointer).and_then(Value::as_array);
    found.ok_or_else(|| format!("{pointer} is missing, or no list"))
}

fn hash(text: &str) -> Result<ContentHash, String> {
    text.parse().map_err(|_| format!("{text:?} is no SHA-256"))
}

fn bytes(text: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(text).map_err(|error| format!("a record is no base64: {error}"))
}
