//! One timer for all jobs: sleeps until the earliest wake in the store's index, then lets the due jobs look at the
//! time. The index is the truth; what is kept here may be lost.

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};

use crate::engine::shared::Shared;
use crate::model::time::{Span, Timestamp};

/// Jobs that are woken at once before the timer looks again.
const WOKEN_MAX: usize = 256;
/// How long a woken job has for its `Tick` before it is woken again.
const GRACE: Span = Span::from_secs(1);

pub(crate) enum WakesMsg {
    /// A job waits for this time.
    At(Timestamp),
    /// The time that was slept for has come.
    Ring,
}

pub(crate) struct Wakes;

pub(crate) struct WakesState {
    shared: Arc<Shared>,
    sleeping: Option<(Timestamp, tokio::task::JoinHandle<()>)>,
}

impl Drop for WakesState {
    fn drop(&mut self) {
        if let Some((_, sleep)) = &self.sleeping {
            sleep.abort();
        }
    }
}

impl Actor for Wakes {
    type Msg = WakesMsg;
    type State = WakesState;
    type Arguments = Arc<Shared>;

    async fn pre_start(
        &self,
        me: ActorRef<WakesMsg>,
        shared: Arc<Shared>,
    ) -> Result<WakesState, ActorProcessingErr> {
        me.cast(WakesMsg::Ring)?;
        Ok(WakesState { shared, sleeping: None })
    }

    async fn handle(
        &self,
        me: ActorRef<WakesMsg>,
        message: WakesMsg,
        state: &mut WakesState,
    ) -> Result<(), ActorProcessingErr> {
        state.shared.table.handled(me.get_id());
        match message {
            WakesMsg::At(at) => state.sleep_until(&me, at),
            WakesMsg::Ring => state.ring(&me).await,
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<WakesMsg>,
        _: SupervisionEvent,
        _: &mut WakesState,
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

impl WakesState {
    fn sleep_until(&mut self, me: &ActorRef<WakesMsg>, at: Timestamp) {
        match &self.sleeping {
            Some((sooner, _)) if *sooner <= at => return,
            Some((_, later)) => later.abort(),
            None => {}
        }
        let (sleep, me) = (self.shared.parts.clock.sleep_until(at), me.clone());
        let task = tokio::spawn(async move {
            sleep.await;
            me.cast(WakesMsg::Ring).ok();
        });
        self.sleeping = Some((at, task));
    }

    async fn ring(&mut self, me: &ActorRef<WakesMsg>) {
        if let Some((_, sleep)) = self.sleeping.take() {
            sleep.abort();
        }
        let now = self.shared.parts.clock.now();
        let store = self.shared.parts.store.clone();
        let due = match store.due(now, WOKEN_MAX).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "the timer cannot read its index");
                return self.sleep_until(me, now.after(GRACE));
            }
        };
        for (_, job) in &due {
            self.shared.activate(*job);
        }
        if !due.is_empty() {
            // What was woken leaves the index with its next commit; until then it would ring on and on.
            return self.sleep_until(me, now.after(GRACE));
        }
        match store.next_wake().await {
            Ok(Some(next)) => self.sleep_until(me, next),
            Ok(None) => {}
            Err(_) => self.sleep_until(me, now.after(GRACE)),
        }
    }
}
