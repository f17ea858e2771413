//! Room in memory for the bodies of requests: so much may be in hand at once, and whoever finds no
//! room waits a moment and is told to come again. It must never wait while it holds some.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::codes;
use crate::http::problem::ApiError;
use crate::model::limits::{BODIES_BYTES_MAX, BODY_BYTES_SMALL};

/// How long a request waits for room: what is under way is done in far less.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// When one without room may come again, seconds.
const RETRY_SECS: u64 = 2;
/// Room is given in pieces of so many bytes.
const PIECE_BYTES: usize = 1024;

/// The room of a server. Strangers have a room of their own, so that none of them, however slow
/// they send, keep out who is signed in.
#[derive(Debug)]
pub struct BodyRooms {
    known: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
}

impl BodyRooms {
    /// Room for bodies of which the largest has so many bytes; there is always room for one.
    pub fn new(body_bytes_max: usize) -> Self {
        let room = |bytes: usize| {
            let bytes = bytes.max(body_bytes_max);
            Arc::new(Semaphore::new(bytes.div_ceil(PIECE_BYTES).min(Semaphore::MAX_PERMITS)))
        };
        Self { known: room(BODIES_BYTES_MAX), strangers: room(BODIES_BYTES_MAX / 4) }
    }

    /// The room of one request, from somebody who is signed in or from a stranger.
    pub fn for_request(&self, is_known: bool) -> BodyRoom {
        let room = if is_known { &self.known } else { &self.strangers };
        BodyRoom { room: Arc::clone(room), held: Arc::default() }
    }
}

/// What one request may take of it. Its copies are the same; what it took is given back with the
/// last of them.
#[derive(Clone, Debug)]
pub struct BodyRoom {
    room: Arc<Semaphore>,
    held: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
}

impl BodyRoom {
    /// Takes room for a body of so many bytes, once for a request. Small ones need none: as many
    /// as there may be connections fit beside the rest.
    pub async fn take(&self, bytes: usize) -> Result<(), ApiError> {
        if bytes <= BODY_BYTES_SMALL || self.holds() {
            return Ok(());
        }
        let pieces = u32::try_from(bytes.div_ceil(PIECE_BYTES)).unwrap_or(u32::MAX);
        let coming = Arc::clone(&self.room).acquire_many_owned(pieces);
        match tokio::time::timeout(WAIT_MAX, coming).await {
            Ok(Ok(permit)) => {
                *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(permit);
                Ok(())
            }
            Ok(Err(_)) | Err(_) => {
                let detail = "too many large bodies are in hand";
                Err(ApiError::new(codes::BUSY, detail).retry_after(RETRY_SECS))
            }
        }
    }

    fn holds(&self) -> bool {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGEST: usize = BODIES_BYTES_MAX / 8;

    #[tokio::test(start_paused = true)]
    async fn so_much_is_in_hand_and_no_more_until_some_of_it_is_done() {
        let rooms = BodyRooms::new(LARGEST);
        let mut taken = Vec::new();
        for _ in 0..8 {
            let room = rooms.for_request(true);
            room.take(LARGEST).await.expect("room");
            // Whoever reads the same body once more has its room.
            room.clone().take(LARGEST).await.expect("the same room");
            taken.push(room);
        }
        let next = rooms.for_request(true);
        let refused = next.take(BODY_BYTES_SMALL + 1).await.expect_err("no room");
        assert_eq!((refused.code, refused.header.is_some()), (codes::BUSY, true));
        next.take(BODY_BYTES_SMALL).await.expect("a small one needs none");
        rooms.for_request(false).take(LARGEST).await.expect("strangers have their own");
        taken.pop();
        next.take(LARGEST).await.expect("what was given back");
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_room_for_one_however_large_one_may_be() {
        let rooms = BodyRooms::new(2 * BODIES_BYTES_MAX);
        for is_known in [true, false] {
            rooms.for_request(is_known).take(2 * BODIES_BYTES_MAX).await.expect("room");
        }
    }
}
