//! The reader that sends messages out through channels.
//!
//! ```text
//! log ─► outbox ─► to_channels ─► one or more calls of the provider
//!        lanes,    what, where      │
//!        in order                   ▼
//!          ▲                      record, follow_up
//!          └── parked, a timer ◄────┘
//! ```
//!
//! One event may be several calls (a long text, several cards), made one after another; how many are done is kept with
//! the delivery, so a second try goes on where the first one stopped. Telegram has no key against doubles: a call whose
//! answer was lost is made again, since a message twice is better than none.

mod by_hand;
mod follow_up;
mod load;
mod outbox;
mod record;
mod sending;
mod to_channels;

pub(crate) use self::by_hand::redeliver;
pub(crate) use self::load::Load;
pub(crate) use self::outbox::Outbox;

/// The name of the cursors, of this reader in metrics, and the beginning of the names of its timers.
pub const NAME: &str = "send";
