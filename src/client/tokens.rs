//! API tokens over the API.

use reqwest::Method;
use serde_json::json;

use super::error::ClientError;
use super::jobs::segment;
use super::transport::{Answer, Client};
use crate::api::token::{NewProgramToken, NewToken, TokenAnswer, TokenList};

/// The address of one's own tokens.
const OWN: &str = "/api/auth/tokens";
/// The address of the tokens of all.
const ALL: &str = "/api/admin/tokens";

impl Client {
    /// Makes a token of one's own. Its text is in the answer, this once.
    pub async fn create_token(&self, new: &NewToken) -> Result<Answer<TokenAnswer>, ClientError> {
        self.change(Method::POST, OWN, Some(&json!(new))).await
    }

    /// Makes a token of a program.
    pub async fn create_program_token(
        &self,
        new: &NewProgramToken,
    ) -> Result<Answer<TokenAnswer>, ClientError> {
        self.change(Method::POST, ALL, Some(&json!(new))).await
    }

    /// One's own tokens, the newest first.
    pub async fn tokens(&self) -> Result<Answer<TokenList>, ClientError> {
        self.get(OWN, &[]).await
    }

    /// A page of the tokens of all, or of one holder.
    pub async fn all_tokens(
        &self,
        holder: Option<&str>,
        limit: u32,
        offset: u64,
    ) -> Result<Answer<TokenList>, ClientError> {
        let mut query = vec![("limit", limit.to_string()), ("offset", offset.to_string())];
        query.extend(holder.map(|holder| ("userId", holder.to_owned())));
        self.get(ALL, &query).await
    }

    /// Revokes a token of one's own, or of anybody.
    pub async fn revoke_token(
        &self,
        id: &str,
        of_anybody: bool,
    ) -> Result<Answer<TokenAnswer>, ClientError> {
        let place = if of_anybody { ALL } else { OWN };
        self.change(Method::DELETE, &format!("{place}/{}", segment(id)), None).await
    }
}
