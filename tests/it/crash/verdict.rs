//! What must hold after a crash: at the moment of death, and when every job has come to its end.

use std::collections::BTreeMap;
use std::path::Path;

use holdpoint::model::event::Event;
use holdpoint::store::redb::verify;
use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Client, Stop};
use super::disk::{Call, Disk, ends};
use super::service::Received;
use super::story::APPROVED_FILES;

/// What went wrong in one life story.
#[derive(Default)]
pub struct Findings {
    /// Acknowledged or persisted, and gone.
    pub lost: Vec<String>,
    /// Done twice.
    pub doubled: Vec<String>,
    /// Anything else that must not be.
    pub wrong: Vec<String>,
}

/// What the undisturbed run came to.
pub struct Expected {
    pub ends: BTreeMap<String, Value>,
    pub tasks: BTreeMap<(String, String), [usize; 3]>,
    /// Logical calls by path.
    pub keys: BTreeMap<String, usize>,
}

impl Expected {
    pub fn of(disk: &Disk, client: &Client) -> Self {
        Self { ends: ends(disk), tasks: disk.tasks(), keys: client.service.keys() }
    }
}

/// The world at the moment of a death.
pub struct Death {
    disk: Disk,
    calls: BTreeMap<String, Call>,
    received: Vec<Received>,
}

fn count(received: &[Received], key: &str) -> usize {
    received.iter().filter(|received| received.key == key).count()
}

impl Findings {
    pub fn is_empty(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.wrong.is_empty()
    }

    /// Nothing was visible that is not on disk.
    pub async fn look_at_death(&mut self, folder: &Path, client: &Client) -> Death {
        let received = client.service.received();
        let disk = Disk::read(folder).await;
        let calls = disk.calls();
        for Received { path, key } in received.iter().filter(|r| !calls.contains_key(&r.key)) {
            self.wrong.push(format!("{path} was called with {key}, and no journal says so"));
        }
        for (name, id) in &client.jobs {
            if !disk.journals.keys().any(|job| job.to_string() == *id) {
                self.lost.push(format!("job {name} ({id}) was acknowledged and is not on disk"));
            }
        }
        for (id, said) in client.said.iter().filter(|(_, said)| said.is_acknowledged) {
            let verdict = disk.decision(id).map(|decision| decision.verdict.to_string());
            if verdict.as_deref() != said.body["decision"].as_str() {
                self.lost.push(format!("decision at {id} was acknowledged; on disk: {verdict:?}"));
            }
        }
        let has_event = disk.events().any(|e| matches!(&**e, Event::EventConsumed { .. }));
        if client.event_is_acknowledged && !has_event {
            self.lost.push("the event was acknowledged and is not on disk".to_owned());
        }
        Death { disk, calls, received }
    }

    /// What the start after a death says of itself.
    pub fn look_at_recovery(&mut self, status: &Value, death: &Death, deaths: usize) {
        let report = &status["status"]["recovery"];
        let jobs: u64 = report["jobs"].as_object().into_iter().flatten().filter_map(count_of).sum();
        let unsettled = death.calls.values().filter(|call| !call.is_settled).count() as u64;
        let interrupted = report["interruptedCalls"].as_u64().unwrap_or(u64::MAX);
        // After a second crash some calls are in doubt, and so not under way.
        let interrupted_fits =
            if deaths == 1 { interrupted == unsettled } else { interrupted <= unsettled };
        let jobs_fit = jobs >= death.disk.journals.len() as u64;
        if !interrupted_fits || !jobs_fit || report["poisoned"] != json!(0) {
            let on_disk = death.disk.journals.len();
            self.wrong.push(format!(
                "the recovery report does not fit {on_disk} jobs and {unsettled} calls under way: \
                 {report}"
            ));
        }
    }

    /// Through the API: everything acknowledged still holds, and cannot be had twice.
    pub async fn look_at_answers(&mut self, server: &str, client: &Client) -> Result<(), Stop> {
        for order in client.orders {
            let again = client.order(server, order).await?;
            if client.jobs.get(order.name) != Some(&again) {
                self.doubled.push(format!("{} was created again as {again}", order.name));
            }
        }
        for (id, said) in &client.said {
            let (same, answer) = client.decision(server, id, &said.body).await?;
            let mut other = said.body.clone();
            let is_approval = other["decision"] == json!("approve");
            other["decision"] = json!(if is_approval { "reject" } else { "approve" });
            other["reason"] = json!("another opinion");
            let (opposite, _) = client.decision(server, id, &other).await?;
            if (same, opposite) != (200, 409) {
                let text = format!("checkpoint {id}: the same decision {same}, another {opposite}");
                self.lost.push(format!("{text}: {answer}"));
            }
        }
        let url = format!("{server}/api/metrics");
        let (_, metrics) = client.ask(Method::GET, &url, None, None).await?;
        let rescues = metrics.as_str().into_iter().flat_map(str::lines).find(|line| {
            line.starts_with("holdpoint_sweep_rescues_total") && !line.ends_with(" 0")
        });
        self.wrong.extend(rescues.map(|line| format!("the sweep had to help: {line}")));
        Ok(())
    }

