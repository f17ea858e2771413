//! `write-files`: whole sets below the folder of the job, and nothing outside of it.

use std::fs;
use std::path::Path;

use holdpoint::calls::{Caller, Function, Options, Outcome};
use holdpoint::model::limits::{FILE_BYTES_MAX, FILE_PATH_BYTES_MAX, FILES_MAX};
use holdpoint::model::problem::{Kind, Problem};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{call, caller, detail, job};

fn writer() -> (TempDir, Caller) {
    let folder = tempfile::tempdir().expect("a folder");
    let artifacts = folder.path().join("artifacts");
    (folder, caller(Options { artifacts, ..Options::default() }, &[]))
}

async fn write(caller: &Caller, arguments: Value) -> Result<Value, Problem> {
    match caller.run(&call(Function::WriteFiles, arguments)).await {
        Outcome::Succeeded(value) => Ok(value),
        Outcome::Failed(problem) => Err(problem),
    }
}

fn file(path: &str, content: &str) -> Value {
    json!({"path": path, "content": content})
}

/// Every entry below a folder: path and content, links named as such.
fn tree(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).expect("a folder").map(|entry| entry.expect("an entry")) {
            let path = entry.path();
            if entry.file_type().expect("a type").is_dir() {
                open.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).expect("below").to_string_lossy().into_owned();
            found.push((name, fs::read_to_string(&path).unwrap_or_default()));
        }
    }
    found.sort();
    found
}

fn entry(path: &str, content: &str) -> (String, String) {
    (format!("{}/{path}", job()), content.to_owned())
}

#[tokio::test]
async fn files_arrive_with_their_digests() {
    let (folder, caller) = writer();
    let arguments = json!({"files": [
        file("src/main.rs", "abc"),
        {"path": "empty", "content": ""},
        {"path": "ü.bin", "content": "aGk=", "encoding": "base64"},
    ]});
    let output = write(&caller, arguments.clone()).await.expect("an output");
    // The digests of `abc` and of nothing are those of FIPS 180-2.
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let none = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let files = &output["files"];
    assert_eq!(output["directory"], job().to_string());
    assert_eq!(files[0], json!({"path": "src/main.rs", "bytes": 3, "sha256": abc}));
    assert_eq!(files[1], json!({"path": "empty", "bytes": 0, "sha256": none}));
    let artifacts = folder.path().join("artifacts");
    let expected = vec![entry("empty", ""), entry("src/main.rs", "abc"), entry("ü.bin", "hi")];
    assert_eq!(tree(&artifacts), expected);
    assert_eq!(write(&caller, arguments).await, Ok(output), "a repetition is the same");
    assert_eq!(tree(&artifacts), expected);
}

#[tokio::test]
async fn calls_add_to_one_folder_and_the_later_one_wins() {
    let (folder, caller) = writer();
    let artifacts = folder.path().join("artifacts");
    let first = json!({"files": [file("a/b", "1"), file("c", "1")]});
    write(&caller, first).await.expect("an output");
    let second = json!({"files": [file("c", "2")]});
    write(&caller, second).await.expect("an output");
    let third = json!({"files": [file("c", "3")], "directory": "a/sub"});
    let output = write(&caller, third).await.expect("an output");
    assert_eq!(output["directory"], format!("{}/a/sub", job()));
    let expected = vec![entry("a/b", "1"), entry("a/sub/c", "3"), entry("c", "2")];
    assert_eq!(tree(&artifacts), expected);
    for clash in [file("a", "file in place of a folder"), file("c/d", "folder in place of a file")]
    {
        let problem = write(&caller, json!({"files": [clash]})).await.expect_err("a refusal");
        assert!(problem.is(Kind::Validation), "{problem:?}");
        assert_eq!(tree(&artifacts), expected);
    }
}

#[tokio::test]
async fn calls_of_one_job_side_by_side_lose_nothing() {
    let (folder, caller) = writer();
    let calls = (0..16).map(|number| {
        let caller = caller.clone();
        let files = json!({"files": [file(&format!("{number:02}"), "x")]});
        tokio::spawn(async move { write(&caller, files).await })
    });
    for running in calls.collect::<Vec<_>>() {
        running.await.expect("no panic").expect("an output");
    }
    assert_eq!(tree(&folder.path().join("artifacts")).len(), 16);
}

#[tokio::test]
async fn a_crash_leaves_the_old_set_or_the_new_one() {
    let old = json!({"files": [file("f", "old")]});
    let new = json!({"files": [file("f", "new")]});
    // What a crash leaves: in the middle of building, and between the two renames.
    for between_renames in [false, true] {
        let (folder, caller) = writer();
        let artifacts = folder.path().join("artifacts");
        write(&caller, old.clone()).await.expect("an output");
        let fresh = artifacts.join(format!(".{}.new", job()));
        fs::create_dir(&fresh).expect("a folder");
        fs::write(fresh.join("half"), "h").expect("a file");
        if between_renames {
            let former = artifacts.join(format!(".{}.old", job()));
            fs::rename(artifacts.join(job().to_string()), former).expect("a rename");
            write(&caller, json!({"files": []})).await.expect("an output");
            assert_eq!(tree(&artifacts), [entry("f", "old")]);
        }
        write(&caller, new.clone()).await.expect("an output");
        assert_eq!(tree(&artifacts), [entry("f", "new")]);
    }
}

