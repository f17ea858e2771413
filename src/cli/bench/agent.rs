//! The agent that does nothing: it answers what it was sent, over connections that stay open. It
//! tells the load generator when the last call of a job came.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::cli::exit::{Code, Failure};

/// How documents name it; the settings say where it is.
pub(super) const NAME: &str = "agent.bench";
/// The path of the last call of a job.
pub(super) const LAST: &str = "/last";

/// A running agent; it ends when it is dropped.
pub(super) struct Agent {
    pub(super) address: SocketAddr,
    /// Gets a permit for every last call.
    pub(super) gate: Arc<Semaphore>,
    accepting: JoinHandle<()>,
}

impl Agent {
    pub(super) async fn start() -> Result<Self, Failure> {
        let failed = |error| Failure::new(Code::Io, format!("the agent cannot listen: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let gate = Arc::new(Semaphore::new(0));
        let opened = gate.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, opened.clone()));
            }
        });
        Ok(Self { address, gate, accepting })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(stream: TcpStream, gate: Arc<Semaphore>) {
    // Without it an answer waits for the acknowledgement of the one before.
    stream.set_nodelay(true).ok();
    let service = service_fn(move |request| answer(request, gate.clone()));
    // A connection that breaks is the other side's affair.
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}

async fn answer(
    request: Request<Incoming>,
    gate: Arc<Semaphore>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_last = request.uri().path() == LAST;
    let Ok(body) = request.into_body().collect().await else {
        let mut refused = Response::new(Full::default());
        *refused.status_mut() = StatusCode::BAD_REQUEST;
        return Ok(refused);
    };
    let mut response = Response::new(Full::new(body.to_bytes()));
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    if is_last {
        gate.add_permits(1);
    }
    Ok(response)
}
