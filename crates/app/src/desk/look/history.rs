//! A thread's events with what became of them: the log keeps each as it was said, and what changed it later stands in the
//! same thread (edits, deletions, properties, pressed buttons). Pure but for the reading.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use tidings_model::{ChatId, Event, EventId, EventName, Order, Properties, ThreadId, WorkspaceId};
use tidings_store::{ReadError, read::EVENTS_READ_MAX};
use tidings_wire::livechat::show::{self, Lens, ShownEvent};

use crate::App;

/// How many events of a thread are read at most; a longer thread shows its first ones.
pub const THREAD_EVENTS_MAX: usize = 10_000;

/// An event with what became of it.
#[derive(Clone, Debug)]
pub struct Told {
    /// As it is in the log.
    pub event: Arc<Event>,
    /// Its data, edited.
    pub data: Value,
    /// Its properties, changed.
    pub properties: Properties,
    /// Whether it was taken back.
    pub deleted: bool,
    /// The outside service's id of the message that it went out as.
    pub provider_message_id: Option<String>,
}

impl Told {
    /// As it was said.
    pub fn of(event: &Arc<Event>) -> Self {
        let properties =
            serde_json::from_value(Value::Object(event.properties.clone())).unwrap_or_default();
        Self {
            event: Arc::clone(event),
            data: event.data.clone(),
            properties,
            deleted: false,
            provider_message_id: None,
        }
    }

    /// Its name, as clients know it.
    pub fn name(&self) -> Option<EventName> {
        show::event_name(&self.event)
    }

    /// For the wire.
    pub fn shown(&self) -> ShownEvent<'_> {
        ShownEvent {
            event: &self.event,
            data: &self.data,
            properties: &self.properties,
            deleted: self.deleted,
        }
    }

    /// As who looks sees it.
    pub fn show(&self, lens: &Lens<'_>) -> Option<Value> {
        show::event(lens, self.shown())
    }
}

/// The events of a thread, in order, with what became of them.
pub async fn of_thread(
    app: &App,
    workspace: WorkspaceId,
    chat: ChatId,
    thread: ThreadId,
) -> Result<Vec<Told>, ReadError> {
    let mut events: Vec<Arc<Event>> = Vec::new();
    loop {
        let after = events.last().and_then(|event| event.order);
        let page =
            app.store().thread_events(workspace, chat, thread, after, EVENTS_READ_MAX).await?;
        if page.is_empty() {
            break;
        }
        events.extend(page);
        let too_many = events.len().saturating_sub(THREAD_EVENTS_MAX);
        events.drain(..too_many);
    }
    Ok(fold(&events))
}

/// One event of a thread with what became of it.
pub async fn one(
    app: &App,
    workspace: WorkspaceId,
    chat: ChatId,
    thread: ThreadId,
    order: Order,
) -> Result<Option<Told>, ReadError> {
    let told = of_thread(app, workspace, chat, thread).await?;
    Ok(told.into_iter().find(|told| told.event.order == Some(order)))
}

/// What events of one thread are, once all that changed them later is applied: those that clients know, in order.
pub fn fold(events: &[Arc<Event>]) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    let mut places: HashMap<EventId, usize> = HashMap::new();
    for event in events {
        if show::kind_of(event).is_some() {
            places.insert(event.id, told.len());
            told.push(Told::of(event));
            continue;
        }
        let target = changed_by(event).and_then(|id| places.get(&id).copied());
        if let Some(target) = target.and_then(|place| told.get_mut(place)) {
            apply(target, event);
        }
    }
    told
}

/// The event that a change is about.
pub fn changed_by(change: &Event) -> Option<EventId> {
    change.data.get("event")?.as_str()?.parse().ok()
}

