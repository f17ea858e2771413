//! Where the key comes from that seals secrets in the store: the environment, a file, the service
//! manager, or a file that the first start makes.

use std::path::PathBuf;

use crate::calls::{Vault, VaultError};
use crate::config::Config;
use crate::config::store::StoreUrl;

/// The variable that holds the key itself.
const VARIABLE: &str = "HOLDPOINT_KEY";
/// The folder in which systemd puts the credentials of a service (systemd.exec, `LoadCredential=`).
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
/// The name of the credential.
const CREDENTIAL: &str = "holdpoint-key";
/// The name of the file beside the store.
const FILE: &str = "holdpoint.key";

/// The key, from the first place that has one.
pub(super) fn vault(config: &Config) -> Result<Vault, VaultError> {
    if let Some(text) = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty()) {
        return Vault::parse(&text, VARIABLE);
    }
    if let Some(path) = &config.secrets.key_file {
        return Vault::open(path);
    }
    let credential = std::env::var_os(CREDENTIALS).map(|dir| PathBuf::from(dir).join(CREDENTIAL));
    if let Some(path) = credential.filter(|path| path.exists()) {
        return Vault::open(&path);
    }
    let StoreUrl::Redb(store) = &config.store.url;
    Vault::open_or_make(&store.with_file_name(FILE))
}
