//! The strict profile: what an expression may not say, found by a walk over its terms. It decides
//! nothing about values; those are watched while they are made.

use std::collections::BTreeSet;

use jaq_core::load::parse::{Def, Term};
use jaq_core::load::span;

use super::error::ExpressionDefect;
use super::library::{PRIVATE, Signature};
use super::term::{calls_of, children_of};

/// Functions of jq that do not exist here, with the reason.
const FORBIDDEN: &[(&str, &str)] = &[
    ("input", "an expression has one input, which is `.`"),
    ("inputs", "an expression has one input, which is `.`"),
    ("input_filename", "an expression reads no files"),
    ("input_line_number", "an expression reads no files"),
    ("get_search_list", "an expression reads no files"),
    ("modulemeta", "an expression loads no modules"),
    ("env", "an expression does not read the environment; use `$secrets`"),
    ("$ENV", "an expression does not read the environment; use `$secrets`"),
    ("now", "an expression gives the same result in every replay; use `$runtime` or `$task`"),
    ("localtime", "an expression gives the same result on every machine; use `gmtime`"),
    ("strflocaltime", "an expression gives the same result on every machine; use `strftime`"),
    ("debug", "an expression has no output but its result"),
    ("stderr", "an expression has no output but its result"),
    ("halt", "an expression does not end the process; use `error`"),
    ("halt_error", "an expression does not end the process; use `error`"),
    ("repeat", "it has no end of its own; use `range` or a `for` task"),
    ("while", "it has no end of its own; use `range` or a `for` task"),
    ("until", "it has no end of its own; use `range` or a `for` task"),
    ("recurse", "with arguments it has no end of its own; use `..` or `recurse` without them"),
];

/// Functions whose work is linear in their input, so that calling them is cheap.
const CHEAP: &[&str] = &[
    "add",
    "all",
    "any",
    "arrays",
    "ascii_downcase",
    "ascii_upcase",
    "booleans",
    "ceil",
    "contains",
    "del",
    "empty",
    "endswith",
    "error",
    "false",
    "first",
    "flatten",
    "floor",
    "from_entries",
    "fromjson",
    "has",
    "in",
    "index",
    "inside",
    "isempty",
    "iterables",
    "join",
    "keys",
    "keys_unsorted",
    "last",
    "length",
    "ltrimstr",
    "map",
    "map_values",
    "max",
    "min",
    "not",
    "null",
    "nulls",
    "numbers",
    "objects",
    "reverse",
    "round",
    "rtrimstr",
    "scalars",
    "select",
    "sort",
    "split",
    "startswith",
    "strings",
    "test",
    "to_entries",
    "toboolean",
    "tojson",
    "tonumber",
    "tostring",
    "trim",
    "ltrim",
    "rtrim",
    "true",
    "type",
    "unique",
    "utf8bytelength",
    "values",
    "with_entries",
    "abs",
    "@base64",
    "@base64d",
    "@json",
    "@text",
    "@uri",
    "@html",
];
/// Most terms of a cheap expression: a long one is worth the way to the pool.
const CHEAP_TERMS_MAX: usize = 200;

/// What a walk over an expression finds out.
#[derive(Debug)]
pub(super) struct Facts {
    /// Functions of the library that it calls.
    pub calls: BTreeSet<Signature>,
    /// Every variable that it names, without `$`, also those it binds itself.
    pub variables: BTreeSet<String>,
    /// Whether it looks at its input. When in doubt, it does.
    pub uses_input: bool,
    /// Whether nothing in it can take long on a value of usual size.
    pub is_cheap: bool,
}

/// Walks an expression. It fails with the first part that the strict profile refuses.
pub(super) fn examine(source: &str, term: &Term<&str>) -> Result<Facts, ExpressionDefect> {
    let facts = Facts {
        calls: BTreeSet::new(),
        variables: BTreeSet::new(),
        uses_input: false,
        is_cheap: true,
    };
    let mut walk = Walk { source, functions: Vec::new(), facts, terms: 0 };
    walk.term(term)?;
    walk.facts.is_cheap &= walk.terms <= CHEAP_TERMS_MAX;
    Ok(walk.facts)
}

