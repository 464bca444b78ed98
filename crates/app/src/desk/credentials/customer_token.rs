//! Customers' tokens: signed, short-lived, and nothing is stored for them. Like a visitor's, with an end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tidings_model::{ChannelId, CustomerId, Timestamp, WorkspaceId};

use crate::App;
use crate::desk::{Actor, ErrorType, Failure, Who};
use crate::seal::Sealer;

/// How long a token lives: the vendor's 28,800 seconds.
pub const LIFETIME: Duration = Duration::from_secs(28_800);

/// Who a customer's token names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustomerToken {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The web channel that they came to.
    pub channel: ChannelId,
    /// The customer.
    pub customer: CustomerId,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl CustomerToken {
    /// The token: `c1.<workspace>.<channel>.<customer>.<seconds>.<signature>`.
    pub fn token(&self, sealer: &Sealer) -> String {
        let text = self.text();
        let signature = sealer.sign(&text);
        format!("{text}.{signature}")
    }

    fn text(&self) -> String {
        let Self { workspace, channel, customer, expires_at } = self;
        format!("c1.{workspace}.{channel}.{customer}.{}", expires_at.as_second())
    }

    /// What a token says, if we signed it, whether or not it has ended.
    pub fn read(token: &str, sealer: &Sealer) -> Option<Self> {
        let (text, signature) = token.rsplit_once('.')?;
        if !sealer.is_signed(text, signature) {
            return None;
        }
        let mut parts = text.strip_prefix("c1.")?.split('.');
        let read = Self {
            workspace: parts.next()?.parse().ok()?,
            channel: parts.next()?.parse().ok()?,
            customer: parts.next()?.parse().ok()?,
            expires_at: Timestamp::from_second(parts.next()?.parse().ok()?).ok()?,
        };
        parts.next().is_none().then_some(read)
    }
}

/// The customer that a token lets in.
pub fn sign_in(app: &App, token: &str) -> Result<(Actor, CustomerToken), Failure> {
    let read = CustomerToken::read(token, app.sealer())
        .ok_or_else(|| Failure::new(ErrorType::Authentication, "Invalid access token"))?;
    if read.expires_at <= app.now() {
        return Err(Failure::new(ErrorType::Authentication, "the access token has expired"));
    }
    let actor = Actor {
        workspace: read.workspace,
        who: Who::Customer(read.customer),
        client_id: read.channel.to_string(),
        scopes: Arc::new(BTreeSet::from(["customers:own".to_owned(), "chats--own:rw".to_owned()])),
        groups: BTreeSet::new(),
        request: None,
    };
    Ok((actor, read))
}
