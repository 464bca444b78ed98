//! The control lease: who may speak to the customer of a chat now.
//!
//! One document per chat. Its version in the store is the lease's epoch: every change of the holder moves it, and who
//! speaks commits with the epoch that they saw, so a bot's turn in flight is dropped when a person takes over.

use serde::{Deserialize, Serialize};

use crate::{AgentId, Author, AuthorKind, BotName, GroupName};

/// Who may speak, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// The one who may speak.
    pub holder: Holder,
    /// Why, for people.
    pub reason: String,
}

/// The holder of a control lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Holder {
    /// A bot.
    Bot {
        /// Which one.
        id: BotName,
    },
    /// An agent.
    Agent {
        /// Which one.
        id: AgentId,
    },
    /// It waits for an agent.
    Queue {
        /// Of this team, or of any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group: Option<GroupName>,
    },
    /// Nobody yet: the first bot or agent who speaks takes it.
    Nobody,
}

impl Control {
    /// Whether this author may speak to the customer.
    ///
    /// The customer speaks always, and so does the system (it tells of a transfer). A bot and an agent need to hold the
    /// lease, or find it free. An integration speaks when nobody holds it: for more it takes the lease as an agent.
    pub fn lets_speak(&self, author: &Author) -> Result<(), NotInControl> {
        let allowed = match (author.kind, &self.holder) {
            (AuthorKind::Customer | AuthorKind::System, _) => true,
            (AuthorKind::Bot | AuthorKind::Agent | AuthorKind::Integration, Holder::Nobody) => true,
            (AuthorKind::Bot, Holder::Bot { id }) => id.as_str() == author.id,
            (AuthorKind::Agent, Holder::Agent { id }) => id.as_str() == author.id,
            (
                AuthorKind::Bot | AuthorKind::Agent | AuthorKind::Integration,
                Holder::Bot { .. } | Holder::Agent { .. } | Holder::Queue { .. },
            ) => false,
        };
        if allowed { Ok(()) } else { Err(NotInControl { holder: self.holder.clone() }) }
    }
}

/// Somebody else may speak to the customer now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("another one holds the control lease of this chat")]
pub struct NotInControl {
    /// The one who may.
    pub holder: Holder,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_holder_speaks() {
        let alice = Author::customer(crate::CustomerId::new(uuid::Uuid::nil()));
        let bob: AgentId = "bob".parse().expect("a name");
        let pizzeria: BotName = "pizzeria".parse().expect("a name");
        let florist: BotName = "florist".parse().expect("a name");
        let held = |holder| Control { holder, reason: String::new() };

        let by_pizzeria = held(Holder::Bot { id: pizzeria.clone() });
        assert!(by_pizzeria.lets_speak(&Author::bot(&pizzeria)).is_ok());
        assert!(by_pizzeria.lets_speak(&Author::bot(&florist)).is_err());
        assert!(by_pizzeria.lets_speak(&Author::agent(&bob)).is_err());
        assert!(by_pizzeria.lets_speak(&alice).is_ok());

        let by_bob = held(Holder::Agent { id: bob.clone() });
        assert!(by_bob.lets_speak(&Author::agent(&bob)).is_ok());
        assert!(by_bob.lets_speak(&Author::bot(&pizzeria)).is_err());

        let queued = held(Holder::Queue { group: None });
        assert!(queued.lets_speak(&Author::bot(&pizzeria)).is_err());
        assert!(queued.lets_speak(&Author::system()).is_ok());

        assert!(held(Holder::Nobody).lets_speak(&Author::bot(&florist)).is_ok());
    }
}
