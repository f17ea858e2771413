//! The audit trail of a whole server: who signs it, what a start writes into it, and how the trail
//! of a stopped store or of a backup is followed. It changes no store that is not its own.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::app::AppError;
use crate::app::stopped::StoppedError;
use crate::config::Config;
use crate::config::store::StoreUrl;
use crate::engine::audit::{Anchors, AuditKey, Notary, STARTED, read_heads_file, verify};
use crate::engine::{Engine, EngineError};
use crate::model::audit::Fact;
use crate::model::id::ContentHash;
use crate::model::principal::Principal;
use crate::store::durable_file::beside;
use crate::store::{BackupError, OpenError, Redb, RedbOptions, Store};

pub use crate::engine::audit::{BundleReport, Finding, Verification, check_bundle};

/// The name of the key's file beside the store.
const KEY_FILE: &str = "audit.key";

/// The name of the copy that is looked at, behind that of the store.
const VERIFYING: &str = ".verifying";

/// The file of the key that signs the trail of this store.
pub fn key_file(store: &Path) -> PathBuf {
    store.with_file_name(KEY_FILE)
}

/// Who signs the trail of a server with this configuration.
pub(super) fn notary(config: &Config) -> Result<Notary, AppError> {
    let StoreUrl::Redb(store) = &config.store.url;
    let key = AuditKey::open_or_make(&key_file(store));
    let key = key.map_err(|error| AppError::setting("the audit trail", &error))?;
    Ok(Notary::new(key, config.audit.heads_file.clone(), config.audit.webhook.clone()))
}

/// Lets the notary sign, and writes the entry of this start.
pub(super) async fn begin(
    engine: &Engine,
    notary: Notary,
    config: &Config,
) -> Result<(), AppError> {
    let recovery = engine.recovery();
    let fact = Fact::new(Principal::system("server"), STARTED, "server").with(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "configDigest": ContentHash::of(format!("{config:?}").as_bytes()),
        "auditKey": notary.public_key(),
        "generation": engine.standing().generation,
        "recovery": {
            "tookMs": recovery.took_ms,
            "queued": recovery.queued,
            "parked": recovery.parked,
            "revived": recovery.revived,
            "due": recovery.due,
            "interruptedCalls": recovery.interrupted_calls,
            "poisoned": recovery.poisoned,
        },
    }));
    engine.employ(notary);
    match engine.record(fact).await {
        // Reading must be possible on a full disk, and that needs a start.
        Err(EngineError::DiskFull(reason)) => {
            tracing::error!(reason, "this start has no entry in the audit trail");
            Ok(())
        }
        recorded => recorded.map_err(|error| AppError::Engine(error.to_string())),
    }
}

/// What the trail of a stopped store or of a backup is checked against.
#[derive(Clone, Debug, Default)]
pub struct VerifyOrder {
    /// The file of the store.
    pub store: PathBuf,
    /// Files of signed heads.
    pub anchors: Vec<PathBuf>,
    /// The public key that must have signed; none: that of the key beside the store.
    pub key: Option<String>,
}

/// Follows the trail of a store that no server has open. The file stays as it is.
///
/// # Errors
/// When a file cannot be read; none when the trail does not hold. None: the store is of a format
/// without a trail.
pub async fn verify_stopped(order: &VerifyOrder) -> Result<Option<Verification>, StoppedError> {
    let (anchors, notes) = anchors_of(order)?;
    let from = &order.store;
    let source = File::open(from).map_err(|error| BackupError::io(from, "open store", &error))?;
    if source.try_lock().is_err() {
        return Err(OpenError::Locked { path: from.clone() }.into());
    }
    // Opening a file writes to it, and a backup must stay what its manifest says.
    let copied = beside(from, VERIFYING);
    std::fs::copy(from, &copied)
        .map_err(|error| BackupError::io(&copied, "copy store to", &error))?;
    let verified = follow(RedbOptions::new(&copied), &anchors).await;
    std::fs::remove_file(&copied).ok();
    let mut verified = verified?;
    if let Some(found) = &mut verified {
        found.notes.extend(notes);
    }
    Ok(verified)
}

async fn follow(
    options: RedbOptions,
    anchors: &Anchors,
) -> Result<Option<Verification>, StoppedError> {
    let opened = tokio::task::spawn_blocking(move || Redb::open_as_it_is(options)).await;
    let opened = opened.map_err(|error| AppError::Engine(error.to_string()))??;
    let Some(store) = opened else { return Ok(None) };
    let verified = verify(&store, anchors).await;
    store.close().await?;
    Ok(Some(verified?))
}

fn anchors_of(order: &VerifyOrder) -> Result<(Anchors, Vec<String>), StoppedError> {
    let own = AuditKey::open(&key_file(&order.store)).ok().map(|key| key.public());
    let mut anchors = Anchors { heads: Vec::new(), key: order.key.clone().or(own) };
    let mut notes = Vec::new();
    for path in &order.anchors {
        let read = read_heads_file(path);
        let read = read.map_err(|error| BackupError::io(path, "read heads", &error))?;
        for (line, head) in read {
            let place = format!("{} line {line}", path.display());
            match head {
                Ok(head) => anchors.heads.push((place, head)),
                Err(reason) => notes.push(format!("{place}: {reason}")),
            }
        }
    }
    Ok((anchors, notes))
}

/// The public key of the trail of this store.
///
/// # Errors
/// When there is no key.
pub fn public_key(store: &Path) -> Result<String, AppError> {
    let key = AuditKey::open(&key_file(store));
    let key = key.map_err(|error| AppError::setting("the audit trail", &error))?;
    Ok(key.public())
}
