//! From a source to a program: limits, lexer, parser, strict profile, compiler. No step may be left
//! out, because each keeps the next one from what would end the process.

use std::thread;

use jaq_core::load::lex::{self, Lexer, Token};
use jaq_core::load::parse::{Expect, Parser, Term};
use jaq_core::load::{Arena, File, Loader, span};
use jaq_core::{Compiler, Filter, compile::Undefined};

use crate::model::limits::EXPRESSION_SOURCE_BYTES_MAX;

use super::check::{Facts, examine};
use super::error::ExpressionDefect;
use super::library::{Parts, arities_of, parts_of};
use super::natives::Jq;
use super::scope::Scope;
use super::selection::Selection;
use super::source::{TERMS_DEPTH_MAX, check_brackets, terms_depth};

/// Stack for a source that nests deeply. Only what is used of it is ever taken.
pub(super) const STACK_BYTES: usize = 128 * 1024 * 1024;
/// Depth of terms up to which every thread's stack is enough to compile them.
const DEPTH_ON_ANY_STACK: usize = 48;

/// A compiled source and what is known about it.
pub(super) struct Program {
    pub filter: Filter<Jq>,
    /// Variables of the scope that the source names, in the order in which the filter wants them.
    pub variables: Vec<String>,
    pub uses_input: bool,
    /// What it selects, when it does nothing else.
    pub selection: Option<Selection>,
    pub is_cheap: bool,
}

/// Compiles a source for a scope.
pub(super) fn compile(source: &str, scope: &Scope) -> Result<Program, ExpressionDefect> {
    if source.len() > EXPRESSION_SOURCE_BYTES_MAX {
        return Err(ExpressionDefect {
            message: format!(
                "the expression has {} bytes; at most {EXPRESSION_SOURCE_BYTES_MAX}",
                source.len()
            ),
            hint: Some("split it over several tasks".to_owned()),
            offset: EXPRESSION_SOURCE_BYTES_MAX,
        });
    }
    check_brackets(source)?;
    let tokens = Lexer::new(source).lex().map_err(|errors| lexer_defect(source, &errors))?;
    refuse_modules(source, &tokens)?;
    let depth = terms_depth(&tokens);
    if depth > TERMS_DEPTH_MAX {
        return Err(ExpressionDefect {
            message: format!(
                "the expression nests about {depth} levels; at most {TERMS_DEPTH_MAX}"
            ),
            hint: Some("put long lists into the input, or split the expression".to_owned()),
            offset: 0,
        });
    }
    if depth <= DEPTH_ON_ANY_STACK {
        return compile_tokens(source, &tokens, scope);
    }
    thread::scope(|threads| {
        let builder = thread::Builder::new().stack_size(STACK_BYTES);
        let compiling = builder.spawn_scoped(threads, || compile_tokens(source, &tokens, scope));
        let failed = || ExpressionDefect {
            message: "there is no thread to compile the expression".to_owned(),
            hint: Some("make it shorter, or try again".to_owned()),
            offset: 0,
        };
        compiling.map_err(|_| failed())?.join().unwrap_or_else(|_| Err(failed()))
    })
}

fn compile_tokens(
    source: &str,
    tokens: &[Token<&str>],
    scope: &Scope,
) -> Result<Program, ExpressionDefect> {
    let parsed = Parser::new(tokens).parse(|parser| parser.term());
    let term: Term<&str> = parsed.map_err(|errors| match errors.first() {
        Some((expected, found)) => parser_defect(source, expected, *found),
        None => defect("the expression cannot be read", 0),
    })?;
    let facts = examine(source, &term)?;
    let used = scope.names().filter(|name| facts.variables.contains(*name));
    let variables: Vec<String> = used.map(str::to_owned).collect();
    let filter = compile_term(source, scope, &facts, &variables)?;
    let Facts { uses_input, is_cheap, .. } = facts;
    let is_cheap = is_cheap && terms_depth(tokens) <= DEPTH_ON_ANY_STACK;
    let selection = Selection::of(&term);
    Ok(Program { filter, variables, uses_input, selection, is_cheap })
}

