//! One timer for all jobs: sleeps until the earliest wake in the store's index, then lets the due
//! jobs look at the time. The index is the truth; what is kept here may be lost.

use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};

use crate::engine::shared::Shared;
use crate::model::time::Timestamp;

/// Jobs that are woken at once before the timer looks again: however many are due, few are live for
/// it.
const WOKEN_MAX: usize = 256;
/// How long woken jobs have for their `Tick` before they are woken again, of the runtime's time.
const GRACE: Duration = Duration::from_secs(1);

pub(crate) enum WakesMsg {
    /// A job waits for this time.
    At(Timestamp),
    /// The time that was slept for may have come.
    Ring,
}

pub(crate) struct Wakes;

pub(crate) struct WakesState {
    shared: Arc<Shared>,
    /// The time slept for, and the sleeper.
    sleeping: Option<(Timestamp, tokio::task::JoinHandle<()>)>,
    /// Who waits for the jobs that were woken.
    settling: Option<tokio::task::JoinHandle<()>>,
}

impl Drop for WakesState {
    fn drop(&mut self) {
        self.stop_waiting();
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
        Ok(WakesState { shared, sleeping: None, settling: None })
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
    fn stop_waiting(&mut self) {
        if let Some((_, sleep)) = self.sleeping.take() {
            sleep.abort();
        }
        if let Some(settle) = self.settling.take() {
            settle.abort();
        }
    }

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

    /// Rings again when so many commits were made that half of the woken jobs may be done, or after
    /// the grace.
    fn settle(&mut self, me: &ActorRef<WakesMsg>, woken: usize) {
        let (mut feed, me) = (self.shared.feed.subscribe(), me.clone());
        let target = *feed.borrow() + (woken as u64).div_ceil(2);
        self.settling = Some(tokio::spawn(async move {
            tokio::time::timeout(GRACE, feed.wait_for(|feed| *feed >= target)).await.ok();
            me.cast(WakesMsg::Ring).ok();
        }));
    }

    async fn ring(&mut self, me: &ActorRef<WakesMsg>) {
        self.stop_waiting();
        if self.shared.is_held() {
            return;
        }
        let store = self.shared.parts.store.clone();
        match store.due(self.shared.parts.clock.now(), WOKEN_MAX).await {
            Ok(due) if due.is_empty() => {}
            Ok(due) => {
                due.iter().for_each(|(_, job)| self.shared.activate(*job));
                return self.settle(me, due.len());
            }
            Err(error) => {
                tracing::warn!(%error, "the timer cannot read its index");
                return self.settle(me, WOKEN_MAX);
            }
        }
        match store.next_wake().await {
            Ok(Some(next)) => self.sleep_until(me, next),
            Ok(None) => {}
            Err(_) => self.settle(me, WOKEN_MAX),
        }
    }
}
