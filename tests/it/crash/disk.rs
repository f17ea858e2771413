//! What a store's file holds, read from a copy so that the next start meets the file as the crash
//! left it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use holdpoint::model::checkpoint::Decision;
use holdpoint::model::event::{Event, Recorded};
use holdpoint::model::id::{FrameId, JobId};
use holdpoint::model::time::Timestamp;
use holdpoint::store::{JobQuery, Redb, RedbOptions, Store};
use serde_json::Value;

/// Events of one journal; more than any job of the tests has.
const EVENTS_MAX: usize = 10_000;

/// Every journal of a store.
#[derive(Default)]
pub struct Disk {
    pub journals: BTreeMap<JobId, Vec<Recorded>>,
}

impl Disk {
    /// Reads the store below a folder; none is an empty one.
    pub async fn read(folder: &Path) -> Self {
        let path = folder.join("data/holdpoint.redb");
        if !path.exists() {
            return Self::default();
        }
        let copy = folder.join("copy.redb");
        std::fs::copy(&path, &copy).unwrap();
        let store = Redb::open(RedbOptions::new(&copy)).unwrap();
        let mut query = JobQuery { limit: 200, ..JobQuery::default() };
        let mut journals = BTreeMap::new();
        loop {
            let page = store.jobs(&query).await.unwrap();
            for row in page.rows {
                let journal = store.journal(row.id, 0, EVENTS_MAX).await.unwrap();
                journals.insert(row.id, journal);
            }
            query.cursor = page.next_cursor;
            if query.cursor.is_none() {
                break;
            }
        }
        store.close().await.unwrap();
        std::fs::remove_file(&copy).unwrap();
        Self { journals }
    }

    /// Every event of every journal.
    pub fn events(&self) -> impl Iterator<Item = &Arc<Event>> {
        self.journals.values().flatten().map(|recorded| &recorded.event)
    }

    /// Keys of calls, and whether each was settled.
    pub fn calls(&self) -> BTreeMap<String, Call> {
        let mut calls: BTreeMap<String, Call> = BTreeMap::new();
        for journal in self.journals.values() {
            let mut key_of = BTreeMap::new();
            for recorded in journal {
                match &*recorded.event {
                    Event::CallStarted { frame, key, .. } => {
                        key_of.insert(*frame, key.clone());
                        calls.entry(key.clone()).or_default();
                    }
                    Event::CallSettled { frame, .. } => {
                        call(&mut calls, &key_of, frame).is_settled = true;
                    }
                    Event::Interrupted { frame, .. } => {
                        call(&mut calls, &key_of, frame).interruptions += 1;
                    }
                    _ => {}
                }
            }
        }
        calls
    }

    /// The decision at a checkpoint.
    pub fn decision(&self, id: &str) -> Option<&Decision> {
        self.events().find_map(|event| match &**event {
            Event::Decided { checkpoint, decision } if checkpoint.to_string() == id => {
                Some(decision)
            }
            _ => None,
        })
    }

    /// How often each task of each job began, ended well and faulted, by job name and reference.
    pub fn tasks(&self) -> BTreeMap<(String, String), [usize; 3]> {
        let mut tasks: BTreeMap<(String, String), [usize; 3]> = BTreeMap::new();
        for journal in self.journals.values() {
            let mut references = BTreeMap::new();
            let mut count = |reference: &str, which: usize| {
                let key = (name_of(journal), reference.to_owned());
                tasks.entry(key).or_default()[which] += 1;
            };
            for recorded in journal {
                match &*recorded.event {
                    Event::TaskStarted { frame, reference, .. } => {
                        references.insert(*frame, reference.clone());
                        count(reference, 0);
                    }
                    Event::TaskCompleted { frame, .. } => {
                        count(references.get(frame).map_or("", |r| r), 1);
                    }
                    Event::TaskFaulted { frame, .. } => {
                        count(references.get(frame).map_or("", |r| r), 2);
                    }
                    _ => {}
                }
            }
        }
        tasks
    }
}

/// What a journal says about the calls with one key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Call {
    pub is_settled: bool,
    pub interruptions: usize,
}

fn call<'a>(
    calls: &'a mut BTreeMap<String, Call>,
    key_of: &BTreeMap<FrameId, String>,
    frame: &FrameId,
) -> &'a mut Call {
    calls.entry(key_of.get(frame).cloned().unwrap_or_default()).or_default()
}

/// The name of the job that a journal is of.
pub fn name_of(journal: &[Recorded]) -> String {
    match journal.first().map(|recorded| &*recorded.event) {
        Some(Event::Created { spec }) => spec.name.clone(),
        _ => String::new(),
    }
}

/// How every job ended, by name: that event with what it carries, times and ids made equal.
pub fn ends(disk: &Disk) -> BTreeMap<String, Value> {
    let end = |journal: &Vec<Recorded>| {
        let end = journal.iter().rev().map(|recorded| &recorded.event).find(|event| is_end(event));
        let end = end.map(|event| serde_json::to_value(&**event).unwrap());
        (name_of(journal), equalised(end.unwrap_or_default()))
    };
    disk.journals.values().map(end).collect()
}

fn is_end(event: &Event) -> bool {
    matches!(
        event,
        Event::Completed { .. }
            | Event::Failed { .. }
            | Event::Rejected { .. }
            | Event::ResubmissionRequired { .. }
            | Event::Cancelled { .. }
    )
}

/// The same value with every id and every time replaced.
fn equalised(value: Value) -> Value {
    match value {
        Value::String(text) if text.parse::<JobId>().is_ok() => "an id".into(),
        Value::String(text) if Timestamp::parse_rfc3339(&text).is_some() => "a time".into(),
        Value::Array(list) => list.into_iter().map(equalised).collect(),
        Value::Object(map) => {
            map.into_iter().map(|(name, value)| (name, equalised(value))).collect()
        }
        other => other,
    }
}
