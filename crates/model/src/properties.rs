//! Free values on chats, threads, events, groups and the workspace, by the namespace of the program that owns them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Values by namespace and name: numbers, texts, and yes or no.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Properties(pub BTreeMap<String, BTreeMap<String, Value>>);

impl Properties {
    /// One value.
    pub fn get(&self, namespace: &str, name: &str) -> Option<&Value> {
        self.0.get(namespace)?.get(name)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets one value.
    pub fn set(&mut self, namespace: &str, name: &str, value: Value) {
        self.0.entry(namespace.to_owned()).or_default().insert(name.to_owned(), value);
    }

    /// Removes one value, and its namespace when nothing is left in it. Returns whether it was there.
    pub fn remove(&mut self, namespace: &str, name: &str) -> bool {
        let Some(names) = self.0.get_mut(namespace) else { return false };
        let was_there = names.remove(name).is_some();
        if names.is_empty() {
            self.0.remove(namespace);
        }
        was_there
    }

    /// Sets all of another's values.
    pub fn merge(&mut self, other: &Self) {
        for (namespace, names) in &other.0 {
            for (name, value) in names {
                self.set(namespace, name, value.clone());
            }
        }
    }
}

/// What a property may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PropertyType {
    /// A whole number of 32 bits.
    Int,
    /// A text.
    String,
    /// Yes or no.
    Bool,
    /// A text that is found by its words.
    TokenizedString,
}

/// Where a property may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PropertyPlace {
    /// On a chat.
    Chat,
    /// On a thread.
    Thread,
    /// On an event.
    Event,
    /// On a team.
    Group,
    /// On the workspace.
    License,
}