fn compile_term(
    source: &str,
    scope: &Scope,
    facts: &Facts,
    variables: &[String],
) -> Result<Filter<Jq>, ExpressionDefect> {
    let arena = Arena::default();
    let Parts { definitions, natives } = parts_of(&facts.calls);
    let loader = Loader::new(definitions);
    let file = File { code: source, path: () };
    let modules = loader.load(&arena, file);
    let modules = modules.map_err(|_| defect("the expression cannot be read", 0))?;
    let globals: Vec<String> = variables.iter().map(|name| format!("${name}")).collect();
    Compiler::default()
        .with_funs(natives)
        .with_global_vars(globals.iter().map(String::as_str))
        .compile(modules)
        .map_err(|errors| {
            let mut undefined = errors.into_iter().flat_map(|(_, undefined)| undefined);
            match undefined.next() {
                Some((name, kind)) => undefined_defect(source, scope, name, &kind),
                None => defect("the expression cannot be compiled", 0),
            }
        })
}

fn defect(message: &str, offset: usize) -> ExpressionDefect {
    ExpressionDefect { message: message.to_owned(), hint: None, offset }
}

/// Where `part` stands in `source`; 0 when it is not a part of it.
fn offset_of(source: &str, part: &str) -> usize {
    let inside = source.as_bytes().as_ptr_range().contains(&part.as_ptr());
    if inside { span(source, part).start } else { 0 }
}

fn lexer_defect(source: &str, errors: &[lex::Error<&str>]) -> ExpressionDefect {
    let Some((expected, rest)) = errors.first() else {
        return defect("the expression cannot be read", 0);
    };
    let offset = source.len() - rest.len();
    let expected = match expected {
        lex::Expect::Token => "a word, a number, a string or an operator of jq",
        expected => expected.as_str(),
    };
    let found = rest.chars().next().map_or("the end".to_owned(), |found| format!("`{found}`"));
    let mut defect = defect("", offset);
    defect.message = format!("syntax error at byte {offset}: expected {expected}, found {found}");
    if found == "`'`" {
        defect.hint = Some("strings of jq stand in double quotes".to_owned());
    }
    defect
}

fn parser_defect(
    source: &str,
    expected: &Expect<&str>,
    found: Option<&Token<&str>>,
) -> ExpressionDefect {
    let offset = found.map_or(source.len(), |token| offset_of(source, token.as_str()));
    let found = found.map_or("the end".to_owned(), |token| {
        let text = token.as_str();
        format!("`{}`", text.get(..text.floor_char_boundary(20)).unwrap_or(text))
    });
    let expected = match expected {
        Expect::Just("") | Expect::Nothing => "nothing more".to_owned(),
        Expect::Just(token) => format!("`{token}`"),
        expected => format!("a {}", expected.as_str()),
    };
    let mut defect = defect("", offset);
    defect.message = format!("syntax error at byte {offset}: expected {expected}, found {found}");
    defect
}

fn refuse_modules(source: &str, tokens: &[Token<&str>]) -> Result<(), ExpressionDefect> {
    let first = tokens.first().map(Token::as_str);
    let Some(word @ ("import" | "include" | "module")) = first else { return Ok(()) };
    let mut defect = defect("", offset_of(source, word));
    defect.message = format!("`{word}` is not allowed in an expression");
    defect.hint = Some("an expression loads no modules".to_owned());
    Err(defect)
}

fn undefined_defect(source: &str, scope: &Scope, name: &str, kind: &Undefined) -> ExpressionDefect {
    let mut defect = defect("", offset_of(source, name));
    match kind {
        Undefined::Var => {
            let names: Vec<String> = scope.names().map(|name| format!("${name}")).collect();
            defect.message = format!("the variable `{name}` is not defined here");
            defect.hint = Some(match names.as_slice() {
                [] => "there are no variables here".to_owned(),
                names => format!("defined here: {}", names.join(", ")),
            });
        }
        Undefined::Filter(arity) => {
            let arities: Vec<String> = arities_of(name).iter().map(usize::to_string).collect();
            defect.message = format!("the function `{name}` with {arity} arguments does not exist");
            defect.hint = Some(match arities.as_slice() {
                [] => "the functions are those of jq, without clock, environment and files".into(),
                arities => format!("it takes {} arguments", arities.join(" or ")),
            });
        }
        kind => defect.message = format!("the {} `{name}` is not defined", kind.as_str()),
    }
    defect
}
