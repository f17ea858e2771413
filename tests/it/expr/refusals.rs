//! What is no expression of the strict profile, and what the author is told.

use holdpoint::expr::{Expression, Scope};
use holdpoint::model::limits::EXPRESSION_SOURCE_BYTES_MAX;
use serde_json::json;

use super::{check, refused};

#[test]
fn refusals_say_why() {
    let table = [
        ("", "syntax error at byte 0: expected a term, found the end"),
        (".a +", "syntax error at byte 4: expected a term, found the end"),
        (".a b", "syntax error at byte 3: expected nothing more, found `b`"),
        ("'a'", "strings of jq stand in double quotes"),
        ("\"a", "expected closing quote, found the end"),
        ("(1", "expected closing parenthesis, found the end"),
        ("if 1 then 2", "expected a else or end"),
        ("$outptu", "the variable `$outptu` is not defined here (defined here: $context, $input)"),
        ("lenght", "the function `lenght` with 0 arguments does not exist"),
        (
            "split",
            "the function `split` with 0 arguments does not exist (it takes 1 or 2 arguments)",
        ),
        ("break $x", "the label `$x` is not defined"),
        ("input", "`input` is not allowed in an expression (an expression has one input"),
        ("[inputs]", "`inputs` is not allowed"),
        ("env.HOME", "`env` is not allowed in an expression (an expression does not read the env"),
        ("$ENV.HOME", "`$ENV` is not allowed"),
        ("now", "`now` is not allowed in an expression (an expression gives the same result"),
        ("0 | localtime", "`localtime` is not allowed"),
        ("0 | strflocaltime(\"%H\")", "`strflocaltime` is not allowed"),
        ("input_filename", "`input_filename` is not allowed"),
        ("debug", "`debug` is not allowed"),
        ("halt", "`halt` is not allowed"),
        ("import \"a\" as a; .", "`import` is not allowed in an expression"),
        ("include \"a\"; .", "`include` is not allowed"),
        ("[repeat(1)]", "`repeat` is not allowed in an expression (it has no end of its own"),
        ("[.[] | while(true; .)]", "`while` is not allowed"),
        ("until(false; .)", "`until` is not allowed"),
        ("recurse(. + 1)", "`recurse` is not allowed in an expression (with arguments"),
        ("def f: f; f", "`f` calls itself (recursion has no bound"),
        ("def f(g): 1 + f(g); f(.)", "`f` calls itself"),
        ("def f: def g: f; g; f", "`f` calls itself"),
        ("a::b", "not defined"),
        ("native_matches(\"a\"; \"\")", "does not exist"),
    ];
    for (source, expected) in table {
        let text = refused(source);
        assert!(text.contains(expected), "{source}: {text}");
    }
    let defect = Expression::compile(".a | $nope", &Scope::default()).expect_err("undefined");
    assert_eq!(defect.offset, 5);
    assert_eq!(defect.hint.as_deref(), Some("there are no variables here"));
}

#[test]
fn a_name_may_be_defined_again_without_recursion() {
    check("def f(x): x; def f: f(2); f", json!(null), json!(2));
    check("def map(f): 7; map(.)", json!([1]), json!(7));
    check("def f(g): g; f(f(. + 1))", json!(1), json!(2));
}

#[test]
fn nesting_of_the_source_is_bounded() {
    let parens = |depth: usize| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
    check(&parens(64), json!(null), json!(1));
    assert!(refused(&parens(65)).contains("brackets nest more than 64 levels"));
    assert!(refused(&parens(8_000)).contains("brackets nest more than 64 levels"));
    assert!(refused(&"[".repeat(10_000)).contains("brackets nest more than 64 levels"));
    assert!(refused(&"\"\\(".repeat(5_000)).contains("brackets nest more than 64 levels"));
    let chains = ["-", "1+", "1|", "try ", "if 1 then ", "label $a|", ". as $a|", "1,", "def f:"];
    for part in chains {
        let refusal = refused(&format!("{}1", part.repeat(16_000 / part.len())));
        assert!(refusal.contains("nests about") || refusal.contains("syntax"), "{part}: {refusal}");
    }
    check(&format!("{}1", "1+".repeat(1_500)), json!(null), json!(1_501));
    check(&format!("[{}1] | length", "1,".repeat(1_500)), json!(null), json!(1_501));
    let members: Vec<String> = (0..500).map(|index| format!("a{index}: {index} + 1")).collect();
    check(&format!("{{{}}} | length", members.join(", ")), json!(null), json!(500));
}

#[test]
fn the_longest_source_compiles_and_one_byte_more_does_not() {
    let source = |bytes: usize| format!("\"{}\"", "a".repeat(bytes - 2));
    let scope = Scope::default();
    assert!(Expression::compile(&source(EXPRESSION_SOURCE_BYTES_MAX), &scope).is_ok());
    let refusal = refused(&source(EXPRESSION_SOURCE_BYTES_MAX + 1));
    assert!(refusal.contains("the expression has 16385 bytes; at most 16384"), "{refusal}");
}
