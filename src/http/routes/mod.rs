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
/// What people do at checkpoints beside deciding.
pub mod attendance;
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
/// Decisions at checkpoints.
pub mod decisions;
/// Who stands in for oneself.
pub mod delegation;
/// A job with its logs, checkpoints and timeline.
mod detail;
/// The API's own pages and document.
pub mod docs;
/// A look at the whole store.
pub mod doctor;
/// What happened to a gate, as it happens.
pub mod gate_events;
/// Approval gates.
pub mod gates;
/// Liveness and readiness.
pub mod health;
/// Jobs of one's own.
pub mod jobs;
/// What that page says, and the form that comes back.
mod link_form;
/// The page of a signed link.
pub mod link_page;
/// Signed links, for admins.
pub mod links;
/// Filters and pages of job lists.
mod listing;
/// Metrics.
pub mod metrics;
/// What an admin does to a job against its course.
pub mod overrides;
/// How people decide.
pub mod oversight;
/// Approval rules.
pub mod rules;
/// How the server is.
pub mod status;
/// Members of jobs under a name.
pub mod templates;
/// API tokens.
pub mod tokens;
/// Accounts.
pub mod users;
/// The worker.
pub mod worker;
/// Workflow documents.
pub mod workflows;