/// Applies one change to the event that it names.
fn apply(target: &mut Told, change: &Event) {
    match change.event_type.as_str() {
        "chat.event_edited" => {
            if let (Some(Value::Object(new)), Value::Object(data)) =
                (change.data.get("data"), &mut target.data)
            {
                let pressed = pressed(data);
                data.extend(new.clone());
                keep_pressed(&mut target.data, &pressed);
            }
        }
        "chat.event_deleted" => target.deleted = true,
        "chat.properties_changed" => {
            let set: Option<Properties> =
                change.data.get("set").and_then(|set| serde_json::from_value(set.clone()).ok());
            target.properties.merge(&set.unwrap_or_default());
            let deleted = change.data.get("deleted").and_then(Value::as_object);
            for (namespace, names) in deleted.into_iter().flatten() {
                for name in names.as_array().into_iter().flatten().filter_map(Value::as_str) {
                    target.properties.remove(namespace, name);
                }
            }
        }
        "chat.postback" => toggle(&mut target.data, change),
        "message.status_changed" => {
            let id = change.data.get("provider_message_id").and_then(Value::as_str);
            if let Some(id) = id {
                target.provider_message_id = Some(id.to_owned());
            }
        }
        _ => {}
    }
}

/// Who has which buttons switched on, by postback id.
fn pressed(data: &Map<String, Value>) -> HashMap<String, Value> {
    let elements = data.get("elements").and_then(Value::as_array).into_iter().flatten();
    let buttons = elements.filter_map(|element| element.get("buttons")?.as_array()).flatten();
    let pressed = buttons.filter_map(|button| {
        Some((button.get("postback_id")?.as_str()?.to_owned(), button.get("user_ids")?.clone()))
    });
    pressed.collect()
}

/// Buttons that are still there after an edit stay switched on.
fn keep_pressed(data: &mut Value, pressed: &HashMap<String, Value>) {
    for button in buttons_mut(data) {
        let users = button.get("postback_id").and_then(Value::as_str);
        if let Some(users) = users.and_then(|id| pressed.get(id)).cloned() {
            button.insert("user_ids".into(), users);
        }
    }
}

fn buttons_mut(data: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    let elements = data.get_mut("elements").and_then(Value::as_array_mut);
    elements
        .into_iter()
        .flatten()
        .filter_map(|element| element.get_mut("buttons")?.as_array_mut())
        .flatten()
        .filter_map(Value::as_object_mut)
}

