//! `config show`, and what a wrong configuration does to every command that needs one.

use std::fs;

use super::{command, ended, holdpoint};

#[test]
fn every_key_is_shown_with_the_layer_that_set_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("own.toml"), "[worker]\nmax_concurrent_jobs = 7\n").unwrap();
    let arguments = ["config", "show", "--config", "own.toml", "--listen", "127.0.0.1:0"];
    let mut command = command(folder.path(), &arguments);
    command.env("HOLDPOINT__LOG__FORMAT", "json");
    let run = ended(command.output().unwrap());
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    for line in [
        "max_concurrent_jobs = 7 # own.toml:2:23",
        "listen = \"127.0.0.1:0\" # flag --listen",
        "format = \"json\" # environment HOLDPOINT__LOG__FORMAT",
        "url = \"redb://data/holdpoint.redb\" # default",
    ] {
        assert!(run.out.contains(line), "{line} is not in\n{}", run.out);
    }
}

#[test]
fn json_has_the_same_keys() {
    let run = holdpoint(&["config", "show", "--json", "--data", "elsewhere"]);
    let shown: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(shown["store"]["url"], "redb://elsewhere/holdpoint.redb");
    assert_eq!(shown["artifacts"]["dir"], "elsewhere/artifacts");
}

#[test]
fn a_wrong_configuration_is_78_and_names_every_bad_key() {
    for words in [["serve"].as_slice(), &["demo", "--once"], &["check-db"], &["config", "show"]] {
        let folder = tempfile::tempdir().unwrap();
        let text = "[worker]\nmax_concurrent_job = 7\n[http]\nlisten = \"0.0.0.0:3000\"\n";
        fs::write(folder.path().join("config.toml"), text).unwrap();
        let run = ended(command(folder.path(), words).output().unwrap());
        assert_eq!(run.code, 78, "{words:?}: {}", run.err);
        assert_eq!(run.out, "", "{words:?}");
        for expected in ["2 bad keys", "config.toml:2:", "did you mean", "config.toml:4:", "TLS"] {
            assert!(run.err.contains(expected), "{words:?}: {expected} is not in\n{}", run.err);
        }
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{words:?}: nothing is made before the configuration stands");
    }
}

#[test]
fn a_file_that_is_named_must_exist() {
    let run = holdpoint(&["config", "show", "--config", "missing.toml"]);
    assert_eq!(run.code, 78);
    assert!(run.err.contains("missing.toml"), "{}", run.err);
}
