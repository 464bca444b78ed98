//! How documents are written: their bodies, and the index entries that chats and customers are found by.

use serde_json::Value;
use tidings_model::{ChatStatus, Customer};
use tidings_store::{DocKey, Kind, Put, Version};

use super::scene::Scene;

/// A document's body.
pub fn to_body<T: serde::Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("documents have text keys only, so writing cannot fail")
}

/// The write of a chat's document, with the entries that it is found by.
pub fn put_chat(scene: &Scene) -> Put {
    let chat = &scene.chat.value;
    let status = match chat.status {
        ChatStatus::Open => "open",
        ChatStatus::Closed => "closed",
    };
    Put {
        key: DocKey::new(Kind::Chat, chat.id),
        expected: Some(scene.chat.version),
        body: to_body(chat),
        index: vec![("customer", chat.customer.to_string()), ("status", status.into())],
    }
}

/// The write of a customer's document, with the entries that it is found by.
pub fn put_customer(customer: &Customer, expected: Version) -> Put {
    let first =
        customer.identities.first().map(|identity| format!("{}:{}", identity.channel, identity.id));
    Put {
        key: DocKey::new(Kind::Customer, customer.id),
        expected: Some(expected),
        body: to_body(customer),
        index: first.map(|identity| ("identity", identity)).into_iter().collect(),
    }
}
