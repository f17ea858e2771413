//! Exit codes, and failures that carry one. The codes are a promise to scripts: the numbers of
//! `sysexits.h` where one fits, and they are listed in the help and in the README.

use std::io;
use std::process::ExitCode;

use crate::app::AppError;
use crate::client::ClientError;
use crate::config::error::ConfigError;

/// The exit codes, as the help shows them.
pub(super) const HELP: &str = "\
Exit codes:
  0    done
  1    refused: the server said no, a document has defects, a job did not complete
  2    the command line is wrong
  65   data are not what was written: the audit trail, a bundle of evidence
  69   no server answers at --url
  70   a bug in Holdpoint
  74   a file, a disk or an address cannot be used
  78   the configuration is wrong
  130  ended at once by a second SIGINT; 143 by a second SIGTERM";

/// Why a command ends without success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// There is nobody left to tell.
    Done = 0,
    /// Somebody who may said no, or something was found wanting.
    Refused = 1,
    /// The command line is wrong.
    Usage = 2,
    /// EX_DATAERR: data are not what was written.
    Damaged = 65,
    /// EX_UNAVAILABLE: no server answers.
    Unreachable = 69,
    /// EX_SOFTWARE: a bug.
    Internal = 70,
    /// EX_IOERR: file, disk or address.
    Io = 74,
    /// EX_CONFIG: the configuration is wrong.
    Config = 78,
}

/// A command that did not succeed: the exit code, and what to say on standard error.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: Code,
    /// Empty when everything was said on standard output.
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// It was all said; only the exit code is left to give.
    pub(super) fn silent(code: Code) -> Self {
        Self::new(code, "")
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        // Whoever reads our output has seen enough (`holdpoint jobs list | head`).
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::silent(Code::Done);
        }
        Self::new(Code::Io, format!("cannot write the output: {error}"))
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let code = match &error {
            ClientError::Address { .. } | ClientError::Token => Code::Usage,
            ClientError::Unreachable { .. }
            | ClientError::TimedOut { .. }
            | ClientError::Foreign { .. } => Code::Unreachable,
            ClientError::Refused(_) | ClientError::InVain { .. } => Code::Refused,
        };
        Self::new(code, error.to_string())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(Code::Config, error.to_string())
    }
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        super::store_advice::of_start(&error)
    }
}

/// The exit code of a command that was run; failures go to standard error.
pub(super) fn report(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.message.is_empty() {
                eprintln!("holdpoint: {}", super::output::printable_lines(&failure.message));
            }
            ExitCode::from(failure.code as u8)
        }
    }
}

/// The exit code of arguments that name no command; help and version are successes.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    // When not even the help can be written there is nobody left to tell.
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(Code::Usage as u8) } else { ExitCode::SUCCESS }
}
