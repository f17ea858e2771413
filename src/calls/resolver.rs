//! The resolver that outgoing connections use: it hands out only addresses that the guard let pass,
//! so the address that was checked is the address that is dialled. It caches nothing.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use crate::calls::egress::{EgressError, Guard};

/// Most lookups at a time: the system's lookup cannot be cancelled, and one that hangs must not
/// hold every thread for blocking work.
const LOOKUPS_MAX: usize = 64;
/// Most addresses of one name that are tried.
const ADDRESSES_MAX: usize = 32;

/// How names become addresses.
#[async_trait]
pub trait Lookup: Send + Sync + 'static {
    /// The addresses of a name.
    ///
    /// # Errors
    /// The name has none, or nobody could say.
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The resolver of the operating system.
#[derive(Clone)]
pub(crate) struct SystemLookup {
    slots: Arc<Semaphore>,
}

impl SystemLookup {
    pub(crate) fn new() -> Self {
        Self { slots: Arc::new(Semaphore::new(LOOKUPS_MAX)) }
    }
}

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(io::Error::other)?;
        let host = host.to_owned();
        let lookup = tokio::task::spawn_blocking(move || {
            let addresses = (host.as_str(), 0).to_socket_addrs().map(|found| {
                found.map(|socket| socket.ip()).take(ADDRESSES_MAX).collect::<Vec<_>>()
            });
            // The slot stays taken as long as the thread does, even when nobody waits any more.
            drop(slot);
            addresses
        });
        lookup.await.map_err(io::Error::other)?
    }
}

/// A name has no address.
#[derive(Debug, thiserror::Error)]
#[error("could not resolve {host}: {reason}")]
pub struct Unresolved {
    host: String,
    reason: String,
}

/// Looks names up for connections to one port and lets only permitted addresses pass.
#[derive(Clone)]
pub(crate) struct GuardedResolver {
    pub(crate) guard: Arc<Guard>,
    pub(crate) lookup: Arc<dyn Lookup>,
    /// The port of every connection that uses this resolver; none when no rule depends on it.
    pub(crate) port: Option<u16>,
}

impl GuardedResolver {
    /// The addresses of a name that may be dialled.
    pub(crate) async fn checked(&self, host: &str) -> Result<Vec<SocketAddr>, EndpointError> {
        if let Some(fixed) = self.guard.fixed_address(host) {
            self.guard.check_address(host, fixed.ip(), self.port)?;
            return Ok(vec![fixed]);
        }
        let unresolved = |reason: String| Unresolved { host: host.to_owned(), reason };
        let found = self.lookup.lookup(host).await.map_err(|e| unresolved(e.to_string()))?;
        let mut refusal = None;
        let mut permitted = Vec::new();
        for address in found.into_iter().take(ADDRESSES_MAX) {
            // A name with a public and a private address is dialled at the public one only.
            match self.guard.check_address(host, address, self.port) {
                Ok(()) => permitted.push(SocketAddr::new(address, 0)),
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        match (permitted.is_empty(), refusal) {
            (false, _) => Ok(permitted),
            (true, Some(refusal)) => Err(refusal.into()),
            (true, None) => Err(unresolved("it has no address".to_owned()).into()),
        }
    }
}

/// Why nothing can be sent to an endpoint.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The guard does not let it pass.
    #[error(transparent)]
    Refused(#[from] EgressError),
    /// Its name has no address.
    #[error(transparent)]
    Unresolved(#[from] Unresolved),
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            match resolver.checked(name.as_str()).await {
                Ok(addresses) => Ok(Box::new(addresses.into_iter()) as Addrs),
                // Unwrapped, so that whoever reports the failure finds the cause by its type.
                Err(EndpointError::Refused(error)) => Err(error.into()),
                Err(EndpointError::Unresolved(error)) => Err(error.into()),
            }
        })
    }
}
