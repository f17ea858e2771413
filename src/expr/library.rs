//! The functions that an expression may call. Parsed once per process; a compilation takes along
//! only the definitions it needs, which is what makes it fast and its program small.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jaq_core::load::parse::{Def, Term};
use jaq_core::native;

use super::natives::{Jq, natives};
use super::term::{calls_of, children_of};

/// A function as it is called: its name and how many arguments it takes.
pub(super) type Signature = (String, usize);

/// How names begin that only the library may call.
pub(super) const PRIVATE: &str = "native_";

/// Definitions of jaq that are not taken: some divide by zero, which is an error here, or count on
/// a number that is below itself, which no sort stands; others differ from jq (`del(.[0, 1])` takes
/// the second index in what the first has left).
const REPLACED: &[&str] = &["nan", "infinite", "isnan", "del", "delpaths", "pick"];

struct Definition {
    definition: Def<&'static str>,
    signature: Signature,
    calls: BTreeSet<Signature>,
}

static DEFINITIONS: LazyLock<Vec<Definition>> = LazyLock::new(|| {
    let own = |text: &'static str| jaq_core::load::parse(text, |parser| parser.defs());
    let wrappers = own(include_str!("wrappers.jq")).unwrap_or_default();
    let library = own(include_str!("library.jq")).unwrap_or_default();
    let jaq = |definition: &Def<_>| !REPLACED.contains(&definition.name);
    let core = jaq_core::defs().filter(jaq);
    let all = core.chain(wrappers).chain(jaq_std::defs().filter(jaq)).chain(library);
    all.map(|definition| {
        let mut calls = BTreeSet::new();
        collect_calls(&definition.body, &mut calls);
        let signature = (definition.name.to_owned(), definition.args.len());
        Definition { definition, signature, calls }
    })
    .collect()
});

fn collect_calls(term: &Term<&'static str>, calls: &mut BTreeSet<Signature>) {
    calls.extend(calls_of(term).map(|(name, arity)| (name.to_owned(), arity)));
    for child in children_of(term) {
        collect_calls(child, calls);
    }
}

/// What a program takes from the library.
pub(super) struct Parts {
    /// Definitions, each after those it calls.
    pub definitions: Vec<Def<&'static str>>,
    /// The natives behind them.
    pub natives: Vec<native::Fun<Jq>>,
}

/// The functions of `calls` and all that they call.
pub(super) fn parts_of(calls: &BTreeSet<Signature>) -> Parts {
    let mut wanted: BTreeSet<&Signature> = calls.iter().collect();
    let mut definitions = Vec::new();
    // A definition calls only itself and earlier ones, so one walk from the end finds all.
    for definition in DEFINITIONS.iter().rev() {
        if wanted.contains(&definition.signature) {
            wanted.extend(&definition.calls);
            definitions.push(definition.definition.clone());
        }
    }
    definitions.reverse();
    let names: BTreeSet<&str> = wanted.iter().map(|(name, _)| name.as_str()).collect();
    Parts { definitions, natives: natives().filter(|(name, ..)| names.contains(name)).collect() }
}

/// With how many arguments a function of this name can be called, in ascending order.
pub(super) fn arities_of(name: &str) -> BTreeSet<usize> {
    if name.starts_with(PRIVATE) {
        return BTreeSet::new();
    }
    let definitions = DEFINITIONS.iter().map(|definition| &definition.signature);
    let definitions = definitions.filter(|signature| signature.0 == name).map(|(_, arity)| *arity);
    let natives = natives().filter(|(native, ..)| *native == name);
    definitions.chain(natives.map(|(_, arguments, _)| arguments.len())).collect()
}
