//! What the nodes of an installation tell each other beside the log, as it goes over the bus.
//!
//! All of it may be lost, come twice, late or in another order: [`Change`] only spares a wait, as what is kept is also
//! read again by its age; who is where ([`There`]) bears numbers, so that whoever missed something asks; a cut is also in
//! the log. A hint bears the version of its form: what is of another, or says something that is not known here, is passed
//! over, as nodes of two releases run side by side while one is rolled out. A field may be added at any time.
//!
//! [`hearing`] is the loop that hears.

pub(crate) mod hearing;

use std::net::IpAddr;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidings_model::{AgentId, CustomerId, NodeId, Timestamp};
use tidings_store::{Batch, Kind, TimerChange};
use tidings_wire::livechat::{self, Side, Version};

use crate::desk::hub::Cut;
use crate::desk::push::{Agents, Customers, Push};

/// The form of what is told now.
const FORM: u8 = 1;

/// A hint's bytes: its form, and what it says.
#[derive(Debug, Serialize, Deserialize)]
struct Written<T> {
    form: u8,
    told: T,
}

/// Writes a hint.
pub(crate) fn write<T: Serialize>(told: &T) -> Bytes {
    let written = Written { form: FORM, told };
    serde_json::to_vec(&written).expect("what nodes tell each other is JSON").into()
}

/// Reads a hint; `None` where it says something that is not known here.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let read: Result<Written<T>, _> = serde_json::from_slice(bytes);
    match read {
        Ok(Written { form: FORM, told }) => Some(told),
        Ok(Written { form, .. }) => {
            tracing::debug!(form, "a hint of another release is passed over");
            None
        }
        Err(error) => {
            tracing::debug!("a hint is passed over: {error}");
            None
        }
    }
}

/// Documents are others now that may be kept in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    /// Agents' tokens, by their documents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tokens: Vec<String>,
    /// Bans, by their documents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) bans: Vec<String>,
    /// What the directory lists: channels, agents, teams, endpoints, properties, types, paused behaviors, the workspace itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) directory: bool,
    /// Which bots are live.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) bots: bool,
    /// A timer is due before the others look by themselves.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) timers: bool,
}

impl Change {
    /// What others want to know of a batch. `soon` is when they look at the timers next, at the latest.
    pub(crate) fn of(batch: &Batch, soon: Timestamp) -> Self {
        let mut change = Self::default();
        let puts = batch.puts.iter().map(|put| &put.key);
        let deletes = batch.deletes.iter().map(|delete| &delete.key);
        for key in puts.chain(deletes) {
            match key.kind {
                Kind::AgentToken => change.tokens.push(key.id.clone()),
                Kind::Ban => change.bans.push(key.id.clone()),
                Kind::Bot => change.bots = true,
                Kind::Channel
                | Kind::Agent
                | Kind::Group
                | Kind::Property
                | Kind::Endpoint
                | Kind::EventType
                | Kind::ServiceLevel
                | Kind::BehaviorPause
                | Kind::Workspace => change.directory = true,
                Kind::Token
                | Kind::Customer
                | Kind::Chat
                | Kind::Control
                | Kind::Session
                | Kind::BotVersion
                | Kind::Publication
                | Kind::Run
                | Kind::BehaviorMark
                | Kind::Delivery
                | Kind::DeliveryPage
                | Kind::Progress
                | Kind::Job
                | Kind::File
                | Kind::Album
                | Kind::Thread
                | Kind::Tag
                | Kind::AutoAccess
                | Kind::Greeting
                | Kind::CannedResponse
                | Kind::BotTemplate
                | Kind::Form
                | Kind::Lease
                | Kind::Turn
                | Kind::Record
                | Kind::Hook
                | Kind::Account
                | Kind::ServiceClock
                | Kind::Directory => {}
            }
        }
        change.timers = batch
            .timers
            .iter()
            .any(|change| matches!(change, TimerChange::Set { due, .. } if *due < soon));
        change
    }

    /// Whether there is nothing to tell.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A push that nobody keeps. The request that caused it is of the node that told it: nobody else has its connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Signalled {
    #[serde(default)]
    to_agents: Option<(String, Value)>,
    agents: Agents,
    #[serde(default)]
    to_customer: Option<(String, Value)>,
    customers: Customers,
}

