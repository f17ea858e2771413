//! Files that are not what was written, through the binary: refused with 74 and a text that names
//! the file, the check, the last backup and the command to run, and left as they are; or, when the
//! damage hit nothing that counts, served as before. Never a panic, never other data.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use redb::ReadableDatabase;
use serde_json::Value;
use tokio::process::Command;
use tokio::task::JoinSet;

use super::{ORDERS, Random, defects, times};
use crate::crash::disk::{Disk, ends};
use crate::crash::{begin, copy_documents};
use crate::support::process::{Server, Start};

const PAGE: usize = 4_096;
/// Starts at a time.
const AT_ONCE: usize = 2;

/// A file, and how it came to be.
struct Damage {
    how: String,
    bytes: Vec<u8>,
    /// What must be said when it is refused, and whether it must be.
    says: &'static [&'static str],
    must_be_refused: bool,
    recovery: &'static str,
}

const DAMAGED: &[&str] = &["is damaged", "check", "not served", "last backup", "check-db", "1. "];
const FOREIGN: &[&str] = &["is no holdpoint store", "[store] url", "--data", "1. "];

/// A store in which every job of the story has ended.
async fn sound() -> (tempfile::TempDir, Vec<u8>) {
    let workflows = tempfile::tempdir().unwrap();
    copy_documents(workflows.path());
    let (mut beginning, _) = begin(workflows.path(), ORDERS).await;
    let folder = beginning.folder.path().to_owned();
    let server = Server::start(&folder, workflows.path(), &[]).await.listening().unwrap();
    beginning.client.drive(&server.url).await.unwrap();
    assert!(server.stop().await.success());
    // Pages that earlier transactions left behind are no part of the store: damage there is none.
    let mut compact = Command::new(env!("CARGO_BIN_EXE_holdpoint"));
    let compacted =
        compact.args(["compact", "--data"]).arg(folder.join("data")).output().await.unwrap();
    assert!(compacted.status.success(), "{compacted:?}");
    let bytes = std::fs::read(folder.join("data/holdpoint.redb")).unwrap();
    (workflows, bytes)
}

fn is_used(page: &[u8]) -> bool {
    page.iter().any(|byte| *byte != 0)
}

fn damages(sound: &[u8], each: usize) -> Vec<Damage> {
    let mut random = Random(9);
    let pages: Vec<usize> = sound
        .chunks(PAGE)
        .enumerate()
        .filter(|(_, page)| is_used(page))
        .map(|(n, _)| n * PAGE)
        .collect();
    let mut damages = Vec::new();
    let mut add = |how: String, says, must_be_refused, bytes: Vec<u8>| {
        let damage = Damage { how, bytes, says, must_be_refused, recovery: "verify" };
        damages.push(damage);
    };
    for _ in 0..each {
        // Where there is something: the rest of the file is empty, and damage there is none.
        let (page, at, bit) = (random.below(pages.len()), random.below(PAGE), random.below(8));
        let at = pages[page] + at;
        let mut bytes = sound.to_vec();
        bytes[at] ^= 1 << bit;
        add(format!("bit {bit} of byte {at} flipped"), DAMAGED, false, bytes);

        let page = pages[1 + random.below(pages.len() - 1)];
        let mut bytes = sound.to_vec();
        bytes[page..page + PAGE].fill(0);
        add(format!("page at {page} zeroed"), DAMAGED, false, bytes);

        let (one, other) = (page, pages[1 + random.below(pages.len() - 1)]);
        let mut bytes = sound.to_vec();
        bytes[one..one + PAGE].copy_from_slice(&sound[other..other + PAGE]);
        bytes[other..other + PAGE].copy_from_slice(&sound[one..one + PAGE]);
        add(format!("pages at {one} and {other} swapped"), DAMAGED, false, bytes);
    }
    for _ in 0..each.div_ceil(3) {
        let length = 4 + random.below(sound.len() - 4);
        add(format!("cut after {length} bytes"), DAMAGED, true, sound[..length].to_vec());
    }
    add("an empty file".to_owned(), FOREIGN, true, Vec::new());
    add("a text".to_owned(), FOREIGN, true, b"# A shopping list\n- milk\n".to_vec());
    add("a page of zeros".to_owned(), FOREIGN, true, vec![0; PAGE]);
    damages
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_file_is_refused_in_words_or_harmless() {
    let (workflows, bytes) = sound().await;
    let before = Arc::new(contents(&bytes).await);
    let (mut starts, mut refused, mut served) = (JoinSet::new(), 0, 0);
    let mut damages = damages(&bytes, times("HOLDPOINT_DAMAGES", 12)).into_iter();
    loop {
        while starts.len() < AT_ONCE
            && let Some(damage) = damages.next()
        {
            let (workflows, before) = (workflows.path().to_owned(), before.clone());
            starts.spawn(async move { refused_or_equal(&damage, &workflows, &before).await });
        }
        match starts.join_next().await {
            Some(outcome) => {
                let is_refused = outcome.unwrap();
                refused += usize::from(is_refused);
                served += usize::from(!is_refused);
            }
            None => break,
        }
    }
    println!("damaged files: {refused} refused, {served} harmless, 0 served wrong, 0 panics");
    assert!(refused > served, "most damage must meet something");
}

/// With `recovery = "fast"` nothing is verified at the start, so damage may show later, at the
/// record that it hit; but what the start itself meets is refused in words, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fast_start_on_a_damaged_file_panics_in_no_words_either() {
    let (workflows, bytes) = sound().await;
    let mut refused = 0;
    for damage in damages(&bytes, times("HOLDPOINT_DAMAGES", 6)) {
        let damage = Damage { recovery: "fast", ..damage };
        let folder = place(&damage.bytes);
        let (code, said) = start(&damage, folder.path(), workflows.path()).await;
        assert!(!said.contains("panicked"), "{}: {said}", damage.how);
        match code {
            Some(0) => {}
            Some(74) => refused += 1,
            // Damage that is met later than the opening is a fault of the engine's start.
            Some(70) => assert!(said.contains("damage") || said.contains("corrupt"), "{said}"),
            other => panic!("{}: it ended with {other:?}: {said}", damage.how),
        }
    }
    assert!(refused > 3, "only {refused} were refused");
}