/// A press switches its author on or off at every button of the event with that postback id.
fn toggle(data: &mut Value, press: &Event) {
    let (Some(id), Some(toggled)) = (
        press.data.get("postback_id").and_then(Value::as_str),
        press.data.get("toggled").and_then(Value::as_bool),
    ) else {
        return;
    };
    for button in buttons_mut(data) {
        if button.get("postback_id").and_then(Value::as_str) != Some(id) {
            continue;
        }
        let users = button.entry("user_ids").or_insert_with(|| Value::Array(Vec::new()));
        let Value::Array(users) = users else { continue };
        users.retain(|user| user.as_str() != Some(press.author.id.as_str()));
        if toggled {
            users.push(press.author.id.clone().into());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde_json::json;
    use tidings_model::{Author, CustomerId, Draft, Seq, Timestamp};
    use uuid::Uuid;

    use super::*;

    fn event(number: u64, event_type: &str, author: u128, data: Value) -> Arc<Event> {
        let id = EventId::new(Uuid::from_u128(u128::from(number)));
        let name = event_type.parse().expect("a good name");
        let workspace = WorkspaceId::new(Uuid::nil());
        let mut draft = Draft::new(id, name, workspace, Timestamp::UNIX_EPOCH, data);
        draft.chat = Some(ChatId::new(Uuid::from_u128(1)));
        draft.thread = Some(ThreadId::new(Uuid::from_u128(2)));
        draft.author = Author::customer(CustomerId::new(Uuid::from_u128(author)));
        Arc::new(Event::new(Seq(number), Some(Order(number)), draft, Arc::from([])))
    }

    fn id(number: u64) -> String {
        Uuid::from_u128(u128::from(number)).to_string()
    }

    fn cards() -> Value {
        let button = |id: &str| json!({ "text": id, "postback_id": id });
        json!({ "template": "cards", "elements": [
            { "buttons": [button("a"), button("b")] },
            { "buttons": [button("a"), button("c")] },
        ] })
    }

    #[test]
    fn changes_are_applied_to_the_event_that_they_name() {
        let told = fold(&[
            event(1, "chat.message", 1, json!({ "text": "Helo" })),
            event(2, "chat.message", 1, json!({ "text": "Bye" })),
            event(
                3,
                "chat.event_edited",
                1,
                json!({ "event": id(1), "data": { "text": "Hello" } }),
            ),
            event(4, "chat.event_deleted", 1, json!({ "event": id(2) })),
            event(
                5,
                "chat.properties_changed",
                1,
                json!({ "place": "event", "event": id(1),
                "set": { "test": { "a": 1, "b": 2 } }, "deleted": {} }),
            ),
            event(
                6,
                "chat.properties_changed",
                1,
                json!({ "place": "event", "event": id(1),
                "set": {}, "deleted": { "test": ["a"] } }),
            ),
            event(
                7,
                "message.status_changed",
                1,
                json!({ "event": id(1), "status": "sent",
                "provider_message_id": "4711" }),
            ),
            // Nothing of this thread, and nothing at all.
            event(8, "chat.event_deleted", 1, json!({ "event": id(99) })),
            event(9, "chat.properties_changed", 1, json!({ "place": "chat", "set": {} })),
        ]);
        let [first, second] = <[Told; 2]>::try_from(told).expect("two events that clients know");
        assert_eq!(first.data, json!({ "text": "Hello" }));
        assert_eq!(json!(first.properties), json!({ "test": { "b": 2 } }));
        assert_eq!(first.provider_message_id.as_deref(), Some("4711"));
        assert_eq!((first.deleted, second.deleted), (false, true));
        assert_eq!(first.event.data, json!({ "text": "Helo" }), "the log keeps what was said");
    }

    #[test]
    fn buttons_that_are_left_after_an_edit_stay_switched_on() {
        let press = json!({ "event": id(1), "postback_id": "a", "toggled": true, "value": "a" });
        let edited = json!({ "event": id(1), "data": { "elements": [
            { "buttons": [{ "text": "A!", "postback_id": "a" }] }] } });
        let told = fold(&[
            event(1, "chat.rich_message", 9, cards()),
            event(2, "chat.postback", 7, press),
            event(3, "chat.event_edited", 9, edited),
        ]);
        let button = told.first().and_then(|told| told.data.pointer("/elements/0/buttons/0"));
        let users = json!([Uuid::from_u128(7)]);
        assert_eq!(button, Some(&json!({ "text": "A!", "postback_id": "a", "user_ids": users })));
    }

    proptest! {
        /// However often people press, each button has exactly those whose last press of its name switched it on; and
        /// pressing the same twice is the same as once.
        #[test]
        fn a_button_has_those_whose_last_press_switched_it_on(
            presses in prop::collection::vec(
                (0..3_u128, prop::sample::select(vec!["a", "b", "c"]), any::<bool>()), 0..40),
            twice in any::<bool>(),
        ) {
            let mut events = vec![event(1, "chat.rich_message", 9, cards())];
            let mut number = 1;
            for (who, name, toggled) in &presses {
                for _ in 0..=usize::from(twice) {
                    number += 1;
                    let data = json!({ "event": id(1), "postback_id": name, "toggled": toggled, "value": name });
                    events.push(event(number, "chat.postback", *who, data));
                }
            }
            let told = fold(&events);
            prop_assert_eq!(told.len(), 1);
            let mut data = told.first().expect("one").data.clone();
            for button in buttons_mut(&mut data) {
                let name = button.get("postback_id").and_then(Value::as_str).unwrap_or_default();
                let expected: BTreeSet<String> = (0..3_u128)
                    .filter(|who| {
                        let of_both = |press: &&(u128, &str, bool)| press.0 == *who && press.1 == name;
                        presses.iter().rev().find(of_both).is_some_and(|press| press.2)
                    })
                    .map(|who| Uuid::from_u128(who).to_string())
                    .collect();
                let users = button.get("user_ids").and_then(Value::as_array).cloned().unwrap_or_default();
                let count = users.len();
                let users: BTreeSet<String> =
                    users.iter().filter_map(|user| user.as_str().map(str::to_owned)).collect();
                prop_assert_eq!(users.len(), count, "nobody is in it twice");
                prop_assert_eq!(users, expected);
            }
        }
    }
}
