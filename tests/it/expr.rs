//! Expressions through their public surface: what they compute, what is refused, what is stopped.

use std::sync::Arc;

use holdpoint::expr::{Expression, ExpressionError, Scope, Template, Variables, strict};
use holdpoint::model::limits::{EXPRESSION_RESULT_BYTES_MAX, EXPRESSION_SOURCE_BYTES_MAX};
use proptest::prelude::*;
use serde_json::{Value, json};

fn evaluate(
    source: &str,
    input: &Value,
    values: &[(&str, Value)],
) -> Result<Value, ExpressionError> {
    let scope = Scope::new(values.iter().map(|(name, _)| *name));
    let mut variables = Variables::new();
    for (name, value) in values {
        variables.insert(*name, Arc::new(value.clone()));
    }
    let expression = Expression::compile(source, &scope);
    let expression = expression.unwrap_or_else(|defect| panic!("{source}: {defect}"));
    expression.evaluate(input, &variables)
}

#[track_caller]
fn check(source: &str, input: Value, expected: Value) {
    assert_eq!(evaluate(source, &input, &[]), Ok(expected), "{source}");
}

#[track_caller]
fn check_with(source: &str, input: Value, values: &[(&str, Value)], expected: Value) {
    assert_eq!(evaluate(source, &input, values), Ok(expected), "{source}");
}

/// The text of the defect, with its hint.
#[track_caller]
fn refused(source: &str) -> String {
    let scope = Scope::new(["context", "input"]);
    match Expression::compile(source, &scope) {
        Ok(_) => panic!("{source} was not refused"),
        Err(defect) => {
            assert!(defect.offset <= source.len(), "{source}: offset {}", defect.offset);
            defect.to_string()
        }
    }
}

#[track_caller]
fn failed(source: &str, input: Value) -> String {
    match evaluate(source, &input, &[]) {
        Err(ExpressionError::Failed { message, .. }) => message,
        other => panic!("{source} gave {other:?}"),
    }
}

