//! Users, chats, threads and events of 3.6 as another version shows them.
//!
//! Pure renaming, shortening and wrapping, in place. What a version did not have is left out; what it had and 3.6 does
//! not tell cannot be made up, save what stands under the private keys.

use serde_json::{Map, Value, json};
use tidings_model::Timestamp;

use super::version::{Side, Version};

pub(super) type Object = Map<String, Value>;

/// Who is shown something, in which version.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) side: Side,
    pub(super) version: Version,
}

impl Shape {
    fn until(self, last: Version) -> bool {
        self.version <= last
    }

    /// Whether the version has events like this one at all.
    pub(super) fn has_event(self, event: &Value) -> bool {
        let is = |kind: &str| event.get("type").is_some_and(|is| is == kind);
        if self.until(Version::V3_5) && (is("system") || event.get("deleted") == Some(&true.into()))
        {
            return false;
        }
        !(self.until(Version::V3_2) && is("form"))
    }

    /// An event.
    pub(super) fn event(self, event: &mut Value) {
        let Value::Object(event) = event else { return };
        match self.side {
            Side::Customer => {
                event.shift_remove("visibility");
                if self.until(Version::V3_5) {
                    event.insert("recipients".to_owned(), "all".into());
                }
            }
            Side::Agent | Side::Configuration => {
                if self.until(Version::V3_3) {
                    rename(event, "visibility", "recipients");
                }
            }
        }
        if self.until(Version::V3_5) {
            event.shift_remove("deleted");
            if let Some(Value::Object(postback)) = event.get_mut("postback") {
                postback.shift_remove("ecommerce");
            }
        }
        if self.until(Version::V3_3) {
            event.shift_remove("form_type");
        }
        if self.until(Version::V3_2) && event.get("type").is_some_and(|is| is == "file") {
            event.shift_remove("alternative_text");
        }
        each(event, "elements", |element| self.element(element));
        self.properties(event);
        if self.until(Version::V3_0) {
            seconds(event, "created_at", "timestamp");
            take_order(event);
        }
    }

    fn element(self, element: &mut Object) {
        if self.until(Version::V3_5) {
            element.shift_remove("ecommerce");
        }
        if self.until(Version::V3_2) {
            if let Some(Value::Object(image)) = element.get_mut("image") {
                image.shift_remove("alternative_text");
            }
            each(element, "buttons", |button| {
                button.shift_remove("target");
            });
        }
    }

    /// The events of a thread, without those that the version does not have.
    fn events(self, thread: &mut Object) {
        if let Some(Value::Array(events)) = thread.get_mut("events") {
            events.retain(|event| self.has_event(event));
            events.iter_mut().for_each(|event| self.event(event));
        }
    }

    /// A thread.
    pub(super) fn thread(self, thread: &mut Value) {
        let Value::Object(thread) = thread else { return };
        self.events(thread);
        self.thread_head(thread);
    }

    /// What a thread and its summary have in common.
    fn thread_head(self, thread: &mut Object) {
        if self.until(Version::V3_5) {
            thread.shift_remove("summary");
        }
        if self.until(Version::V3_1) {
            for newer in ["queue", "queues_duration"] {
                thread.shift_remove(newer);
            }
            if thread.contains_key("restricted_access") {
                thread.insert("restricted_access".to_owned(), true.into());
            }
            if let Some(order) = thread_order(thread, "created_at") {
                thread.insert("order".to_owned(), order);
            }
            seconds(thread, "created_at", "timestamp");
        }
        self.properties(thread);
    }

    /// A chat with its thread.
    pub(super) fn chat(self, chat: &mut Value) {
        let Value::Object(chat) = chat else { return };
        self.users(chat, "users");
        if let Some(thread) = chat.get_mut("thread") {
            self.thread(thread);
        }
        self.properties(chat);
        if self.until(Version::V3_1) {
            take_order(chat);
        }
    }

    /// Every user of a list.
    pub(super) fn users(self, object: &mut Object, list: &str) {
        if let Some(Value::Array(users)) = object.get_mut(list) {
            users.iter_mut().for_each(|user| self.user(user));
        }
    }

    /// An agent or a customer, also a part of one.
    pub(super) fn user(self, user: &mut Value) {
        let Value::Object(user) = user else { return };
        if self.until(Version::V3_5) {
            rename(user, "visit", "last_visit");
        }
        if self.until(Version::V3_3) {
            user.shift_remove("visibility");
        }
        if self.until(Version::V3_1)
            && let Some(Value::Array(fields)) = user.shift_remove("session_fields")
        {
            let mut flat = Object::new();
            for field in fields {
                if let Value::Object(field) = field {
                    flat.extend(field);
                }
            }
            user.insert("fields".to_owned(), flat.into());
        }
        if self.until(Version::V3_0) {
            seconds(user, "events_seen_up_to", "last_seen_timestamp");
        }
    }