/// A function that the expression defines, or a filter that such a function takes.
struct Local<'s> {
    name: &'s str,
    arity: usize,
    /// Its body is being walked, so a call to it is recursion.
    is_open: bool,
}

struct Walk<'s> {
    source: &'s str,
    functions: Vec<Local<'s>>,
    facts: Facts,
    terms: usize,
}

impl<'s> Walk<'s> {
    fn term(&mut self, term: &Term<&'s str>) -> Result<(), ExpressionDefect> {
        self.terms += 1;
        for (name, arity) in calls_of(term) {
            self.call(name, arity)?;
        }
        match term {
            Term::Id | Term::Recurse => self.facts.uses_input = true,
            Term::IfThenElse(_, None) => self.facts.uses_input = true,
            Term::Obj(members) if members.iter().any(|(_, value)| value.is_none()) => {
                self.facts.uses_input = true;
            }
            Term::Fold(..) | Term::Label(..) => self.facts.is_cheap = false,
            Term::Var(name) => self.variable(name)?,
            Term::Def(definitions, body) => return self.definitions(definitions, body),
            _ => {}
        }
        children_of(term).into_iter().try_for_each(|child| self.term(child))
    }

    fn variable(&mut self, name: &'s str) -> Result<(), ExpressionDefect> {
        self.refuse_forbidden(name, 0)?;
        self.facts.variables.insert(name.trim_start_matches('$').to_owned());
        Ok(())
    }

    fn call(&mut self, name: &'s str, arity: usize) -> Result<(), ExpressionDefect> {
        self.facts.uses_input = true;
        let local = self.functions.iter().rev();
        let local = local.into_iter().find(|local| local.name == name && local.arity == arity);
        if let Some(local) = local {
            if local.is_open {
                return Err(self.defect(
                    name,
                    format!("`{name}` calls itself"),
                    "recursion has no bound; use `range`, `reduce` or `..`",
                ));
            }
            return Ok(());
        }
        self.refuse_forbidden(name, arity)?;
        self.facts.is_cheap &= CHEAP.contains(&name);
        // Without the part of the library behind it, a private name does not exist.
        if !name.starts_with(PRIVATE) {
            self.facts.calls.insert((name.to_owned(), arity));
        }
        Ok(())
    }

    fn definitions(
        &mut self,
        definitions: &[Def<&'s str>],
        body: &Term<&'s str>,
    ) -> Result<(), ExpressionDefect> {
        self.facts.is_cheap = false;
        let outside = self.functions.len();
        for Def { name, args, body } in definitions {
            let inside = self.functions.len();
            let filters = args.iter().filter(|argument| !argument.starts_with('$'));
            let filters = filters.map(|name| Local { name, arity: 0, is_open: false });
            self.functions.extend(filters);
            self.functions.push(Local { name, arity: args.len(), is_open: true });
            self.term(body)?;
            self.functions.truncate(inside);
            self.functions.push(Local { name, arity: args.len(), is_open: false });
        }
        self.term(body)?;
        self.functions.truncate(outside);
        Ok(())
    }

    fn refuse_forbidden(&self, name: &'s str, arity: usize) -> Result<(), ExpressionDefect> {
        let forbidden = FORBIDDEN.iter().find(|(forbidden, _)| *forbidden == name);
        let Some((_, reason)) = forbidden else { return Ok(()) };
        if name == "recurse" && arity == 0 {
            return Ok(());
        }
        Err(self.defect(name, format!("`{name}` is not allowed in an expression"), reason))
    }

    /// A defect at `part`, which is a slice of the source.
    fn defect(&self, part: &str, message: String, hint: &str) -> ExpressionDefect {
        let offset = span(self.source, part).start;
        ExpressionDefect { message, hint: Some(hint.to_owned()), offset }
    }
}
