//! What the command line takes, and how it refuses the rest. The help is a golden file: a change
//! of it is a change that every script and page has to know of.

use super::holdpoint;

/// Every command whose help is promised.
const COMMANDS: &[&[&str]] = &[
    &[],
    &["serve"],
    &["demo"],
    &["check"],
    &["check-db"],
    &["worker"],
    &["worker", "status"],
    &["jobs"],
    &["jobs", "list"],
    &["jobs", "show"],
    &["jobs", "terminate"],
    &["checkpoints"],
    &["checkpoints", "list"],
    &["checkpoints", "show"],
    &["checkpoints", "approve"],
    &["checkpoints", "reject"],
    &["checkpoints", "send-back"],
    &["checkpoints", "claim"],
    &["checkpoints", "release"],
    &["checkpoints", "delegate"],
    &["checkpoints", "comment"],
    &["checkpoints", "rearm"],
    &["actors"],
    &["agent-sim"],
    &["backup"],
    &["restore"],
    &["release"],
    &["doctor"],
    &["export"],
    &["import"],
    &["compact"],
    &["drill"],
    &["config", "show"],
    &["bench"],
];

/// `BLESS=1 cargo test --test it cli::arguments` writes the golden file anew.
#[test]
fn the_help_is_the_golden_one() {
    let mut help = String::new();
    for words in COMMANDS {
        let run = holdpoint(&[words, ["--help"].as_slice()].concat());
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{words:?}");
        help.push_str(&format!(
            "$ holdpoint {}\n{}\n",
            [words, ["--help"].as_slice()].concat().join(" "),
            run.out
        ));
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/cli-help.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &help).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap();
    similar_asserts(&golden, &help);
}

fn similar_asserts(golden: &str, now: &str) {
    let diff = similar::TextDiff::from_lines(golden, now);
    assert!(golden == now, "the help changed; BLESS=1 accepts it:\n{}", diff.unified_diff());
}

#[test]
fn wrong_arguments_are_refused_with_2_and_a_word_about_them() {
    let rows: &[(&[&str], &str)] = &[
        (&["surprise"], "unrecognized subcommand 'surprise'"),
        (&["jobs", "list", "--limit", "0"], "0 is not in 1..=200"),
        (&["jobs", "list", "--limit", "201"], "201 is not in 1..=200"),
        (&["jobs", "show"], "<ID>"),
        (&["jobs", "terminate", "x"], "--reason"),
        (&["checkpoints", "reject", "x"], "--reason"),
        (&["actors", "--format", "png"], "possible values: text, dot, json"),
        (&["check"], "<PATH>..."),
        (&["worker", "status", "--url", "nowhere"], "\"nowhere\" is no address of a server"),
        (&["worker", "status", "--url", "ftp://127.0.0.1"], "must begin with http://"),
    ];
    for (arguments, expected) in rows {
        let run = holdpoint(arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.err);
        assert!(run.err.contains(expected), "{arguments:?}: {}", run.err);
        assert_eq!(run.out, "", "{arguments:?}: answers go to standard output, refusals do not");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let run = holdpoint(&["--version"]);
    assert_eq!((run.code, run.out), (0, format!("holdpoint {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn every_exit_code_is_in_the_help_and_in_the_readme() {
    let help = holdpoint(&["--help"]).out;
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    for code in [0, 1, 2, 69, 70, 74, 78, 130, 143] {
        let word = code.to_string();
        assert!(help.contains(&word), "{code} is not in the help");
        assert!(readme.contains(&format!("| {code} |")), "{code} is not in the README");
    }
}
