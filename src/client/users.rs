//! Accounts and one's own password over the API.

use reqwest::Method;
use serde_json::json;

use super::error::ClientError;
use super::jobs::segment;
use super::transport::{Answer, Client};
use crate::api::auth::{Done, PasswordChange};
use crate::api::user::{AccountAnswer, AccountList, NewUser, UserEdit};

/// The address of accounts.
const USERS: &str = "/api/admin/users";

impl Client {
    /// Makes an account. Without a password one is drawn, and is in the answer.
    pub async fn create_user(&self, new: &NewUser) -> Result<Answer<AccountAnswer>, ClientError> {
        self.change(Method::POST, USERS, Some(&json!(new))).await
    }

    /// A page of accounts, the oldest first.
    pub async fn users(&self, limit: u32, offset: u64) -> Result<Answer<AccountList>, ClientError> {
        let query = [("limit", limit.to_string()), ("offset", offset.to_string())];
        self.get(USERS, &query).await
    }

    /// Changes an account, by id or email.
    pub async fn edit_user(
        &self,
        user: &str,
        edit: &UserEdit,
    ) -> Result<Answer<AccountAnswer>, ClientError> {
        let path = format!("{USERS}/{}", segment(user));
        self.change(Method::PATCH, &path, Some(&json!(edit))).await
    }

    /// Takes an account out of use for ever.
    pub async fn deactivate_user(&self, user: &str) -> Result<Answer<AccountAnswer>, ClientError> {
        self.change(Method::DELETE, &format!("{USERS}/{}", segment(user)), None).await
    }

    /// Changes one's own password. Every other session ends.
    pub async fn change_password(
        &self,
        change: &PasswordChange,
    ) -> Result<Answer<Done>, ClientError> {
        self.change(Method::POST, "/api/auth/password", Some(&json!(change))).await
    }
}
