//! What every call asks to know who is let in, kept in memory: agents' tokens, and who is banned.
//!
//! Every commit of this process forgets what it changes, before it is written and after, so a token that was taken back
//! or a ban acts at once. Other nodes are told, and forget it as well; as that may be lost, nothing is believed for longer
//! than [`BELIEVED_FOR`] where there are others.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tidings_model::{CustomerId, WorkspaceId};
use tidings_store::{DocKey, ReadError, Store};

use crate::desk::credentials::agent_token::AgentToken;
use crate::desk::customers::bans::{Ban, key_of_address, key_of_customer};
use crate::kept::Kept;
use crate::pipeline::scene::{Seen, seen};

/// How many tokens are kept. One has up to five kilobytes, as it names its scopes.
const TOKENS_MAX: usize = 2_000;

/// How many customers and addresses are kept with whether they are banned.
const BANS_MAX: usize = 20_000;

/// How long a token, or that somebody is not banned, is believed where other nodes may know better.
pub(crate) const BELIEVED_FOR: Duration = Duration::from_secs(2);

/// Tokens and bans by their documents.
pub(crate) struct Passes {
    tokens: Kept<(WorkspaceId, DocKey), Arc<AgentToken>>,
    bans: Kept<(WorkspaceId, DocKey), Option<Arc<Ban>>>,
}

impl Passes {
    /// Nothing is kept yet; each not longer than `oldest`.
    pub(crate) fn new(oldest: Option<Duration>) -> Self {
        Self { tokens: Kept::new(TOKENS_MAX, oldest), bans: Kept::new(BANS_MAX, oldest) }
    }

    /// A token; `None` when there is none, which is not kept: strangers could fill the memory with it.
    pub(crate) async fn token(
        &self,
        store: &Arc<dyn Store>,
        workspace: WorkspaceId,
        key: DocKey,
    ) -> Result<Option<Arc<AgentToken>>, ReadError> {
        let place = (workspace, key);
        let since = match self.tokens.find(&place) {
            Ok(token) => return Ok(Some(token)),
            Err(since) => since,
        };
        let Some(document) = store.document(workspace, &place.1).await? else { return Ok(None) };
        let token: Seen<AgentToken> = seen(document)?;
        let token = Arc::new(token.value);
        self.tokens.keep(place, Arc::clone(&token), since);
        Ok(Some(token))
    }

    /// A ban, whether or not it has ended; `None` when there is none.
    pub(crate) async fn ban(
        &self,
        store: &Arc<dyn Store>,
        workspace: WorkspaceId,
        key: DocKey,
    ) -> Result<Option<Arc<Ban>>, ReadError> {
        let place = (workspace, key);
        let since = match self.bans.find(&place) {
            Ok(ban) => return Ok(ban),
            Err(since) => since,
        };
        let document = store.document(workspace, &place.1).await?;
        let ban: Option<Seen<Ban>> = document.map(seen).transpose()?;
        let ban = ban.map(|ban| Arc::new(ban.value));
        self.bans.keep(place, ban.clone(), since);
        Ok(ban)
    }

    /// Forgets a document that changes, if it is one of these.
    pub(crate) fn forget(&self, workspace: WorkspaceId, key: &DocKey) {
        let place = (workspace, key.clone());
        self.tokens.forget(&place);
        self.bans.forget(&place);
    }

    /// Forgets whether a customer or an address is banned.
    pub(crate) fn forget_customer(
        &self,
        workspace: WorkspaceId,
        customer: CustomerId,
        ip: Option<IpAddr>,
    ) {
        let of_address = ip.map(|ip| key_of_address(&ip.to_string()));
        for key in std::iter::once(key_of_customer(customer)).chain(of_address) {
            self.forget(workspace, &key);
        }
    }

    /// Forgets all of them.
    pub(crate) fn forget_all(&self) {
        self.tokens.forget_all();
        self.bans.forget_all();
    }
}
