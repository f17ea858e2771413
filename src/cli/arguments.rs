//! What may be written on the command line. Words only: what they mean stands in the command's own
//! file.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::exit::{self, Failure};
use super::output::Output;
use super::{
    actors, agent_sim, audit, backup, bench, check, check_db, checkpoints, compact, config,
    connection, demo, doctor, drill, export, jobs, release, restore, serve, tokens, users, worker,
};

/// The environment, as the help shows it.
const ENVIRONMENT: &str = "\
Environment:
  HOLDPOINT_URL                  the server to talk to, like --url
  HOLDPOINT_TOKEN                an API token to talk as; or else
  HOLDPOINT_EMAIL                an e-mail and
  HOLDPOINT_PASSWORD             its password
  HOLDPOINT_NEW_PASSWORD         the password for `user add` and `user password`
  HOLDPOINT__SECTION__KEY        a key of config.toml, the value in TOML
  HOLDPOINT_ADMIN_EMAIL          the admin that the first start makes and
  HOLDPOINT_ADMIN_PASSWORD       its password; without them one is made up and printed
  HOLDPOINT_OPENAI_API_KEY       the key of [openai], unless openai.api_key_file names a file
  NO_COLOR                       no colours";

/// Durable jobs that stop where a person must decide.
#[derive(Debug, Parser)]
#[command(
    name = "holdpoint",
    version,
    after_help = help_end(),
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub(super) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Flags of every command.
#[derive(Clone, Debug, Args)]
pub(super) struct Global {
    /// The server to talk to
    #[arg(
        long,
        global = true,
        env = "HOLDPOINT_URL",
        default_value = connection::DEFAULT_URL,
        value_name = "URL",
        hide_env = true
    )]
    pub(super) url: String,
    /// Print JSON for programs instead of text for people
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// Where the configuration comes from.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct ConfigFlags {
    /// The configuration file; config.toml in the working directory when there is one
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The folder with the store's file and the artifacts
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<String>,
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    pub(super) listen: Option<String>,
    /// The folder with the workflow documents
    #[arg(long, value_name = "DIR")]
    pub(super) workflows: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Arguments),
    /// Start a server and watch four jobs, some of which wait for you
    Demo(demo::Arguments),
    /// Check workflow documents without a server
    Check(check::Arguments),
    /// Check the store's file and say what to do if it cannot be used
    CheckDb(check_db::Arguments),
    /// See, start or stop the worker, which starts runs
    #[command(subcommand)]
    Worker(worker::Command),
    /// List jobs or show one
    #[command(subcommand)]
    Jobs(jobs::Command),
    /// List, show and decide checkpoints
    #[command(subcommand)]
    Checkpoints(checkpoints::Command),
    /// Make, list and change accounts
    #[command(subcommand)]
    User(users::Command),
    /// Make, list and revoke API tokens
    #[command(subcommand)]
    Token(tokens::Command),
    /// Show the live actor tree
    Actors(actors::Arguments),
    /// Run agents and models that behave by script, for tests and rehearsals
    AgentSim(agent_sim::Arguments),
    /// Check the audit trail, or take evidence out of it
    #[command(subcommand)]
    Audit(audit::Command),
    /// Take a verified backup, while jobs run or of a stopped server
    Backup(backup::Arguments),
    /// Put a backup in the place of a store; it is held until it is released
    Restore(restore::Arguments),
    /// Let a restored store work
    Release(release::Arguments),
    /// Say how the store is: damage, stranded jobs, backups, how long the disk will last
    Doctor(doctor::Arguments),
    /// Rehearse the last jobs of a copy of a store, killing the engine at every boundary
    Drill(drill::Arguments),
    /// Write the store of a stopped server as a stream that any engine can read
    Export(export::ExportArguments),
    /// Make a store of such a stream; it is held until it is released
    Import(export::ImportArguments),
    /// Give the room of removed rows back to the disk (of a stopped server)
    Compact(compact::Arguments),
    /// Show the configuration
    #[command(subcommand)]
    Config(config::Command),
    /// Measure how fast this binary is on this machine
    Bench(bench::Arguments),
}

impl Cli {
    /// What this process was started with.
    pub(super) fn parse_arguments() -> Result<Self, clap::Error> {
        Self::try_parse()
    }

    /// Runs the command.
    pub(super) fn run(self) -> Result<(), Failure> {
        let Self { global, command } = self;
        let mut output = Output::of_process(global.json);
        match command {
            Command::Serve(arguments) => serve::run(&arguments, &mut output),
            Command::Demo(arguments) => demo::run(&arguments, &mut output),
            Command::Check(arguments) => check::run(&arguments, &mut output),
            Command::CheckDb(arguments) => check_db::run(&arguments, &global, &mut output),
            Command::Worker(command) => worker::run(command, &global, &mut output),
            Command::Jobs(command) => jobs::run(command, &global, &mut output),
            Command::Checkpoints(command) => checkpoints::run(command, &global, &mut output),
            Command::User(command) => users::run(command, &global, &mut output),
            Command::Token(command) => tokens::run(command, &global, &mut output),
            Command::Actors(arguments) => actors::run(&arguments, &global, &mut output),
            Command::AgentSim(arguments) => agent_sim::run(&arguments, &mut output),
            Command::Audit(command) => audit::run(command, &global, &mut output),
            Command::Backup(arguments) => backup::run(&arguments, &global, &mut output),
            Command::Restore(arguments) => restore::run(&arguments, &mut output),
            Command::Release(arguments) => release::run(&arguments, &global, &mut output),
            Command::Doctor(arguments) => doctor::run(&arguments, &global, &mut output),
            Command::Drill(arguments) => drill::run(&arguments, &mut output),
            Command::Export(arguments) => export::export(&arguments, &mut output),
            Command::Import(arguments) => export::import(&arguments, &mut output),
            Command::Compact(arguments) => compact::run(&arguments, &mut output),
            Command::Config(command) => config::run(command, &mut output),
            Command::Bench(arguments) => bench::run(&arguments, &mut output),
        }
    }
}

fn help_end() -> String {
    format!("{ENVIRONMENT}\n\n{}", exit::HELP)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        super::Cli::command().debug_assert();
    }
}
