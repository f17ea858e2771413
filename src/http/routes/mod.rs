//! One file for each resource, a function for each verb. No function here decides anything about a
//! job.

/// The actor tree.
pub mod actors;
/// Jobs of all, for those who run the server.
pub mod admin_jobs;
/// Jobs in the words of agent jobs.
pub mod agent_jobs;
/// Login.
pub mod auth;
/// Backups and the release of a held store.
pub mod backup;
/// Checkpoints.
pub mod checkpoints;
/// Events that come in.
pub mod cloudevents;
/// Creating a job.
mod creation;
/// A job with its logs, checkpoints and timeline.
mod detail;
/// The API's own pages and document.
pub mod docs;
/// A look at the whole store.
pub mod doctor;
/// Liveness and readiness.
pub mod health;
/// Jobs of one's own.
pub mod jobs;
/// Filters and pages of job lists.
mod listing;
/// Metrics.
pub mod metrics;
/// How the server is.
pub mod status;
/// The worker.
pub mod worker;
/// Workflow documents.
pub mod workflows;
