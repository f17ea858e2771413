//! One file for each resource, a function for each verb. No function here decides anything about a
//! job.

/// The actor tree.
pub mod actors;
/// Agents, for admins.
pub mod admin_agents;
/// Jobs of all, for those who run the server.
pub mod admin_jobs;
/// Jobs in the words of agent jobs.
pub mod agent_jobs;
/// Agents, for everybody.
pub mod agents;
/// Who carries out a job, and when it starts.
pub mod assignment;
/// The audit trail.
pub mod audit;
/// Login.
pub mod auth;
/// Backups and the release of a held store.
pub mod backup;
/// The same wish for many jobs.
pub mod batches;
/// Results that agents bring themselves.
pub mod callbacks;
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
/// What an admin does to a job against its course.
pub mod overrides;
/// How people decide.
pub mod oversight;
/// How the server is.
pub mod status;
/// Members of jobs under a name.
pub mod templates;
/// The worker.
pub mod worker;
/// Workflow documents.
pub mod workflows;
