//! The table of methods: `methods/agent.json`, `customer.json`, `configuration.json`, and `v3_0.json` for the oldest.
//!
//! Data, not code: what a method is called in which version, over which transport it goes, what it takes and answers, what
//! it fails with and what it causes. The files are in the binary; a test reads them, so a wrong one never gets further.
//! `methods/shapes.json` holds what stands in several answers.
//!
//! A method is known by its name in 3.6, or by its last name if it went away before. `since` and `until` say in which
//! versions it exists, `older_names` what it was called before: each name until that version, the next one from there.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::{ErrorType, Failure};
use super::schema::{Node, Source};
use super::version::{Side, Transport, Version};

pub use super::schema::Kind;

/// One method of the API.
#[derive(Debug)]
pub struct Method {
    /// Which API it belongs to.
    pub side: Side,
    /// Its name in 3.6.
    pub action: &'static str,
    /// Whether it can be called over HTTP.
    pub web: bool,
    /// Whether it can be called over a WebSocket.
    pub rtm: bool,
    /// Whether the HTTP call is a GET with the parameters in its query.
    pub http_get: bool,
    /// The last version that could read it by such a GET too, where it is a POST today.
    pub get_until: Option<Version>,
    /// Any one of these is enough; empty where none is needed.
    pub scopes: Vec<&'static str>,
    /// The first version that has it.
    pub since: Version,
    /// The last version that has it; absent where it still exists.
    pub until: Option<Version>,
    /// What it was called before.
    pub older_names: Vec<OlderName>,
    /// What it takes, in the names of 3.6.
    pub params: Vec<Param>,
    /// The shape of its answer in 3.6: a word of [`shapes`], or an object or a list of such.
    pub answer: Value,
    /// What it can fail with beside [`COMMON_ERRORS`].
    pub errors: Vec<ErrorType>,
    /// The pushes that it causes for agents.
    pub pushes_to_agents: Vec<&'static str>,
    /// The pushes that it causes for the customer.
    pub pushes_to_customer: Vec<&'static str>,
    /// The webhooks that it causes.
    pub webhooks: Vec<&'static str>,
    /// The method that each of `requests` is for, where this is a batch.
    pub batch_of: Option<&'static str>,
    tree: Node,
}

/// What every method can fail with.
pub const COMMON_ERRORS: [ErrorType; 7] = [
    ErrorType::Validation,
    ErrorType::Authentication,
    ErrorType::Authorization,
    ErrorType::TooManyRequests,
    ErrorType::RequestTimeout,
    ErrorType::ServiceUnavailable,
    ErrorType::Internal,
];

/// A name that a method had until a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OlderName {
    /// The name.
    pub name: &'static str,
    /// The last version that had it.
    pub until: Version,
}

/// One parameter of a method.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Param {
    /// Where it is: `limit`, `filters.group_ids`, `groups[].id`, `properties.<namespace>`.
    pub path: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Whether it must be there once its parent is there.
    #[serde(default)]
    pub required: bool,
    /// The only values that it may have, or that the items of a list may have; empty for any.
    #[serde(default, rename = "enum")]
    pub allowed: Vec<&'static str>,
    /// The least a number may be.
    pub min: Option<i64>,
    /// The most a number may be, the most items of a list, the most characters of a text.
    pub max: Option<i64>,
    /// What its absence means.
    pub default: Option<Value>,
}

impl Method {
    /// Whether a version has it.
    pub fn exists_in(&self, version: Version) -> bool {
        self.since <= version && self.until.is_none_or(|until| version <= until)
    }

    /// What a version calls it.
    pub fn name_in(&self, version: Version) -> &'static str {
        self.older_names
            .iter()
            .find(|older| version <= older.until)
            .map_or(self.action, |older| older.name)
    }

    /// Whether it can be called so.
    pub const fn goes_over(&self, transport: Transport) -> bool {
        match transport {
            Transport::Web => self.web,
            Transport::Rtm => self.rtm,
        }
    }

    /// Whether a version calls it with a GET; some could be called both ways.
    pub fn may_be_get(&self, version: Version) -> bool {
        self.http_get || self.get_until.is_some_and(|until| version <= until)
    }

    /// The method that a call means: LiveChat's client for Node changes a group by `create_group` with the group's id.
    pub fn meant_by(&'static self, payload: &Value) -> &'static Self {
        if (self.side, self.action) == (Side::Configuration, "create_group")
            && payload.get("id").is_some_and(Value::is_u64)
        {
            let update =
                |method: &&Self| method.side == self.side && method.action == "update_group";
            return methods().iter().find(update).unwrap_or(self);
        }
        self
    }

    /// What the absence of a parameter means, where the table says so.
    pub fn default_of(&self, path: &str) -> Option<&Value> {
        self.param(path)?.default.as_ref()
    }

    /// The parameter at a path.
    pub fn param(&self, path: &str) -> Option<&Param> {
        self.params.iter().find(|param| param.path == path)
    }

    /// Checks a payload in the names of 3.6 against the table.
    pub(super) fn check(&self, payload: &mut Map<String, Value>) -> Result<(), Failure> {
        let source = if self.http_get { Source::Query } else { Source::Json };
        self.tree.check(payload, source)
    }
}

