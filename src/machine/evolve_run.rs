//! The part of `evolve` that folds facts of a run into its tree of frames.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::machine::evolve::Folded;
use crate::model::event::{Data, Event, Outcome};
use crate::model::id::FrameId;
use crate::model::job::{
    CallStage, Evaluating, Frame, FrameState, Job, Listening, Position, Run, Scope, Then,
};
use crate::model::status::Status;
use crate::model::time::Timestamp;

/// The frame that is the workflow itself.
pub(super) const ROOT: FrameId = FrameId(0);

/// Something came from outside: the run is not spinning.
pub(super) fn reset_steps(job: &mut Job) {
    if let Some(run) = &mut job.run {
        run.steps = 0;
    }
}

pub(super) fn fold(job: &mut Job, event: &Event, at: Timestamp) -> Folded {
    if let Event::RunStarted { run, input, timeout_at } = event {
        return start_run(job, *run, input, *timeout_at, at);
    }
    if let Event::CallStarted { .. } = event {
        job.attempts += 1;
    }
    if let Event::TaskCancelled { frame, .. } | Event::TaskFaulted { frame, .. } = event {
        remember_orphan(job, *frame);
    }
    let run = job.run.as_mut().ok_or("no run is going on")?;
    match event {
        Event::RunCompleted { .. } | Event::RunFaulted { .. } | Event::RunCancelled { .. } => {
            job.run = None;
            Ok(())
        }
        Event::TaskStarted {
            frame,
            parent,
            reference,
            iteration,
            raw_input,
            input,
            timeout_at,
        } => {
            let frame_state = Frame {
                parent: *parent,
                reference: reference.clone(),
                iteration: iteration.clone(),
                raw_input: raw_input.clone(),
                input: input.as_ref().unwrap_or(raw_input).clone(),
                started_at: at,
                timeout_at: *timeout_at,
                variables: Vec::new(),
                scope: None,
                state: FrameState::Begun,
                evaluating: None,
                output: None,
            };
            start_task(run, &mut job.next_frame, *frame, frame_state)
        }
        Event::TaskSkipped { parent, reference, .. } => {
            run.steps += 1;
            skip_task(run, *parent, reference)
        }
        Event::TaskCompleted { frame, output, context, then } => {
            if let Some(context) = context {
                run.context = context.clone();
            }
            let gone = run.frames.remove(frame).ok_or("there is no such frame")?;
            let output = output.clone().or(gone.output).ok_or("the task has no output")?;
            leave_task(run, gone.parent, &gone.reference, output, then.clone())
        }
        Event::TaskFaulted { frame, .. } | Event::TaskCancelled { frame, .. } => {
            run.frames.remove(frame).map(|_| ()).ok_or("there is no such frame")
        }
        in_frame => fold_frame(run, in_frame, at),
    }
}

fn start_run(
    job: &mut Job,
    number: u32,
    input: &Data,
    timeout_at: Option<Timestamp>,
    at: Timestamp,
) -> Folded {
    if job.run.is_some() || job.status.is_ended() {
        return Err("a run is going on, or the job has ended");
    }
    let root = Frame {
        parent: ROOT,
        reference: Arc::from(""),
        iteration: Vec::new(),
        raw_input: job.spec.input.clone(),
        input: input.clone(),
        started_at: at,
        timeout_at,
        variables: Vec::new(),
        scope: Some(Scope {
            list: Arc::from("/do"),
            data: input.clone(),
            position: Position::Start,
        }),
        state: FrameState::Sequence,
        evaluating: None,
        output: None,
    };
    job.run_number = number;
    job.started_at.get_or_insert(at);
    (job.status, job.since) = (Status::InProgress, at);
    job.execution_requested = false;
    job.run = Some(Run {
        number,
        started_at: at,
        // The standard calls the context a map and fills it by `export` alone: it begins empty.
        context: Arc::new(Value::Object(serde_json::Map::new())),
        frames: BTreeMap::from([(ROOT, root)]),
        steps: 0,
    });
    Ok(())
}

