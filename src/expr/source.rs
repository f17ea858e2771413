//! The source of an expression before it is parsed: how deeply it nests. jaq's parser and compiler
//! recurse, so a source that nests too deeply must not reach them.

use jaq_core::load::lex::{StrPart, Tok, Token};

use super::error::ExpressionDefect;

/// Deepest nesting of brackets and strings, which the lexer follows by recursion.
const BRACKETS_MAX: usize = 64;
/// Deepest nesting of terms. Each operator nests once more than the one before it, so this is also
/// the longest chain of them; a stack of [`super::compile::STACK_BYTES`] holds many times more.
pub(super) const TERMS_DEPTH_MAX: usize = 2_000;

/// Refuses a source whose brackets and strings nest too deeply. Sources that are no jq at all pass:
/// the lexer says what is wrong with them.
pub(super) fn check_brackets(source: &str) -> Result<(), ExpressionDefect> {
    // Each opened bracket, or the quote of a string.
    let mut open: Vec<u8> = Vec::new();
    let bytes = source.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        let in_string = open.last() == Some(&b'"');
        match byte {
            b'\\' if in_string => {
                at += 1;
                if bytes.get(at) == Some(&b'(') {
                    open.push(b'(');
                }
            }
            b'"' if in_string => {
                open.pop();
            }
            _ if in_string => {}
            b'"' | b'(' | b'[' | b'{' => open.push(byte),
            b')' | b']' | b'}' => {
                open.pop();
            }
            b'#' => {
                at += bytes.get(at..).map_or(0, |rest| {
                    rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
                })
            }
            _ => {}
        }
        if open.len() > BRACKETS_MAX {
            return Err(ExpressionDefect {
                message: format!("brackets nest more than {BRACKETS_MAX} levels"),
                hint: Some("name parts with `as $name |` instead of nesting them".to_owned()),
                offset: at,
            });
        }
        at += 1;
    }
    Ok(())
}

/// An upper bound of how deeply the terms of these tokens nest.
pub(super) fn terms_depth(tokens: &[Token<&str>]) -> usize {
    let mut deepest = 0;
    let mut chain = 0;
    let mut deepest_inside = 0;
    for Token(text, token) in tokens {
        match token {
            Tok::Block(inside) => deepest_inside = deepest_inside.max(block_depth(text, inside)),
            Tok::Str(parts) => {
                // The parts of a string are added up one by one.
                chain += parts.len();
                let inside = parts.iter().filter_map(|part| match part {
                    StrPart::Term(token) => Some(terms_depth(std::slice::from_ref(token))),
                    StrPart::Str(_) | StrPart::Char(_) => None,
                });
                deepest_inside = deepest_inside.max(inside.max().unwrap_or(0));
            }
            Tok::Sym if *text == ";" => {
                deepest = deepest.max(chain + deepest_inside);
                (chain, deepest_inside) = (0, 0);
            }
            Tok::Sym | Tok::Word => chain += 1,
            Tok::Var | Tok::Fmt | Tok::Num => {}
        }
    }
    deepest.max(chain + deepest_inside) + 1
}

/// Members of an object stand beside each other; everything else nests.
fn block_depth(text: &str, tokens: &[Token<&str>]) -> usize {
    if !text.starts_with('{') {
        return terms_depth(tokens);
    }
    let members = tokens.split(|Token(text, _)| *text == ",");
    let (count, deepest) = members
        .fold((0, 0), |(count, deepest), member| (count + 1, terms_depth(member).max(deepest)));
    // The compiler adds the members up one by one.
    deepest + count
}