    /// On the closed disk: every job came to the same end, nothing was lost on the way, and nothing
    /// was done twice.
    pub async fn look_at_end(
        &mut self,
        folder: &Path,
        client: &Client,
        deaths: &[Death],
        expected: &Expected,
    ) {
        let path = folder.join("data/holdpoint.redb");
        match verify(&path) {
            Ok(report) => {
                let defects = report.problems.iter();
                self.wrong.extend(defects.map(|defect| format!("the store: {defect}")));
            }
            Err(error) => self.wrong.push(format!("the store: {error}")),
        }
        let disk = Disk::read(folder).await;
        for death in deaths {
            self.compare_journals(&death.disk, &disk);
        }
        self.compare_ends(&disk, expected);
        self.compare_tasks(&disk, expected);
        self.compare_calls(&disk, client, deaths, expected);
        self.look_at_artifacts(folder, client);
    }

    fn compare_journals(&mut self, before: &Disk, after: &Disk) {
        for (job, journal) in &before.journals {
            let now = after.journals.get(job).map_or(&[][..], Vec::as_slice);
            let then = journal.iter().map(|recorded| recorded.hash);
            let kept = then.zip(now).take_while(|(hash, recorded)| *hash == recorded.hash).count();
            if kept < journal.len() {
                let (all, first) = (journal.len(), kept + 1);
                self.lost.push(format!("job {job} lost events {first} to {all} of its journal"));
            }
        }
    }

    fn compare_ends(&mut self, disk: &Disk, expected: &Expected) {
        let found = ends(disk);
        for (name, end) in &expected.ends {
            let got = found.get(name);
            if got != Some(end) {
                let got = got.map_or("nothing".to_owned(), Value::to_string);
                self.lost.push(format!("job {name} ended with {got}, not with {end}"));
            }
        }
        if disk.journals.len() > expected.ends.len() {
            let (found, wanted) = (disk.journals.len(), expected.ends.len());
            self.doubled.push(format!("there are {found} jobs, not {wanted}"));
        }
    }

    fn compare_tasks(&mut self, disk: &Disk, expected: &Expected) {
        let found = disk.tasks();
        let tasks = expected.tasks.keys().chain(found.keys());
        for task in tasks.collect::<std::collections::BTreeSet<_>>() {
            let of = |tasks: &BTreeMap<_, [usize; 3]>| tasks.get(task).copied().unwrap_or_default();
            let (got, wanted) = (of(&found), of(&expected.tasks));
            if got == wanted {
                continue;
            }
            let (job, reference) = task;
            let text = format!(
                "task {reference} of {job} began, ended, faulted {got:?} times, not {wanted:?}"
            );
            let more = got.iter().zip(wanted).any(|(got, wanted)| *got > wanted);
            if more { self.doubled.push(text) } else { self.lost.push(text) }
        }
    }

    fn compare_calls(
        &mut self,
        disk: &Disk,
        client: &Client,
        deaths: &[Death],
        expected: &Expected,
    ) {
        let received = client.service.received();
        let keys = client.service.keys();
        if keys != expected.keys {
            let wanted = &expected.keys;
            self.doubled.push(format!("logical calls by path: {keys:?}, not {wanted:?}"));
        }
        for death in deaths {
            for (key, _) in death.calls.iter().filter(|(_, call)| call.is_settled) {
                let (then, now) = (count(&death.received, key), count(&received, key));
                if now > then {
                    self.doubled.push(format!("call {key} was settled and was made again"));
                }
            }
        }
        for (key, call) in disk.calls() {
            let times = count(&received, &key);
            if times > 1 + call.interruptions {
                let interruptions = call.interruptions;
                let text = format!("call {key} came {times} times, {interruptions} interruptions");
                self.doubled.push(text);
            }
        }
        for path in ["/charge", "/agent-once"] {
            let times = received.iter().filter(|received| received.path == path).count();
            if times > 1 {
                self.doubled
                    .push(format!("{path} may not be repeated and was called {times} times"));
            }
        }
    }

    /// The approved files are there, whole, once; nothing else is.
    fn look_at_artifacts(&mut self, folder: &Path, client: &Client) {
        let root = folder.join("data/artifacts");
        let mut found = BTreeMap::new();
        files_below(&root, &root, &mut found);
        let job = client.jobs.get("files to approve").cloned().unwrap_or_default();
        let wanted: BTreeMap<String, String> = APPROVED_FILES
            .iter()
            .map(|(path, content)| (format!("{job}/{path}"), (*content).to_owned()))
            .collect();
        if found != wanted {
            self.wrong.push(format!("artifacts: {found:?}, not {wanted:?}"));
        }
    }
}

fn count_of((_, count): (&String, &Value)) -> Option<u64> {
    count.as_u64()
}

fn files_below(root: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(root, &path, found);
        } else {
            let name = path.strip_prefix(root).unwrap().display().to_string();
            found.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}