fn start_task(run: &mut Run, next_frame: &mut u32, id: FrameId, frame: Frame) -> Folded {
    run.steps += 1;
    if id.0 != *next_frame {
        return Err("frames are numbered in order");
    }
    let parent = run.frames.get_mut(&frame.parent).ok_or("its parent is gone")?;
    if let Some(scope) = &mut parent.scope {
        scope.position = Position::In(id);
    }
    *next_frame += 1;
    run.frames.insert(id, frame);
    Ok(())
}

/// A task of this parent is through: its output is what the next one gets.
fn leave_task(
    run: &mut Run,
    parent: FrameId,
    reference: &Arc<str>,
    data: Data,
    then: Then,
) -> Folded {
    let parent = run.frames.get_mut(&parent).ok_or("its parent is gone")?;
    if let FrameState::Fork { outputs, .. } = &mut parent.state {
        outputs.insert(reference.clone(), data);
        return Ok(());
    }
    let scope = parent.scope.as_mut().ok_or("its parent is in no list")?;
    scope.data = data;
    scope.position = Position::After(reference.clone(), then);
    Ok(())
}

/// A task that is skipped hands its input on. In a race it is no runner, so that it cannot win.
fn skip_task(run: &mut Run, parent: FrameId, reference: &Arc<str>) -> Folded {
    let around = run.frames.get_mut(&parent).ok_or("its parent is gone")?;
    if let FrameState::Fork { branches, compete: true, .. } = &mut around.state {
        *branches = branches.saturating_sub(1);
        return Ok(());
    }
    let data = around.scope.as_ref().map_or(&around.input, |scope| &scope.data).clone();
    leave_task(run, parent, reference, data, Then::Continue)
}

/// A frame that ran a child job goes: the child is to be ended.
fn remember_orphan(job: &mut Job, id: FrameId) {
    let frame = job.run.as_ref().and_then(|run| run.frames.get(&id));
    if let Some(FrameState::Child { child, awaited: true, .. }) = frame.map(|frame| &frame.state) {
        let child = *child;
        job.orphans.push(child);
    }
}

fn fold_frame(run: &mut Run, event: &Event, at: Timestamp) -> Folded {
    let id = frame_of(event).ok_or("it belongs to no run")?;
    let steps = &mut run.steps;
    let frame = run.frames.get_mut(&id).ok_or("there is no such frame")?;
    match event {
        Event::ScopeEntered { list, data, iteration, variables, timeout_at, .. } => {
            *steps += 1;
            enter_scope(frame, list, *iteration, *timeout_at, at)?;
            frame.variables = variables.clone();
            let position = Position::Start;
            frame.scope = Some(Scope { list: list.clone(), data: data.clone(), position });
        }
        Event::LoopStarted { items, .. } => {
            frame.state = FrameState::Loop { items: items.clone(), index: 0 };
        }
        Event::Forked { branches, compete, .. } => {
            let outputs = BTreeMap::new();
            frame.state = FrameState::Fork { branches: *branches, compete: *compete, outputs };
        }
        Event::ErrorCaught { problem, .. } => match &mut frame.state {
            FrameState::Try { caught, .. } => {
                *caught = Some(problem.clone());
                frame.scope = None;
            }
            _ => return Err("only a try catches"),
        },
        Event::TaskRetried { round: next, not_before, .. } => match &mut frame.state {
            FrameState::Try { round, caught, retry_at, attempt_timeout_at, .. } => {
                // A pause of no time lets nothing from outside in.
                *steps = if *not_before > at { 0 } else { *steps + 1 };
                (*round, *caught, *attempt_timeout_at) = (*next, None, None);
                *retry_at = Some(*not_before);
                frame.scope = None;
            }
            _ => return Err("only a try is tried again"),
        },
        Event::EventEmitted { .. } | Event::Evaluated { .. } => {}
        Event::RulesChecked { result, criteria, rules, .. } => {
            frame.evaluating = Some(Evaluating {
                result: result.as_ref().unwrap_or(&frame.input).clone(),
                criteria: criteria.clone(),
                rules: rules.clone(),
            });
        }
        Event::CallRetried { .. } | Event::CallAccepted { .. } | Event::CallPolled { .. } => {
            *steps = 0;
            return fold_call(frame, event, at);
        }
        Event::ListenStarted { .. } | Event::EventConsumed { .. } | Event::ItemHandled { .. } => {
            *steps = 0;
            return fold_listening(run, id, event);
        }
        waiting => return fold_wait(frame, steps, waiting, at),
    }
    Ok(())
}

