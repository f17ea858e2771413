//! Signs how far the trail goes, and keeps what it signed where a thief of the store would have to
//! reach as well: in the store, in a file of its own, in the log, and at whoever listens. It never
//! holds a commit up.

use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::calls::{Call, Caller, Function, Outcome};
use crate::engine::audit::{Anchors, AuditKey, Verification, verify};
use crate::engine::{Document, Engine, EngineError};
use crate::model::audit::SignedHead;
use crate::model::id::JobId;
use crate::model::metric_names as names;
use crate::model::time::Timestamp;
use crate::store::{Store, StoreError};

/// The documents that signed heads are kept as, by count with leading zeros: in order.
pub const HEADS: &str = "audit-heads";

/// What signs.
#[derive(Debug)]
pub struct Notary {
    key: AuditKey,
    /// The file that each head is added to; none: none.
    heads_file: Option<PathBuf>,
    /// Where each head is sent; none: nowhere.
    webhook: Option<String>,
    /// The last head that was signed here.
    last: Mutex<Option<SignedHead>>,
}

impl Notary {
    /// Signs with this key.
    pub fn new(key: AuditKey, heads_file: Option<PathBuf>, webhook: Option<String>) -> Self {
        Self { key, heads_file, webhook, last: Mutex::default() }
    }

    /// The public key, hex.
    pub fn public_key(&self) -> String {
        self.key.public()
    }

    /// The file that each head is added to.
    pub fn heads_file(&self) -> Option<&Path> {
        self.heads_file.as_deref()
    }

    /// Signs the head of this store, if the trail has grown since it was signed the last time.
    /// Says what was signed, and whether just now.
    ///
    /// # Errors
    /// When the store cannot take it. A file that cannot be written is said in the log, and the
    /// next head is written all the same.
    pub async fn sign(
        &self,
        store: &dyn Store,
        generation: u64,
        now: Timestamp,
    ) -> Result<(Option<SignedHead>, bool), StoreError> {
        let mut last = self.last.lock().await;
        let head = store.audit_head().await?;
        let is_known = last.as_ref().is_some_and(|last| last.count == head.count);
        if is_known || head.count == 0 {
            return Ok((last.clone(), false));
        }
        let signed = self.key.sign_head(store.store_id().await?, generation, head, now);
        let unwritten = |error: serde_json::Error| StoreError::Unavailable(error.to_string());
        let body = serde_json::to_vec(&signed).map_err(unwritten)?;
        let id = format!("{:020}", signed.count);
        let document = Document { id, version: 0, updated_at: now, body: body.clone() };
        store.put_document(HEADS, document, None).await?;
        *last = Some(signed.clone());
        let SignedHead { count, hash, signature, .. } = &signed;
        tracing::info!(count, %hash, generation, signature, "audit head signed");
        if let Some(path) = self.heads_file.clone() {
            let written = tokio::task::spawn_blocking(move || add_line(&path, &body)).await;
            let failed = match written {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(error) => Some(error.to_string()),
            };
            if let Some(error) = failed {
                metrics::counter!(names::AUDIT_HEADS_LOST_TOTAL, "to" => "file").increment(1);
                tracing::error!(error, "a signed head is not in the file of heads");
            }
        }
        Ok((Some(signed), true))
    }

    /// Sends a head to whoever listens. One that is lost is made up for by the next one, which
    /// covers everything before it.
    pub async fn send(&self, caller: &Caller, head: &SignedHead, now: Timestamp) {
        let Some(url) = &self.webhook else { return };
        let (id, at) =
            (format!("audit_{}_{}", head.generation, head.count), now.as_millis() / 1000);
        let body = json!({ "type": "audit.head", "timestamp": head.at, "data": head });
        let signed = format!("{id}.{at}.{body}");
        // Standard Webhooks: `v1a` is an Ed25519 signature of `id.timestamp.body`.
        let signature = format!("v1a,{}", STANDARD.encode(self.key.sign(signed.as_bytes())));
        let arguments = json!({
            "method": "POST",
            "endpoint": url,
            "headers": {
                "Content-Type": "application/json",
                "webhook-id": id,
                "webhook-timestamp": at.to_string(),
                "webhook-signature": signature,
            },
            "body": body.to_string(),
        });
        let call = Call {
            job: JobId(uuid::Uuid::nil()),
            key: id,
            function: Function::Http,
            arguments: Arc::new(arguments),
        };
        if let Outcome::Failed(problem) = caller.run(&call).await {
            metrics::counter!(names::AUDIT_HEADS_LOST_TOTAL, "to" => "webhook").increment(1);
            let detail = problem.detail.unwrap_or_default();
            tracing::warn!(url, detail, "a signed head was not taken; the next one covers it");
        }
    }
}

