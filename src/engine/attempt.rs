//! One attempt of one call. It may panic and it may be killed: its parent takes that for an
//! interruption.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::calls::{Call, Function};
use crate::engine::job::JobMsg;
use crate::engine::shared::Shared;
use crate::engine::table::Row;
use crate::machine::DueCall;
use crate::model::crash_point;
use crate::model::event::Outcome;
use crate::model::id::JobId;
use crate::model::problem::{Kind, Problem};

/// Why an attempt ends that has handed its outcome over.
pub(crate) const DONE: &str = "done";

pub(crate) struct Attempt;

pub(crate) struct Work {
    shared: Arc<Shared>,
    job: JobId,
    call: DueCall,
    parent: ActorRef<JobMsg>,
    under_way: Option<UnderWay>,
    row: Option<Row>,
}

impl Work {
    /// A call that counts as under way from now on.
    pub fn new(shared: Arc<Shared>, job: JobId, call: DueCall, parent: ActorRef<JobMsg>) -> Self {
        let under_way = Some(UnderWay::begin(shared.clone()));
        Self { shared, job, call, parent, under_way, row: None }
    }
}

/// A call under way: until its outcome is in the journal, or it ends without one.
pub(crate) struct UnderWay(Arc<Shared>);

impl UnderWay {
    fn begin(shared: Arc<Shared>) -> Self {
        shared.calls.fetch_add(1, Ordering::AcqRel);
        Self(shared)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::AcqRel);
        self.0.calls_changed.notify_waiters();
    }
}

impl Actor for Attempt {
    type Msg = ();
    type State = Work;
    type Arguments = Work;

    async fn pre_start(
        &self,
        myself: ActorRef<()>,
        mut work: Work,
    ) -> Result<Work, ActorProcessingErr> {
        let (parent, now) = (Some(work.parent.get_id()), work.shared.parts.clock.now());
        let name = work.call.key.clone();
        work.row = Some(work.shared.table.born(myself.get_id(), "attempt", name, parent, now));
        myself.cast(())?;
        Ok(work)
    }

    async fn handle(
        &self,
        myself: ActorRef<()>,
        (): (),
        work: &mut Work,
    ) -> Result<(), ActorProcessingErr> {
        crash_point::reach("engine.before_call");
        let outcome = run(work).await;
        crash_point::reach("engine.after_call");
        let (frame, attempt) = (work.call.frame, work.call.attempt);
        let under_way = work.under_way.take();
        work.parent.cast(JobMsg::Outcome { frame, attempt, outcome, under_way })?;
        myself.stop(Some(DONE.to_owned()));
        Ok(())
    }
}

async fn run(work: &Work) -> Outcome {
    let function: Function = match work.call.function.parse() {
        Ok(function) => function,
        Err(unknown) => {
            let detail = format!("this version has no function for the call: {unknown}");
            return Outcome::Failed(Problem::new(Kind::Configuration, detail));
        }
    };
    let call = Call {
        job: work.job,
        key: work.call.key.clone(),
        function,
        arguments: work.call.arguments.clone(),
    };
    match work.shared.parts.caller.run(&call).await {
        crate::calls::Outcome::Succeeded(value) => Outcome::Succeeded(Arc::new(value)),
        crate::calls::Outcome::Failed(problem) => Outcome::Failed(problem),
    }
}
