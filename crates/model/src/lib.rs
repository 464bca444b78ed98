//! The nouns of Tidings. Level 0: every other crate may use this one, and it uses none of them.
//!
//! It holds what things *are* and the rules that need no memory: it does not wait, send, store or read a clock.
//!
//! In reading order: [`id`] (typed ids), [`time`] (the clock), [`event`] (what happened), [`envelope`] (how an event
//! is written down), [`chat`] and [`thread`], [`code`] (their short names), [`properties`], [`customer`], [`control`] (who
//! may speak), [`channel`], [`agent`], [`group`], [`endpoint`], [`delivery`],
//! [`record`], [`hook`], [`service_level`].

pub mod agent;
pub mod channel;
pub mod chat;
pub mod code;
pub mod control;
pub mod customer;
pub mod delivery;
pub mod endpoint;
pub mod envelope;
pub mod event;
pub mod group;
pub mod hook;
pub mod id;
pub mod nesting;
pub mod properties;
pub mod record;
pub mod service_level;
pub mod thread;
pub mod time;

pub use agent::{Agent, AgentStatus, BotAccount, Role};
pub use channel::{Channel, ChannelKind, FORMS, Shows};
pub use chat::{Chat, ChatStatus, Member, Participant};
pub use code::{Code, EventName};
pub use control::{Control, Holder, NotInControl};
pub use customer::{Customer, Geolocation, Identity, Page, Statistics, Visit};
pub use delivery::{Attempt, AttemptPhases, Delivery, DeliveryPage, DeliveryStatus, Destination};
pub use endpoint::{Endpoint, Format, FormatKind, HealthState, Ordering};
pub use event::{Author, AuthorKind, Draft, Event, Order, Seq, TypeName, Visibility};
pub use group::{Group, GroupNumber, Priority};
pub use hook::{Hook, HookScheme, HookSignature};
pub use id::{
    AgentId, BotName, ChannelId, ChatId, CustomerId, DeliveryId, EndpointId, EventId, FileId,
    GroupName, HookId, InvalidId, JobId, NodeId, RecordId, RunId, ServiceLevelId, ThreadId,
    TokenId, WorkspaceId,
};
pub use nesting::{NESTING_MAX, READ_NESTING_MAX, nesting};
pub use properties::{Properties, PropertyPlace, PropertyType};
pub use record::{Record, RecordType};
pub use service_level::{AppliesTo, OpenHours, OpenTime, PauseWhen, ServiceLevel, Weekday};
pub use thread::{Summary, Thread};
pub use time::{Clock, Timestamp};
