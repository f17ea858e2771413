//! Streams: from engine to engine and back without a difference, and every altered one refused at
//! the line where it was altered.

use holdpoint::store::redb::verify;
use holdpoint::store::stream::{self, StreamError};
use holdpoint::store::{Memory, Redb, RedbOptions};

use crate::store::dump::dump;
use crate::store::pieces::{exported, fill};

#[tokio::test]
async fn a_store_goes_through_both_engines_without_a_difference() {
    let folder = tempfile::tempdir().unwrap();
    let origin = Memory::new();
    fill(&origin).await;
    let out = exported(&origin).await;
    let path = folder.path().join("holdpoint.redb");
    let redb = Redb::open(RedbOptions::new(&path)).unwrap();
    let trailer = stream::import(&redb, &mut out.as_slice()).await.unwrap();
    assert_eq!(stream::digest(&redb).await.unwrap(), trailer.digest);
    assert_eq!(dump(&redb).await, dump(&origin).await);
    assert_eq!(exported(&redb).await, out);
    drop(redb);
    assert_eq!(verify(&path).unwrap().problems, []);
    let twice = Redb::open(RedbOptions::new(&path)).unwrap();
    let again = stream::import(&twice, &mut out.as_slice()).await.unwrap_err();
    assert!(again.to_string().contains("holds this job already"), "{again}");
}

/// Imports lines; answers the line that it was refused at, and why.
async fn refused(lines: &[String]) -> (u64, String) {
    let text = lines.concat();
    match stream::import(&Memory::new(), &mut text.as_bytes()).await {
        Err(StreamError::Line { line, reason }) => (line, reason),
        other => panic!("{other:?}"),
    }
}

/// The line with its first digit or letter behind the middle changed.
fn altered(line: &str) -> String {
    let middle = line.len() / 2;
    let at = line[middle..].find(|c: char| c.is_ascii_alphanumeric()).unwrap() + middle;
    let other = if &line[at..=at] == "0" { "1" } else { "0" };
    format!("{}{other}{}", &line[..at], &line[at + 1..])
}

#[tokio::test]
async fn an_altered_stream_is_refused_at_the_line() {
    let store = Memory::new();
    fill(&store).await;
    let text = String::from_utf8(exported(&store).await).unwrap();
    let lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let last = lines.len();
    let kinds = [
        "header",
        "document",
        "job",
        "journal",
        "snapshot",
        "checkpoint",
        "key",
        "nudge",
        "change",
        "time",
        "trailer",
    ];
    for kind in kinds {
        let is_kind = |line: &String| {
            line.starts_with(&format!("{{\"{kind}\""))
                || line.starts_with(&format!("{{\"item\":{{\"{kind}\""))
        };
        let at = lines.iter().position(is_kind).unwrap_or_else(|| panic!("no {kind}"));
        let number = at as u64 + 1;
        let with = |change: &dyn Fn(&mut Vec<String>)| {
            let mut lines = lines.clone();
            change(&mut lines);
            lines
        };
        let one = refused(&with(&|lines| lines[at] = altered(&lines[at]))).await;
        assert_eq!(one.0, number, "{kind} altered: {}", one.1);
        let one = refused(&with(&|lines| lines.truncate(at))).await;
        assert_eq!(one.0, number, "cut before {kind}: {}", one.1);
        let one = refused(&with(&|lines| {
            lines.truncate(at + 1);
            let half = lines[at].len() / 2;
            lines[at].truncate(half);
        }))
        .await;
        assert_eq!(one.0, number, "cut inside {kind}: {}", one.1);
        assert!(one.1.contains("cut off"), "{}", one.1);
        let one = refused(&with(&|lines| lines.insert(at, lines[at].clone()))).await;
        assert_eq!(one.0, number + 1, "{kind} twice: {}", one.1);
        if at + 1 < last {
            let one = refused(&with(&|lines| drop(lines.remove(at)))).await;
            assert_eq!(one.0, number, "{kind} left out: {}", one.1);
            let one = refused(&with(&|lines| lines.swap(at, at + 1))).await;
            assert_eq!(one.0, number, "{kind} moved: {}", one.1);
        }
    }
    assert_eq!(refused(&["no stream\n".to_owned()]).await.0, 1);
    assert_eq!(refused(&[]).await.0, 1);
}