impl Signalled {
    /// As it is told.
    pub(crate) fn of(push: &Push) -> Self {
        let named = |told: &Option<(&str, Value)>| {
            told.as_ref().map(|(action, payload)| ((*action).to_owned(), payload.clone()))
        };
        Self {
            to_agents: named(&push.to_agents),
            agents: push.agents.clone(),
            to_customer: named(&push.to_customer),
            customers: push.customers.clone(),
        }
    }

    /// As it is heard; `None` where a push of such a name is not known.
    pub(crate) fn push(self) -> Option<Push> {
        let named = |side, told: Option<(String, Value)>| match told {
            None => Some(None),
            Some((action, payload)) => {
                // The newest version has each push by its name.
                let action = livechat::push::name_of(side, Version::V3_7, &action)?;
                Some(Some((action, payload)))
            }
        };
        Some(Push {
            to_agents: named(Side::Agent, self.to_agents)?,
            agents: self.agents,
            to_customer: named(Side::Customer, self.to_customer)?,
            customers: self.customers,
        })
    }
}

/// Who is there by their connections at one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum There {
    /// Somebody came, went, or is away now.
    Change {
        /// Their bin.
        bin: u8,
        /// The number of the change in it.
        number: u64,
        /// Who.
        who: Person,
        /// Whether they are away; `None`: they are not there.
        away: Option<bool>,
    },
    /// How far the bins are, and some of them whole.
    Beat {
        /// The number of the last change in each bin that ever had one.
        numbers: Vec<(u8, u64)>,
        /// Bins that changed lately, or were asked for.
        whole: Vec<Bin>,
    },
    /// Somebody knows less of these bins of a node than it told.
    Ask {
        /// Which node.
        of: NodeId,
        /// Which bins.
        bins: Vec<u8>,
    },
    /// The node stops.
    Left,
}

/// Who.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Person {
    /// An agent.
    Agent(AgentId),
    /// A customer.
    Customer(CustomerId),
}

/// Some of those who are at a node: all whose names fall into one bin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bin {
    /// Which.
    pub(crate) bin: u8,
    /// The number of its last change.
    pub(crate) number: u64,
    /// The agents in it, each with whether they are away.
    #[serde(default)]
    pub(crate) agents: Vec<(AgentId, bool)>,
    /// The customers in it.
    #[serde(default)]
    pub(crate) customers: Vec<CustomerId>,
}

/// Connections that are to be closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Close {
    /// Those of an agent.
    Agent {
        /// Who.
        agent: AgentId,
        /// Why.
        cut: Cut,
        /// Those that they have since then, or longer: this may come late, and who came back since is another one.
        upto: Timestamp,
    },
    /// Those of a customer who is banned, and those from their address.
    Banned {
        /// Who.
        customer: CustomerId,
        /// From where.
        ip: Option<IpAddr>,
    },
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_push_comes_as_it_was_told_and_one_that_is_not_known_does_not() {
        let push = Push {
            to_agents: Some(("incoming_sneak_peek", json!({ "chat_id": "A" }))),
            agents: Agents::These(vec!["bob@example.com".parse().expect("a name")]),
            to_customer: Some(("incoming_typing_indicator", json!({}))),
            customers: Customers::All,
        };
        let told: Signalled = read(&write(&Signalled::of(&push))).expect("it is known");
        assert_eq!(told.clone().push(), Some(push));
        let newer = Signalled { to_agents: Some(("told_in_2030".into(), json!({}))), ..told };
        assert_eq!(newer.push(), None);
    }

    #[test]
    fn what_another_release_tells_is_passed_over() {
        assert_eq!(read::<There>(br#"{"form":1,"told":"left"}"#), Some(There::Left));
        assert_eq!(read::<There>(br#"{"form":1,"told":"left","more":7}"#), Some(There::Left));
        for other in [&br#"{"form":2,"told":"left"}"#[..], br#"{"form":1,"told":"danced"}"#, b"?"] {
            assert_eq!(read::<There>(other), None);
        }
    }
}