#[tokio::test]
async fn paths_that_leave_the_folder_or_deceive_are_refused_all_at_once() {
    let (folder, caller) = writer();
    let long = "x/".repeat(FILE_PATH_BYTES_MAX / 2) + "y";
    let name = "n".repeat(256);
    let bad = [
        "",
        "/etc/passwd",
        "../up",
        "a/../../up",
        "a/./b",
        ".",
        "..",
        "a//b",
        "a/",
        "back\\slash",
        "c:/windows",
        "C:evil",
        "file:stream",
        "nul\0byte",
        "line\nbreak",
        "tab\t",
        "esc\u{1b}[2J",
        "CON",
        "con.txt",
        "a/NUL",
        "aux.tar.gz",
        "com1",
        "LPT9.log",
        "COM¹",
        "CONIN$",
        "dot.",
        "space ",
        " lead",
        "a/dot./b",
        "rtl\u{202e}gpj.exe",
        "zero\u{200b}width",
        "bom\u{feff}",
        "iso\u{2066}late",
        "soft\u{ad}hyphen",
        "tag\u{e0041}",
        "sep\u{2028}",
        "q?",
        "star*",
        "<a>",
        "del\u{7f}",
        "c1\u{85}",
        &long,
        &name,
    ];
    let files = bad.iter().map(|path| file(path, "x")).collect::<Vec<_>>();
    let problem = write(&caller, json!({"files": files})).await.expect_err("a refusal");
    assert!(problem.is(Kind::Validation), "{problem:?}");
    let defects = detail(&problem).trim_start_matches("write-files: nothing was written: ");
    let named = defects.split("; ").count();
    assert_eq!(named, bad.len(), "{defects}");
    for path in bad {
        let files = json!({"files": [file("good", "x"), file(path, "x")]});
        let problem = write(&caller, files).await.expect_err("a refusal");
        let named = path.escape_debug().to_string();
        assert!(detail(&problem).contains(&named), "{problem:?}");
        assert!(!detail(&problem).contains(['\u{202e}', '\u{200b}', '\n', '\0']), "{problem:?}");
        let files = json!({"files": [file("good", "x")], "directory": path});
        write(&caller, files).await.expect_err("a refusal");
    }
    assert!(!folder.path().join("artifacts").exists(), "nothing was touched");
    let good = ["a", ".gitignore", "a b", "…", "console", "com", "a..b", "日本語/ファイル.md"];
    let files = good.iter().map(|path| file(path, "x")).collect::<Vec<_>>();
    write(&caller, json!({"files": files})).await.expect("an output");
}

#[tokio::test]
async fn lists_that_make_no_set_are_refused() {
    let (folder, caller) = writer();
    let many = (0..=FILES_MAX).map(|n| file(&n.to_string(), "")).collect::<Vec<_>>();
    let large = "x".repeat(FILE_BYTES_MAX + 1);
    let cases = [
        (json!({}), "must be a list"),
        (json!({"files": {"path": "a"}}), "must be a list"),
        (json!({"files": [1, {"content": "x"}]}), "files[1] has no path"),
        (json!({"files": [{"path": "a"}]}), "a has no content"),
        (json!({"files": [{"path": "a", "content": "x", "encoding": "hex"}]}), "neither utf8"),
        (json!({"files": [{"path": "a", "content": "%%", "encoding": "base64"}]}), "no base64"),
        (json!({"files": [file("a", &large)]}), "at most 2097152 are allowed"),
        (json!({"files": many}), "at most 500 are allowed"),
        (json!({"files": [file("a/B", ""), file("A/b", "")]}), "A/b is the same file as a/B"),
        (json!({"files": [file("a", ""), file("A/b", "")]}), "a is a file and also the folder"),
        (json!({"files": [], "directory": 1}), "directory must be a string"),
    ];
    for (arguments, words) in cases {
        let problem = write(&caller, arguments).await.expect_err("a refusal");
        assert!(problem.is(Kind::Validation), "{problem:?}");
        assert!(detail(&problem).contains(words), "{words}: {problem:?}");
    }
    let largest = json!({"files": [file("a", &"x".repeat(FILE_BYTES_MAX))]});
    write(&caller, largest).await.expect("an output");
    assert_eq!(tree(&folder.path().join("artifacts")).len(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_neither_followed_nor_kept() {
    use std::os::unix::fs::symlink;

    let outside = tempfile::tempdir().expect("a folder");
    fs::write(outside.path().join("f"), "precious").expect("a file");
    let untouched = || assert_eq!(tree(outside.path()), [("f".to_owned(), "precious".to_owned())]);
    let place = |artifacts: &Path| artifacts.join(job().to_string());
    // The folder of the job, a folder in it, and a file in it are links.
    for depth in 0..3 {
        let (folder, caller) = writer();
        let artifacts = folder.path().join("artifacts");
        fs::create_dir_all(&artifacts).expect("a folder");
        match depth {
            0 => symlink(outside.path(), place(&artifacts)).expect("a link"),
            1 => {
                fs::create_dir(place(&artifacts)).expect("a folder");
                symlink(outside.path(), place(&artifacts).join("d")).expect("a link");
            }
            _ => {
                fs::create_dir_all(place(&artifacts).join("d")).expect("a folder");
                let link = place(&artifacts).join("d/f");
                symlink(outside.path().join("f"), link).expect("a link");
            }
        }
        for content in ["precious", "changed"] {
            let arguments = json!({"files": [file("d/f", content)]});
            let problem = write(&caller, arguments).await.expect_err("a refusal");
            assert!(detail(&problem).contains("is a link"), "{problem:?}");
            untouched();
        }
    }
    // Links in place of the folders that a write uses for a moment.
    let (folder, caller) = writer();
    let artifacts = folder.path().join("artifacts");
    fs::create_dir_all(&artifacts).expect("a folder");
    symlink(outside.path(), artifacts.join(format!(".{}.new", job()))).expect("a link");
    write(&caller, json!({"files": [file("f", "mine")]})).await.expect("an output");
    untouched();
}
