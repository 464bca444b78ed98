//! Properties of a chat, of one of its threads or of one of its events are set and removed.
//!
//! What makes a second call harmless: what is as it should be already is no change, and tells nobody.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tidings_model::{Properties, PropertyPlace, Visibility};

use crate::App;
use crate::desk::change::{Deciding, in_chat, in_thread};
use crate::desk::events::target;
use crate::desk::look::history::Told;
use crate::desk::{Actor, Failure};

/// Where properties stand.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// On the chat.
    Chat,
    /// On a thread of it.
    Thread {
        /// Which one.
        thread: &'a str,
    },
    /// On an event.
    Event {
        /// The thread that it is in.
        thread: &'a str,
        /// Which one.
        event: &'a str,
    },
}

impl Place<'_> {
    const fn kind(&self) -> PropertyPlace {
        match self {
            Self::Chat => PropertyPlace::Chat,
            Self::Thread { .. } => PropertyPlace::Thread,
            Self::Event { .. } => PropertyPlace::Event,
        }
    }

    const fn as_str(&self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Thread { .. } => "thread",
            Self::Event { .. } => "event",
        }
    }
}

/// What is to be set and removed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// Values to set, by namespace and name.
    pub set: Properties,
    /// Names to remove, by namespace.
    pub delete: BTreeMap<String, Vec<String>>,
}

impl Change {
    /// What of it is a change of these at all.
    #[must_use]
    pub fn against(&self, present: &Properties) -> Self {
        let mut real = Self::default();
        for (namespace, names) in &self.set.0 {
            for (name, value) in names {
                if present.get(namespace, name) != Some(value) {
                    real.set.set(namespace, name, value.clone());
                }
            }
        }
        for (namespace, names) in &self.delete {
            let mut there: Vec<String> = names
                .iter()
                .filter(|name| present.get(namespace, name).is_some())
                .cloned()
                .collect();
            there.sort();
            there.dedup();
            if !there.is_empty() {
                real.delete.insert(namespace.clone(), there);
            }
        }
        real
    }

    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.delete.is_empty()
    }

    /// Does it.
    pub fn apply(&self, to: &mut Properties) {
        to.merge(&self.set);
        for (namespace, names) in &self.delete {
            for name in names {
                to.remove(namespace, name);
            }
        }
    }

    /// The data of the event that tells of it.
    pub fn data(&self, place: &str) -> Map<String, Value> {
        let mut data = Map::from_iter([("place".to_owned(), json!(place))]);
        data.insert("set".into(), json!(self.set));
        data.insert("deleted".into(), json!(self.delete));
        data
    }

    fn deletes(&self, namespace: &str, name: &str) -> bool {
        self.delete.get(namespace).is_some_and(|names| names.iter().any(|known| known == name))
    }
}

/// Sets and removes properties.
pub async fn change(
    app: &App,
    actor: &Actor,
    chat: &str,
    place: Place<'_>,
    change: &Change,
) -> Result<(), Failure> {
    match place {
        Place::Chat => {
            in_chat(app, actor, chat, |deciding| decide(deciding, place, None, change)).await?;
        }
        Place::Thread { thread } => {
            in_thread(app, actor, chat, thread, |deciding| decide(deciding, place, None, change))
                .await?;
        }
        Place::Event { thread, event } => {
            let told = target::find(app, actor, chat, thread, event).await?;
            in_thread(app, actor, chat, thread, |deciding| {
                decide(deciding, place, Some(&told), change)
            })
            .await?;
        }
    }
    Ok(())
}

fn decide(
    deciding: &mut Deciding<'_>,
    place: Place<'_>,
    told: Option<&Told>,
    change: &Change,
) -> Result<(), Failure> {
    let registry = deciding.directory.registry();
    let rights = deciding.actor.rights();
    registry.check_set(rights, place.kind(), &change.set, "properties")?;
    registry.check_delete(rights, place.kind(), &change.delete, "properties")?;
    let mut visibility = Visibility::All;
    let real = match (place, told) {
        (Place::Chat, _) => {
            let properties = &mut deciding.chat.after().chat.value.properties;
            let real = change.against(properties);
            real.apply(properties);
            real
        }
        (Place::Thread { .. }, _) => {
            let properties = &mut deciding.thread_mut().properties;
            let real = change.against(properties);
            real.apply(properties);
            real
        }
        (Place::Event { .. }, Some(told)) => {
            visibility = told.event.visibility;
            change.against(&told.properties)
        }
        (Place::Event { .. }, None) => Change::default(),
    };
    if real.is_empty() {
        return Ok(());
    }
    let mut data = real.data(place.as_str());
    if let Some(told) = told {
        data.insert("event".into(), json!(told.event.id));
    }
    deciding.raise("chat.properties_changed", data.into()).visibility = visibility;
    tell_of_rating(deciding, &real, visibility);
    Ok(())
}

/// A rating is told in the chat.
fn tell_of_rating(deciding: &mut Deciding<'_>, change: &Change, visibility: Visibility) {
    let customer = deciding.scene.customer.as_ref();
    let name = customer.and_then(|customer| customer.value.name.clone());
    let customer = name.unwrap_or_else(|| "Customer".into());
    let mut say = |kind: &str, text: String, vars: Value| {
        let data = json!({ "system_message_type": kind, "text": text, "text_vars": vars });
        deciding.raise_by_system("chat.system_message", data).visibility = visibility;
    };
    if let Some(score) = change.set.get("rating", "score").and_then(Value::as_i64) {
        let word = if score > 0 { "good" } else { "bad" };
        say(
            "rating.chat_rated",
            format!("{customer} rated the chat as {word}"),
            json!({ "customer": customer, "score": word }),
        );
    }
    if let Some(comment) = change.set.get("rating", "comment").and_then(Value::as_str) {
        say(
            "rating.chat_commented",
            format!("{customer} commented on the chat: {comment}"),
            json!({ "customer": customer, "comment": comment }),
        );
    }
    if change.deletes("rating", "score") {
        say(
            "rating.chat_rating_canceled",
            format!("{customer} took the rating of the chat back"),
            json!({ "customer": customer }),
        );
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn properties() -> impl Strategy<Value = Properties> {
        let names = prop::collection::btree_map("[ab]", 0..3_i64, 0..3);
        prop::collection::btree_map("[xy]", names, 0..3).prop_map(|namespaces| {
            let mut properties = Properties::default();
            for (namespace, names) in namespaces {
                for (name, value) in names {
                    properties.set(&namespace, &name, value.into());
                }
            }
            properties
        })
    }

    fn deletions() -> impl Strategy<Value = BTreeMap<String, Vec<String>>> {
        prop::collection::btree_map("[xy]", prop::collection::vec("[ab]", 0..3), 0..3)
    }

    proptest! {
        /// What is told of a change leads to the same as the change itself, and doing it again tells nothing.
        #[test]
        fn what_is_told_is_what_was_done(
            present in properties(), set in properties(), delete in deletions(),
        ) {
            for change in [
                Change { set, ..Change::default() },
                Change { delete, ..Change::default() },
            ] {
                let real = change.against(&present);
                let (mut asked, mut told) = (present.clone(), present.clone());
                change.apply(&mut asked);
                real.apply(&mut told);
                prop_assert_eq!(&asked, &told);
                prop_assert_eq!(real.is_empty(), asked == present);
                prop_assert!(change.against(&asked).is_empty());
            }
        }
    }
}
