//! The token of a visitor on the web channel: who they are, signed, so that nothing is stored before they speak.

use tidings_model::{ChannelId, CustomerId, WorkspaceId};

use crate::App;
use crate::seal::Sealer;

/// Who a visitor's token names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The web channel.
    pub channel: ChannelId,
    /// The customer; made with the token, stored with the first message.
    pub customer: CustomerId,
}

impl Visitor {
    /// Somebody who was not here before.
    pub fn new(app: &App, workspace: WorkspaceId, channel: ChannelId) -> Self {
        Self { workspace, channel, customer: CustomerId::new(app.clock.next_id()) }
    }

    /// The token: `v1.<workspace>.<channel>.<customer>.<signature>`.
    pub fn token(&self, sealer: &Sealer) -> String {
        let text = self.text();
        let signature = sealer.sign(&text);
        format!("{text}.{signature}")
    }

    /// The visitor that a token names, if we signed it.
    pub fn from_token(token: &str, sealer: &Sealer) -> Option<Self> {
        let (text, signature) = token.rsplit_once('.')?;
        if !sealer.is_signed(text, signature) {
            return None;
        }
        let mut parts = text.strip_prefix("v1.")?.split('.');
        let visitor = Self {
            workspace: parts.next()?.parse().ok()?,
            channel: parts.next()?.parse().ok()?,
            customer: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(visitor)
    }

    fn text(&self) -> String {
        format!("v1.{}.{}.{}", self.workspace, self.channel, self.customer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::KEY_BYTES;

    #[test]
    fn only_our_own_tokens_name_a_visitor() {
        let sealer = Sealer::new(&[1; KEY_BYTES]);
        let id = uuid::Uuid::from_u128(5);
        let alice = Visitor {
            workspace: WorkspaceId::new(id),
            channel: ChannelId::new(id),
            customer: CustomerId::new(id),
        };
        let token = alice.token(&sealer);
        assert_eq!(Visitor::from_token(&token, &sealer), Some(alice));
        assert_eq!(Visitor::from_token(&token.replace("00005", "00006"), &sealer), None);
        assert_eq!(Visitor::from_token("", &sealer), None);
    }
}
