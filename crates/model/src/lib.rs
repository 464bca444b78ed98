//! The nouns of Tidings. Level 0: every other crate may use this one, and it uses none of them.
//!
//! It holds what things *are* and the rules that need no memory: it does not wait, send, store or read a clock.
//!
//! In reading order: [`id`] (typed ids), [`time`] (the clock), [`event`] (what happened), [`envelope`] (how an event
//! is written down), [`chat`], [`customer`], [`control`] (who may speak), [`channel`], [`agent`], [`endpoint`], [`delivery`].

pub mod agent;
pub mod channel;
pub mod chat;
pub mod control;
pub mod customer;
pub mod delivery;
pub mod endpoint;
pub mod envelope;
pub mod event;
pub mod id;
pub mod time;

pub use agent::{Agent, AgentStatus};
pub use channel::{Channel, ChannelKind};
pub use chat::{Chat, ChatStatus};
pub use control::{Control, Holder, NotInControl};
pub use customer::{Customer, Identity};
pub use delivery::{Attempt, Delivery, DeliveryStatus, Destination};
pub use endpoint::Endpoint;
pub use event::{Author, AuthorKind, Draft, Event, Order, Seq, TypeName, Visibility};
pub use id::{
    AgentId, BotName, ChannelId, ChatId, CustomerId, DeliveryId, EndpointId, EventId, FileId,
    GroupName, RunId, ThreadId, TokenId, WorkspaceId,
};
pub use time::{Clock, Timestamp};
