//! The outer life cycle of a job: who may wish what, where. Everything not listed here is an
//! illegal transition.

use std::sync::Arc;

use crate::machine::evaluate::{Arguments, check};
use crate::machine::evolve_run::ROOT;
use crate::machine::scratch::{Raised, Scratch};
use crate::model::event::{Data, Event};
use crate::model::problem::{Kind, Problem};
use crate::model::refusal::Refusal;
use crate::model::status::Status;

type Obeyed = Result<(), Refusal>;

impl Scratch<'_> {
    pub(super) fn illegal(&self, wish: &'static str, hint: impl Into<String>) -> Refusal {
        Refusal::Illegal { status: self.job.status, wish, hint: hint.into() }
    }

    pub(super) fn assign(
        &mut self,
        agent: &str,
        inputs: &Data,
        reason: Option<&str>,
        report: Option<&Data>,
    ) -> Obeyed {
        match self.job.status {
            Status::Pending => {
                self.emit(Event::Assigned {
                    agent: agent.to_owned(),
                    inputs: inputs.clone(),
                    reason: reason.map(str::to_owned),
                    report: report.cloned(),
                });
                Ok(())
            }
            _ => Err(self.illegal("be assigned", "only a PENDING job is; use reassign")),
        }
    }

    pub(super) fn unassign(&mut self, reason: Option<&str>) -> Obeyed {
        match self.job.status {
            Status::Assigned | Status::InProgress if self.job.agent.is_some() => {
                self.cancel_run("the assignment was cancelled");
                self.emit(Event::AssignmentCancelled { reason: reason.map(str::to_owned) });
                Ok(())
            }
            _ => Err(self.illegal("have its assignment cancelled", "it has none")),
        }
    }

    pub(super) fn reassign(&mut self, agent: &str, inputs: &Data, reason: &str) -> Obeyed {
        match self.job.status {
            Status::Assigned
            | Status::InProgress
            | Status::Failed
            | Status::Rejected
            | Status::ResubmissionRequired => {
                self.cancel_run("the job was reassigned");
                self.emit(Event::Assigned {
                    agent: agent.to_owned(),
                    inputs: inputs.clone(),
                    reason: Some(reason.to_owned()),
                    report: None,
                });
                Ok(())
            }
            _ => Err(self.illegal("be reassigned", "assign it first, or create it anew")),
        }
    }

    pub(super) fn execute(&mut self) -> Obeyed {
        match self.job.status {
            Status::Assigned if self.job.execution_requested => Ok(()),
            Status::Assigned => {
                self.emit(Event::ExecutionRequested);
                Ok(())
            }
            Status::Pending => Err(self.illegal("be executed", "assign an agent first")),
            _ => Err(self.illegal("be executed", "only an ASSIGNED job is")),
        }
    }

    /// A run begins: the scheduler gave the job a slot.
    pub(super) fn begin(&mut self) -> Obeyed {
        if !self.job.is_ready() {
            return Err(self.illegal("begin a run", "it is not in the queue"));
        }
        let run = self.job.run_number + 1;
        let raw = self.job.spec.input.clone();
        let definition = self.setting.definition;
        let arguments = Arguments::default();
        let checked = check(definition.input.schema.as_ref(), &raw, "the job's input");
        let started: Raised<(Data, Option<_>)> = checked.and_then(|()| {
            let input = match &definition.input.from {
                Some(template) => self.render(template, &raw, arguments)?,
                None => raw.clone(),
            };
            let timeout = match &definition.timeout {
                Some(timeout) => Some(self.span(timeout, &input, arguments)?),
                None => None,
            };
            Ok((input, timeout.map(|span| self.now().after(span))))
        });
        match started {
            Ok((input, timeout_at)) => self.emit(Event::RunStarted { run, input, timeout_at }),
            Err(problem) => {
                self.emit(Event::RunStarted { run, input: raw, timeout_at: None });
                self.raise(ROOT, problem);
            }
        }
        Ok(())
    }

    pub(super) fn suspend(&mut self, reason: &str) -> Obeyed {
        match self.job.status {
            Status::InProgress if self.job.suspended.is_some() => Ok(()),
            Status::InProgress => {
                self.emit(Event::Suspended { reason: reason.to_owned() });
                Ok(())
            }
            _ => Err(self.illegal("be suspended", "only an IN_PROGRESS job is")),
        }
    }

    pub(super) fn resume(&mut self) -> Obeyed {
        match self.job.suspended {
            Some(_) => {
                self.emit(Event::Resumed);
                self.tick();
                Ok(())
            }
            // Whoever repeats a wish whose answer was lost is not told that it was wrong.
            None if self.job.status == Status::InProgress => Ok(()),
            None => Err(self.illegal("be resumed", "only an IN_PROGRESS job is")),
        }
    }

    pub(super) fn terminate(&mut self, reason: &str) -> Obeyed {
        match self.job.status {
            Status::Cancelled => Ok(()),
            status if status.is_ended() => Err(self.illegal("be terminated", "it has ended")),
            _ => {
                self.cancel_run(reason);
                self.emit(Event::Cancelled { reason: reason.to_owned() });
                Ok(())
            }
        }
    }

    pub(super) fn resubmit(&mut self, reason: &str) -> Obeyed {
        match self.job.status {
            Status::Failed | Status::Rejected | Status::ResubmissionRequired => {
                self.emit(Event::Resubmitted { reason: reason.to_owned() });
                Ok(())
            }
            _ => Err(self.illegal(
                "be resubmitted",
                "only a FAILED, REJECTED or RESUBMISSION_REQUIRED job is",
            )),
        }
    }

    pub(super) fn force_complete(&mut self, result: &Data, reason: &str) -> Obeyed {
        if self.job.status.is_final() {
            return Err(self.illegal("be completed by force", "it has ended"));
        }
        self.cancel_run(reason);
        self.emit(Event::Completed { result: result.clone(), forced: Some(reason.to_owned()) });
        Ok(())
    }

    pub(super) fn poison(&mut self, reason: &str) -> Obeyed {
        if self.job.status.is_ended() {
            return Err(self.illegal("be parked as poisoned", "it has ended"));
        }
        let problem = Problem::new(Kind::Poisoned, reason);
        if self.job.run.is_some() {
            self.cancel_inside(ROOT, reason);
            self.emit(Event::RunFaulted { problem: problem.clone() });
        }
        self.emit(Event::Failed { problem });
        Ok(())
    }

    /// Ends the run that is going on, if one is, and everything in it.
    fn cancel_run(&mut self, reason: &str) {
        if self.job.run.is_some() {
            self.cancel_inside(ROOT, reason);
            self.emit(Event::RunCancelled { reason: reason.to_owned() });
        }
        self.cancel_open_checkpoints();
    }

    /// The workflow came to its end with this data.
    pub(super) fn end_run(&mut self, data: &Data) {
        self.cancel_inside(ROOT, "the workflow has ended");
        let definition = self.setting.definition;
        let output = match &definition.output.transform {
            Some(template) => {
                self.render(template, data, Arguments { frame: None, ..Arguments::default() })
            }
            None => Ok(data.clone()),
        };
        let checked = output.and_then(|output| {
            check(definition.output.schema.as_ref(), &output, "the workflow's output")?;
            Ok(output)
        });
        match checked {
            Ok(output) => {
                self.emit(Event::RunCompleted { output: Arc::clone(&output) });
                self.emit(Event::Completed { result: output, forced: None });
            }
            Err(problem) => self.raise(ROOT, problem),
        }
    }

    /// Nothing caught it: the run faults, and the error decides what becomes of the job.
    pub(super) fn end_run_faulted(&mut self, problem: Problem) {
        self.emit(Event::RunFaulted { problem: problem.clone() });
        self.emit(if problem.is(Kind::Rejected) || problem.is(Kind::Expired) {
            Event::Rejected { problem }
        } else if problem.is(Kind::Unsatisfactory) {
            Event::ResubmissionRequired { problem }
        } else {
            Event::Failed { problem }
        });
    }
}
