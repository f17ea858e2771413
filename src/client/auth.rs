//! Signing in: an API token, or a login whose cookie is kept in memory only.

use std::fmt;

use reqwest::Method;
use reqwest::header::{HeaderValue, SET_COOKIE};

use super::error::ClientError;
use super::transport::Client;
use crate::api::auth::{Login, User, UserAnswer};

/// How a client says who it is. Its text never shows the secret.
#[derive(Clone, Default)]
pub(super) enum Session {
    /// It does not.
    #[default]
    Nobody,
    /// By an API token.
    Token(HeaderValue),
    /// By the cookie of a login.
    Cookie(HeaderValue),
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nobody => "Nobody",
            Self::Token(_) => "Token(…)",
            Self::Cookie(_) => "Cookie(…)",
        })
    }
}

impl Client {
    /// The same client, signed in by an API token (`hp_…`). Nothing is sent yet.
    pub fn with_token(self, token: &str) -> Result<Self, ClientError> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.trim()))
            .map_err(|_| ClientError::Token)?;
        value.set_sensitive(true);
        Ok(self.with_session(Session::Token(value)))
    }

    /// Signs in with e-mail and password and keeps the session's cookie.
    pub async fn login(self, email: &str, password: &str) -> Result<Self, ClientError> {
        let body = Login { email: email.to_owned(), password: password.to_owned() };
        let request = self.request(Method::POST, "/api/auth/login").json(&body);
        let response = self.send(request).await?;
        let cookies = response.headers().get_all(SET_COOKIE).iter().filter_map(cookie_pair);
        let cookies = cookies.collect::<Vec<_>>().join("; ");
        let foreign = || ClientError::Foreign {
            url: self.base().to_owned(),
            status: response.status().as_u16(),
            reason: "the login set no cookie".to_owned(),
        };
        let mut value = HeaderValue::from_str(&cookies).map_err(|_| foreign())?;
        if cookies.is_empty() {
            return Err(foreign());
        }
        value.set_sensitive(true);
        Ok(self.with_session(Session::Cookie(value)))
    }

    /// Ends the session on the server.
    pub async fn logout(&self) -> Result<(), ClientError> {
        self.send(self.request(Method::POST, "/api/auth/logout")).await.map(drop)
    }

    /// Who the server takes this client for.
    pub async fn me(&self) -> Result<User, ClientError> {
        Ok(self.get::<UserAnswer>("/api/auth/me", &[]).await?.body.user)
    }
}

/// `name=value` of a `Set-Cookie` header, without its attributes.
fn cookie_pair(header: &HeaderValue) -> Option<&str> {
    header.to_str().ok()?.split(';').next().map(str::trim).filter(|pair| pair.contains('='))
}
