//! Evaluations that run, grow or nest too far end in an error, and the process goes on.

use holdpoint::expr::{Expression, ExpressionError, Scope};
use holdpoint::model::limits::EXPRESSION_RESULT_BYTES_MAX;
use serde_json::{Value, json};

use super::{check, evaluate, failed};

#[test]
fn runaways_end_in_an_error_and_the_process_goes_on() {
    // Which bound is passed first depends on the machine.
    let runaways = [
        "[range(1e12)] | length",
        "last(range(1e12))",
        "[limit(1e12; range(1e12))] | length",
        "reduce range(1e12) as $i (0; . + 1)",
        "first(range(1e12) | select(. < 0))",
        "[range(1e6) as $a | range(1e6) as $b | select($a > 1e9)]",
        "isempty(range(1e12) | select(false)) | not",
        "[range(3000)] | [.[] as $a | .[] as $b | .[] as $c | select($a + $b + $c < 0)]",
        "reduce range(60) as $i (1; [., .]) | [., .] | .[0] == .[1]",
        "reduce range(60) as $i (\"\\\\\"; tojson)",
        "reduce range(60) as $i ([1]; . + .)",
        "reduce range(60) as $i ([1]; [.[], .[]])",
        "[range(1000) | tostring * 1000000] | length",
        "reduce range(60) as $i (\"'\"; @sh)",
        "reduce range(60) as $i (\"a\"; [., .] | join(\"\"))",
        "[range(200000) | -.] | [range(50) as $i | sort_by(tojson)] | length",
    ];
    for source in runaways {
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
        "[] | .[1000000000] = 1",
        "null | .[9223372036854775807] = 1",
        "reduce range(60) as $i (\"a\"; \"\\(.)\\(.)\")",
        "reduce range(60) as $i ({s: \"a\"}; .s += .s)",
        "reduce range(60) as $i (1; [., .])",
        "reduce range(60) as $i (1; [., .]) | tojson | length",
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
        "setpath([range(200) | \"a\"]; 1)",
        "reduce range(200) as $i ([]; .[0:1] = [.])",
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
    let nested = format!("test(\"{}a{}\")", "(".repeat(480), ")".repeat(480));
    assert!(failed(&nested, json!("a")).contains("invalid regex"));
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
    let input = Value::Array((0..10_000).map(Value::from).collect());
    check("map(. + 1) | add", input, json!(50_005_000));
}
