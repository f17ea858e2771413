//! The configuration that the file, the environment and the flags give.

use toml::Value;

use super::arguments::ConfigFlags;
use super::exit::Failure;
use crate::config::load::{Loaded, Sources, load};

/// Loads it. A bad key anywhere is a failure that names every bad key.
pub(super) fn of(flags: &ConfigFlags) -> Result<Loaded, Failure> {
    let settings = [
        ("data", &flags.data),
        ("http.listen", &flags.listen),
        ("workflows.dir", &flags.workflows),
    ];
    let settings = settings
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), Value::String(value.clone()?))))
        .collect();
    Ok(load(&Sources::of_process(flags.config.clone(), settings))?)
}
