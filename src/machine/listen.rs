//! Tasks that listen: events come in, are kept in order, and are handled one after another.

use std::sync::Arc;

use serde_json::Value;

use crate::dsl::definition::{Listen, ReadAs, Strategy, TaskKind, Until};
use crate::machine::filter::Met;
use crate::machine::scratch::{Raised, Scratch};
use crate::machine::weight;
use crate::model::cloud_event::CloudEvent;
use crate::model::event::{Data, Event};
use crate::model::id::FrameId;
use crate::model::job::{FrameState, Listening};
use crate::model::limits::{EVENT_BYTES_MAX, LISTEN_EVENTS_MAX};
use crate::model::problem::{Kind, Problem};

impl Scratch<'_> {
    pub(super) fn start_listening(&mut self, id: FrameId, listen: &Listen) -> Raised<()> {
        let until = match &listen.until {
            Some(Until::Events { filters, .. }) => &filters[..],
            _ => &[],
        };
        let mut types: Vec<String> = listen
            .filters
            .iter()
            .chain(until)
            .map(|filter| filter.event_type.clone().unwrap_or_else(|| "*".to_owned()))
            .collect();
        if listen.filters.is_empty() {
            types.push("*".to_owned());
        }
        types.sort();
        types.dedup();
        self.emit(Event::ListenStarted { frame: id, types });
        Ok(())
    }

    /// Gives an event to every frame that listens to it. A frame that has it already takes nothing.
    pub(super) fn deliver(&mut self, event: &CloudEvent) {
        let listening: Vec<FrameId> = self.run().map_or_else(Vec::new, |run| {
            let open = run.frames.iter().filter(|(_, frame)| {
                matches!(&frame.state, FrameState::Listen(listening) if !listening.done)
            });
            open.map(|(id, _)| *id).collect()
        });
        for id in listening {
            if let Err(problem) = self.offer(id, event) {
                self.raise(id, problem);
            }
        }
    }

    fn listening(&self, id: FrameId) -> Raised<(&Listening, &Listen)> {
        let (frame, task) = self.task(id)?;
        match (&frame.state, &task.kind) {
            (FrameState::Listen(listening), TaskKind::Listen(listen)) => Ok((listening, listen)),
            _ => Err(Problem::new(Kind::Runtime, "the task does not listen")),
        }
    }

    fn offer(&mut self, id: FrameId, event: &CloudEvent) -> Raised<()> {
        // An error at an earlier frame may have ended this one.
        if self.frame(id).is_none() {
            return Ok(());
        }
        let (listening, listen) = self.listening(id)?;
        let (source, event_id) = event.identity();
        let seen = (source.to_owned(), event_id.to_owned());
        if listening.seen.contains(&seen) {
            return Ok(());
        }
        let Some(taken) = self.taken_by(id, listening, listen, event)? else { return Ok(()) };
        let item = match listen.read {
            ReadAs::Envelope => event.envelope().clone(),
            ReadAs::Data | ReadAs::Raw => Arc::new(event.data()),
        };
        check_room(listening, &item)?;
        let done = self.is_done(id, listening, listen, &taken, &item)?;
        self.emit(Event::EventConsumed {
            frame: id,
            filter: taken.filter,
            until_filter: taken.until_filter,
            source: seen.0,
            id: seen.1,
            item: if taken.filter.is_some() { item } else { Arc::new(Value::Null) },
            correlations: taken.correlations,
            done,
        });
        Ok(())
    }

    fn taken_by(
        &self,
        id: FrameId,
        listening: &Listening,
        listen: &Listen,
        event: &CloudEvent,
    ) -> Raised<Option<Taken>> {
        if let Some(Until::Events { filters, strategy }) = &listen.until {
            for (index, filter) in (0u32..).zip(filters) {
                let open = *strategy != Strategy::All || !listening.until_met.contains(&index);
                if open && let Some(met) = self.meets(id, listening, filter, event)? {
                    return Ok(Some(Taken::until(index, met)));
                }
            }
        }
        if listen.filters.is_empty() {
            return Ok(Some(Taken::filter(0, Met::default())));
        }
        for (index, filter) in (0u32..).zip(&listen.filters) {
            let met_before = listening.consumed.iter().any(|(met, _)| *met == index);
            if listen.strategy == Strategy::All && met_before {
                continue;
            }
            if let Some(met) = self.meets(id, listening, filter, event)? {
                return Ok(Some(Taken::filter(index, met)));
            }
        }
        Ok(None)
    }

    /// Does the task need no more events after this one?
    fn is_done(
        &self,
        id: FrameId,
        listening: &Listening,
        listen: &Listen,
        taken: &Taken,
        item: &Data,
    ) -> Raised<bool> {
        if let Some(until) = taken.until_filter {
            let Some(Until::Events { strategy, filters }) = &listen.until else {
                return Ok(false);
            };
            let met =
                listening.until_met.len() + usize::from(!listening.until_met.contains(&until));
            return Ok(*strategy != Strategy::All || met >= filters.len());
        }
        match (&listen.strategy, &listen.until) {
            (Strategy::One, _) | (Strategy::Any, None) => Ok(true),
            (Strategy::All, _) => Ok(listening.consumed.len() + 1 >= listen.filters.len()),
            (Strategy::Any, Some(Until::Events { .. })) => Ok(false),
            (Strategy::Any, Some(Until::Condition(condition))) => {
                let before = listening.consumed.iter().map(|(_, item)| (**item).clone());
                let all = Value::Array(before.chain([(**item).clone()]).collect());
                self.holds(condition, &all, self.arguments(id, &[]))
            }
        }
    }

    /// Handles the next consumed event, or ends the task when all of it is over.
    pub(super) fn go_on_listening(&mut self, id: FrameId) -> Raised<()> {
        let (listening, listen) = self.listening(id)?;
        let next = listening.handled.len();
        let Some((_, item)) = listening.consumed.get(next).cloned() else {
            let all = listening.handled.iter().map(|item| (**item).clone()).collect();
            return self.complete(id, Arc::new(Value::Array(all)));
        };
        let Some(foreach) = &listen.foreach else { return self.item_handled(id, &item) };
        let Some(list) = foreach.list.clone() else { return self.item_handled(id, &item) };
        let index = next as u32;
        let variables = vec![
            (foreach.item.clone(), item.clone()),
            (foreach.at.clone(), Arc::new(Value::from(index))),
        ];
        self.emit(Event::ScopeEntered {
            frame: id,
            list,
            data: item,
            iteration: Some(index),
            variables,
            timeout_at: None,
        });
        Ok(())
    }

    /// `foreach` is through with one event, and this came out of it.
    pub(super) fn item_handled(&mut self, id: FrameId, data: &Data) -> Raised<()> {
        let (listening, listen) = self.listening(id)?;
        let (output, context) = match &listen.foreach {
            Some(foreach) => {
                let index = listening.handled.len();
                let item = listening.consumed.get(index).map(|(_, item)| item.clone());
                let bound = [
                    (foreach.item.clone(), item.unwrap_or_default()),
                    (foreach.at.clone(), Arc::new(Value::from(index))),
                ];
                let arguments = self.arguments(id, &bound);
                self.transform_output(&foreach.output, &foreach.export, data, arguments)?
            }
            None => (data.clone(), None),
        };
        self.emit(Event::ItemHandled { frame: id, output, context });
        Ok(())
    }
}

/// Which filter took an event.
struct Taken {
    filter: Option<u32>,
    until_filter: Option<u32>,
    correlations: Vec<(String, Data)>,
}

impl Taken {
    fn filter(index: u32, met: Met) -> Self {
        Self { filter: Some(index), until_filter: None, correlations: met.correlations }
    }

    fn until(index: u32, met: Met) -> Self {
        Self { filter: None, until_filter: Some(index), correlations: met.correlations }
    }
}

fn check_room(listening: &Listening, item: &Value) -> Raised<()> {
    let count = listening.consumed.len();
    let bytes: usize = listening.consumed.iter().map(|(_, item)| weight::of(item)).sum();
    if count < LISTEN_EVENTS_MAX && bytes + weight::of(item) <= EVENT_BYTES_MAX {
        return Ok(());
    }
    let detail = format!(
        "the task keeps {count} events of {bytes} bytes; \
         {LISTEN_EVENTS_MAX} events and {EVENT_BYTES_MAX} bytes are the most"
    );
    Err(Problem::new(Kind::Runtime, detail))
}
