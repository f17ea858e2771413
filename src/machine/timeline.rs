//! The tasks of a job's runs in the order in which they began: another view of the journal.

use std::collections::HashMap;

use crate::machine::evolve_run::frame_of;
use crate::model::event::{Data, Event, Outcome, Recorded};
use crate::model::id::{CheckpointId, FrameId};
use crate::model::problem::Problem;
use crate::model::time::Timestamp;

/// One task.
#[derive(Clone, Debug, PartialEq)]
pub struct TimelineEntry {
    /// The run.
    pub run: u32,
    /// The frame; none for a task that was skipped.
    pub frame: Option<FrameId>,
    /// JSON Pointer of the task.
    pub reference: String,
    /// `running`, `waiting`, `completed`, `faulted`, `cancelled`, `skipped`.
    pub phase: &'static str,
    /// Calls started for it.
    pub attempt: u32,
    /// Indexes of the loops around it.
    pub iteration: Vec<u32>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How long of that it waited, microseconds.
    pub waited_micros: u64,
    /// What it returned.
    pub output: Option<Data>,
    /// The error that ended it.
    pub error: Option<Problem>,
    waits_since: Option<Timestamp>,
}

/// The timeline of a whole journal.
pub fn timeline(journal: &[Recorded]) -> Vec<TimelineEntry> {
    let mut view = View::default();
    for fact in journal {
        view.fold(&fact.event, fact.at);
    }
    view.entries
}

#[derive(Default)]
struct View {
    run: u32,
    entries: Vec<TimelineEntry>,
    open: HashMap<FrameId, usize>,
    waits: HashMap<CheckpointId, FrameId>,
}

impl View {
    fn fold(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::RunStarted { run, .. } => {
                self.run = *run;
                self.open.clear();
            }
            Event::TaskStarted { frame, reference, iteration, .. } => {
                self.open.insert(*frame, self.entries.len());
                self.add(Some(*frame), reference, iteration, at, "running");
            }
            Event::TaskSkipped { reference, iteration, .. } => {
                self.add(None, reference, iteration, at, "skipped");
            }
            Event::CheckpointOpened { frame, checkpoint } if checkpoint.is_blocking() => {
                self.waits.insert(checkpoint.id, *frame);
                self.wait(*frame, at);
            }
            Event::Rearmed { checkpoint, reopened: true, .. } => self.reopen(*checkpoint, at),
            Event::Expired { checkpoint, .. } => {
                if let Some(frame) = self.waits.get(checkpoint).copied() {
                    self.go_on(frame, at);
                }
            }
            Event::Decided { checkpoint, .. } | Event::CheckpointCancelled { checkpoint } => {
                if let Some(frame) = self.waits.remove(checkpoint) {
                    self.go_on(frame, at);
                }
            }
            other => {
                if let Some(entry) = frame_of(other) {
                    self.fold_task(entry, other, at);
                }
            }
        }
    }

    /// The task of an expired checkpoint waits again, and what is around it goes on.
    fn reopen(&mut self, checkpoint: CheckpointId, at: Timestamp) {
        let Some(frame) = self.waits.get(&checkpoint).copied() else { return };
        let Some(index) = self.open.get(&frame).copied() else { return };
        let own = self.entries.get(index).map(|entry| (entry.reference.clone(), entry.ended_at));
        let Some((own, ended_at)) = own else { return };
        let run = self.run;
        let is_around = |entry: &TimelineEntry| {
            let rest = own.strip_prefix(entry.reference.as_str());
            entry.run == run
                && entry.ended_at == ended_at
                && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let ended = self.entries.iter_mut().filter(|entry| entry.phase == "faulted");
        for entry in ended.filter(|entry| is_around(entry)) {
            (entry.phase, entry.ended_at, entry.error) = ("running", None, None);
        }
        self.wait(frame, at);
    }

    fn fold_task(&mut self, frame: FrameId, event: &Event, at: Timestamp) {
        match event {
            Event::WaitStarted { .. }
            | Event::ListenStarted { .. }
            | Event::TaskRetried { .. }
            | Event::CallRetried { .. }
            | Event::CallAccepted { .. } => {
                self.wait(frame, at);
            }
            Event::CallSettled { outcome: Outcome::Succeeded(output), .. }
            | Event::ChildSettled { outcome: Outcome::Succeeded(output), .. } => {
                if let Some(entry) = self.entry(frame) {
                    entry.output = Some(output.clone());
                }
            }
            Event::CallStarted { .. } => {
                self.go_on(frame, at);
                if let Some(entry) = self.entry(frame) {
                    entry.attempt += 1;
                }
            }
            Event::ScopeEntered { .. } | Event::CallPolled { .. } => self.go_on(frame, at),
            Event::TaskCompleted { output, .. } => {
                self.end(frame, at, "completed");
                if let (Some(entry), Some(output)) = (self.entry(frame), output) {
                    entry.output = Some(output.clone());
                }
            }
            Event::TaskFaulted { problem, .. } => {
                self.end(frame, at, "faulted");
                if let Some(entry) = self.entry(frame) {
                    entry.error = Some(problem.clone());
                }
            }
            Event::TaskCancelled { .. } => self.end(frame, at, "cancelled"),
            _ => {}
        }
    }

    fn add(
        &mut self,
        frame: Option<FrameId>,
        reference: &str,
        iteration: &[u32],
        at: Timestamp,
        phase: &'static str,
    ) {
        self.entries.push(TimelineEntry {
            run: self.run,
            frame,
            reference: reference.to_owned(),
            phase,
            attempt: 0,
            iteration: iteration.to_vec(),
            started_at: at,
            ended_at: (phase == "skipped").then_some(at),
            waited_micros: 0,
            output: None,
            error: None,
            waits_since: None,
        });
    }

    fn entry(&mut self, frame: FrameId) -> Option<&mut TimelineEntry> {
        let index = self.open.get(&frame)?;
        self.entries.get_mut(*index)
    }

    fn wait(&mut self, frame: FrameId, at: Timestamp) {
        if let Some(entry) = self.entry(frame) {
            entry.phase = "waiting";
            entry.waits_since.get_or_insert(at);
        }
    }

    fn go_on(&mut self, frame: FrameId, at: Timestamp) {
        if let Some(entry) = self.entry(frame) {
            entry.phase = "running";
            if let Some(since) = entry.waits_since.take() {
                entry.waited_micros += at.since(since).0;
            }
        }
    }

    fn end(&mut self, frame: FrameId, at: Timestamp, phase: &'static str) {
        self.go_on(frame, at);
        if let Some(entry) = self.entry(frame) {
            entry.phase = phase;
            entry.ended_at = Some(at);
        }
    }
}