/// What a frame waits for outside, and what came of it.
fn fold_wait(frame: &mut Frame, steps: &mut u32, event: &Event, at: Timestamp) -> Folded {
    match event {
        Event::CallStarted { attempt, key, function, arguments, .. } => {
            *steps = 0;
            frame.state = FrameState::Call {
                attempt: *attempt,
                key: key.clone(),
                function: function.clone(),
                arguments: arguments.clone(),
                interruptions: 0,
                in_doubt: None,
                stage: CallStage::UnderWay,
            };
        }
        Event::Interrupted { .. } => match &mut frame.state {
            FrameState::Call { interruptions, .. } => *interruptions += 1,
            _ => return Err("no call is under way"),
        },
        Event::CallSettled { outcome, .. } | Event::ChildSettled { outcome, .. } => {
            *steps = 0;
            settle(frame, outcome);
        }
        Event::WaitStarted { until, .. } => {
            *steps = if *until > at { 0 } else { *steps + 1 };
            frame.state = FrameState::Until { at: *until };
        }
        Event::CheckpointOpened { checkpoint, .. } => match &mut frame.state {
            FrameState::Call { in_doubt, .. } => *in_doubt = Some(checkpoint.id),
            _ if checkpoint.is_blocking() => {
                *steps = 0;
                frame.state = FrameState::Decision { checkpoint: checkpoint.id };
            }
            _ => {}
        },
        Event::ChildStarted { child, namespace, name, version, input, awaited, .. } => {
            *steps = 0;
            frame.state = FrameState::Child {
                child: *child,
                namespace: namespace.clone(),
                name: name.clone(),
                version: version.clone(),
                input: input.clone(),
                awaited: *awaited,
                created: false,
            };
        }
        Event::ChildCreated { .. } => match &mut frame.state {
            FrameState::Child { created, .. } => *created = true,
            _ => return Err("it runs no child"),
        },
        _ => return Err("it belongs to no run"),
    }
    Ok(())
}

/// A call that waits: for its next attempt, or for the answer of who took it.
fn fold_call(frame: &mut Frame, event: &Event, at: Timestamp) -> Folded {
    let FrameState::Call { interruptions, stage, .. } = &mut frame.state else {
        return Err("no call is under way");
    };
    match event {
        Event::CallRetried { problem, not_before, .. } => {
            *stage = CallStage::Retry { problem: problem.clone(), since: at, at: *not_before };
        }
        Event::CallAccepted { status_url, poll_at, expires_at, .. } => {
            let since = match stage {
                CallStage::Accepted { since, .. } | CallStage::Polled { since, .. } => *since,
                _ => at,
            };
            // It got through, so what stopped it before is over.
            *interruptions = 0;
            *stage = CallStage::Accepted {
                status_url: status_url.clone(),
                since,
                poll_at: *poll_at,
                expires_at: *expires_at,
            };
        }
        Event::CallPolled { .. } => match stage {
            CallStage::Accepted { status_url: Some(url), since, expires_at, .. } => {
                *stage = CallStage::Polled {
                    status_url: std::mem::take(url),
                    since: *since,
                    expires_at: *expires_at,
                };
            }
            _ => return Err("nobody can be asked how the call stands"),
        },
        _ => return Err("it belongs to no call"),
    }
    Ok(())
}

