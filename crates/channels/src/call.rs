//! What goes out: a method of the provider's API with its JSON body.

use serde_json::{Map, Value};

/// One call to a provider's API.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The method, as `sendMessage`.
    pub method: &'static str,
    /// Its arguments.
    pub body: Map<String, Value>,
    /// A queue jumper answers something that runs out.
    pub priority: Priority,
}

/// Which calls go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// In the order of the chat.
    InOrder,
    /// At once: the provider waits for it.
    Urgent,
}
