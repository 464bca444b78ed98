//! The Chat API's dialects: the same requests, answers and pushes in versions 3.0 to 3.7.
//!
//! Inside there is one model: version 3.6. A request of any version is turned into the names and shapes of 3.6 and
//! checked ([`request()`]); an answer ([`answer()`]) and a push ([`push()`]) of 3.6 are turned into the version that the
//! client speaks. Who calls this knows 3.6 only. Which methods and pushes there are is data, in `methods/*.json` and
//! `pushes.json`.
//!
//! An answer of 3.6 may carry more than 3.6 shows, for older versions that want it. These keys never leave:
//!
//! | key | where | used by |
//! | --- | --- | --- |
//! | `_order` | an event, a thread, a chat | 3.0 (`order`), threads and chats also 3.1; threads have one without it |
//! | `_event` | the answer of `send_event` | 3.0, which answers with the whole event |
//! | `_chat` | the answer of `start_chat`, `resume_chat` | 3.0, which answers with the whole chat |
//! | `_threads` | the answer of `get_chat` | 3.0 and 3.1, which answer with all threads asked for |
//! | `_customer` | the answer of `update_customer`, `create_customer` | 3.0, which answers with the customer |
//! | `_seen_up_to` | the answer of `mark_events_as_seen` | 3.0, which answers with the time |
//!
//! A request may carry such keys to the handlers, too; no client can send them:
//!
//! | key | of | holds |
//! | --- | --- | --- |
//! | `_offset` | lists, 3.0 and 3.1 | how many rows to pass over, instead of a `page_id` |
//! | `_thread_ids` | `get_chat`, 3.0 and 3.1 | all threads that are wanted; the first one is also `thread_id` |
//! | `_opens_thread` | `send_event`, 3.0 | `true`: without an active thread the event opens a new one |
//! | `_author_id` | any, 3.0 over Web | the bot that speaks: it stood beside the wrapped payload |
//! | `_from_outside` | `send_event`, up to 3.3 | `true`: the sender does not have to be in the chat |
//!
//! In reading order: [`version`], [`error`], [`methods`](mod@methods) (the table), [`request`](mod@request) and [`event`](mod@event)
//! (what comes in), [`answer`](mod@answer) and [`push`](mod@push) (what goes out), [`reference`](mod@reference),
//! [`show`] (our nouns in the shapes of 3.6).

pub mod answer;
pub mod error;
pub mod event;
pub mod methods;
pub mod push;
pub mod reference;
pub mod request;
pub mod show;
pub mod version;

mod older_request;
mod private;
#[cfg(test)]
mod properties;
mod rules;
mod schema;
mod shape;

pub use answer::answer;
pub use error::{ErrorType, Failure};
pub use event::{EventLimits, event};
pub use methods::{Kind, Method, Param, find, methods, shapes};
pub use older_request::SEEN_EVERYTHING;
pub use push::{push, pushes};
pub use reference::reference;
pub use request::request;
pub use rules::{INITIAL_AGENTS_MAX, INITIAL_CUSTOMERS_MAX, SESSION_FIELDS_MAX};
pub use version::{Side, Transport, UnknownSide, UnknownVersion, Version};