#[test]
fn paths_and_operators() {
    check(r#".colors + ["red"]"#, json!({}), json!(["red"]));
    check(r#".colors + ["red"]"#, json!({"colors": ["blue"]}), json!(["blue", "red"]));
    check(". | length", json!([1, 2, 3]), json!(3));
    check(".temperature > 38", json!({"temperature": 39}), json!(true));
    check(".temperature > 38", json!({"temperature": 38.0}), json!(false));
    check(".a.b.c", json!({"a": null}), json!(null));
    check(".a[1:3]", json!({"a": [1, 2, 3, 4]}), json!([2, 3]));
    check(".[-1]", json!([1, 2]), json!(2));
    check(".[2:]", json!("aäöu"), json!("öu"));
    check(".a // 5", json!({"a": false}), json!(5));
    check("[.[] | .a?]", json!([{"a": 1}, 2]), json!([1]));
    check("if .a then 1 elif .b then 2 else 3 end", json!({"b": 1}), json!(2));
    check(".a = 1 | .b |= . + 1 | .c += 2", json!({"b": 1}), json!({"a": 1, "b": 2, "c": 2}));
    check(".[0].a[1] |= . * 2", json!([{"a": [1, 2]}]), json!([{"a": [1, 4]}]));
    check(".a[1:] = [9]", json!({"a": [1, 2, 3]}), json!({"a": [1, 9]}));
    check("del(.a, .b[0])", json!({"a": 1, "b": [1, 2]}), json!({"b": [2]}));
    check("try error(\"x\") catch .", json!(null), json!("x"));
    check(". as {a: $x, b: [$y]} | $x + $y", json!({"a": 1, "b": [2]}), json!(3));
    check("[.[] as [$a, $b] | {a: $a, b: $b}]", json!([[1, 2]]), json!([{"a": 1, "b": 2}]));
    check("empty", json!(1), json!(null));
    check("1, 2", json!(null), json!(1));
    check("first(range(1000000000000))", json!(null), json!(0));
    check("{a: {b: 1}} * {a: {c: 2}}", json!(null), json!({"a": {"b": 1, "c": 2}}));
    check("\"ab\" * 2", json!(null), json!("abab"));
    check("\"a,b\" / \",\"", json!(null), json!(["a", "b"]));
    check("[1, 2, 3, 2] - [2]", json!(null), json!([1, 3]));
}

#[test]
fn variables_are_read_by_name() {
    let error = json!({"title": "late"});
    let context = json!({"tries": 1, "error": null});
    check_with(
        "$context + {error: $error}",
        json!(null),
        &[("context", context), ("error", error)],
        json!({"tries": 1, "error": {"title": "late"}}),
    );
    check_with(
        "{ ids: [ $input, .id ] }",
        json!({"id": 2}),
        &[("input", json!(1))],
        json!({"ids": [1, 2]}),
    );
    check_with(
        "$a - $b",
        json!(null),
        &[("b", json!(1)), ("a", json!(3)), ("c", json!(9))],
        json!(2),
    );
    check_with("3 as $a | $a + $b", json!(null), &[("a", json!(1)), ("b", json!(2))], json!(5));
    let unset = Expression::compile("$later", &Scope::new(["later"])).expect("compiles");
    assert_eq!(unset.evaluate(&json!(1), &Variables::new()), Ok(json!(null)));
}

#[test]
fn strings() {
    check(r#".text | test("EUR")"#, json!({"text": "5 EUR"}), json!(true));
    check(
        r#""Hello \(.user.firstName)!""#,
        json!({"user": {"firstName": "Ada"}}),
        json!("Hello Ada!"),
    );
    check(r#""\(.)""#, json!({"a": [1, "ü\n"]}), json!("{\"a\":[1,\"ü\\n\"]}"));
    check("ascii_downcase", json!("ÄBC"), json!("Äbc"));
    check(r#"ltrimstr("a") | rtrimstr("c")"#, json!("abc"), json!("b"));
    check("@base64", json!("hallo"), json!("aGFsbG8="));
    check("@base64d", json!("aGFsbG8="), json!("hallo"));
    check("tojson", json!({"b": 1.5, "a": [null, true]}), json!("{\"a\":[null,true],\"b\":1.5}"));
    check("fromjson", json!("{\"a\": [1]}"), json!({"a": [1]}));
    check(r#"gsub("[0-9]+"; "_")"#, json!("a1b22"), json!("a_b_"));
    check(r#"gsub("(?<d>[0-9])"; "<\(.d)>")"#, json!("a1"), json!("a<1>"));
    check(r#"split(", ")"#, json!("a, b"), json!(["a", "b"]));
    check(r#"split("[,;]"; null)?"#, json!("a,b;c"), json!(null));
    check(r#"split("[,;]"; "")"#, json!("a,b;c"), json!(["a", "b", "c"]));
    check(r#"capture("(?<y>\\d+)-(?<m>\\d+)")"#, json!("2026-11"), json!({"y": "2026", "m": "11"}));
    check(r#"[match("a"; "g").offset]"#, json!("aba"), json!([0, 2]));
    check(r#"join("-")"#, json!(["a", 1, "b"]), json!("a-1-b"));
    check(r#"indices("a")"#, json!("öaba"), json!([1, 3]));
    check(r#"@uri "x=\(.)""#, json!("a b&"), json!("x=a%20b%26"));
    check("explode | implode", json!("aö😀"), json!("aö😀"));
    check(r#"startswith("a") and endswith("c")"#, json!("abc"), json!(true));
    check("tonumber + 1", json!("41"), json!(42));
    check("[.[] | tostring]", json!([1, "1", null]), json!(["1", "1", "null"]));
}

#[test]
fn collections() {
    check("map(select(.x))", json!([{"x": true}, {"x": null}]), json!([{"x": true}]));
    check("group_by(.k) | map(length)", json!([{"k": 1}, {"k": 2}, {"k": 1}]), json!([2, 1]));
    check("unique_by(.k)", json!([{"k": 1, "v": 1}, {"k": 1, "v": 2}]), json!([{"k": 1, "v": 1}]));
    check(
        "sort_by(.k) | map(.k)",
        json!([{"k": 2}, {"k": null}, {"k": "a"}]),
        json!([null, 2, "a"]),
    );
    check(
        "sort",
        json!([{}, [], "a", 1, true, false, null]),
        json!([null, false, true, 1, "a", [], {}]),
    );
    check(
        "to_entries",
        json!({"b": 1, "a": 2}),
        json!([{"key": "a", "value": 2}, {"key": "b", "value": 1}]),
    );
    check("with_entries(.value += 1)", json!({"a": 1}), json!({"a": 2}));
    check("reduce .[] as $x (0; . + $x)", json!([1, 2, 3]), json!(6));
    check("[foreach .[] as $x (0; . + $x; [$x, .])]", json!([1, 2]), json!([[1, 1], [2, 3]]));
    check("[limit(3; range(10))]", json!(null), json!([0, 1, 2]));
    check("[range(0; 10; 4)]", json!(null), json!([0, 4, 8]));
    check("keys, length", json!({"b": 1, "a": 2}), json!(["a", "b"]));
    check("has(\"a\")", json!({"a": null}), json!(true));
    check("[.[] | has(1)]", json!([[1], [1, 2]]), json!([false, true]));
    check("contains({a: [\"b\"]})", json!({"a": ["abc", "d"], "c": 1}), json!(true));
    check("any(.[]; . > 2), all", json!([1, 3]), json!(true));
    check("add", json!([[1], [2]]), json!([1, 2]));
    check("min, max", json!([3, 1, 2]), json!(1));
    check("flatten", json!([1, [2, [3]]]), json!([1, 2, 3]));
    check("transpose", json!([[1, 2], [3]]), json!([[1, 3], [2, null]]));
    check("[paths]", json!({"a": [1]}), json!([["a"], ["a", 0]]));
    check("getpath([\"a\", 0])", json!({"a": [1]}), json!(1));
    check("setpath([\"a\", \"b\"]; 1)", json!({}), json!({"a": {"b": 1}}));
    check("walk(if type == \"number\" then . + 1 else . end)", json!([1, [2]]), json!([2, [3]]));
    check("[.. | numbers]", json!([1, [2, {"a": 3}]]), json!([1, 2, 3]));
    check("[recurse | numbers]", json!([1, [2]]), json!([1, 2]));
    check("[combinations]", json!([[1, 2], [3]]), json!([[1, 3], [2, 3]]));
    check("index(2), bsearch(3)", json!([1, 2, 3]), json!(1));
    check("first, last, nth(1)", json!([1, 2]), json!(1));
    check("def double: . * 2; map(double)", json!([1, 2]), json!([2, 4]));
    check("def twice(f): f | f; 1 | twice(. + 1)", json!(null), json!(3));
    check("def twice(f): f | f; 1 | twice(twice(. + 1))", json!(null), json!(5));
    check(
        "[label $out | .[] | if . > 1 then ., break $out else . end]",
        json!([1, 2, 3]),
        json!([1, 2]),
    );
}

#[test]
fn numbers() {
    check(".", json!(u64::MAX), json!(u64::MAX));
    check(".", json!(i64::MIN), json!(i64::MIN));
    check(". + 1", json!(i64::MAX), json!(9_223_372_036_854_775_808_u64));
    check(". + 1", json!(u64::MAX), json!(18_446_744_073_709_551_616.0));
    check("-.", json!(i64::MIN), json!(9_223_372_036_854_775_808_u64));
    check(".", json!(1.0), json!(1.0));
    check("18446744073709551615", json!(null), json!(u64::MAX));
    check("1.5, 1", json!(null), json!(1.5));
    check("4 / 2, 1", json!(null), json!(2));
    check("1 / 4", json!(null), json!(0.25));
    check("7 % 3", json!(null), json!(1));
    check("[nan, infinite, -infinite, 1e1000]", json!(null), json!([null, null, null, null]));
    check("nan < nan, nan == nan", json!(null), json!(true));
    check("1 == 1.0", json!(null), json!(true));
    check("1.9 | floor", json!(null), json!(1));
    check("[2 | sqrt, pow(.; 10)] | map(floor)", json!(null), json!([1, 1024]));
    check("isnan, isinfinite", json!(1), json!(false));
}

#[test]
fn truth_is_that_of_jq() {
    let truth = |source: &str| {
        let expression = Expression::compile(source, &Scope::default()).expect("compiles");
        expression.is_true(&json!(null), &Variables::new())
    };
    for source in ["true", "0", "\"\"", "[]", "{}"] {
        assert_eq!(truth(source), Ok(true), "{source}");
    }
    for source in ["false", "null", "empty", "."] {
        assert_eq!(truth(source), Ok(false), "{source}");
    }
}

#[test]
fn failures_say_what_jq_says() {
    assert_eq!(failed("error(\"no budget\")", json!(null)), "no budget");
    assert!(failed(".a", json!([1])).contains("cannot index [1] with \"a\""));
    assert!(failed(". + 1", json!("a")).contains("cannot calculate \"a\" + 1"));
    assert!(failed("1 / .", json!(0)).contains("the divisor is zero"));
    assert!(failed("1 % .", json!(0)).contains("the divisor is zero"));
    assert!(failed("{(.): 1}", json!(1)).contains("key of an object"));
    assert!(failed(".[1000000000] = 1", json!([])).contains("outside of an array"));
    assert!(failed("fromjson", json!("{")).contains("cannot parse \"{\" as JSON"));
    assert!(failed("test(\"(\")", json!("a")).contains("invalid regex"));
    let long = failed(".a", json!("x".repeat(10_000)));
    assert!(long.len() < 300, "{long}");
    let error = evaluate("error(\"no budget\")", &json!(1), &[]).expect_err("fails");
    assert_eq!(error.to_string(), "the expression `error(\"no budget\")` failed: no budget");
}

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
    check("def f: 1; def f: f + 1; f", json!(null), json!(2));
    check("def map(f): 7; map(.)", json!([1]), json!(7));
    check("def f(g): g; f(f(. + 1))", json!(1), json!(2));
}

#[test]
fn runaways_end_in_an_error_and_the_process_goes_on() {
    let timed_out = [
        "[range(1e12)] | length",
        "last(range(1e12))",
        "[limit(1e12; range(1e12))] | length",
        "reduce range(1e12) as $i (0; . + 1)",
        "first(range(1e12) | select(. < 0))",
        "[range(1e6) as $a | range(1e6) as $b | select($a > 1e9)]",
        "isempty(range(1e12) | select(false)) | not",
        "[range(3000)] | [.[] as $a | .[] as $b | .[] as $c | select($a + $b + $c < 0)]",
        "reduce range(60) as $i (1; [., .]) | [., .] | .[0] == .[1]",
        "[range(200000) | -.] | [range(50) as $i | sort_by(tojson)] | length",
    ];
    for source in timed_out {
        let result = evaluate(source, &json!(null), &[]);
        let stopped = matches!(
            result,
            Err(ExpressionError::TimedOut { .. } | ExpressionError::TooLarge { .. })
        );
        assert!(stopped, "{source}: {result:?}");
        check(". + 1", json!(1), json!(2));
    }
}

#[test]
fn values_that_grow_are_stopped() {
    let too_large = [
        "reduce range(60) as $i (\"a\"; . + .)",
        "\"a\" * 1000000000",
        "\"a\" * 1e300",
        "reduce range(60) as $i (\"\\\\\"; tojson)",
        "reduce range(60) as $i (\"a\"; \"\\(.)\\(.)\")",
        "reduce range(60) as $i ({s: \"a\"}; .s += .s)",
        "reduce range(60) as $i ([1]; . + .)",
        "reduce range(60) as $i ([1]; [.[], .[]])",
        "reduce range(60) as $i (\"a\"; [., .] | join(\"\"))",
        "reduce range(60) as $i (\"&\"; @html)",
        "reduce range(60) as $i (1; [., .])",
        "reduce range(60) as $i (1; [., .]) | tojson | length",
        "[range(1000) | tostring * 1000000] | length",
    ];
    for source in too_large {
        let result = evaluate(source, &json!(null), &[]);
        assert!(matches!(result, Err(ExpressionError::TooLarge { .. })), "{source}: {result:?}");
    }
}

#[test]
fn values_that_nest_are_stopped() {
    let too_deep = [
        "reduce range(1000000) as $i (1; [.])",
        "reduce range(1000000) as $i (1; {a: .})",
        "setpath([range(100000) | \"a\"]; 1)",
        "reduce range(1000) as $i ([]; .[0:0] = [.])",
        "reduce range(1000000) as $i (null; .a = {b: .})",
    ];
    for source in too_deep {
        let result = evaluate(source, &json!(null), &[]);
        assert!(matches!(result, Err(ExpressionError::TooDeep { .. })), "{source}: {result:?}");
    }
    let nested = |depth: usize| (0..depth).fold(json!(1), |inside, _| json!([inside]));
    check(".", nested(96), nested(96));
    for source in [".", "length", "$deep"] {
        let values = [("deep", nested(97))];
        let result = evaluate(source, &nested(97), &values);
        assert!(matches!(result, Err(ExpressionError::TooDeep { .. })), "{source}: {result:?}");
    }
    let text = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(failed("fromjson", json!(text)).contains("recursion limit"));
}

#[test]
fn regular_expressions_are_bounded() {
    assert!(failed("test(\"a\" * 1001)", json!("a")).contains("at most 1000"));
    let text = json!("a".repeat(1_000_000));
    assert!(failed("test(\"(a{1,100}){1,100}b\")", text.clone()).contains("repeats too much"));
    check("test(\"b\")", text, json!(false));
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

#[test]
fn the_largest_result_passes_and_one_byte_more_does_not() {
    let text = |bytes: usize| json!("ü".repeat(bytes / 2 - 1));
    let largest = text(EXPRESSION_RESULT_BYTES_MAX);
    assert_eq!(largest.to_string().len(), EXPRESSION_RESULT_BYTES_MAX);
    check(".", largest.clone(), largest.clone());
    let max = EXPRESSION_RESULT_BYTES_MAX;
    let result = evaluate(". + \"a\"", &largest, &[]);
    assert!(matches!(result, Err(ExpressionError::TooLarge { max: m, .. }) if m == max));
    let escaped = json!(format!("{}a", "\"".repeat(max / 2 - 2)));
    assert_eq!(escaped.to_string().len(), max - 1);
    check(".", escaped.clone(), escaped.clone());
    check("length", json!([largest, escaped]), json!(2));
}

#[test]
fn what_is_linear_is_cheap() {
    let is_cheap = |source: &str| {
        let scope = Scope::new(["context", "error"]);
        Expression::compile(source, &scope).expect(source).is_cheap()
    };
    let cheap = [
        ".a.b[0]",
        "$context + {error: $error}",
        ".temperature > 38 and .x",
        "map(select(.x))",
        ".text | test(\"EUR\")",
        "{ids: [.id, 1]}",
        "\"Hello \\(.user.firstName)!\"",
        ".colors + [\"red\"]",
        "if .a then 1 else 2 end",
        "[.. | numbers]",
        ".a |= . + 1",
        "to_entries | map(.key) | join(\",\")",
        ".a // \"x\" | ascii_downcase",
    ];
    for source in cheap {
        assert!(is_cheap(source), "{source}");
    }
    let dear = [
        "reduce .[] as $x (0; . + $x)",
        "[range(3)]",
        "def f: 1; f",
        "group_by(.a)",
        "[combinations]",
        "foreach .[] as $x (0; 1)",
        "label $a | 1",
        "gsub(\"a\"; \"b\")",
        "[limit(3; .[])]",
    ];
    for source in dear {
        assert!(!is_cheap(source), "{source}");
    }
}

#[test]
fn a_cheap_expression_over_much_data_is_still_done() {
    let input = Value::Array((0..200_000).map(Value::from).collect());
    check("map(. + 1) | add", input, json!(20_000_100_000_u64));
}

#[test]
fn many_threads_share_one_expression() {
    let expression =
        Expression::compile("reduce .[] as $x (0; . + $x)", &Scope::default()).expect("compiles");
    let threads: Vec<_> = (0..8_i64)
        .map(|thread| {
            let expression = expression.clone();
            std::thread::spawn(move || {
                let input = json!([thread, 1, 2]);
                expression.evaluate(&input, &Variables::new())
            })
        })
        .collect();
    for (thread, result) in threads.into_iter().enumerate() {
        assert_eq!(result.join().expect("no panic"), Ok(json!(thread + 3)));
    }
}

#[test]
fn only_a_whole_string_is_an_expression() {
    assert_eq!(strict("${ .a }"), Some(".a"));
    assert_eq!(strict("  ${.a}\n"), Some(".a"));
    assert_eq!(strict("${}"), Some(""));
    assert_eq!(strict("${ {a: 1} }"), Some("{a: 1}"));
    for text in ["", ".a", "a ${ .a }", "${ .a } b", "$ { .a }", "${ .a"] {
        assert_eq!(strict(text), None, "{text}");
    }
}

#[test]
fn a_template_fills_in_its_expressions() {
    let scope = Scope::new(["context"]);
    let mut variables = Variables::new();
    variables.insert("context", Arc::new(json!({"name": "Ada"})));
    let value = json!({
        "plain": [1, "text", {"a": null}],
        "who": "${ $context.name }",
        "list": ["${ .a }", "b", "${ .c // 3 }"],
    });
    let template = Template::compile(&value, &scope).expect("compiles");
    assert!(template.is_cheap());
    assert_eq!(
        template.evaluate(&json!({"a": 1}), &variables),
        Ok(json!({
            "plain": [1, "text", {"a": null}],
            "who": "Ada",
            "list": [1, "b", 3],
        }))
    );
    let literal = Template::compile(&json!([{"a": "$b"}]), &scope).expect("compiles");
    assert!(matches!(literal, Template::Literal(_)));
    let dear = Template::compile(&json!({"a": ["${ [range(3)] }"]}), &scope).expect("compiles");
    assert!(!dear.is_cheap());
}

#[test]
fn a_template_reports_all_defects_with_pointers() {
    let value = json!({"a/b": ["${ $x }", "${ .ok }", {"~": "${ 1 + }"}], "c": "${ now }"});
    let defects = Template::compile(&value, &Scope::default()).expect_err("three defects");
    let pointers: Vec<&str> = defects.iter().map(|defect| defect.pointer.as_str()).collect();
    assert_eq!(pointers, ["/a~1b/0", "/a~1b/2/~0", "/c"]);
    assert!(defects.iter().all(|defect| value.pointer(&defect.pointer).is_some()));
    assert!(defects[0].to_string().starts_with("/a~1b/0: the variable `$x` is not defined here"));
    let whole = Template::compile(&json!("${ $x }"), &Scope::default()).expect_err("one defect");
    assert_eq!(whole[0].pointer, "");
}

#[test]
fn a_scope_grows_without_doubles() {
    let scope = Scope::new(["b", "a", "b"]).with("c").with("c");
    assert_eq!(scope.names().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(scope.contains("c") && !scope.contains("$c"));
}

/// Any JSON value: integers of 64 bits with and without sign, and finite doubles.
fn any_json() -> impl Strategy<Value = Value> {
    let finite = prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        finite.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inside| {
        prop_oneof![
            prop::collection::vec(inside.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inside, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn identity_changes_nothing(value in any_json()) {
        let same = evaluate(".", &value, &[]);
        prop_assert_eq!(same, Ok(value.clone()));
        // The text of jq is the text of the product: what is counted is what is stored.
        prop_assert_eq!(evaluate("tojson", &value, &[]), Ok(Value::from(value.to_string())));
        prop_assert_eq!(evaluate("tojson | fromjson", &value, &[]), Ok(value));
    }

    #[test]
    fn no_source_brings_the_compiler_down(source in "[-a-z0-9$.|,:;+*/()\\[\\]{}\"\\\\# ]{0,80}") {
        if let Err(defect) = Expression::compile(&source, &Scope::new(["a"])) {
            prop_assert!(defect.offset <= source.len());
        }
    }
}
