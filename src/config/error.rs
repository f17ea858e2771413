//! Every bad key at once, each with the layer and place it came from. A value is quoted only as far
//! as it helps to find the mistake.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

/// The layer that set a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The defaults in the binary.
    Default,
    /// A file, at a line and column that count from 1.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// The line.
        line: usize,
        /// The column, in characters.
        column: usize,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        name: String,
    },
    /// A flag of the command line.
    Flag {
        /// The flag with its dashes.
        name: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line, column } => {
                write!(f, "{}:{line}:{column}", path.display())
            }
            Self::Environment { name } => write!(f, "environment {name}"),
            Self::Flag { name } => write!(f, "flag {name}"),
        }
    }
}

/// One key that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadKey {
    /// Where it was set.
    pub origin: Origin,
    /// The dotted key; empty when the text around it cannot be read.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What would be right: a type, values, or the key that was perhaps meant.
    pub expected: Option<String>,
}

impl fmt::Display for BadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.problem)?;
        match &self.expected {
            Some(expected) => write!(f, "; {expected}"),
            None => Ok(()),
        }
    }
}

/// Why there is no configuration: at least one bad key, in the order of the layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The bad keys.
    pub bad: Vec<BadKey>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = if self.bad.len() == 1 { "key" } else { "keys" };
        write!(f, "the configuration has {} bad {keys}:", self.bad.len())?;
        self.bad.iter().try_for_each(|bad| write!(f, "\n  {bad}"))
    }
}

impl Error for ConfigError {}