/// Every method of every side and version.
pub fn methods() -> &'static [Method] {
    &METHODS
}

/// The shapes that stand in answers by a name of their own. A shape is `string`, `integer`, `bool`, `datetime`, `object`,
/// `any`, the name of another one, a list of one shape, or an object: `name?` may be absent, `<name>` is any name.
pub fn shapes() -> &'static Map<String, Value> {
    &SHAPES
}

/// The method that a version calls `action`, if it can be called over this transport.
pub fn find(
    side: Side,
    version: Version,
    transport: Transport,
    action: &str,
) -> Result<&'static Method, Failure> {
    let mut of_side = methods().iter().filter(|method| method.side == side);
    let found = of_side
        .clone()
        .find(|method| method.exists_in(version) && method.name_in(version) == action);
    if let Some(method) = found {
        if method.goes_over(transport) {
            return Ok(method);
        }
        let other = if method.web { Transport::Web } else { Transport::Rtm };
        return Err(Failure::new(
            ErrorType::NotFound,
            format!(
                "`{action}` cannot be called over {}, only over {}",
                transport.as_str(),
                other.as_str()
            ),
        ));
    }
    let hint = of_side
        .find(|method| {
            method.action == action || method.older_names.iter().any(|older| older.name == action)
        })
        .map(|method| hint(method, version))
        .unwrap_or_default();
    let shown: String = action.chars().take(ACTION_SHOWN_CHARS_MAX).collect();
    Err(Failure::new(
        ErrorType::NotFound,
        format!("there is no method `{shown}` in version {version} of the {}{hint}", side.title()),
    ))
}

/// How much of an unknown name is shown back; the longest real one has 32 characters.
const ACTION_SHOWN_CHARS_MAX: usize = 60;

fn hint(method: &Method, version: Version) -> String {
    if method.exists_in(version) {
        return format!("; there it is called `{}`", method.name_in(version));
    }
    match method.until {
        Some(until) if version > until => format!("; it was withdrawn after {until}"),
        Some(_) | None => format!("; it exists since {}", method.since),
    }
}

/// A method of 3.0 as that version documents it: its own names of parameters.
#[derive(Debug)]
pub(super) struct OldestMethod {
    pub(super) side: Side,
    pub(super) action: &'static str,
    tree: Node,
    #[cfg(test)]
    row: OldestRow,
}

impl OldestMethod {
    #[cfg(test)]
    pub(super) fn params(&self) -> &[Param] {
        &self.row.params
    }

    /// Checks a payload in the names of 3.0.
    pub(super) fn check(&self, payload: &mut Map<String, Value>) -> Result<(), Failure> {
        self.tree.check(payload, Source::Json)
    }
}

/// What 3.0 documents for a method of today, if it had it.
pub(super) fn oldest(method: &Method) -> Option<&'static OldestMethod> {
    let name = method.name_in(Version::V3_0);
    oldest_methods().iter().find(|oldest| oldest.side == method.side && oldest.action == name)
}

/// Every method of 3.0.
pub(super) fn oldest_methods() -> &'static [OldestMethod] {
    &OLDEST
}

static METHODS: LazyLock<Vec<Method>> = LazyLock::new(|| {
    [
        (Side::Agent, include_str!("methods/agent.json")),
        (Side::Customer, include_str!("methods/customer.json")),
        (Side::Configuration, include_str!("methods/configuration.json")),
    ]
    .into_iter()
    .flat_map(|(side, text)| {
        rows::<Row>(text)
            .remove("methods")
            .unwrap_or_default()
            .into_iter()
            .map(move |row| row.into_method(side))
    })
    .collect()
});

static SHAPES: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("methods/shapes.json")).expect("a test reads it")
});

static OLDEST: LazyLock<Vec<OldestMethod>> = LazyLock::new(|| {
    let mut rows = rows::<OldestRow>(include_str!("methods/v3_0.json"));
    [Side::Agent, Side::Customer]
        .into_iter()
        .flat_map(|side| {
            let of_side = rows.remove(side.as_str()).unwrap_or_default();
            of_side.into_iter().map(move |row| row.into_method(side))
        })
        .collect()
});

