//! What a thread has to do with, and how it is asked for.
//!
//! A facet is a name with a value, and where it matters the group in which and the time when it came about: "form
//! `post_chat`, filled in group 3 on Tuesday" is one. Filters ask for one name; what they ask of value, group and time
//! must hold of one and the same facet.

use tidings_model::Timestamp;

/// A group that may see the thread; what [`super::ArchiveQuery::visible_groups`] looks at.
pub const GROUP: &str = "group";

/// An agent or bot who took part.
pub const AGENT: &str = "agent";

/// The kind of an agent who took part: `human`, `chatbot`, `ai_agent`.
pub const AGENT_TYPE: &str = "agent_type";

/// A tag.
pub const TAG: &str = "tag";

/// The customer's id.
pub const CUSTOMER: &str = "customer";

/// The customer's e-mail address, in lower case.
pub const CUSTOMER_EMAIL: &str = "customer_email";

/// The customer's country: ISO 3166-1 alpha-2, upper case.
pub const COUNTRY: &str = "country";

/// The type of an event in it.
pub const EVENT_TYPE: &str = "event_type";

/// A form that was filled before the chat, with its group and time.
pub const PRE_CHAT_FORM: &str = "pre_chat_form";

/// A form that was filled after the chat, with its group and time.
pub const POST_CHAT_FORM: &str = "post_chat_form";

/// A greeting that it came from, with its group and time.
pub const GREETING: &str = "greeting";

/// A sale that was made in it.
pub const SALE: &str = "sale";

/// A goal that was reached in it.
pub const GOAL: &str = "goal";

/// Who answered first, with the group.
pub const FIRST_RESPONSE: &str = "first_response";

/// Who answered last, with the group.
pub const LAST_RESPONSE: &str = "last_response";

/// Why its content must not be shown.
pub const RESTRICTED: &str = "restricted";

/// The name for a property.
pub fn property(namespace: &str, name: &str) -> String {
    format!("property:{namespace}:{name}")
}

/// One thing that a thread has to do with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Facet {
    /// What it is.
    pub name: String,
    /// Which one.
    pub value: String,
    /// In which group it came about, where that can be asked.
    pub group: Option<String>,
    /// When it came about, where that can be asked.
    pub at: Option<Timestamp>,
}

impl Facet {
    /// One of no group and no time.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into(), group: None, at: None }
    }

    /// The same, of a group.
    #[must_use]
    pub fn in_group(self, group: impl Into<String>) -> Self {
        Self { group: Some(group.into()), ..self }
    }

    /// The same, of a time.
    #[must_use]
    pub fn at(self, at: Timestamp) -> Self {
        Self { at: Some(at), ..self }
    }
}

/// What is asked of the facets of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FacetFilter {
    /// Of which name.
    pub name: String,
    /// Only those of one of these groups count; `None` means that all do.
    pub groups: Option<Vec<String>>,
    /// Only those of this time or later count.
    pub from: Option<Timestamp>,
    /// Only those of before this time count.
    pub to: Option<Timestamp>,
    /// What must be among those that count.
    pub rule: Rule,
}

impl FacetFilter {
    /// A filter of any group and any time.
    pub fn new(name: impl Into<String>, rule: Rule) -> Self {
        Self { name: name.into(), groups: None, from: None, to: None, rule }
    }

    /// Whether a facet counts, whatever its value.
    pub fn counts(&self, facet: &Facet) -> bool {
        let groups = self.groups.as_ref();
        facet.name == self.name
            && groups.is_none_or(|groups| {
                facet.group.as_ref().is_some_and(|group| groups.contains(group))
            })
            && self.from.is_none_or(|from| facet.at.is_some_and(|at| at >= from))
            && self.to.is_none_or(|to| facet.at.is_some_and(|at| at < to))
    }

    /// Whether it asks for a time.
    pub const fn asks_for_time(&self) -> bool {
        self.from.is_some() || self.to.is_some()
    }
}

/// What must be among the facets of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Any at all.
    Exists,
    /// None at all.
    Absent,
    /// At least one of these values; of no values none is.
    AnyOf(Vec<String>),
    /// Every one of these values.
    AllOf(Vec<String>),
    /// Not one of these values.
    NoneOf(Vec<String>),
    /// Not every one of these values; of no values every one is.
    NotAllOf(Vec<String>),
}
