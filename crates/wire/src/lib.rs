//! The JSON that we promised to others, and how a delivery is signed. Level 1: it uses the model only.
//!
//! Pure: nothing here waits, sends, or reads a clock. What an event looks like outside is fixed by the tests of this
//! crate; subscribers rely on it.
//!
//! In reading order: [`native`] (an event in our own form), [`cloudevents`] (as a CloudEvents event), [`batch`]
//! (several in one body), [`standard_webhooks`] (the signature), [`handshake`] (whether a receiver wants deliveries),
//! [`livechat`] (the dialects of the Chat API), [`wotnot`] (the bodies that receivers of WotNot's events know).

pub mod batch;
pub mod cloudevents;
pub mod handshake;
pub mod livechat;
pub mod native;
pub mod standard_webhooks;
pub mod wotnot;
