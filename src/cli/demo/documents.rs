//! The workflows of the demo, carried by the program: a name that the server does not know is
//! registered, so that a binary alone can show what it does. It never replaces one that is there,
//! be it another version or a broken file.

use std::collections::BTreeSet;

use super::Failure;
use crate::client::Client;

/// By the names that they have inside.
const DOCUMENTS: [(&str, &str); 4] = [
    ("simple-task", include_str!("../../../workflows/simple-task.yaml")),
    ("code-generation", include_str!("../../../workflows/code-generation.yaml")),
    ("data-processing", include_str!("../../../workflows/data-processing.yaml")),
    ("agent-task", include_str!("../../../workflows/agent-task.yaml")),
];

/// Registers those that the server does not know.
pub(super) async fn register_missing(client: &Client) -> Result<(), Failure> {
    let known = client.workflows().await?.body.workflows;
    let known: BTreeSet<&str> = known.iter().map(|known| known.name.as_str()).collect();
    for (_, document) in DOCUMENTS.iter().filter(|(name, _)| !known.contains(name)) {
        client.register_workflow(*document).await?;
    }
    Ok(())
}