fn place(bytes: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(store(folder.path()), bytes).unwrap();
    folder
}

fn store(folder: &Path) -> PathBuf {
    folder.join("data/holdpoint.redb")
}

/// Starts a server on it and stops it again; answers the exit code and what was said.
async fn start(damage: &Damage, folder: &Path, workflows: &Path) -> (Option<i32>, String) {
    let settings = [
        ("HOLDPOINT__STORE__RECOVERY", format!("{:?}", damage.recovery)),
        ("HOLDPOINT__LOG__FILTER", "\"warn\"".to_owned()),
    ];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let status = match Server::start(folder, workflows, &settings).await {
        Start::Ended(status) => status,
        Start::Listening(server) => server.stop().await,
    };
    (status.code(), std::fs::read_to_string(folder.join("log")).unwrap())
}

async fn refused_or_equal(damage: &Damage, workflows: &Path, before: &[String]) -> bool {
    let (folder, how) = (place(&damage.bytes), &damage.how);
    let path = store(folder.path());
    let (code, said) = start(damage, folder.path(), workflows).await;
    assert!(!said.contains("panicked"), "{how}: {said}");
    if code == Some(0) {
        assert!(!damage.must_be_refused, "{how}: it was served");
        assert_eq!(defects(&path), Vec::<String>::new(), "{how}: it was served");
        assert_eq!(contents(&std::fs::read(&path).unwrap()).await, before, "{how}");
        return false;
    }
    assert_eq!(code, Some(74), "{how}: {said}");
    let name = path.display().to_string();
    for words in damage.says.iter().copied().chain([name.as_str()]) {
        assert!(said.contains(words), "{how}: {words:?} is not in {said}");
    }
    assert!(std::fs::read(&path).unwrap() == damage.bytes, "{how}: refused, and yet changed");
    true
}

/// Every journal and how it ended, in words.
async fn contents(bytes: &[u8]) -> Vec<String> {
    let folder = place(bytes);
    let disk = Disk::read(folder.path()).await;
    let hashes = disk.journals.iter().map(|(job, journal)| {
        let hashes: Vec<String> = journal.iter().map(|event| event.hash.to_string()).collect();
        format!("{job}: {}", hashes.join(" "))
    });
    hashes.chain(ends(&disk).into_iter().map(|(name, end)| format!("{name}: {end}"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_store_is_refused_with_both_versions() {
    const META: redb::TableDefinition<'static, &str, &str> = redb::TableDefinition::new("meta");
    let (workflows, bytes) = sound().await;
    let folder = place(&bytes);
    let database = redb::Database::open(store(folder.path())).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(META).unwrap().insert("format", "7").unwrap();
    transaction.open_table(META).unwrap().insert("created_by", "holdpoint 9.9.9").unwrap();
    transaction.commit().unwrap();
    database.close().unwrap();
    let (how, says, must_be_refused) = ("a newer format".to_owned(), DAMAGED, true);
    let damage = Damage { how, bytes, says, must_be_refused, recovery: "verify" };
    let (code, said) = start(&damage, folder.path(), workflows.path()).await;
    assert_eq!(code, Some(74), "{said}");
    let ours = format!("format {}", holdpoint::store::redb::FORMAT_VERSION);
    for words in ["format 7", &ours, "holdpoint 9.9.9", "use a newer holdpoint", "1. "] {
        assert!(said.contains(words), "{words:?} is not in {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
    // redb notes in the file that it was opened; nothing of ours may differ.
    let database = redb::Database::open(store(folder.path())).unwrap();
    let meta = database.begin_read().unwrap().open_table(META).unwrap();
    assert_eq!(meta.get("format").unwrap().unwrap().value(), "7");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_check_says_the_same_as_the_start() {
    let (_workflows, bytes) = sound().await;
    for damage in damages(&bytes, 2).into_iter().filter(|damage| damage.must_be_refused) {
        let folder = place(&damage.bytes);
        let output = Command::new(env!("CARGO_BIN_EXE_holdpoint"))
            .args(["check-db", "--json", "--data"])
            .arg(folder.path().join("data"))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(74), "{}: {said}", damage.how);
        assert_eq!(said["ok"], false, "{}: {said}", damage.how);
        let steps = said["steps"].as_array().map_or(0, Vec::len);
        assert!(steps >= 2, "{}: {said}", damage.how);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!errors.contains("panicked"), "{}: {errors}", damage.how);
    }
}
