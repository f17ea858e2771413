//! What a connection is about: its head is read, it rests, or a request is under way. Set by the
//! two sides that know, read by the one that waits; it decides nothing.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::sync::Notify;

/// Reading, or waiting for, the head of a request: the first one from the beginning on.
pub const HEAD: u8 = 0;
/// Between two requests.
pub const IDLE: u8 = 1;
/// A request is under way.
pub const BUSY: u8 = 2;

/// Counts changes of phase, of all connections: who rests longest has the least.
static CHANGES: AtomicU64 = AtomicU64::new(0);

/// The phase of one connection.
#[derive(Debug)]
pub struct Phase {
    now: AtomicU8,
    since: AtomicU64,
    is_sending: AtomicBool,
    rested: Arc<Notify>,
}

impl Phase {
    /// A connection that was just accepted, and who is told when it rests.
    pub fn new(rested: Arc<Notify>) -> Self {
        let (now, since) = (AtomicU8::new(HEAD), AtomicU64::new(tick()));
        Self { now, since, is_sending: AtomicBool::new(false), rested }
    }

    /// The phase now.
    pub fn now(&self) -> u8 {
        self.now.load(Ordering::Acquire)
    }

    /// The phase now, with what tells it from an earlier one of the same kind.
    pub fn seen(&self) -> (u8, u64) {
        (self.now(), self.since.load(Ordering::Acquire))
    }

    /// Since when it has no request under way, in changes of phase; nothing while it has one.
    pub fn resting_since(&self) -> Option<u64> {
        let rests = self.now() != BUSY && !self.is_sending();
        rests.then(|| self.since.load(Ordering::Acquire))
    }

    /// Does a part of an answer still wait for its client? The answer itself is gone from here by
    /// then: what is left of it is in buffers.
    pub fn is_sending(&self) -> bool {
        self.is_sending.load(Ordering::Acquire)
    }

    /// Notes whether a part of an answer waits.
    pub fn sends(&self, is_sending: bool) {
        let was_sending = self.is_sending.swap(is_sending, Ordering::AcqRel);
        if was_sending && !is_sending {
            self.rested.notify_waiters();
        }
    }

    /// A byte came: if the connection rested, this is the head of its next request.
    pub fn heard(&self) {
        let (order, failed) = (Ordering::AcqRel, Ordering::Acquire);
        self.now.compare_exchange(IDLE, HEAD, order, failed).ok();
    }

    /// A request began.
    pub fn begin(self: &Arc<Self>) -> UnderWay {
        self.now.store(BUSY, Ordering::Release);
        UnderWay(Arc::clone(self))
    }
}

fn tick() -> u64 {
    CHANGES.fetch_add(1, Ordering::Relaxed)
}

/// A request under way; the connection rests again when it is dropped.
#[derive(Debug)]
pub struct UnderWay(Arc<Phase>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.since.store(tick(), Ordering::Release);
        self.0.now.store(IDLE, Ordering::Release);
        self.0.rested.notify_waiters();
    }
}

/// The body of an answer; the request is under way until it is given away.
pub struct UntilSent {
    body: Body,
    _under_way: UnderWay,
}

impl UntilSent {
    /// This body of that request.
    pub fn body(body: Body, under_way: UnderWay) -> Body {
        Body::new(Self { body, _under_way: under_way })
    }
}

impl HttpBody for UntilSent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
