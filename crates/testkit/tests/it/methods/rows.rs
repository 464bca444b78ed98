//! The lines of `rows/*.json`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;
use tidings_wire::livechat::{Method, Side, Transport, Version, methods};

/// One call, and what comes of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    /// Side and name, as `agent/get_chat`.
    pub(super) call: String,
    /// Who calls: somebody of the stage, or an agent whom a set-up keeps under this name.
    pub(super) by: Option<String>,
    /// What must have happened before: names of set-ups.
    #[serde(default)]
    pub(super) after: Vec<String>,
    /// What must happen between the answer and what is heard.
    #[serde(default)]
    pub(super) during: Vec<String>,
    /// What must happen afterwards, so that the next line finds the stage as it was.
    #[serde(default)]
    pub(super) then: Vec<String>,
    /// The parameters.
    #[serde(default)]
    pub(super) with: Value,
    /// The version that is spoken; 3.6, or the last that had the method, or the first.
    pub(super) version: Option<String>,
    /// The only transport, where it is not every one that the method has.
    pub(super) over: Option<String>,
    /// The type of the error.
    pub(super) fails: Option<String>,
    /// The field at fault.
    pub(super) field: Option<String>,
    /// The answer's shape, where it is not the table's.
    pub(super) gives: Option<Value>,
    /// The pushes that it causes, by who hears them.
    #[serde(default)]
    pub(super) heard: BTreeMap<String, BTreeSet<String>>,
    /// Whether the caller's line stays open, and what they call later goes over it.
    #[serde(default)]
    pub(super) stays: bool,
    /// What is kept under which name: pointers into `{answer, heard: {who: {push: payload}}}`.
    #[serde(default)]
    pub(super) keeps: BTreeMap<String, String>,
}

impl Row {
    /// Whose API it is, and what the version calls the method.
    pub(super) fn names(&self) -> (Side, &str) {
        let (side, action) = self.call.split_once('/').expect("a call is `side/action`");
        (side.parse().expect("there are three sides"), action)
    }

    /// The method, in today's table.
    pub(super) fn method(&self) -> Option<&'static Method> {
        let (side, action) = self.names();
        let mut of_side = methods().iter().filter(|method| method.side == side);
        match &self.version {
            None => of_side.find(|method| method.action == action),
            Some(_) => of_side.find(|method| {
                method.exists_in(self.version()) && method.name_in(self.version()) == action
            }),
        }
    }

    /// The version that is spoken.
    pub(super) fn version(&self) -> Version {
        let Some(version) = &self.version else {
            let method = self.method();
            let until = method.and_then(|method| method.until).unwrap_or(Version::V3_6);
            let since = method.map_or(Version::V3_6, |method| method.since);
            return until.min(Version::V3_6).max(since);
        };
        version.parse().expect("a version as 3.6")
    }

    /// The transports over which it is called.
    pub(super) fn transports(&self, method: &Method) -> Vec<Transport> {
        let wanted = |over: &Transport| {
            method.goes_over(*over) && self.over.as_deref().is_none_or(|only| only == over.as_str())
        };
        Transport::ALL.into_iter().filter(wanted).collect()
    }
}

/// What is in the table and comes never, each with the reason.
#[derive(Debug, Deserialize)]
pub(super) struct Never {
    /// Errors: `side/action error`.
    pub(super) errors: BTreeMap<String, String>,
    /// Parameters: `side/action path`.
    pub(super) parameters: BTreeMap<String, String>,
    /// Pushes: `side/action push (side)`, or `push (side)`.
    pub(super) pushes: BTreeMap<String, String>,
}

/// What is in the table and comes never.
pub(super) fn never() -> Never {
    read("never", include_str!("rows/never.json"))
}

/// What can be done before a call, by name.
pub(super) fn setups() -> BTreeMap<String, Row> {
    read("setups", include_str!("rows/setups.json"))
}

const ROOMS: [(&str, &str); 13] = [
    ("chats", include_str!("rows/chats.json")),
    ("lists", include_str!("rows/lists.json")),
    ("members", include_str!("rows/members.json")),
    ("events", include_str!("rows/events.json")),
    ("properties", include_str!("rows/properties.json")),
    ("customers", include_str!("rows/customers.json")),
    ("routing", include_str!("rows/routing.json")),
    ("sessions", include_str!("rows/sessions.json")),
    ("site", include_str!("rows/site.json")),
    ("team", include_str!("rows/team.json")),
    ("bots", include_str!("rows/bots.json")),
    ("workspace", include_str!("rows/workspace.json")),
    ("oldest", include_str!("rows/oldest.json")),
];

/// The lines of one room.
pub(super) fn room(name: &str) -> Vec<Row> {
    let found = ROOMS.iter().find(|(known, _)| *known == name);
    read(name, found.expect("the rooms are listed").1)
}

/// The lines of all rooms.
pub(super) fn all() -> Vec<Row> {
    ROOMS.iter().flat_map(|(name, text)| read::<Vec<Row>>(name, text)).collect()
}

#[expect(clippy::panic, reason = "a file that cannot be read fails the test")]
fn read<T: for<'a> Deserialize<'a>>(name: &str, text: &str) -> T {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("rows/{name}.json: {error}"))
}
