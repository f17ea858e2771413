//! SIGKILL at the N-th `fdatasync`, N = 1, 2, 3, … until the story comes to its end unkilled: what
//! was acknowledged is there, the store is whole, nothing was done twice. The same for the first
//! start of all, where the file itself is made.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdpoint::store::{Redb, RedbOptions, Store};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{ORDERS, Tally, times};
use crate::crash::client::Stop;
use crate::crash::first_start::second_start;
use crate::crash::story::{Beginning, Case, End};
use crate::crash::verdict::{Expected, Findings};
use crate::crash::{begin, copy_documents};
use crate::support::process::{Server, Start, was_killed};
use crate::support::skip::skip;
use crate::support::strace;

/// Stories told at a time.
const AT_ONCE: usize = 2;
/// A story with more syncs than this does not come to its end.
const SYNCS_MAX: usize = 200;
/// Errors that every run meets, one in a story.
const SYNC_ERRORS: usize = 12;
/// A start syncs less often than this before its writer begins: 4 times an existing store, 13 times
/// a new one.
const OPENING_SYNCS: usize = 6;
const CREATING_SYNCS: usize = 14;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_sync_it_loses_nothing() {
    if let Err(reason) = strace::usable() {
        return skip("SIGKILL at every sync", &reason);
    }
    let workflows = tempfile::tempdir().unwrap();
    copy_documents(workflows.path());
    let (beginning, _) = begin(workflows.path(), ORDERS).await;
    let (expected, _) = beginning.undisturbed().await;
    let (beginning, expected) = (Arc::new(beginning), Arc::new(expected));
    // The writer is the later of two threads that sync: its first syncs are met when it alone is
    // counted, those of the opening when both are.
    let tally = until_unkilled(&beginning, &expected, End::Opening, OPENING_SYNCS).await;
    assert_eq!(tally.kills, OPENING_SYNCS);
    tally.close("SIGKILL at every sync of the opening");
    let tally = until_unkilled(&beginning, &expected, End::Sync, SYNCS_MAX).await;
    // The story takes a dozen commits, and each of them two syncs.
    assert!(tally.kills > 24, "only {} syncs were met", tally.kills);
    tally.close("SIGKILL at every sync of the writer");
}

