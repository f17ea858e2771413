//! The listener of the scripted agents and models. It ends when it is dropped.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::answer::{Answer, Outgoing};
use super::memory::Memory;
use super::request::Received;
use super::witness::{Delivered, Seen, Witness};
use super::{conduct, model};

/// What every connection shares.
pub(super) struct Shared {
    /// The address as the beginning of a URL.
    pub(super) base: String,
    pub(super) memory: Memory,
    pub(super) witness: Witness,
}

/// Scripted agents and models behind one address.
pub struct AgentSim {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl AgentSim {
    /// Listens at this address; port 0 takes a free one.
    ///
    /// # Errors
    /// The address cannot be listened at.
    pub async fn start(listen: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            base: format!("http://{address}"),
            memory: Memory::default(),
            witness: Witness::new(),
        });
        let serving = shared.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, serving.clone()));
            }
        });
        Ok(Self { address, shared, accepting })
    }

    /// The URL of a path, such as `/good`. The base of the model server is `/v1`.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.shared.base)
    }

    /// What came so far, in its order.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.witness.all_seen()
    }

    /// Callbacks that were sent so far.
    pub fn delivered(&self) -> Vec<Delivered> {
        self.shared.witness.all_delivered()
    }

    /// Waits until what was seen is as hoped. It waits for ever: whoever asks sets the limit.
    pub async fn wait_until(&self, hoped: impl Fn(&Self) -> bool) {
        let mut entries = self.shared.witness.entries();
        loop {
            entries.borrow_and_update();
            if hoped(self) || entries.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Drop for AgentSim {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // Without it an answer waits for the acknowledgement of the one before.
    stream.set_nodelay(true).ok();
    let service = service_fn(move |request| respond(request, shared.clone()));
    // A connection that breaks is the other side's affair.
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}

async fn respond(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Outgoing, Infallible> {
    let Some(request) = Received::read(request).await else {
        let refused = Answer::error(StatusCode::PAYLOAD_TOO_LARGE, "the body was not read");
        return Ok(refused.into_response());
    };
    // Looking is not a request that anybody is to be told of.
    let number = (request.path != "/seen").then(|| shared.witness.saw(&request));
    let answer = match request.path == model::PATH {
        true => model::answer(&shared, &request).await,
        false => conduct::answer(&shared, &request).await,
    };
    if let Some(number) = number {
        shared.witness.answered(number, answer.status.as_u16());
    }
    Ok(answer.into_response())
}
