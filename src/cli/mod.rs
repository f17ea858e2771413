//! Floor 7: the command line. It parses, calls what is below and prints; it decides nothing about
//! jobs. One file for each command.

use std::process::ExitCode;

/// `actors`: the live actor tree.
mod actors;
/// `agent-sim`: scripted agents and models, for tests and rehearsals.
pub mod agent_sim;
/// What may be written on the command line.
mod arguments;
/// `audit`: whether the audit trail holds, and evidence out of it.
mod audit;
/// `backup`: a verified copy of the store.
mod backup;
/// `bench`: how fast it is here.
mod bench;
/// `check`: workflow documents.
mod check;
/// `check-db`: the store's file.
mod check_db;
/// `checkpoints`: the inbox and decisions.
mod checkpoints;
/// `compact`: room for the disk.
mod compact;
/// `config`: the effective configuration.
mod config;
/// The configuration that the flags and the environment give.
mod configuration;
/// The server to talk to, and as whom.
mod connection;
/// `demo`: four jobs on a server of its own.
mod demo;
/// `doctor`: everything about the store.
mod doctor;
/// `drill`: recovery, rehearsed.
mod drill;
/// Exit codes, and failures that carry one.
mod exit;
/// `export` and `import`: a store as a stream.
mod export;
/// `jobs`: lists and single jobs.
mod jobs;
/// Where answers go: text for people or JSON for programs.
mod output;
/// `release`: a held store works.
mod release;
/// `restore`: a backup in the place of a store.
mod restore;
/// `serve`: the server.
mod serve;
/// The signals that end a server.
mod signals;
/// What to do when the store cannot be opened.
mod store_advice;
/// Tables with aligned columns.
mod table;
/// Times and lengths of time for people.
mod times;
/// `token`: API tokens.
mod tokens;
/// `user`: accounts.
mod users;
/// `worker`: status, start, stop.
mod worker;

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    match arguments::Cli::parse_arguments() {
        Ok(cli) => exit::report(cli.run()),
        Err(error) => exit::usage(&error),
    }
}
