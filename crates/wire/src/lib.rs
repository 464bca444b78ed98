//! The JSON that we promised to others, and how a delivery is signed. Level 1: it uses the model only.
//!
//! Pure: nothing here waits, sends, or reads a clock. What an event looks like outside is fixed by the tests of this
//! crate; subscribers rely on it.
//!
//! In reading order: [`cloudevents`] (an event as a CloudEvents document), [`standard_webhooks`] (the signature),
//! [`livechat`] (the dialects of the Chat API).

pub mod cloudevents;
pub mod livechat;
pub mod standard_webhooks;
