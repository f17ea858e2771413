//! Standing delegations: who stands in for whom at checkpoints. A delegation is kept on the account
//! of who gave it; here is also the way back, from who stands in to those who asked for it.

use serde_json::json;

use crate::engine::Engine;
use crate::http::accounts::{self, AccountError, Delegation, Read};
use crate::http::facts;
use crate::model::audit::Author;
use crate::model::time::Timestamp;

/// The kind of the documents that lead from who stands in to who gave it, by both ids.
const DELEGATIONS: &str = "delegations";
/// People that one may stand in for at once.
const GIVERS_MAX: usize = 100;

/// Ids and addresses of the people for whom this one stands in now. A giver who is out of use gives
/// nothing, and nothing is handed on.
pub async fn givers(engine: &Engine, to: &str) -> Result<Vec<String>, AccountError> {
    let first = format!("{to}/");
    let documents = engine.documents(DELEGATIONS, Some(&first), GIVERS_MAX).await?;
    let now = engine.now();
    let mut names = Vec::new();
    for document in &documents {
        let Some(from) = document.id.strip_prefix(&first) else { break };
        let Some(giver) = accounts::account(engine, from).await? else { continue };
        let is_given = giver.is_active && giver.delegation.is_some_and(|it| stands(&it, to, now));
        if is_given {
            names.extend([giver.id, giver.email]);
        }
    }
    Ok(names)
}

fn stands(delegation: &Delegation, to: &str, now: Timestamp) -> bool {
    delegation.to == to && delegation.until.is_none_or(|until| now < until)
}

/// Puts this in place of the delegation that the account gives, or ends it.
pub async fn set(
    engine: &Engine,
    from: Read,
    delegation: Option<Delegation>,
    author: Author,
) -> Result<(), AccountError> {
    let Read { mut account, version } = from;
    let place = |to: &str| format!("{to}/{}", account.id);
    let mut further = Vec::new();
    let old = account.delegation.as_ref().map(|it| it.to.as_str());
    let new = delegation.as_ref().map(|it| it.to.as_str());
    if let Some(old) = old.filter(|old| new != Some(*old)) {
        further.push(facts::remove(DELEGATIONS, &place(old)));
    }
    if let Some(new) = new {
        further.push(facts::put(DELEGATIONS, &place(new), b"{}".to_vec(), None));
    }
    let (action, detail) = match &delegation {
        Some(new) => {
            let until = new.until.map(Timestamp::to_rfc3339);
            ("user.delegate", json!({"to": new.to, "until": until}))
        }
        None => ("user.delegate-end", json!({})),
    };
    let fact = facts::fact(author, action, &account.id, detail);
    account.delegation = delegation;
    accounts::keep(engine, &account, version, further, fact).await
}
