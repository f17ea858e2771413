//! The bytes of a connection, with a limit to every wait for its client: for a head, between two
//! requests, and while it takes nothing of an answer. It knows nothing of what the bytes mean.
//!
//! The wait for the body of a request is limited where bodies are read.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::phase::{BUSY, HEAD, IDLE, Phase};
use super::{automatic, closed};

/// How long is waited for a client.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the head of a request; for the first one from the beginning on.
    pub head: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// For any progress of an answer.
    pub send: Duration,
}

/// A connection whose client is not waited for without end.
pub struct Watched {
    stream: TcpStream,
    phase: Arc<Phase>,
    patience: Patience,
    /// The phase that `reading` is about and since when it was that; whether anything came in it.
    seen: (u8, u64),
    has_heard: bool,
    reading: Pin<Box<Sleep>>,
    /// Runs while an answer waits for its client.
    sending: Option<Pin<Box<Sleep>>>,
    /// What is sent in place of an answer of hyper, how much of it is out, and how long that was.
    instead: Option<(Vec<u8>, usize, usize)>,
}

impl Watched {
    /// Watches this connection.
    pub fn new(stream: TcpStream, phase: Arc<Phase>, patience: Patience) -> Self {
        let reading = Box::pin(tokio::time::sleep(patience.head));
        let (seen, has_heard, sending, instead) = (phase.seen(), false, None, None);
        Self { stream, phase, patience, seen, has_heard, reading, sending, instead }
    }

    /// Sets the clock anew when the phase is another one than at the last look.
    fn look(&mut self) -> u8 {
        let seen = self.phase.seen();
        let (now, _) = seen;
        if seen != self.seen {
            self.seen = seen;
            self.has_heard = now == HEAD;
            let wait = if now == IDLE { self.patience.idle } else { self.patience.head };
            self.reading.as_mut().set(tokio::time::sleep(wait));
        }
        now
    }

    /// What becomes of a read that has nothing.
    fn nothing_yet(&mut self, cx: &mut Context<'_>, phase: u8) -> Poll<io::Result<()>> {
        if phase == BUSY || self.phase.is_sending() {
            return Poll::Pending;
        }
        ready!(self.reading.as_mut().poll(cx));
        if phase == IDLE {
            closed("idle");
        } else {
            closed("slow-head");
        }
        if self.has_heard && phase == HEAD {
            // As far as it goes without waiting: whoever is slow is not waited for once more.
            self.stream.try_write(&automatic::too_slow()).ok();
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// What becomes of a write of so many bytes, given how it went.
    fn sent(
        &mut self,
        cx: &mut Context<'_>,
        bytes: usize,
        went: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let is_all = matches!(went, Poll::Ready(Ok(written)) if written >= bytes);
        self.phase.sends(!is_all);
        if went.is_ready() {
            self.sending = None;
            return went;
        }
        let patience = self.patience.send;
        let waiting = self.sending.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(waiting.as_mut().poll(cx));
        closed("slow-reader");
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Sends the problem in place of what hyper answers by itself; nothing when it is no such
    /// answer.
    fn send_instead(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Option<Poll<io::Result<usize>>> {
        if self.instead.is_none() {
            if self.phase.now() != HEAD {
                return None;
            }
            self.instead = Some((automatic::instead_of(bytes)?, 0, bytes.len()));
        }
        loop {
            let (problem, done, length) = self.instead.as_mut()?;
            let Some(rest) = problem.get(*done..).filter(|rest| !rest.is_empty()) else {
                let length = *length;
                self.instead = None;
                return Some(Poll::Ready(Ok(length)));
            };
            match Pin::new(&mut self.stream).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => {
                    return Some(Poll::Ready(Err(io::ErrorKind::WriteZero.into())));
                }
                Poll::Ready(Ok(written)) => *done += written,
                went => return Some(self.sent(cx, 1, went)),
            }
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let phase = this.look();
        let before = buffer.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, buffer) {
            Poll::Pending => this.nothing_yet(cx, phase),
            Poll::Ready(went) => {
                if buffer.filled().len() > before {
                    this.has_heard = true;
                    this.phase.heard();
                }
                Poll::Ready(went)
            }
        }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(went) = this.send_instead(cx, bytes) {
            return went;
        }
        let went = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.sent(cx, bytes.len(), went)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let [only] = slices
            && let Some(went) = this.send_instead(cx, only)
        {
            return went;
        }
        let bytes = slices.iter().map(|slice| slice.len()).sum();
        let went = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.sent(cx, bytes, went)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio::time::advance;

    use super::*;

    const IDLE_TIME: Duration = Duration::from_secs(10);

    /// One look at a connection whose client says nothing.
    async fn read_once(watched: &mut Watched) -> Poll<io::Result<()>> {
        let mut bytes = [0; 8];
        std::future::poll_fn(|cx| {
            let mut buffer = ReadBuf::new(&mut bytes);
            Poll::Ready(Pin::new(&mut *watched).poll_read(cx, &mut buffer))
        })
        .await
    }

    /// A pause is counted from the last answer, not from an earlier one.
    #[tokio::test(start_paused = true)]
    async fn a_connection_in_use_is_not_closed_for_resting() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let client = TcpStream::connect(listener.local_addr().expect("bound"));
        let (client, accepted) = tokio::join!(client, listener.accept());
        let (_client, (stream, _)) = (client.expect("connected"), accepted.expect("accepted"));
        let patience = Patience { head: IDLE_TIME, idle: IDLE_TIME, send: IDLE_TIME };
        let phase = Arc::new(Phase::new(Arc::default()));
        let mut watched = Watched::new(stream, Arc::clone(&phase), patience);
        for _ in 0..5 {
            drop(phase.begin());
            assert!(read_once(&mut watched).await.is_pending());
            advance(IDLE_TIME * 3 / 4).await;
            assert!(read_once(&mut watched).await.is_pending(), "it rests, but not long");
        }
        advance(IDLE_TIME / 2).await;
        let closed = read_once(&mut watched).await;
        assert!(matches!(closed, Poll::Ready(Err(_))), "now it rested too long");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_under_way_is_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let client = TcpStream::connect(listener.local_addr().expect("bound"));
        let (client, accepted) = tokio::join!(client, listener.accept());
        let (_client, (stream, _)) = (client.expect("connected"), accepted.expect("accepted"));
        let patience = Patience { head: IDLE_TIME, idle: IDLE_TIME, send: IDLE_TIME };
        let phase = Arc::new(Phase::new(Arc::default()));
        let mut watched = Watched::new(stream, Arc::clone(&phase), patience);
        let under_way = phase.begin();
        assert!(read_once(&mut watched).await.is_pending());
        advance(IDLE_TIME * 100).await;
        assert!(read_once(&mut watched).await.is_pending());
        drop(under_way);
        assert!(read_once(&mut watched).await.is_pending());
    }
}