/// The lists of one file by name. It is ours and in the binary: a test reads every one.
pub(super) fn rows<T: Deserialize<'static>>(text: &'static str) -> BTreeMap<&'static str, Vec<T>> {
    serde_json::from_str(text).expect("the tables of methods are read by a test")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    action: &'static str,
    web: bool,
    rtm: bool,
    #[serde(default)]
    http_get: bool,
    get_until: Option<VersionText>,
    since: VersionText,
    until: Option<VersionText>,
    #[serde(default)]
    older_names: Vec<OlderNameRow>,
    batch_of: Option<&'static str>,
    scopes: Vec<&'static str>,
    answer: Value,
    errors: Vec<ErrorText>,
    pushes_to_agents: Vec<&'static str>,
    pushes_to_customer: Vec<&'static str>,
    webhooks: Vec<&'static str>,
    params: Vec<Param>,
}

impl Row {
    fn into_method(self, side: Side) -> Method {
        Method {
            side,
            action: self.action,
            web: self.web,
            rtm: self.rtm,
            http_get: self.http_get,
            get_until: self.get_until.map(|until| until.0),
            scopes: self.scopes,
            since: self.since.0,
            until: self.until.map(|until| until.0),
            older_names: self
                .older_names
                .into_iter()
                .map(|older| OlderName { name: older.name, until: older.until.0 })
                .collect(),
            answer: self.answer,
            errors: self.errors.into_iter().map(|kind| kind.0).collect(),
            pushes_to_agents: self.pushes_to_agents,
            pushes_to_customer: self.pushes_to_customer,
            webhooks: self.webhooks,
            batch_of: self.batch_of,
            tree: Node::of(&self.params),
            params: self.params,
        }
    }
}

/// `method`, `web` and `rtm` say what a test holds against the table of today.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(test), expect(dead_code, reason = "the table of today decides; a test compares"))]
struct OldestRow {
    action: &'static str,
    method: &'static str,
    web: bool,
    rtm: bool,
    params: Vec<Param>,
}

