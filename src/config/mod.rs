//! The configuration of a process, typed. Each part of the program has one struct here; none of
//! them reads a file or a variable by itself, and no part below this floor knows of TOML.

use serde::Deserialize;

/// Signed heads of the audit trail.
pub mod audit;
/// Backups, and how long jobs that ended stay.
pub mod backup;
/// Rules that types cannot say, collected instead of stopping at the first.
mod check;
/// Outgoing calls.
pub mod egress;
/// The actors.
pub mod engine;
/// Every bad key at once.
pub mod error;
/// Folders: secrets, workflows, artifacts.
pub mod folders;
/// The listener.
pub mod http;
/// Which keys exist.
mod keys;
/// One layer: text to keys with values and places.
mod layer;
/// The layers, one over the other.
pub mod load;
/// Log lines.
pub mod log;
/// The scrape.
pub mod metrics;
/// The language model.
pub mod openai;
/// The store.
pub mod store;
/// The dispatcher of runs.
pub mod worker;

/// Every key with its default, as the operator reads it.
pub const DEFAULTS: &str = include_str!("../../config.toml");

/// The effective configuration. The fields are the sections of `config.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The listener.
    pub http: http::Http,
    /// The store.
    pub store: store::Store,
    /// The dispatcher of runs.
    pub worker: worker::Worker,
    /// The actors.
    pub engine: engine::Engine,
    /// Outgoing calls.
    pub egress: egress::Egress,
    /// The language model.
    pub openai: openai::OpenAi,
    /// Named secrets.
    pub secrets: folders::Secrets,
    /// Shipped and own workflow documents.
    pub workflows: folders::Workflows,
    /// What workflows write.
    pub artifacts: folders::Artifacts,
    /// Backups.
    pub backup: backup::Backup,
    /// How long jobs that ended stay.
    pub retention: backup::Retention,
    /// Signed heads of the audit trail.
    pub audit: audit::Audit,
    /// Log lines.
    pub log: log::Log,
    /// The scrape.
    pub metrics: metrics::Metrics,
}

impl Config {
    /// What is wrong with the values although each has its type.
    fn check(&self) -> Vec<check::Complaint> {
        let mut complaints = check::Complaints::default();
        self.http.check(&mut complaints);
        self.store.check(&mut complaints);
        self.worker.check(&mut complaints);
        self.engine.check(&mut complaints);
        self.egress.check(&mut complaints);
        self.openai.check(&mut complaints);
        self.workflows.check(&mut complaints);
        self.artifacts.check(&mut complaints);
        self.backup.check(&mut complaints);
        self.retention.check(&mut complaints);
        self.audit.check(&mut complaints);
        self.log.check(&mut complaints);
        complaints.into_inner()
    }
}
