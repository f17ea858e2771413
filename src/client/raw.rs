//! Requests whose answers nobody reads, for whoever measures a server: what a client spends on an
//! answer is taken from the server on a small machine. It keeps the session and the timeouts.

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue};

use super::error::ClientError;
use super::transport::Client;

impl Client {
    /// The same session with a server at another address, such as the same server after a restart.
    ///
    /// # Errors
    /// When the address is none.
    pub fn moved_to(&self, base: &str) -> Result<Self, ClientError> {
        Ok(Self::new(base)?.with_session(self.session()))
    }

    /// Posts a JSON body as it is. The answer is received and its status judged, no more; how many
    /// bytes it had is returned.
    ///
    /// # Errors
    /// As every request.
    pub async fn post_unread(&self, path: &str, body: Vec<u8>) -> Result<u64, ClientError> {
        let kind = HeaderValue::from_static("application/json");
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, kind).body(body);
        self.length(self.send(request).await?).await
    }

    /// Reads this path without looking at what it says; answers how many bytes that was.
    ///
    /// # Errors
    /// As every request.
    pub async fn get_unread(&self, path: &str) -> Result<u64, ClientError> {
        self.length(self.send(self.request(Method::GET, path)).await?).await
    }
}