impl Engine {
    /// Lets this notary sign heads from now on. The first one stays.
    pub fn employ(&self, notary: Notary) {
        self.shared.notary.set(notary).ok();
    }

    /// The public key of the heads; none when nobody signs them.
    pub fn audit_key(&self) -> Option<String> {
        self.shared.notary.get().map(Notary::public_key)
    }

    /// Follows the whole trail, beside the heads in the store and in the file of heads.
    ///
    /// # Errors
    /// When the store cannot be read; damage is no error but a finding.
    pub async fn verify_audit(&self) -> Result<Verification, EngineError> {
        let mut anchors = Anchors { heads: Vec::new(), key: self.audit_key() };
        let mut notes = Vec::new();
        let file = self.shared.notary.get().and_then(Notary::heads_file).map(Path::to_owned);
        if let Some(path) = file.filter(|path| path.exists()) {
            let place = path.display().to_string();
            let read = tokio::task::spawn_blocking(move || read_heads_file(&path)).await;
            let read = read.map_err(|error| EngineError::Unavailable(error.to_string()))?;
            match read {
                Ok(read) => {
                    for (line, head) in read {
                        let place = format!("{place} line {line}");
                        match head {
                            Ok(head) => anchors.heads.push((place, head)),
                            Err(reason) => notes.push(format!("{place}: {reason}")),
                        }
                    }
                }
                Err(error) => notes.push(format!("{place} cannot be read: {error}")),
            }
        }
        let mut verified = verify(&*self.shared.parts.store, &anchors).await?;
        verified.notes.extend(notes);
        Ok(verified)
    }

    /// Signs the head if the trail has grown, and answers the last signed head.
    ///
    /// # Errors
    /// When the store cannot take it.
    pub async fn sign_head(&self) -> Result<Option<SignedHead>, EngineError> {
        let Some(notary) = self.shared.notary.get() else { return Ok(None) };
        let (store, generation) = (&*self.shared.parts.store, self.standing().generation);
        Ok(notary.sign(store, generation, self.now()).await?.0)
    }

    /// Signs the head if the trail has grown, and sends it to whoever listens.
    ///
    /// # Errors
    /// When the store cannot take it.
    pub async fn publish_head(&self) -> Result<(), EngineError> {
        let Some(notary) = self.shared.notary.get() else { return Ok(()) };
        let (store, generation) = (&*self.shared.parts.store, self.standing().generation);
        if let (Some(head), true) = notary.sign(store, generation, self.now()).await? {
            notary.send(&self.shared.parts.caller, &head, self.now()).await;
        }
        Ok(())
    }
}

/// Adds a line; it is on disk when this returns.
fn add_line(path: &Path, line: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    let mut file = options.create(true).read(true).append(true).mode(0o600).open(path)?;
    let mut whole = Vec::with_capacity(line.len() + 2);
    // A crash may have cut the last line off; the next one must not continue it.
    if file.metadata()?.len() > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            whole.push(b'\n');
        }
    }
    whole.extend_from_slice(line);
    whole.push(b'\n');
    file.write_all(&whole)?;
    file.sync_data()
}

/// The heads in a file, each with its line. A line that is no head is given as the reason; half a
/// line at the end is what a crash leaves, and is passed over.
///
/// # Errors
/// When the file cannot be read.
pub fn read_heads_file(path: &Path) -> io::Result<Vec<(u64, Result<SignedHead, String>)>> {
    let text = std::fs::read_to_string(path)?;
    let is_whole = text.ends_with('\n');
    let lines: Vec<&str> = text.lines().collect();
    let mut heads = Vec::new();
    for (number, line) in (1u64..).zip(&lines) {
        let parsed = serde_json::from_str::<Value>(line).ok();
        // What a crash cut off stands as half a line, there or before the next one.
        let Some(value) = parsed else {
            if !is_whole && number == lines.len() as u64 {
                continue;
            }
            heads.push((number, Err("it is no JSON: a crash or somebody cut it".to_owned())));
            continue;
        };
        let head = serde_json::from_value(value);
        heads.push((number, head.map_err(|error| format!("it is no signed head: {error}"))));
    }
    Ok(heads)
}
