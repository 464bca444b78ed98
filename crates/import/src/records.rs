//! Cerb's record types: which keys each has, which of them lead to another record, and what Tidings calls the types.
//!
//! Cerb's placeholders are flat: `task_owner_first_name` is the owner's first name of a task. The table in `records.txt`
//! (a type, its id, its keys) tells where one record ends and the next begins.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use crate::scope::word;
use crate::write::Kind;

static TABLE: LazyLock<HashMap<&'static str, Vec<Key>>> = LazyLock::new(|| {
    include_str!("records.txt")
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let name = words.next()?;
            Some((name, words.skip(1).map(Key::read).collect()))
        })
        .collect()
});

static CONTEXTS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let pair = |line: &'static str| {
        let mut words = line.split(' ');
        let name = words.next()?;
        Some((words.next()?, name))
    };
    include_str!("records.txt").lines().filter_map(pair).collect()
});

/// A key of a record.
struct Key {
    name: &'static str,
    kind: Kind,
    /// The type of the record that it leads to; `?` is any.
    leads_to: Option<&'static str>,
}

impl Key {
    fn read(word: &'static str) -> Self {
        if let Some((name, to)) = word.split_once('>') {
            return Self { name, kind: Kind::Unknown, leads_to: Some(to) };
        }
        let (name, kind) = word.split_once(':').unwrap_or((word, ""));
        let kind = match kind {
            "n" => Kind::Number,
            "b" => Kind::Truth,
            "d" => Kind::Time,
            "l" => Kind::List,
            "m" => Kind::Map,
            _ => Kind::Unknown,
        };
        Self { name, kind, leads_to: None }
    }
}

/// Cerb's short name of a type, of its id or its short name.
pub(crate) fn short_name(given: &str) -> &str {
    let given = given.trim();
    if let Some(name) = CONTEXTS.get(given) {
        return name;
    }
    given.rsplit_once("contexts.").map_or(given, |(_, name)| name)
}

/// What Tidings calls a type: a word of small letters, digits and `_`.
pub(crate) fn type_name(given: &str) -> Cow<'_, str> {
    let name = match short_name(given) {
        "ticket" => "chat",
        "worker" => "agent",
        "address" => "email_address",
        "timetracking" => "time_entry",
        "feed.item" | "feeditem" => "feed_item",
        "kb" => "kb_article",
        "crm.opportunity" => "opportunity",
        other => other,
    };
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(is_word) {
        return Cow::Borrowed(name);
    }
    let name = name.to_ascii_lowercase();
    let name: String = name.chars().map(|c| if is_word(c) { c } else { '_' }).collect();
    let begins_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    Cow::Owned(if begins_well { name } else { format!("record_{name}") })
}

/// Whether a type is none of records: such things are looked for like them, and changed by steps of their own, in the run
/// that is about them.
pub(crate) fn is_noun(record_type: &str) -> bool {
    ["chat", "customer", "agent", "group", "bot", "channel", "endpoint", "run", "event"]
        .contains(&record_type)
}

/// Whether a noun can be looked for.
pub(crate) fn can_be_found(noun: &str) -> bool {
    ["chat", "customer", "agent", "group", "bot"].contains(&noun)
}

/// The field of a noun, or of a record, that Cerb's search calls so.
pub(crate) fn searched_field(record_type: &str, key: &str) -> String {
    // A record that another leads to is kept by its id.
    let key = key.strip_suffix(".id").unwrap_or(key);
    let field = match (record_type, key) {
        ("chat", "owner") => "assignee",
        ("chat", "created") => "created_at",
        ("chat", "sender" | "participant") => "customer",
        ("agent", "group") => "groups",
        ("agent", "isDisabled") => "suspended",
        ("agent", "isAvailable") => "status",
        ("group", "member") => "agents",
        (_, key) => return word(key),
    };
    field.to_owned()
}

/// The fields of nouns that are lists, so that one of their items is wanted.
pub(crate) fn is_list(record_type: &str, field: &str) -> bool {
    matches!((record_type, field), ("agent", "groups") | ("group", "agents") | ("chat", "labels"))
}

/// Cerb's names of types that are called otherwise here, as a mapping in a template.
pub(crate) const TYPES: &str = "{'ticket': 'chat', 'worker': 'agent', 'address': 'email_address', 'timetracking': 'time_entry', 'kb': 'kb_article', 'crm.opportunity': 'opportunity', 'feed.item': 'feed_item'}";

/// What Tidings calls a type, of its name in quotes.
pub(crate) fn fixed_type(written: &str) -> Option<Cow<'_, str>> {
    let name = written.strip_prefix('\'')?.strip_suffix('\'')?;
    (!name.contains('\'')).then(|| type_name(name))
}

/// Where the rest of a placeholder leads to in a record: the names on the way.
pub(crate) fn way(record_type: &str, rest: &str) -> Option<(Vec<String>, Kind)> {
    if rest.is_empty() {
        return Some((Vec::new(), Kind::Map));
    }
    let name = |name: &str| vec![name.to_owned()];
    if record_type == "?" {
        return Some((name(rest), Kind::Unknown));
    }
    let Some(keys) = TABLE.get(record_type) else {
        return Some((name(rest), Kind::Unknown));
    };
    if rest == "_label" {
        return Some((name(label(record_type)), Kind::Text));
    }
    if rest == "_context" || rest == "_type" {
        return Some((name("type"), Kind::Text));
    }
    if let Some(key) = keys.iter().find(|key| key.name == rest && key.leads_to.is_none()) {
        return Some((name(rest), key.kind));
    }
    if rest.starts_with("custom_") {
        return Some((name(rest.trim_end_matches('_')), Kind::Unknown));
    }
    let step = keys
        .iter()
        .filter_map(|key| Some((key, key.leads_to?, rest.strip_prefix(key.name)?)))
        .max_by_key(|(key, ..)| key.name.len())?;
    let (key, to, left) = step;
    let (mut names, kind) = way(to, left)?;
    names.insert(0, key.name.trim_end_matches('_').to_owned());
    Some((names, kind))
}

/// The field that a record is called by.
pub(crate) fn label(record_type: &str) -> &'static str {
    match record_type {
        "task" | "kb_article" | "opportunity" | "feed_item" => "title",
        "ticket" | "call" => "subject",
        "worker" => "full_name",
        "address" => "address",
        "notification" => "message",
        "jira_issue" | "time_entry" => "summary",
        _ => "name",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_key_is_taken_apart_where_one_record_ends() {
        let ways = [
            "title",
            "owner_first_name",
            "owner_address_org_name",
            "custom_12",
            "_label",
            "nonsense",
            "created",
        ];
        let told = ways.map(|rest| match way("task", rest) {
            Some((names, kind)) => format!("{rest} -> {} {kind:?}", names.join(".")),
            None => format!("{rest} -> none"),
        });
        insta::assert_snapshot!(told.join("\n"), @r#"
        title -> title Unknown
        owner_first_name -> owner.first_name Unknown
        owner_address_org_name -> owner.address.org.name Unknown
        custom_12 -> custom_12 Unknown
        _label -> title Text
        nonsense -> none
        created -> created Time
        "#);
        assert_eq!(type_name("cerberusweb.contexts.ticket"), "chat");
        assert_eq!(type_name("address"), "email_address");
        assert_eq!(type_name("contexts.custom_record.3"), "custom_record_3");
    }
}