fn enter_scope(
    frame: &mut Frame,
    list: &str,
    iteration: Option<u32>,
    timeout_at: Option<Timestamp>,
    at: Timestamp,
) -> Folded {
    match &mut frame.state {
        FrameState::Begun if list.strip_prefix(&*frame.reference) == Some("/try") => {
            frame.state = FrameState::Try {
                round: 1,
                first_started_at: at,
                caught: None,
                attempt_timeout_at: timeout_at,
                retry_at: None,
            };
        }
        FrameState::Begun => frame.state = FrameState::Sequence,
        FrameState::Loop { index, .. } => *index = iteration.ok_or("a loop counts")?,
        FrameState::Try { retry_at, attempt_timeout_at, .. } => {
            (*retry_at, *attempt_timeout_at) = (None, timeout_at);
        }
        FrameState::Listen(_) => {}
        _ => return Err("it has no list to go through"),
    }
    Ok(())
}

fn settle(frame: &mut Frame, outcome: &Outcome) {
    frame.state = match outcome {
        Outcome::Succeeded(output) => {
            frame.output = Some(output.clone());
            FrameState::Settled
        }
        Outcome::Failed(problem) => FrameState::Broken { problem: problem.clone() },
    };
}

fn fold_listening(run: &mut Run, id: FrameId, event: &Event) -> Folded {
    let frame = run.frames.get_mut(&id).ok_or("there is no such frame")?;
    if let Event::ListenStarted { types, .. } = event {
        let types = types.clone();
        frame.state = FrameState::Listen(Listening { types, ..Listening::default() });
        return Ok(());
    }
    let FrameState::Listen(listening) = &mut frame.state else {
        return Err("it does not listen");
    };
    match event {
        Event::EventConsumed {
            filter, until_filter, source, id, item, correlations, done, ..
        } => {
            listening.seen.push((source.clone(), id.clone()));
            listening.until_met.extend(until_filter);
            listening.consumed.extend(filter.map(|filter| (filter, item.clone())));
            listening.correlations.extend(correlations.iter().cloned());
            listening.done |= *done;
        }
        Event::ItemHandled { output, context, .. } => {
            listening.handled.push(output.clone());
            frame.scope = None;
            if let Some(context) = context {
                run.context = context.clone();
            }
        }
        _ => return Err("it belongs to no run"),
    }
    Ok(())
}

/// The frame that an event of a run is about.
pub(super) fn frame_of(event: &Event) -> Option<FrameId> {
    match event {
        Event::TaskStarted { frame, .. }
        | Event::ScopeEntered { frame, .. }
        | Event::LoopStarted { frame, .. }
        | Event::Forked { frame, .. }
        | Event::TaskCompleted { frame, .. }
        | Event::TaskFaulted { frame, .. }
        | Event::TaskCancelled { frame, .. }
        | Event::ErrorCaught { frame, .. }
        | Event::TaskRetried { frame, .. }
        | Event::CallStarted { frame, .. }
        | Event::CallRetried { frame, .. }
        | Event::CallAccepted { frame, .. }
        | Event::CallPolled { frame, .. }
        | Event::RulesChecked { frame, .. }
        | Event::Evaluated { frame, .. }
        | Event::CallSettled { frame, .. }
        | Event::Interrupted { frame, .. }
        | Event::WaitStarted { frame, .. }
        | Event::ListenStarted { frame, .. }
        | Event::EventConsumed { frame, .. }
        | Event::ItemHandled { frame, .. }
        | Event::EventEmitted { frame, .. }
        | Event::ChildStarted { frame, .. }
        | Event::ChildCreated { frame, .. }
        | Event::ChildSettled { frame, .. }
        | Event::CheckpointOpened { frame, .. } => Some(*frame),
        _ => None,
    }
}