    /// A chat in a list.
    pub(super) fn summary(self, summary: &mut Value) {
        let Value::Object(summary) = summary else { return };
        self.users(summary, "users");
        self.properties(summary);
        let last_thread = summary.get("last_thread_summary").cloned().unwrap_or_default();
        if let Some(Value::Object(last)) = summary.get_mut("last_event_per_type") {
            last.retain(|kind, _| self.has_event(&json!({ "type": kind })));
            last.retain(|_, entry| entry.get("event").is_none_or(|event| self.has_event(event)));
            for (_, entry) in last.iter_mut() {
                if let Value::Object(entry) = entry {
                    self.last_event(entry, &last_thread);
                }
            }
        }
        if let Some(Value::Object(thread)) = summary.get_mut("last_thread_summary") {
            self.thread_head(thread);
        }
        if self.until(Version::V3_1) {
            if let Some(order) = thread_order(summary, "last_thread_created_at") {
                summary.insert("order".to_owned(), order);
            }
            summary.shift_remove("last_thread_created_at");
        }
        if self.version >= Version::V3_7
            && let Some(mut thread) = summary.shift_remove("last_thread_summary")
        {
            if let Value::Object(thread) = &mut thread
                && let Some(last) = summary.shift_remove("last_event_per_type")
            {
                thread.insert("last_event_per_type".to_owned(), last);
            }
            summary.insert("last_thread_info".to_owned(), thread);
        }
    }

    /// The last event of its type: `{thread_id, thread_created_at, event or restricted_access}`.
    fn last_event(self, entry: &mut Object, last_thread: &Value) {
        if let Some(event) = entry.get_mut("event") {
            self.event(event);
        }
        if self.until(Version::V3_1) {
            if entry.shift_remove("restricted_access").is_some() {
                entry.insert("event".to_owned(), json!({ "restricted_access": true }));
            }
            let of_last = last_thread.get("_order");
            let is_last =
                entry.get("thread_id").is_some_and(|id| last_thread.get("id") == Some(id));
            if let (Some(order), true) = (of_last, is_last) {
                entry.entry("_order").or_insert_with(|| order.clone());
            }
            if of_last.is_some() && !entry.contains_key("_order") {
                // A moment beside a number would say nothing.
                entry.shift_remove("thread_created_at");
            }
            if let Some(order) = thread_order(entry, "thread_created_at") {
                entry.insert("thread_order".to_owned(), order);
            }
            entry.shift_remove("thread_created_at");
        }
    }

    /// The values of properties, wrapped as `{"value": v}` up to 3.1.
    pub(super) fn properties(self, object: &mut Object) {
        if let Some(properties) = object.get_mut("properties") {
            self.namespaces(properties);
        }
    }

    /// `{namespace: {name: value}}`.
    pub(super) fn namespaces(self, namespaces: &mut Value) {
        if !self.until(Version::V3_1) {
            return;
        }
        for (_, names) in namespaces.as_object_mut().into_iter().flatten() {
            for (_, value) in names.as_object_mut().into_iter().flatten() {
                *value = json!({ "value": value.take() });
            }
        }
    }
}

/// Gives a field another name.
pub(super) fn rename(object: &mut Object, from: &str, to: &str) {
    if let Some(value) = object.shift_remove(from) {
        object.insert(to.to_owned(), value);
    }
}

/// A time as text becomes one in seconds, under another name. What is not a time goes.
pub(super) fn seconds(object: &mut Object, from: &str, to: &str) {
    let Some(value) = object.shift_remove(from) else { return };
    let time = value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    if let Some(time) = time {
        object.insert(to.to_owned(), time.as_second().into());
    }
}

/// The number of a thread among those of its chat: the private one, or the moment that it began at, in microseconds.
///
/// Either grows from thread to thread, which is all that was said about it. Takes the private one out.
pub(super) fn thread_order(object: &mut Object, began: &str) -> Option<Value> {
    let private = object.shift_remove("_order");
    private.or_else(|| {
        let began: Timestamp = object.get(began)?.as_str()?.parse().ok()?;
        Some(began.as_microsecond().into())
    })
}

/// The private number of an event is shown.
fn take_order(object: &mut Object) {
    rename(object, "_order", "order");
}

fn each(object: &mut Object, list: &str, change: impl Fn(&mut Object)) {
    let items = object.get_mut(list).and_then(Value::as_array_mut);
    for item in items.into_iter().flatten() {
        if let Value::Object(item) = item {
            change(item);
        }
    }
}
