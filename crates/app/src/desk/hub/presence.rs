//! Who is there: who has an open connection, and whether agents are away from it.

use std::collections::{BTreeMap, BTreeSet};

use tidings_model::{AgentId, CustomerId};

/// Who is connected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    /// The agents, each with whether all of their connections are away.
    pub agents: BTreeMap<AgentId, bool>,
    /// The customers.
    pub customers: BTreeSet<CustomerId>,
}

/// An agent came or went, or a customer did. Several connections of one person count as one, at whichever nodes they are.
/// Every node hears of every change: whoever acts on one does so in a way that is harmless when others do it as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PresenceChange {
    /// An agent's first connection was opened.
    AgentCame {
        /// Who.
        agent: AgentId,
        /// Whether it is away.
        away: bool,
    },
    /// All of an agent's connections are away now, or one is not any more.
    AgentAway {
        /// Who.
        agent: AgentId,
        /// Which of both.
        away: bool,
    },
    /// A customer is there by a connection at another node. Here, whoever lets them in tells of it.
    CustomerCame {
        /// Who.
        customer: CustomerId,
    },
    /// An agent's last connection was closed.
    AgentWent {
        /// Who.
        agent: AgentId,
    },
    /// A customer's last connection was closed.
    CustomerWent {
        /// Who.
        customer: CustomerId,
    },
}
