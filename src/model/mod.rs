//! Floor 0: the words of Holdpoint. Pure data; no clock, no chance, no disk, no network.

/// Registered agents.
pub mod agent;
/// Which files may be written below an artifact folder.
pub mod artifact_path;
/// The audit trail's words.
pub mod audit;
/// Checkpoints: what a person is asked.
pub mod checkpoint;
/// An event in the CloudEvents form.
pub mod cloud_event;
/// What is asked of a job.
pub mod command;
/// Named points at which a crash test stops the process.
pub mod crash_point;
/// Was a result good enough?
pub mod evaluation;
/// What happened to a job.
pub mod event;
/// Newtypes for identifiers.
pub mod id;
/// A running or ended job, folded from its journal.
pub mod job;
/// Every hard limit, with its reason.
pub mod limits;
/// The name and meaning of every metric.
pub mod metric_names;
/// How a payload that may be absent is written.
pub mod optional_data;
/// Who did something.
pub mod principal;
/// Errors as problem details, in the standard's words.
pub mod problem;
/// Why a wish was not granted.
pub mod refusal;
/// Rows of the read model.
pub mod row;
/// Where a job stands: status, phase, what it waits for.
pub mod status;
/// Points in time and spans of it.
pub mod time;
/// URI templates, as far as the standard knows them.
pub mod uri_template;
/// Characters that cannot be seen, written out.
pub mod visible;
/// Who stands at a checkpoint.
pub mod voter;
