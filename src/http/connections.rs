//! The open connections: how many there may be, in all and from one address, and who goes when
//! there are too many. It never closes one that has a request under way.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::http::options::Options;
use crate::model::metric_names::HTTP_CONNECTIONS_CLOSED_TOTAL;

/// Answers that hyper gives by itself, as problems.
mod automatic;
/// What a connection is about now.
mod phase;
/// The bytes of a connection, with limits to every wait.
mod watched;

pub(super) use phase::{Phase, UntilSent};
pub(super) use watched::{Patience, Watched};

/// All open connections.
#[derive(Debug)]
pub(super) struct Connections {
    places: Arc<Semaphore>,
    per_address_max: usize,
    open: Mutex<Open>,
    /// Says that a connection began to rest.
    rested: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    by_number: HashMap<u64, Arc<Member>>,
    by_address: HashMap<IpAddr, usize>,
}

/// One of them, as the others see it.
#[derive(Debug)]
struct Member {
    address: IpAddr,
    phase: Arc<Phase>,
    leave: CancellationToken,
}

/// The right to be open. The place is free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    connections: Arc<Connections>,
    number: u64,
    member: Arc<Member>,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    /// What the connection is about.
    pub fn phase(&self) -> Arc<Phase> {
        Arc::clone(&self.member.phase)
    }

    /// Waits until the connection has to go.
    pub async fn left(&self) {
        self.member.leave.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        open.by_number.remove(&self.number);
        let address = self.member.address;
        if let Some(count) = open.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&address);
            }
        }
    }
}

impl Connections {
    /// None yet, with these limits.
    pub fn new(options: &Options) -> Arc<Self> {
        // Behind a proxy all connections come from one address: the proxy counts its clients.
        let per_address = options.connections_per_address_max;
        Arc::new(Self {
            places: Arc::new(Semaphore::new(options.connections_max)),
            per_address_max: if options.behind_proxy { usize::MAX } else { per_address },
            open: Mutex::default(),
            rested: Arc::default(),
        })
    }

    /// A place for a connection from this address, once there is one. Nothing when the address has
    /// as many as it may have.
    pub async fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        if self.open().by_address.get(&address).is_some_and(|open| *open >= self.per_address_max) {
            closed("address");
            return None;
        }
        let permit = self.permit().await?;
        let phase = Arc::new(Phase::new(Arc::clone(&self.rested)));
        let member = Arc::new(Member { address, phase, leave: CancellationToken::new() });
        let mut open = self.open();
        let number = open.next;
        open.next += 1;
        open.by_number.insert(number, Arc::clone(&member));
        *open.by_address.entry(address).or_default() += 1;
        drop(open);
        Some(Place { connections: Arc::clone(self), number, member, _permit: permit })
    }

    /// The next free place. While there is none, whoever rests longest is sent away.
    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            return Some(permit);
        }
        loop {
            // Listens before it looks, so that nobody who begins to rest in between is missed.
            let rested = self.rested.notified();
            self.dismiss_longest_resting();
            tokio::select! {
                permit = Arc::clone(&self.places).acquire_owned() => return permit.ok(),
                () = rested => {}
            }
        }
    }

    /// Sends everybody away.
    pub fn dismiss_all(&self) {
        self.open().by_number.values().for_each(|member| member.leave.cancel());
    }

    /// A client that rests, or takes its time with a head, makes room for one that comes.
    fn dismiss_longest_resting(&self) {
        let open = self.open();
        if open.by_number.values().any(|member| member.leave.is_cancelled()) {
            return;
        }
        let resting = open.by_number.values();
        let resting = resting.filter_map(|member| Some((member.phase.resting_since()?, member)));
        if let Some((_, member)) = resting.min_by_key(|(since, _)| *since) {
            member.leave.cancel();
            closed("crowded");
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // Both maps are valid whatever the holder was doing when it died.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a connection that was closed against the will of its client.
fn closed(reason: &'static str) {
    metrics::counter!(HTTP_CONNECTIONS_CLOSED_TOTAL, "reason" => reason).increment(1);
}
