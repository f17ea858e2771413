//! Floor 2: the wire shapes of the HTTP API. Requests, answers and problems, without behaviour.

/// The actor tree.
pub mod actor;
/// Agents.
pub mod agent;
/// Who carries out a job.
pub mod assignment;
/// The audit trail.
pub mod audit;
/// Login and who one is.
pub mod auth;
/// Backups, and the release of a held store.
pub mod backup;
/// The same wish for many jobs.
pub mod batch;
/// Checkpoints and decisions.
pub mod checkpoint;
/// What people do at checkpoints beside deciding.
pub mod checkpoint_people;
/// What a look at the whole store found.
pub mod doctor;
/// CloudEvents that come in.
pub mod event;
/// Approval gates.
pub mod gate;
/// Jobs, in the words of both job resources.
pub mod job;
/// Signed links.
pub mod link;
/// Log rows and timelines.
pub mod log;
/// How people decide.
pub mod oversight;
/// Pages of lists.
pub mod page;
/// Errors as problem details.
pub mod problem;
/// Auto-approve rules.
pub mod rule;
/// How the server is.
pub mod status;
/// Members of jobs under a name.
pub mod template;
/// API tokens.
pub mod token;
/// Accounts, for admins.
pub mod user;
/// The worker.
pub mod worker;
/// Workflow documents.
pub mod workflow;
