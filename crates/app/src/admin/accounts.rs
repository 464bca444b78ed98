//! Connected accounts: credentials for calls to other systems, by name. A behavior names one; neither a behavior nor the
//! API can read what is in it, and it goes to the hosts only that it was made for.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::{Deserialize, Serialize};
use tidings_model::{Timestamp, WorkspaceId};
use tidings_store::{DocKey, Kind, Put, ReadError};

use super::AdminError;
use crate::App;
use crate::directory::all_of;
use crate::pipeline::scene::{Seen, seen};

/// The longest name, in bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// The most hosts of one account.
pub const HOSTS_MAX: usize = 20;

/// The longest secret, in bytes.
pub const SECRET_BYTES_MAX: usize = 8 * 1024;

/// Credentials for calls to another system.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    /// Its name: steps name it.
    pub name: String,
    /// How it is shown to the other system.
    pub way: Way,
    /// The hosts that it goes to.
    pub hosts: Vec<String>,
    /// The secret, sealed.
    secret: String,
    /// When it was last written.
    pub updated_at: Timestamp,
}

/// How credentials are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Way {
    /// `Authorization: Bearer <secret>`.
    Bearer,
    /// `Authorization: Basic`, with the secret as the password.
    Basic {
        /// The user.
        user: String,
    },
    /// A header with the secret.
    Header {
        /// Its name.
        name: String,
    },
}

/// What somebody says of an account.
#[derive(Clone)]
pub struct AccountChange {
    /// How it is shown.
    pub way: Way,
    /// The hosts that it goes to.
    pub hosts: Vec<String>,
    /// The secret; the one that is kept, unless given.
    pub secret: Option<String>,
}

impl fmt::Debug for AccountChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountChange").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

/// Why a call has no credentials.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoCredentials {
    #[error("there is no account {0:?}")]
    Unknown(String),
    #[error("the account {0:?} is not for this host")]
    OtherHost(String),
    #[error("the account {0:?} goes over https only")]
    NotSecret(String),
    #[error("the account {0:?} does not open with this installation's key")]
    Sealed(String),
}

impl NoCredentials {
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "unknown_account",
            Self::OtherHost(_) => "account_not_for_host",
            Self::NotSecret(_) => "account_needs_https",
            Self::Sealed(_) => "account_sealed",
        }
    }
}

/// Makes an account, or changes it.
pub async fn put(
    app: &App,
    workspace: WorkspaceId,
    name: &str,
    change: AccountChange,
) -> Result<Account, AdminError> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(good) {
        let problem =
            format!("a name has letters, digits, _ - and ., at most {NAME_BYTES_MAX} bytes");
        return Err(AdminError::invalid("/name", problem));
    }
    let hosts = check(&change)?;
    let key = DocKey::new(Kind::Account, name);
    let found = app.store.document(workspace, &key).await?.map(seen::<Account>).transpose()?;
    let secret = match (&change.secret, &found) {
        (Some(secret), _) => app.sealer.seal(secret),
        // What is kept goes only where it was given for.
        (None, Some(found))
            if found.value.way == change.way
                && hosts.iter().all(|host| found.value.hosts.contains(host)) =>
        {
            found.value.secret.clone()
        }
        (None, _) => return Err(AdminError::invalid("/secret", "is missing")),
    };
    let account =
        Account { name: name.to_owned(), way: change.way, hosts, secret, updated_at: app.now() };
    let before = found.map_or(Seen::absent(()), |found| found.apart().1);
    let put: Put = before.map(|()| account.clone()).put(key, Vec::new());
    let mut batch = tidings_store::Batch::new(workspace);
    batch.puts.push(put);
    app.commit(batch).await?;
    Ok(account)
}

/// Gives the hosts as addresses name them.
fn check(change: &AccountChange) -> Result<Vec<String>, AdminError> {
    if change.hosts.is_empty() || change.hosts.len() > HOSTS_MAX {
        let problem = format!("names 1 to {HOSTS_MAX} hosts, as api.example.com");
        return Err(AdminError::invalid("/hosts", problem));
    }
    let mut hosts = Vec::with_capacity(change.hosts.len());
    for (place, host) in change.hosts.iter().enumerate() {
        let parsed = url::Host::parse(host).ok().filter(|_| !host.contains('/'));
        let Some(parsed) = parsed else {
            let problem = "is no host: write api.example.com, without scheme, port and path";
            return Err(AdminError::invalid(format!("/hosts/{place}"), problem));
        };
        hosts.push(parsed.to_string());
    }
    if change
        .secret
        .as_ref()
        .is_some_and(|secret| secret.is_empty() || secret.len() > SECRET_BYTES_MAX)
    {
        let problem = format!("has 1 to {SECRET_BYTES_MAX} bytes");
        return Err(AdminError::invalid("/secret", problem));
    }
    headers(&change.way, change.secret.as_deref().unwrap_or("x"))
        .map(|_| hosts)
        .ok_or_else(|| AdminError::invalid("/way", "cannot be written as a header"))
}

/// All accounts of a workspace.
pub async fn list(app: &App, workspace: WorkspaceId) -> Result<Vec<Account>, AdminError> {
    Ok(all_of(app.store.as_ref(), workspace, Kind::Account).await?)
}

/// Removes an account.
pub async fn remove(app: &App, workspace: WorkspaceId, name: &str) -> Result<(), AdminError> {
    super::listed::remove(app, workspace, DocKey::new(Kind::Account, name)).await
}

/// The headers that a call to a URL has with an account.
pub(crate) async fn headers_for(
    app: &App,
    workspace: WorkspaceId,
    name: &str,
    url: &str,
) -> Result<Result<HeaderMap, NoCredentials>, ReadError> {
    let found = app.store.document(workspace, &DocKey::new(Kind::Account, name)).await?;
    let Some(found) = found else { return Ok(Err(NoCredentials::Unknown(name.to_owned()))) };
    let account: Account = seen(found)?.value;
    Ok(open(app, &account, url))
}

fn open(app: &App, account: &Account, url: &str) -> Result<HeaderMap, NoCredentials> {
    let parsed = url::Url::parse(url.trim()).ok();
    let host = parsed.as_ref().and_then(|url| url.host_str()).map(str::to_ascii_lowercase);
    let host = host.filter(|host| account.hosts.contains(host));
    let Some(host) = host else { return Err(NoCredentials::OtherHost(account.name.clone())) };
    let is_https = parsed.is_some_and(|url| url.scheme() == "https");
    // To this machine itself nothing goes over a wire.
    if !is_https && !matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]") {
        return Err(NoCredentials::NotSecret(account.name.clone()));
    }
    let sealed = || NoCredentials::Sealed(account.name.clone());
    let secret = app.sealer.open(&account.secret).map_err(|_| sealed())?;
    headers(&account.way, &secret).ok_or_else(sealed)
}

fn headers(way: &Way, secret: &str) -> Option<HeaderMap> {
    let (name, value) = match way {
        Way::Bearer => (header::AUTHORIZATION, format!("Bearer {secret}")),
        Way::Basic { user } => {
            let pair = STANDARD.encode(format!("{user}:{secret}"));
            (header::AUTHORIZATION, format!("Basic {pair}"))
        }
        Way::Header { name } => (HeaderName::from_bytes(name.as_bytes()).ok()?, secret.to_owned()),
    };
    let mut value = HeaderValue::from_str(&value).ok()?;
    value.set_sensitive(true);
    Some(HeaderMap::from_iter([(name, value)]))
}
