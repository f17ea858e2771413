//! Walking the terms that jaq parses. It knows the shape of terms and nothing about what they mean.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Pattern, Term};
use jaq_core::path::Part;

/// The terms directly inside a term, bodies of local definitions included.
pub(super) fn children_of<'t, 's>(term: &'t Term<&'s str>) -> Vec<&'t Term<&'s str>> {
    let mut children = Vec::new();
    match term {
        Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Var(_) => {}
        Term::Str(_, parts) => children.extend(parts.iter().filter_map(|part| match part {
            StrPart::Term(term) => Some(term),
            StrPart::Str(_) | StrPart::Char(_) => None,
        })),
        Term::Arr(inside) => children.extend(inside.as_deref()),
        Term::Obj(members) => {
            for (key, value) in members {
                children.push(key);
                children.extend(value);
            }
        }
        Term::Neg(inside) | Term::Label(_, inside) => children.push(inside),
        Term::BinOp(left, operator, right) => {
            children.push(left);
            if let BinaryOp::Pipe(Some(pattern)) = operator {
                keys_of(pattern, &mut children);
            }
            children.push(right);
        }
        Term::Fold(_, source, pattern, arguments) => {
            children.push(source);
            keys_of(pattern, &mut children);
            children.extend(arguments);
        }
        Term::TryCatch(inside, catch) => {
            children.push(inside);
            children.extend(catch.as_deref());
        }
        Term::IfThenElse(branches, otherwise) => {
            children.extend(branches.iter().flat_map(|(condition, then)| [condition, then]));
            children.extend(otherwise.as_deref());
        }
        Term::Def(definitions, body) => {
            children.extend(definitions.iter().map(|definition| &definition.body));
            children.push(body);
        }
        Term::Call(_, arguments) => children.extend(arguments),
        Term::Path(head, path) => {
            children.push(head);
            for (part, _) in &path.0 {
                match part {
                    Part::Index(index) => children.push(index),
                    Part::Range(from, to) => children.extend(from.iter().chain(to)),
                }
            }
        }
    }
    children
}

/// The terms that a pattern uses as keys.
fn keys_of<'t, 's>(pattern: &'t Pattern<&'s str>, keys: &mut Vec<&'t Term<&'s str>>) {
    match pattern {
        Pattern::Var(_) => {}
        Pattern::Arr(items) => items.iter().for_each(|item| keys_of(item, keys)),
        Pattern::Obj(members) => {
            for (key, inside) in members {
                keys.push(key);
                keys_of(inside, keys);
            }
        }
    }
}

/// What the term itself, without its children, calls: name and number of arguments.
pub(super) fn calls_of<'s>(term: &Term<&'s str>) -> impl Iterator<Item = (&'s str, usize)> {
    let call = match term {
        Term::Call(name, arguments) => Some((*name, arguments.len())),
        Term::Str(Some(format), _) => Some((*format, 0)),
        _ => None,
    };
    call.into_iter()
}
