//! Properties of chats, threads and events: set and removed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;
use tidings_app::desk::Failure;
use tidings_app::desk::properties::{Change, Place, change};
use tidings_model::Properties;

use crate::livechat::call::{Answer, Call};

#[derive(Deserialize)]
struct Set {
    properties: Properties,
}

#[derive(Deserialize)]
struct Delete {
    properties: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct OfChat {
    id: String,
}

#[derive(Deserialize)]
struct OfThread {
    chat_id: String,
    thread_id: String,
}

#[derive(Deserialize)]
struct OfEvent {
    chat_id: String,
    thread_id: String,
    event_id: String,
}

/// What a call wants to be done with properties.
#[derive(Clone, Copy)]
pub(in crate::livechat) enum Wish {
    /// To set them.
    Set,
    /// To remove them.
    Delete,
}

/// What a call sets or removes.
pub(in crate::livechat) fn wanted(call: &Call, wish: Wish) -> Result<Change, Failure> {
    Ok(match wish {
        Wish::Set => {
            let Set { properties } = call.args()?;
            Change { set: properties, ..Change::default() }
        }
        Wish::Delete => {
            let Delete { properties } = call.args()?;
            Change { delete: properties, ..Change::default() }
        }
    })
}

/// `update_chat_properties` and `delete_chat_properties`.
pub(in crate::livechat) async fn of_chat(call: &Call, wish: Wish) -> Answer {
    let (args, wanted): (OfChat, _) = (call.args()?, wanted(call, wish)?);
    change(&call.app, &call.actor, &args.id, Place::Chat, &wanted).await?;
    Ok(json!({}))
}

/// `update_thread_properties` and `delete_thread_properties`.
pub(in crate::livechat) async fn of_thread(call: &Call, wish: Wish) -> Answer {
    let (args, wanted): (OfThread, _) = (call.args()?, wanted(call, wish)?);
    let place = Place::Thread { thread: &args.thread_id };
    change(&call.app, &call.actor, &args.chat_id, place, &wanted).await?;
    Ok(json!({}))
}

/// `update_event_properties` and `delete_event_properties`.
pub(in crate::livechat) async fn of_event(call: &Call, wish: Wish) -> Answer {
    let (args, wanted): (OfEvent, _) = (call.args()?, wanted(call, wish)?);
    let place = Place::Event { thread: &args.thread_id, event: &args.event_id };
    change(&call.app, &call.actor, &args.chat_id, place, &wanted).await?;
    Ok(json!({}))
}
