//! API tokens.

use crate::api::token::Token;
use crate::http::present::{time, user};
use crate::http::tokens::{self, TokenKind};
use crate::model::time::Timestamp;

/// A token at this time.
pub fn token(token: &tokens::Token, now: Timestamp) -> Token {
    let kind = match token.kind {
        TokenKind::Person => "person",
        TokenKind::Agent => "agent",
    };
    Token {
        id: token.id.clone(),
        name: token.name.clone(),
        kind: kind.to_owned(),
        user_id: token.holder.clone(),
        roles: user::roles(&token.roles),
        scopes: token.scopes.iter().map(ToString::to_string).collect(),
        is_active: token.is_live(now),
        created_at: time(token.created_at),
        created_by: token.created_by.clone(),
        expires_at: time(token.expires_at),
        last_used_at: token.last_used_at.map(time),
        revoked_at: token.revoked_at.map(time),
    }
}
