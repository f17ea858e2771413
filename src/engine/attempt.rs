//! One attempt of one call. It may panic and it may be killed: its parent takes that for an interruption.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ractor::{Actor, ActorProcessingErr, ActorRef};

use crate::calls::{Call, Function};
use crate::engine::job::JobMsg;
use crate::engine::shared::Shared;
use crate::machine::DueCall;
use crate::model::crash_point;
use crate::model::event::Outcome;
use crate::model::id::JobId;
use crate::model::problem::{Kind, Problem};

pub(crate) struct Attempt;

pub(crate) struct Work {
    pub shared: Arc<Shared>,
    pub job: JobId,
    pub call: DueCall,
    pub parent: ActorRef<JobMsg>,
    /// Counts the call as under way for as long as it lives.
    _under_way: UnderWay,
}

impl Work {
    pub fn new(shared: Arc<Shared>, job: JobId, call: DueCall, parent: ActorRef<JobMsg>) -> Self {
        let _under_way = UnderWay::begin(shared.clone());
        Self { shared, job, call, parent, _under_way }
    }
}

/// A call under way, however it ends.
struct UnderWay(Arc<Shared>);

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
        work: Work,
    ) -> Result<Work, ActorProcessingErr> {
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
        work.parent.cast(JobMsg::Outcome { frame, attempt, outcome })?;
        myself.stop(None);
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
