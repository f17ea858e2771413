//! The layers, one over the other: defaults, file, environment, flags. Everything that is wrong is
//! reported at once, and nothing is half applied: there is a whole configuration or an error.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use super::error::{BadKey, ConfigError, Origin};
use super::layer::{self, Setting};
use super::{Config, keys};

/// The file that is read when none is named, if there is one.
const FILE: &str = "config.toml";

/// Where the layers above the defaults come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file that `--config` names; it must exist.
    pub file: Option<PathBuf>,
    /// The environment; only `HOLDPOINT__SECTION__KEY` counts.
    pub environment: Vec<(String, String)>,
    /// Dotted keys that flags set. `data` stands for the store's file and the artifacts below it.
    pub flags: Vec<(String, Value)>,
}

impl Sources {
    /// The sources of this process: the environment it was given, the file and flags it was named.
    pub fn of_process(file: Option<PathBuf>, flags: Vec<(String, Value)>) -> Self {
        // A name that is not UTF-8 is none of ours; a value that is not is refused as a value.
        let text = |os: OsString| os.to_string_lossy().into_owned();
        let environment = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
        Self { file, environment: environment.collect(), flags }
    }
}

/// A configuration that knows where each key was set.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    effective: Table,
    origins: BTreeMap<String, Origin>,
}

/// Puts the layers over one another. An error names every bad key of every layer.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    let mut merge = Merge::new();
    let mut bad = Vec::new();
    let mut settings = file_settings(sources.file.as_deref(), &merge.defaults, &mut bad);
    let default = |key: &str| keys::get(&merge.defaults, key);
    settings.extend(layer::environment(&sources.environment, default, &mut bad));
    settings.extend(layer::flags(&sources.flags));
    for setting in settings {
        merge.apply(setting, &mut bad);
    }
    merge.finish(bad)
}

impl Config {
    /// The defaults: `config.toml` of the repository without anything over it.
    pub fn defaults() -> Result<Self, ConfigError> {
        Merge::new().finish(Vec::new()).map(|loaded| loaded.config)
    }
}

impl Loaded {
    /// The effective configuration as TOML, with the layer that set each key.
    pub fn show(&self) -> String {
        let mut text = String::new();
        for (section, values) in &self.effective {
            let _ = writeln!(text, "[{section}]");
            for (key, value) in values.as_table().into_iter().flatten() {
                let origin = self.origins.get(&format!("{section}.{key}"));
                let origin = origin.unwrap_or(&Origin::Default);
                let _ = writeln!(text, "{key} = {value} # {origin}");
            }
            text.push('\n');
        }
        text
    }

    /// The layer that set a dotted key.
    pub fn origin(&self, key: &str) -> &Origin {
        self.origins.get(key).unwrap_or(&Origin::Default)
    }
}

/// The keys so far, each with its origin.
struct Merge {
    defaults: Table,
    effective: Table,
    origins: BTreeMap<String, Origin>,
    known: Vec<String>,
}

impl Merge {
    fn new() -> Self {
        let defaults = keys::defaults();
        let known = keys::known(&defaults);
        Self { effective: defaults.clone(), defaults, origins: BTreeMap::new(), known }
    }

    fn apply(&mut self, setting: Setting, bad: &mut Vec<BadKey>) {
        let Setting { key, value, key_at, value_at } = setting;
        let Some(default) = keys::get(&self.defaults, &key) else {
            let hint = keys::nearest(&key, &self.known).map(|key| format!("did you mean {key}?"));
            let problem = "unknown key".to_owned();
            bad.push(BadKey { origin: key_at, key, problem, expected: hint });
            return;
        };
        // The value is tried alone over the defaults, so that each bad value is found.
        let mut alone = self.defaults.clone();
        keys::set(&mut alone, &key, value.clone());
        match Config::deserialize(alone) {
            Ok(_) => {
                keys::set(&mut self.effective, &key, value);
                self.origins.insert(key, value_at);
            }
            Err(error) => {
                let problem = error.message().trim().replace('\n', ", ");
                let expected = Some(format!("expected {}", keys::kind(default)));
                bad.push(BadKey { origin: value_at, key, problem, expected });
            }
        }
    }

    fn finish(self, mut bad: Vec<BadKey>) -> Result<Loaded, ConfigError> {
        let config = match Config::deserialize(self.effective.clone()) {
            Ok(config) => config,
            Err(error) => {
                // Only the defaults can bring us here: every other value was tried before.
                let (origin, key) = (Origin::Default, String::new());
                let problem = error.message().to_owned();
                bad.push(BadKey { origin, key, problem, expected: None });
                return Err(ConfigError { bad });
            }
        };
        for complaint in config.check() {
            let key = complaint.key.to_owned();
            let origin = self.origins.get(&key).cloned().unwrap_or(Origin::Default);
            let expected = Some(format!("expected {}", complaint.expected));
            bad.push(BadKey { origin, key, problem: complaint.problem, expected });
        }
        if bad.is_empty() {
            Ok(Loaded { config, effective: self.effective, origins: self.origins })
        } else {
            Err(ConfigError { bad })
        }
    }
}

/// The file that is named must exist; the usual one may be missing.
fn file_settings(named: Option<&Path>, defaults: &Table, bad: &mut Vec<BadKey>) -> Vec<Setting> {
    let path = named.unwrap_or(Path::new(FILE));
    match std::fs::read_to_string(path) {
        Ok(text) => layer::file(path, &text, |name| defaults.contains_key(name), bad),
        Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => Vec::new(),
        Err(error) => {
            bad.push(BadKey {
                origin: Origin::File { path: path.to_owned(), line: 1, column: 1 },
                key: String::new(),
                problem: format!("cannot be read: {error}"),
                expected: None,
            });
            Vec::new()
        }
    }
}
