//! What one job's decisions were made from, in one JSON file: its journal, what was shown, who
//! decided, the workflow, and the entries of the audit trail with as many links as it takes to
//! reach a signed head. It holds whole payloads of the job: it is made for admins.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::dsl::canonical_text;
use crate::engine::audit::notary::HEADS;
use crate::engine::{AuditQuery, DEFINITIONS, Engine, EngineError};
use crate::model::audit::{AuditEntry, SignedHead};
use crate::model::checkpoint::{Checkpoint, Decision};
use crate::model::id::{ContentHash, JobId};
use crate::model::refusal::Refusal;
use crate::store::evidence::{entry_content, read_append};

/// The form of bundles that this program writes.
pub(crate) const FORMAT: &str = "holdpoint evidence 1";
/// Entries of the trail read at a time.
const PAGE: usize = 2_000;
/// The action of the first entry of a job.
const CREATED: &str = "created";

/// The bundle of a job. `people` is what the door knows of those who are named in it.
///
/// # Errors
/// `NoSuchJob`; `Unavailable` when nobody signs heads, or the store cannot be read.
pub async fn bundle_of(engine: &Engine, job: JobId) -> Result<Value, EngineError> {
    let view = engine.job(job).await?;
    let entries = entries_of(engine, job).await?;
    let unsigned = || {
        let reason = "nobody signs the audit trail of this server, so there is nothing to prove";
        EngineError::Unavailable(reason.to_owned())
    };
    // What is newer than the last head is covered by a new one.
    let last = engine.sign_head().await?.ok_or_else(unsigned)?;
    let mut segments: BTreeMap<u64, (SignedHead, Vec<AuditEntry>)> = BTreeMap::new();
    for entry in entries {
        let head = head_from(engine, entry.seq).await?.unwrap_or_else(|| last.clone());
        segments.entry(head.count).or_insert_with(|| (head, Vec::new())).1.push(entry);
    }
    let mut proofs = Vec::new();
    for (head, entries) in segments.into_values() {
        proofs.push(proof(engine, &head, &entries).await?);
    }
    let row = &view.row;
    let checkpoints = view.job.checkpoints.values();
    let checkpoints: Vec<Value> = checkpoints.map(|held| checkpoint(held)).collect();
    Ok(json!({
        "format": FORMAT,
        "storeId": last.store_id,
        "exportedAt": engine.now().to_rfc3339(),
        "key": last.key,
        "job": {
            "id": row.id.to_string(),
            "type": row.job_type,
            "name": row.name,
            "status": row.status.to_string(),
            "owner": row.owner,
            "events": row.version,
        },
        "workflow": workflow(engine, view.job.spec.definition).await?,
        "checkpoints": checkpoints,
        "journal": journal(engine, job).await?,
        "proofs": proofs,
    }))
}

/// The entries of a job, oldest first.
async fn entries_of(engine: &Engine, job: JobId) -> Result<Vec<AuditEntry>, EngineError> {
    let target = Some(job.to_string());
    let mut query = AuditQuery { target, limit: PAGE, ..AuditQuery::default() };
    let mut entries: Vec<AuditEntry> = Vec::new();
    loop {
        let page = engine.audit(&query).await?;
        entries.extend(page.rows.into_iter().filter(|entry| entry.commit.is_some()));
        // Nothing is older than the entry of its creation.
        let is_whole = entries.last().is_some_and(|entry| entry.action == CREATED);
        match page.next_before.filter(|_| !is_whole) {
            Some(before) => query.before = Some(before),
            None => break,
        }
    }
    entries.reverse();
    match entries.is_empty() {
        true => Err(Refusal::NoSuchJob.into()),
        false => Ok(entries),
    }
}

/// The first signed head that covers this entry.
async fn head_from(engine: &Engine, seq: u64) -> Result<Option<SignedHead>, EngineError> {
    let before = format!("{:020}", seq.saturating_sub(1));
    let found = engine.documents(HEADS, Some(&before), 1).await?;
    // One that cannot be read vouches for nothing: the next one does.
    Ok(found.first().and_then(|document| serde_json::from_slice(&document.body).ok()))
}

/// The links from the first of these entries to a head: of entries in between only their hashes.
async fn proof(
    engine: &Engine,
    head: &SignedHead,
    entries: &[AuditEntry],
) -> Result<Value, EngineError> {
    let unwritten = |reason: String| EngineError::Unavailable(reason);
    let mut contents = BTreeMap::new();
    for entry in entries {
        let content = entry_content(entry).map_err(unwritten)?;
        contents
            .insert(entry.seq, json!({ "seq": entry.seq, "content": STANDARD.encode(content) }));
    }
    let (Some(first), mut links) = (entries.first(), Vec::new()) else {
        return Err(unwritten("a head without entries".to_owned()));
    };
    let mut after = first.seq - 1;
    while after < head.count {
        let page = engine.audit_entries(after, PAGE).await?;
        let Some(last) = page.last().map(|entry| entry.seq) else { break };
        for entry in page.iter().take_while(|entry| entry.seq <= head.count) {
            let link = contents.remove(&entry.seq);
            links.push(link.unwrap_or_else(|| json!(entry.content_hash)));
        }
        after = last;
    }
    Ok(json!({
        "first": first.seq,
        "previousHash": first.previous_hash,
        "links": links,
        "head": head,
    }))
}

async fn workflow(engine: &Engine, hash: ContentHash) -> Result<Value, EngineError> {
    let found = engine.document(DEFINITIONS, &hash.to_string()).await?;
    let value = found.and_then(|found| serde_json::from_slice::<Value>(&found.body).ok());
    Ok(json!({ "sha256": hash, "document": value.as_ref().map(canonical_text) }))
}

fn checkpoint(held: &Checkpoint) -> Value {
    json!({
        "id": held.id.to_string(),
        "task": &*held.reference,
        "title": held.title,
        "status": held.status.to_string(),
        "openedAt": held.opened_at.to_rfc3339(),
        "sha256": held.digest,
        "shown": canonical_text(&held.shown),
        "votes": held.votes.iter().map(decision).collect::<Vec<_>>(),
        "decision": held.decision.as_ref().map(decision),
    })
}

fn decision(made: &Decision) -> Value {
    json!({
        "verdict": made.verdict.to_string(),
        "by": made.by,
        "at": made.at.to_rfc3339(),
        "comment": made.comment,
        "actsFor": made.acts_for,
        "door": made.door,
    })
}

/// The records of the journal as they are, and their events for people.
async fn journal(engine: &Engine, job: JobId) -> Result<Vec<Value>, EngineError> {
    let unreadable = |reason: String| EngineError::Corrupt { job, reason };
    let records = engine.shared.parts.store.journal_records(job).await?;
    let mut shown = Vec::with_capacity(records.len());
    for (last_seq, record) in &records {
        let (version, body) = record.append_body().map_err(unreadable)?;
        let append = read_append(version, body).map_err(unreadable)?;
        shown.push(json!({
            "lastSeq": last_seq,
            "version": version,
            "record": STANDARD.encode(body),
            "at": append.at.to_rfc3339(),
            "by": append.by,
            "events": append.events,
        }));
    }
    Ok(shown)
}
