//! Expressions that only select: `.a.b`, `$context.user`. They are most of all expressions, and
//! converting a whole document to look at one member of it would be most of their cost. Whatever is
//! not a member of an object is left to jq, which knows the right answer or error.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::Term;
use jaq_core::path::{Opt, Part};
use serde_json::Value;

use super::scope::Variables;

/// A member, or a member of a member, of the input or of a variable.
#[derive(Debug)]
pub(super) struct Selection {
    /// The name of the variable without `$`; none is the input.
    variable: Option<String>,
    keys: Vec<String>,
}

impl Selection {
    /// The selection that a term is, if it is one. Only keys that are written plainly count.
    pub(super) fn of(term: &Term<&str>) -> Option<Selection> {
        let (head, parts) = match term {
            Term::Path(head, path) => (&**head, path.0.as_slice()),
            head => (head, [].as_slice()),
        };
        let variable = match head {
            Term::Id => None,
            Term::Var(name) => Some(name.trim_start_matches('$').to_owned()),
            _ => return None,
        };
        let keys = parts.iter().map(|(part, opt)| match (part, opt) {
            (Part::Index(Term::Str(None, text)), Opt::Essential) => match text.as_slice() {
                [StrPart::Str(key)] => Some((*key).to_owned()),
                _ => None,
            },
            _ => None,
        });
        Some(Selection { variable, keys: keys.collect::<Option<_>>()? })
    }

    /// The selected part. None when jq has to say what is there.
    pub(super) fn find<'v>(&self, input: &'v Value, variables: &'v Variables) -> Option<&'v Value> {
        let whole = match &self.variable {
            None => input,
            Some(name) => variables.get(name)?,
        };
        self.keys.iter().try_fold(whole, |value, key| value.as_object()?.get(key))
    }
}