impl OldestRow {
    fn into_method(self, side: Side) -> OldestMethod {
        OldestMethod {
            side,
            action: self.action,
            tree: Node::of(&self.params),
            #[cfg(test)]
            row: self,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OlderNameRow {
    pub(super) name: &'static str,
    pub(super) until: VersionText,
}

/// A version as it stands in our tables.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct VersionText(pub(super) Version);

impl TryFrom<String> for VersionText {
    type Error = super::version::UnknownVersion;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct ErrorText(ErrorType);

impl TryFrom<String> for ErrorText {
    type Error = super::error::UnknownErrorType;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn of(side: Side) -> impl Iterator<Item = &'static Method> {
        methods().iter().filter(move |method| method.side == side)
    }

    fn found(side: Side, version: Version, action: &str) -> &'static str {
        let transports = Transport::ALL.into_iter();
        let mut found = transports.filter_map(|over| find(side, version, over, action).ok());
        found.next().map_or("", |method| method.action)
    }

    #[test]
    fn the_table_is_read_and_holds_every_method_of_3_6() {
        let alive = |side| of(side).filter(|method| method.exists_in(Version::V3_6)).count();
        // 43 published methods, one that was withdrawn and clients still have, and delete_event and edit_event of ours.
        assert_eq!(alive(Side::Agent), 46);
        // 41 published methods, and edit_event, which is ours.
        assert_eq!(alive(Side::Customer), 42);
        // 63 methods, 9 batches of them, the company's details, and the two ids of the organization.
        assert_eq!(alive(Side::Configuration), 75);
        assert_eq!(oldest_methods().iter().filter(|old| old.side == Side::Agent).count(), 39);
        assert_eq!(oldest_methods().iter().filter(|old| old.side == Side::Customer).count(), 26);
    }

    #[test]
    fn no_version_has_two_methods_of_one_name() {
        for version in Version::ALL {
            let mut seen = BTreeSet::new();
            for method in methods().iter().filter(|method| method.exists_in(version)) {
                assert!(seen.insert((method.side, method.name_in(version))), "{method:?}");
            }
        }
    }

    #[test]
    fn the_table_is_sound() {
        for method in methods() {
            assert!(method.web || method.rtm, "{}", method.action);
            assert!(!method.http_get || method.web, "{}", method.action);
            assert!(method.until.is_none_or(|until| method.since <= until), "{}", method.action);
            assert!(method.older_names.is_sorted_by_key(|older| older.until), "{}", method.action);
            let paths: BTreeSet<&str> = method.params.iter().map(|param| param.path).collect();
            assert_eq!(paths.len(), method.params.len(), "a path twice in {}", method.action);
            if let Some(single) = method.batch_of {
                assert!(of(method.side).any(|other| other.action == single), "{single}");
            }
            for param in &method.params {
                assert!(!(param.required && param.default.is_some()), "{}", param.path);
            }
        }
    }

    #[test]
    fn older_names_are_known_in_the_versions_that_had_them() {
        use Version::{V3_0, V3_1, V3_2, V3_3, V3_5, V3_6, V3_7};
        let cases = [
            (Side::Agent, V3_1, "get_chats_summary", "list_chats"),
            (Side::Agent, V3_2, "get_chats_summary", ""),
            (Side::Agent, V3_2, "list_chats", "list_chats"),
            (Side::Agent, V3_1, "list_chats", ""),
            (Side::Agent, V3_1, "close_thread", "deactivate_chat"),
            (Side::Agent, V3_2, "activate_chat", "resume_chat"),
            (Side::Agent, V3_3, "resume_chat", "resume_chat"),
            (Side::Agent, V3_0, "update_last_seen_timestamp", "mark_events_as_seen"),
            (Side::Agent, V3_1, "mark_events_as_seen", "mark_events_as_seen"),
            (Side::Agent, V3_1, "update_agent", "set_routing_status"),
            (Side::Agent, V3_1, "tag_chat_thread", "tag_thread"),
            (Side::Agent, V3_1, "grant_access", "grant_chat_access"),
            (Side::Agent, V3_3, "grant_chat_access", "grant_chat_access"),
            (Side::Agent, V3_6, "grant_chat_access", ""),
            (Side::Agent, V3_5, "list_customers", "list_customers"),
            (Side::Agent, V3_6, "list_customers", ""),
            (Side::Agent, V3_5, "send_thinking_indicator", ""),
            (Side::Agent, V3_0, "upload_image", "upload_file"),
            (Side::Customer, V3_1, "set_customer_fields", "set_customer_session_fields"),
            (Side::Customer, V3_1, "get_groups_status", "list_group_statuses"),
            (Side::Customer, V3_1, "get_url_details", "get_url_info"),
            (Side::Customer, V3_5, "delete_event", ""),
            (Side::Customer, V3_6, "get_predicted_agent", "get_predicted_agent"),
            (Side::Customer, V3_7, "get_predicted_agent", ""),
        ];
        for (side, version, action, expected) in cases {
            assert_eq!(found(side, version, action), expected, "{action} in {version}");
        }
    }

    #[test]
    fn a_group_that_is_made_with_its_id_is_changed() {
        let create = find(Side::Configuration, Version::V3_4, Transport::Web, "create_group");
        let create = create.expect("it is there");
        assert_eq!(create.meant_by(&serde_json::json!({ "id": 3 })).action, "update_group");
        assert_eq!(create.meant_by(&serde_json::json!({ "name": "x" })).action, "create_group");
    }

    #[test]
    fn what_is_not_there_says_where_it_is() {
        let message = |version, over, action: &str| {
            let failure = find(Side::Agent, version, over, action).expect_err("not there");
            assert_eq!(failure.error_type, ErrorType::NotFound);
            failure.message
        };
        assert_eq!(
            message(Version::V3_6, Transport::Web, "close_thread"),
            "there is no method `close_thread` in version 3.6 of the Agent Chat API; there it is called \
             `deactivate_chat`"
        );
        assert_eq!(
            message(Version::V3_6, Transport::Web, "list_customers"),
            "there is no method `list_customers` in version 3.6 of the Agent Chat API; it was withdrawn after 3.5"
        );
        assert_eq!(
            message(Version::V3_5, Transport::Web, "request_thread_summary"),
            "there is no method `request_thread_summary` in version 3.5 of the Agent Chat API; it exists since 3.6"
        );
        assert_eq!(
            message(Version::V3_6, Transport::Web, "login"),
            "`login` cannot be called over Web, only over RTM"
        );
        assert_eq!(
            message(Version::V3_6, Transport::Rtm, "x"),
            "there is no method `x` in version 3.6 of the Agent Chat API"
        );
    }

    #[test]
    fn every_method_of_3_0_is_found_over_the_transports_that_it_had() {
        for oldest in oldest_methods() {
            for (had, over) in [(oldest.row.web, Transport::Web), (oldest.row.rtm, Transport::Rtm)]
            {
                if had {
                    let method = find(oldest.side, Version::V3_0, over, oldest.action)
                        .unwrap_or_else(|failure| panic!("{failure}"));
                    assert_eq!(method.action, oldest.row.method);
                }
            }
        }
    }
}