async fn until_unkilled(
    beginning: &Arc<Beginning>,
    expected: &Arc<Expected>,
    end: fn(usize) -> End,
    most: usize,
) -> Tally {
    let (mut tally, mut stories) = (Tally::default(), JoinSet::new());
    let (mut next, mut is_over) = (1, false);
    loop {
        while stories.len() < AT_ONCE && !is_over && next <= most {
            let (beginning, expected) = (beginning.clone(), expected.clone());
            let case = Case(vec![end(next)]);
            stories.spawn(async move { beginning.live_through(case, &expected).await });
            next += 1;
        }
        let Some(outcome) = stories.join_next().await else { return tally };
        let outcome = outcome.unwrap();
        is_over |= outcome.kills == 0;
        assert!(next <= SYNCS_MAX, "the story does not end");
        let what = format!("{:?}, kept in {:?}", outcome.case.0, outcome.kept);
        tally.add(&what, outcome.kills, outcome.findings);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_sync_of_its_first_start_it_starts_again() {
    if let Err(reason) = strace::usable() {
        return skip("SIGKILL at every sync of the first start", &reason);
    }
    let workflows = tempfile::tempdir().unwrap();
    copy_documents(workflows.path());
    // The first syncs of the writer are met where the file is there and empty.
    let ways: [(&str, Kill, bool, usize); 3] = [
        ("fdatasync, no file", strace::killing_at, false, SYNCS_MAX),
        ("fdatasync, an empty store", strace::killing_at, true, CREATING_SYNCS),
        ("fsync, no file", strace::killing_at_fsync, false, SYNCS_MAX),
    ];
    let told = ways.map(|(what, kill_at, has_store, most)| {
        tokio::spawn(first_starts(what, kill_at, has_store, workflows.path().to_owned(), most))
    });
    for tally in told {
        tally.await.unwrap();
    }
}

type Kill = fn(usize) -> Vec<String>;

async fn first_starts(
    what: &'static str,
    kill_at: Kill,
    has_store: bool,
    workflows: PathBuf,
    most: usize,
) {
    let mut tally = Tally::default();
    for n in 1..=most {
        let (kills, findings) = first_start(&kill_at(n), &workflows, has_store).await;
        tally.add(&format!("{what}, sync {n}"), kills, findings);
        if kills == 0 {
            break;
        }
    }
    // The file and its two folders: three calls of `fsync`.
    assert!(tally.kills >= 3, "only {} kills at {what}", tally.kills);
    tally.close(&format!("SIGKILL in the first start ({what})"));
}

/// A first start under a tracer, and the start after it.
async fn first_start(before: &[String], workflows: &Path, has_store: bool) -> (usize, Findings) {
    let folder = tempfile::tempdir().unwrap();
    if has_store {
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let store = folder.path().join("data/holdpoint.redb");
        Redb::open(RedbOptions::new(store)).unwrap().close().await.unwrap();
    }
    let status = match Server::start_through(before, folder.path(), workflows, &[]).await {
        Start::Ended(status) => status,
        Start::Listening(server) => server.stop().await,
    };
    let mut findings = Findings::default();
    if !was_killed(status) && !status.success() {
        findings.wrong.push(format!("the first start ended with {status}"));
    }
    if let Err(stop) = second_start(folder.path(), workflows, &mut findings).await {
        findings.lost.push(format!("the second start: {stop:?}"));
    }
    (usize::from(was_killed(status)), findings)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_store_is_in_its_folder_before_anything_is_written_to_it() {
    if let Err(reason) = strace::usable() {
        return skip("the order of the first syncs", &reason);
    }
    let workflows = tempfile::tempdir().unwrap();
    copy_documents(workflows.path());
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record");
    let before = strace::recording(&record);
    let server = Server::start_through(&before, folder.path(), workflows.path(), &[]).await;
    assert!(server.listening().unwrap().stop().await.success());
    let calls = strace::recorded(&record).await;
    let data = folder.path().join("data").display().to_string();
    let place = |what: &str, call: &str, path: &str| {
        let found = calls.iter().position(|line| line.contains(call) && line.contains(path));
        found.unwrap_or_else(|| panic!("{what} is not in\n{}", calls.join("\n")))
    };
    let file = format!("<{data}/holdpoint.redb.creating>");
    let writes = format!("<{data}/holdpoint.redb>");
    let order = [
        place("the new folder", "mkdir", &format!("\"{data}\"")),
        place("the sync of the folder of the folder", " fsync(", &{
            format!("<{}>", folder.path().display())
        }),
        place("the sync of the new file", " fsync(", &file),
        place("the new name", " rename", &format!("\"{data}/holdpoint.redb\"")),
        place("the sync of its folder", " fsync(", &format!("<{data}>")),
        place("the first sync of the store", " fdatasync(", &writes),
    ];
    let (mut sorted, shown) = (order, format!("{order:?} in\n{}", calls.join("\n")));
    sorted.sort_unstable();
    assert_eq!(order, sorted, "{shown}");
}

/// A sync that fails leaves a commit whose outcome nobody knows: the file is opened again, the
/// outcome is looked up, and the story comes to the same end without a restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_fails_loses_nothing_and_work_goes_on() {
    const WHAT: &str = "an I/O error at every sync";
    if let Err(reason) = strace::usable() {
        return skip(WHAT, &reason);
    }
    let workflows = tempfile::tempdir().unwrap();
    copy_documents(workflows.path());
    let (beginning, _) = begin(workflows.path(), ORDERS).await;
    let (expected, _) = beginning.undisturbed().await;
    let (beginning, expected) = (Arc::new(beginning), Arc::new(expected));
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let (mut stories, mut tally, mut refusals) = (JoinSet::new(), Tally::default(), 0);
    for n in 1..=times("HOLDPOINT_SYNC_ERRORS", SYNC_ERRORS) {
        let (beginning, expected) = (beginning.clone(), expected.clone());
        let slots = slots.clone();
        stories.spawn(async move {
            let _slot = slots.acquire().await.unwrap();
            (n, live_on_after_an_error(n, &beginning, &expected).await)
        });
    }
    let mut met = 0;
    while let Some(outcome) = stories.join_next().await {
        let (n, (refused, is_met, mut findings)) = outcome.unwrap();
        refusals += refused;
        met += usize::from(is_met);
        // A story has more syncs than these; a later number may lie behind its end.
        if !is_met && n <= SYNC_ERRORS {
            findings.wrong.push("nothing failed".to_owned());
        }
        tally.add(&format!("an error at sync {n}"), 0, findings);
    }
    println!("{WHAT}: {met} errors met, {refusals} requests refused and repeated");
    tally.close(WHAT);
}

/// Answers how many requests were refused, whether the error was met, and what was found in the
/// end.
async fn live_on_after_an_error(
    n: usize,
    beginning: &Beginning,
    expected: &Expected,
) -> (usize, bool, Findings) {
    /// Refusals of one story; more would mean that it does not go on.
    const REFUSALS_MAX: usize = 100;
    let (folder, mut client) = (beginning.folder(), beginning.client().await);
    let server = Server::start(folder.path(), &beginning.workflows, &[]).await.listening().unwrap();
    let mut tracer = strace::fail_writer_at(&server, n).await.unwrap();
    let (mut refused, mut findings) = (0, Findings::default());
    loop {
        match client.drive(&server.url).await {
            Ok(()) => break,
            Err(Stop::Wrong(reason)) if reason.contains(" 503") && refused < REFUSALS_MAX => {
                refused += 1;
            }
            Err(stop) => {
                findings.lost.push(format!("it does not go on: {stop:?}"));
                break;
            }
        }
    }
    assert!(tracer.is_there(), "the tracer left");
    if let Err(stop) = findings.look_at_answers(&server.url, &client).await {
        findings.lost.push(format!("after the error: {stop:?}"));
    }
    if !server.stop().await.success() {
        findings.wrong.push("the stop failed".to_owned());
    }
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    let is_met = log.contains("the store cannot write");
    if is_met && !log.contains("the store writes again") {
        findings.lost.push("the store never wrote again".to_owned());
    }
    findings.look_at_end(folder.path(), &client, &[], expected).await;
    (refused, is_met, findings)
}
