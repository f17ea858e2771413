//! Variables as an expression sees them: which exist (scope) and what they hold (variables). It
//! never knows what a variable means; that is the business of the workflow standard.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

/// Names of variables (without `$`) that an expression may use. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Scope(Arc<BTreeSet<String>>);

impl Scope {
    /// A scope of the given names, without `$`.
    pub fn new<I, S>(names: I) -> Scope
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        Scope(Arc::new(names.into_iter().map(Into::into).collect()))
    }

    /// The same scope with one more name; a name that is already there changes nothing.
    #[must_use]
    pub fn with(&self, name: &str) -> Scope {
        if self.contains(name) {
            return self.clone();
        }
        let mut names = (*self.0).clone();
        names.insert(name.to_owned());
        Scope(Arc::new(names))
    }

    /// Whether the scope has this name (without `$`).
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// The names without `$`, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// Values of variables for one evaluation, by name without `$`. A name of the scope that has no
/// value is null, because the standard's variables exist before they are filled.
#[derive(Clone, Debug, Default)]
pub struct Variables(BTreeMap<String, Arc<Value>>);

impl Variables {
    /// No variable has a value.
    pub fn new() -> Variables {
        Variables::default()
    }

    /// Gives the variable `name` (without `$`) a value, in place of an earlier one.
    pub fn insert(&mut self, name: impl Into<String>, value: Arc<Value>) {
        self.0.insert(name.into(), value);
    }

    /// The value of the variable `name` (without `$`).
    pub fn get(&self, name: &str) -> Option<&Arc<Value>> {
        self.0.get(name)
    }
}
