//! The listener: accepts, bounds and drains connections. It knows nothing of routes.
//!
//! `axum::serve` is not used: it sets no timer, so a slow head of a request would hold its
//! connection for ever.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::http::connections::{Connections, Patience, Phase, UntilSent, Watched};
use crate::http::guard::Peer;
use crate::http::options::{BadOptions, Options};

/// The pause after the system refused to accept (out of file descriptors): a tight loop would not
/// free any.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Headers that the parser takes. The limit for callers is lower (`head_limits`) and has an answer
/// that says more.
const HEADERS_MAX: usize = 128;
/// Longest head that the parser takes, bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The settings cannot stand.
    #[error(transparent)]
    Options(#[from] BadOptions),
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {source}; choose another http.listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// A bound listener.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    options: Options,
}

impl Server {
    /// Binds the address. Connections wait in the backlog until `serve`.
    pub async fn bind(options: Options) -> Result<Self, BindError> {
        options.check()?;
        let failed = |source| BindError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, options })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`, then drains: answers that are under way end, up to the limit.
    pub async fn serve(self, router: Router, shutdown: CancellationToken) {
        let connections = Connections::new(&self.options);
        let graceful = GracefulShutdown::new();
        let builder = self.builder();
        let patience = Patience {
            head: self.options.header_timeout,
            idle: self.options.idle_timeout,
            send: self.options.send_timeout,
        };
        while let Some((stream, peer)) = accept(&self.listener, &shutdown).await {
            // While there is no place, those that come wait in the backlog of the system.
            let entered = until(&shutdown, connections.enter(peer.ip())).await;
            let Some(place) = entered.flatten() else { continue };
            let stream = Watched::new(stream, place.phase(), patience);
            let connection = connection(&builder, stream, peer, place.phase(), router.clone());
            let connection = graceful.watch(connection.into_owned());
            tokio::spawn(async move {
                let ended = tokio::select! {
                    ended = connection => ended,
                    () = place.left() => Ok(()),
                };
                if let Err(error) = ended {
                    tracing::debug!(%peer, %error, "a connection ended early");
                }
            });
        }
        drop(self.listener);
        let drained = tokio::time::timeout(self.options.drain_timeout, graceful.shutdown());
        if drained.await.is_err() {
            let limit_s = self.options.drain_timeout.as_secs();
            tracing::warn!(
                limit_s,
                "some connections were still open when the time to drain ended"
            );
            connections.dismiss_all();
        }
    }

    fn builder(&self) -> Builder<TokioExecutor> {
        let mut builder = Builder::new(TokioExecutor::new()).http1_only();
        builder
            .http1()
            .timer(TokioTimer::new())
            // `Watched` knows better what a connection waits for and is always first; but without
            // this limit hyper does not ask for the next head before one comes.
            .header_read_timeout(self.options.idle_timeout + 2 * self.options.header_timeout)
            .max_headers(HEADERS_MAX)
            .max_buf_size(HEAD_BYTES_MAX);
        builder
    }
}

fn connection(
    builder: &Builder<TokioExecutor>,
    stream: Watched,
    peer: SocketAddr,
    phase: Arc<Phase>,
    router: Router,
) -> hyper_util::server::conn::auto::Connection<
    '_,
    TokioIo<Watched>,
    impl hyper::service::Service<
        hyper::Request<Incoming>,
        Response = axum::response::Response,
        Error = std::convert::Infallible,
        Future: Send + 'static,
    > + use<>,
    TokioExecutor,
> {
    let service = service_fn(move |mut request: Request<Incoming>| {
        let under_way = phase.begin();
        request.extensions_mut().insert(Peer(peer));
        let answer = router.clone().oneshot(request.map(axum::body::Body::new));
        async move {
            let response = answer.await?;
            Ok(response.map(|body| UntilSent::body(body, under_way)))
        }
    });
    builder.serve_connection(TokioIo::new(stream), service)
}

/// The next connection; nothing once it is time to stop.
async fn accept(
    listener: &TcpListener,
    shutdown: &CancellationToken,
) -> Option<(TcpStream, SocketAddr)> {
    loop {
        match until(shutdown, listener.accept()).await? {
            Ok((stream, peer)) => {
                // Without it an answer can wait 40 ms for a delayed acknowledgement.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%peer, %error, "TCP_NODELAY cannot be set");
                }
                return Some((stream, peer));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "the system accepts no connection now");
                until(shutdown, tokio::time::sleep(ACCEPT_PAUSE)).await?;
            }
        }
    }
}

async fn until<T>(shutdown: &CancellationToken, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        () = shutdown.cancelled() => None,
        done = work => Some(done),
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
