//! `demo`: scripted to its end, and by hand with the commands that it prints.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use super::{Running, command, ended, workflows};

fn demo(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = command(folder, &[&["demo", "--workflows"], [].as_slice()].concat());
    command.arg(workflows()).args(arguments);
    command
}

#[test]
fn the_scripted_demo_completes_its_jobs_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    for first in [true, false] {
        let run = ended(demo(folder.path(), &["--once"]).output().unwrap());
        assert_eq!(run.code, 0, "{}\n{}", run.out, run.err);
        let made = run.out.contains("Made the admin admin@localhost with the password ");
        assert_eq!(made, first, "a password that was drawn is shown, once: {}", run.out);
        let shown = run.out.matches("Made the admin ").count();
        assert_eq!(shown, usize::from(first), "{}", run.out);
        let summary = run.out.split("What came of it").nth(1).unwrap();
        for job in ["simple-task", "code-generation", "data-processing", "agent-task"] {
            assert!(summary.contains(&format!("COMPLETED {job} ")), "{summary}");
        }
        assert!(run.out.contains("the currency is missing"), "{}", run.out);
        let file = summary.lines().find_map(|line| line.strip_prefix("  file: ")).unwrap();
        assert!(folder.path().join(file).is_file(), "{file}");
        assert!(summary.contains("lib/auth.ts"), "{summary}");
    }
}

/// An installed program has no repository around it.
#[test]
fn a_folder_without_documents_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let run = ended(command(folder.path(), &["demo", "--once"]).output().unwrap());
        assert_eq!(run.code, 0, "{}\n{}", run.out, run.err);
        let summary = run.out.split("What came of it").nth(1).unwrap();
        assert_eq!(summary.matches("COMPLETED ").count(), 4, "{summary}");
    }
}

/// A file that its owner is to mend is not hidden behind another one.
#[test]
fn a_broken_document_is_named_and_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let documents = folder.path().join("workflows");
    std::fs::create_dir(&documents).unwrap();
    let text = std::fs::read_to_string(workflows().join("simple-task.yaml")).unwrap();
    let broken = text.replacen("\ndo:", "\ndoing:", 1);
    assert_ne!(broken, text);
    std::fs::write(documents.join("simple-task.yaml"), broken).unwrap();
    let run = ended(command(folder.path(), &["demo", "--once"]).output().unwrap());
    assert_ne!(run.code, 0, "{}", run.out);
    assert!(run.err.contains("simple-task"), "{}", run.err);
    let backed = folder.path().join("data/holdpoint.redb");
    assert!(backed.is_file(), "the store was made");
    assert!(!run.out.contains("Created simple-task"), "{}", run.out);
}

/// A restored store begins nothing, so the demo says so instead of waiting for its jobs.
#[test]
fn a_held_store_is_named_with_the_ways_on() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str], code: i32| {
        let run = ended(command(folder.path(), arguments).output().unwrap());
        assert_eq!(run.code, code, "{arguments:?}: {}\n{}", run.out, run.err);
        run
    };
    run(&["demo", "--once"], 0);
    run(&["backup", "--data", "data", "--out", "copy.redb"], 0);
    run(&["restore", "--from", "copy.redb", "--data", "held"], 0);
    for arguments in [&["demo", "--data", "held"][..], &["demo", "--once", "--data", "held"]] {
        let refused = run(arguments, 1);
        for word in ["the store in held is held since", "copy.redb", "holdpoint release --reason"] {
            assert!(refused.err.contains(word), "{}", refused.err);
        }
        assert!(!refused.out.contains("Created "), "{}", refused.out);
    }
}

/// Reads one command as it was printed, over its lines.
fn printed(demo: &mut Running, beginning: &str) -> String {
    let mut text = demo
        .until(beginning, |line| line.trim_start().starts_with(beginning).then(|| line.to_owned()));
    while let Some(start) = text.strip_suffix('\\') {
        text = format!("{start} {}", demo.line().unwrap());
    }
    text
}

fn sh(script: &str) -> String {
    let output = Command::new("sh").args(["-c", script]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_printed_commands_approve_and_the_demo_ends_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:3000");
    let mut demo = Running::start(demo(folder.path(), &[]));
    let url =
        demo.until("address", |line| line.strip_prefix("Holdpoint demo on ").map(str::to_owned));
    // Where it is somebody else's, that is up to them.
    if let Ok(taken) = taken {
        assert!(!url.ends_with(":3000"), "{:?} is ours", taken.local_addr());
    }
    // Files to write, the plan for the data, its result.
    for number in 0..3 {
        demo.until("checkpoint", |line| line.contains("waits for you: ").then_some(()));
        if number == 0 {
            let login = printed(&mut demo, "curl");
            assert!(sh(&login).contains("\"success\":true"), "{login}");
        }
        let look = printed(&mut demo, "curl");
        assert!(sh(&look).contains("\"status\":\"PENDING\""), "{look}");
        let approve = printed(&mut demo, "curl");
        assert!(sh(&approve).contains("\"status\":\"APPROVED\""), "{approve}");
    }
    assert_eq!(demo.code(), 0, "{:#?}", demo.said);
}
