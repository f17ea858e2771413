//! Floor 2: the pure core. `decide` turns a wish into facts, `evolve` folds a fact into a job,
//! `due` says what the shell must have in hand. No async, no clock, no chance, no disk in here.

mod advance;
mod agent;
mod awaited;
mod catch;
mod checkpoints;
mod children;
mod complete;
mod decide;
mod due;
mod enter;
mod evaluate;
mod evolve;
mod evolve_run;
mod fault;
mod filter;
mod lifecycle;
mod listen;
mod log;
mod matching;
mod row;
mod rules;
mod scratch;
mod settle;
mod tick;
mod timeline;
mod verdict;
mod waiting_calls;
mod weight;

pub use awaited::{AwaitedCall, awaited_call};
pub use checkpoints::approved;
pub use decide::decide;
pub use due::{Due, DueCall, DueChild, due};
pub use evolve::{CorruptJournal, evolve};
pub use log::{LogEntry, log_entry};
pub use row::{changed_checkpoints, job_row, job_row_when, statuses_in};
pub use scratch::{Decided, Environment, Setting};
pub use timeline::{TimelineEntry, timeline};
