//! What expressions compute, as tables of source, input and result.

use holdpoint::expr::{Expression, Scope, Variables};
use serde_json::json;

use super::{check, check_with, evaluate, failed};

#[test]
fn paths_and_operators() {
    check(r#".colors + ["red"]"#, json!({}), json!(["red"]));
    check(r#".colors + ["red"]"#, json!({"colors": ["blue"]}), json!(["blue", "red"]));
    check(". | length", json!([1, 2, 3]), json!(3));
    check(".temperature > 38", json!({"temperature": 39}), json!(true));
    check(".temperature > 38", json!({"temperature": 38.0}), json!(false));
    check(".a.b.c", json!({"a": null}), json!(null));
    check(".a.\"b c\"[\"d\"]", json!({"a": {"b c": {"d": 1}}}), json!(1));
    check_with("$x.a.b", json!(1), &[("x", json!({"a": {"b": 2}}))], json!(2));
    check_with("$x", json!(1), &[("x", json!("y"))], json!("y"));
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
    check(r#"split("[,;]"; null)"#, json!("a,b;c"), json!(["a", "b", "c"]));
    check(r#"split("[,;]"; "")"#, json!("a,b;c"), json!(["a", "b", "c"]));
    check(r#"capture("(?<y>\\d+)-(?<m>\\d+)")"#, json!("2026-11"), json!({"y": "2026", "m": "11"}));
    check(r#"[match("a"; "g").offset]"#, json!("aba"), json!([0, 2]));
    check(r#"join("-")"#, json!(["a", 1, "b"]), json!("a-1-b"));
    check(r#"indices("a")"#, json!("öaba"), json!([1, 3]));
    check(r#"@uri "x=\(.)""#, json!("a b&"), json!("x=a%20b%26"));
    check("explode | implode", json!("aö😀"), json!("aö😀"));
    check(r#"startswith("a") and endswith("c")"#, json!("abc"), json!(true));
    check("tonumber + 1", json!("41"), json!(42));
    check("@csv", json!(["a\"b", 1, null, true]), json!("\"a\"\"b\",1,,true"));
    check("@tsv", json!(["a\tb", 1.5, null]), json!("a\\tb\t1.5\t"));
    check("fromdate", json!("1970-01-02T00:00:00Z"), json!(86_400));
    check("todate", json!(86_400), json!("1970-01-02T00:00:00Z"));
    check("gmtime | mktime", json!(86_400), json!(86_400));
    check(
        "strptime(\"%Y-%m-%d\") | strftime(\"%d.%m.%Y\")",
        json!("2026-11-22"),
        json!("22.11.2026"),
    );
    check("trimstr(\"-\") | ascii_upcase", json!("-a-"), json!("A"));
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
    check("IN(1, 2)", json!(2), json!(true));
    check("IN(.[]; 3, 4)", json!([1, 2]), json!(false));
    check("INDEX(.id) | map_values(.v)", json!([{"id": 1, "v": 2}]), json!({"1": 2}));
    check("[toarray, (.[0] | toarray)]", json!([1]), json!([[1], [1]]));
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
    check("[nan == nan, nan < 1, (nan | isnan)]", json!(null), json!([false, true, true]));
    check(
        "[1 == 1.0, . == 9007199254740992.0, . > 9007199254740992.0]",
        json!(9_007_199_254_740_993_i64),
        json!([true, false, true]),
    );
    check(
        "[limit(100; range(0; 1e9) | if . % 3 == 0 then nan else . end)] | sort | length",
        json!(null),
        json!(100),
    );
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
    assert!(failed(".a.b", json!({"a": 1})).contains("cannot index 1 with \"b\""));
    assert!(failed(". + 1", json!("a")).contains("cannot calculate \"a\" + 1"));
    assert!(failed("1 / .", json!(0)).contains("the divisor is zero"));
    assert!(failed("1 % .", json!(0)).contains("the divisor is zero"));
    assert!(failed("{(.): 1}", json!(1)).contains("key of an object"));
    assert!(failed(".[-3] = 1", json!([1])).contains("index -3 is outside of an array of 1"));
    assert!(failed("fromjson", json!("{")).contains("cannot parse \"{\" as JSON"));
    assert!(failed("test(\"(\")", json!("a")).contains("invalid regex"));
    let long = failed(".a", json!("x".repeat(10_000)));
    assert!(long.len() < 300, "{long}");
    let error = evaluate("error(\"no budget\")", &json!(1), &[]).expect_err("fails");
    assert_eq!(error.to_string(), "the expression `error(\"no budget\")` failed: no budget");
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
fn the_right_members_win_in_a_sum_of_objects() {
    check("{a: 1, b: 2} + {a: 3}", json!(null), json!({"a": 3, "b": 2}));
    check("{a: 1} + {a: 3, b: 2}", json!(null), json!({"a": 3, "b": 2}));
    check("{a: 1, a: 2}", json!(null), json!({"a": 2}));
}

#[test]
fn updates_and_deletions_are_those_of_jq() {
    check(".[2] = 1", json!([0]), json!([0, null, 1]));
    check(".[0].a = 1", json!(null), json!([{"a": 1}]));
    check(".a[length] = 2", json!({"a": [1]}), json!({"a": [1, 2]}));
    check("del(.[0, 1])", json!([1, 2, 3]), json!([3]));
    check("del(.[] | select(. > 1))", json!([1, 2, 3, 1]), json!([1, 1]));
    check("del(.a.b, .c[1:], .d)", json!({"c": [1, 2, 3]}), json!({"c": [1]}));
    check("del(.[5])", json!([1]), json!([1]));
    check("delpaths([[\"a\", 0], [\"b\"]])", json!({"a": [1], "b": 2}), json!({"a": []}));
    check("pick(.a, .b[1])", json!({"a": 1, "b": [2, 3], "c": 4}), json!({"a": 1, "b": [null, 3]}));
    check(".a // empty |= 2", json!({"a": 1}), json!({"a": 2}));
    check(
        "to_entries | map(select(.value)) | from_entries",
        json!({"a": 1, "b": null}),
        json!({"a": 1}),
    );
    check(".[] += 1", json!({"a": 1, "b": 2}), json!({"a": 2, "b": 3}));
    check(".. |= (numbers |= . + 1)", json!([1, [2]]), json!([2, [3]]));
    check("map_values(empty)", json!({"a": 1}), json!({}));
}
