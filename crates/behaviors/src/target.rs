//! Where a value is put: `session.size`, `client.address.city`, `chat.topic`, `vars.turns`. Named by steps.

use std::fmt;

use serde_json::{Map, Value};

/// A place for a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) scope: Scope,
    /// The names below the scope: one, or more for a value within a mapping.
    pub(crate) path: Vec<String>,
}

/// Whose value it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Of this chat's session with this bot.
    Session,
    /// Of this customer, kept by this bot.
    Client,
    /// Of the chat: every bot and agent sees it.
    Chat,
    /// Of this run.
    Vars,
}

/// How deep a target may reach into a mapping.
pub(crate) const TARGET_DEPTH_MAX: usize = 8;

/// The longest target, in bytes.
const TARGET_BYTES_MAX: usize = 200;

/// What a chat has by itself, so that no variable may be called so.
const CHAT_FIELDS: [&str; 13] = [
    "id",
    "status",
    "labels",
    "variables",
    "group",
    "assignee",
    "agents",
    "watchers",
    "holder",
    "channel",
    "customer",
    "thread",
    "created_at",
];

impl Scope {
    pub(crate) const ALL: [Self; 4] = [Self::Session, Self::Client, Self::Chat, Self::Vars];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Client => "client",
            Self::Chat => "chat",
            Self::Vars => "vars",
        }
    }
}

impl Target {
    /// Reads a target.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut names = text.split('.');
        let scope = names.next().unwrap_or_default();
        let Some(scope) = Scope::ALL.into_iter().find(|known| known.as_str() == scope) else {
            return Err(format!(
                "{text:?} is no place for a value: write session.x, client.x, chat.x or vars.x"
            ));
        };
        let path: Vec<String> = names.map(str::to_owned).collect();
        let good = |name: &String| {
            let mut characters = name.chars();
            characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
                && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if path.is_empty()
            || path.len() > TARGET_DEPTH_MAX
            || text.len() > TARGET_BYTES_MAX
            || !path.iter().all(good)
        {
            return Err(format!(
                "{text:?} is no place for a value: names of letters, digits and _, joined by dots"
            ));
        }
        if scope == Scope::Chat {
            let own = path.first().is_some_and(|name| CHAT_FIELDS.contains(&name.as_str()));
            if own || path.len() > 1 {
                return Err(format!(
                    "{text:?} cannot be set: a chat's variable has one name, and not that of a field"
                ));
            }
        }
        Ok(Self { scope, path })
    }

    /// Puts a value into a mapping; null takes away what is there.
    pub(crate) fn put(&self, map: &mut Map<String, Value>, value: Value) {
        let Some((last, way)) = self.path.split_last() else { return };
        let mut here = map;
        for name in way {
            let next = here.entry(name.clone()).or_insert_with(|| Value::Object(Map::new()));
            if !next.is_object() {
                *next = Value::Object(Map::new());
            }
            let Value::Object(below) = next else { return };
            here = below;
        }
        if value.is_null() {
            here.shift_remove(last);
        } else {
            here.insert(last.clone(), value);
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.scope.as_str(), self.path.join("."))
    }
}
