//! An answer of 3.6 becomes one of the version that the client speaks.

use serde_json::{Value, json};

use super::methods::Method;
use super::private;
use super::push::name_of;
use super::shape::{Object, Shape, rename, seconds, thread_order};
use super::version::{Side, Version};

/// Turns an answer of 3.6 into that of a version, without the private keys.
///
/// In 3.6 itself nothing changes but that the private keys go, and for customers the `visibility` of events.
pub fn answer(method: &Method, version: Version, mut answer: Value) -> Value {
    let shape = Shape { side: method.side, version };
    if method.action == "list_groups_properties" && version <= Version::V3_4 {
        // It was about one group.
        answer = answer.pointer_mut("/0/properties").map(Value::take).unwrap_or_default();
        shape.namespaces(&mut answer);
    }
    match &mut answer {
        Value::Object(object) => convert(method, shape, object),
        Value::Array(rows) => {
            for row in rows {
                if let Value::Object(row) = row {
                    convert_row(method, shape, row);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    private::strip(&mut answer);
    answer
}

fn convert(method: &Method, shape: Shape, answer: &mut Object) {
    let version = shape.version;
    match (method.side, method.action) {
        (Side::Agent | Side::Customer, "list_chats") => {
            summaries(shape, answer);
            if method.side == Side::Agent && version <= Version::V3_1 {
                pagination(answer);
            }
        }
        (Side::Agent | Side::Customer, "list_threads") => list_threads(shape, answer),
        (Side::Agent | Side::Customer, "get_chat") => get_chat(shape, answer),
        (Side::Agent, "list_archives") => list_archives(shape, answer),
        (Side::Agent | Side::Customer, "start_chat" | "resume_chat") => {
            started_chat(method, shape, answer);
        }
        (Side::Agent | Side::Customer, "send_event") => sent_event(shape, answer),
        (Side::Agent | Side::Customer, "mark_events_as_seen") => {
            if version == Version::V3_0 {
                seconds(answer, "_seen_up_to", "timestamp");
            }
        }
        (Side::Agent, "login") => {
            if let Some(profile) = answer.get_mut("my_profile") {
                shape.user(profile);
            }
            summaries(shape, answer);
        }
        (Side::Customer, "login") => customer_login(shape, answer),
        (Side::Agent | Side::Customer, "update_customer") | (Side::Agent, "create_customer") => {
            if version <= Version::V3_0
                && let Some(Value::Object(customer)) = answer.get("_customer")
            {
                *answer = customer.clone();
                whole_user(shape, answer);
            }
        }
        (Side::Agent | Side::Customer, "get_customer") => whole_user(shape, answer),
        (Side::Agent, "list_customers" | "subscribe_customers") => shape.users(answer, "customers"),
        (Side::Configuration | Side::Customer, "list_license_properties")
        | (Side::Customer, "list_group_properties") => {
            let mut namespaces = Value::Object(std::mem::take(answer));
            shape.namespaces(&mut namespaces);
            if let Value::Object(namespaces) = namespaces {
                *answer = namespaces;
            }
        }
        (Side::Customer, "update_customer_page") if version <= Version::V3_5 => {
            answer.shift_remove("groups");
        }
        (Side::Agent | Side::Customer | Side::Configuration, _) => {}
    }
}

/// One row of an answer that is a list.
fn convert_row(method: &Method, shape: Shape, row: &mut Object) {
    match (method.side, method.action) {
        (Side::Configuration, "list_webhooks") => {
            let name = row.get("action").and_then(Value::as_str);
            if let Some(name) = name.and_then(|name| name_of(Side::Agent, shape.version, name)) {
                row.insert("action".to_owned(), name.into());
            }
        }
        (Side::Configuration, "list_groups_properties") => shape.properties(row),
        (Side::Agent | Side::Customer | Side::Configuration, _) => {}
    }
}

fn whole_user(shape: Shape, answer: &mut Object) {
    let mut user = Value::Object(std::mem::take(answer));
    shape.user(&mut user);
    if let Value::Object(user) = user {
        *answer = user;
    }
}

fn summaries(shape: Shape, answer: &mut Object) {
    if let Some(Value::Array(rows)) = answer.get_mut("chats_summary") {
        rows.iter_mut().for_each(|row| shape.summary(row));
    }
    if shape.version >= Version::V3_7 {
        rename(answer, "chats_summary", "chats_info");
    }
}

/// Pages had numbers; how many rows there are in all is the part that we know here.
fn pagination(answer: &mut Object) {
    if let Some(total) = answer.get("found_chats").cloned() {
        answer.insert("pagination".to_owned(), json!({ "total": total }));
    }
}

fn list_threads(shape: Shape, answer: &mut Object) {
    if shape.version > Version::V3_1 {
        if let Some(Value::Array(threads)) = answer.get_mut("threads") {
            threads.iter_mut().for_each(|thread| shape.thread(thread));
        }
        return;
    }
    let counted = if shape.side == Side::Customer { "total_events" } else { "events_count" };
    let mut threads = answer.shift_remove("threads").unwrap_or_default();
    let mut rows = Vec::new();
    for thread in threads.as_array_mut().into_iter().flatten() {
        let Value::Object(thread) = thread else { continue };
        let events = thread.get("events").and_then(Value::as_array);
        let events = events.into_iter().flatten().filter(|event| shape.has_event(event)).count();
        let mut row = Object::new();
        row.insert("id".to_owned(), thread.get("id").cloned().unwrap_or_default());
        if let Some(order) = thread_order(thread, "created_at") {
            row.insert("order".to_owned(), order);
        }
        row.insert(counted.to_owned(), events.into());
        rows.push(Value::Object(row));
    }
    answer.insert("threads_summary".to_owned(), rows.into());
    if shape.side == Side::Customer {
        rename(answer, "found_threads", "total_threads");
    }
}

/// Up to 3.1 one asked for several threads of a chat, and got the numbers of all.
///
/// A handler that has more than the one thread gives them as `_threads`, all of them as they are in 3.6.
fn get_chat(shape: Shape, answer: &mut Object) {
    let threads = answer.shift_remove("_threads");
    let mut chat = Value::Object(std::mem::take(answer));
    if shape.version > Version::V3_1 {
        shape.chat(&mut chat);
        if let Value::Object(chat) = chat {
            *answer = chat;
        }
        return;
    }
    if let Some(threads) = threads
        && let Value::Object(chat) = &mut chat
    {
        chat.shift_remove("thread");
        chat.insert("threads".to_owned(), threads);
    }
    many_threads(shape, &mut chat);
    answer.insert("chat".to_owned(), chat);
}

/// `thread` becomes `threads`, with `threads_summary` beside it.
fn many_threads(shape: Shape, chat: &mut Value) {
    shape.chat(chat);
    let Value::Object(chat) = chat else { return };
    let mut threads = match chat.shift_remove("threads") {
        Some(Value::Array(mut threads)) => {
            threads.iter_mut().for_each(|thread| shape.thread(thread));
            threads
        }
        Some(
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_),
        )
        | None => Vec::new(),
    };
    threads.extend(chat.shift_remove("thread"));
    let summary: Vec<Value> = threads
        .iter()
        .filter_map(|thread| {
            Some(json!({ "thread_id": thread.get("id")?, "order": thread.get("order")? }))
        })
        .collect();
    chat.insert("threads".to_owned(), threads.into());
    chat.insert("threads_summary".to_owned(), summary.into());
}

fn list_archives(shape: Shape, answer: &mut Object) {
    if let Some(Value::Array(chats)) = answer.get_mut("chats") {
        for chat in chats.iter_mut() {
            shape.chat(chat);
            if shape.version <= Version::V3_1 {
                *chat = json!({ "chat": chat.take() });
            }
        }
    }
    if shape.version <= Version::V3_1 {
        pagination(answer);
    }
}

/// 3.0 answers with the whole chat; `_chat` is it.
fn started_chat(method: &Method, shape: Shape, answer: &mut Object) {
    if shape.version > Version::V3_0 {
        return;
    }
    let whole = answer.shift_remove("_chat");
    let mut chat = whole.unwrap_or_else(|| {
        let id = answer.get("chat_id").cloned().unwrap_or_default();
        let thread = answer.get("thread_id").cloned().unwrap_or_default();
        json!({ "id": id, "thread": { "id": thread } })
    });
    if method.action == "resume_chat" {
        many_threads(shape, &mut chat);
    } else {
        shape.chat(&mut chat);
    }
    *answer = Object::new();
    answer.insert("chat".to_owned(), chat);
}

/// 3.0 answers with the whole event; `_event` is it.
fn sent_event(shape: Shape, answer: &mut Object) {
    if shape.version > Version::V3_0 {
        return;
    }
    let Some(mut event) = answer.shift_remove("_event") else { return };
    // An event's id is its thread's id and a number.
    let id = event.get("id").and_then(Value::as_str).unwrap_or_default();
    let thread_id = id.rsplit_once('_').map_or(id, |(thread, _)| thread).to_owned();
    shape.event(&mut event);
    *answer = Object::new();
    answer.insert("thread_id".to_owned(), thread_id.into());
    answer.insert("event".to_owned(), event);
}

fn customer_login(shape: Shape, answer: &mut Object) {
    if let Some(customer) = answer.get_mut("customer") {
        shape.user(customer);
    }
    if let Some(event) = answer.get_mut("greeting").and_then(|greeting| greeting.get_mut("event")) {
        shape.event(event);
    }
    if shape.version <= Version::V3_1 {
        let id = answer.get("customer").and_then(|customer| customer.get("id")).cloned();
        if let Some(id) = id {
            answer.insert("customer_id".to_owned(), id);
        }
    }
}

#[cfg(test)]
mod tests;
