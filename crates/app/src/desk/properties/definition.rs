//! Definitions of properties: what a value may be, where it may stand, who may read and write it. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidings_model::{Properties, PropertyPlace, PropertyType, Timestamp};

use crate::desk::{ErrorType, Failure};

/// The longest text that a property holds, in bytes: as a message's.
pub const TEXT_BYTES_MAX: usize = 16_384;

/// What a property may hold, where it may stand, and who reads and writes it there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: PropertyType,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where it may stand, and who may do what with it there.
    pub access: BTreeMap<PropertyPlace, BTreeMap<User, BTreeSet<Right>>>,
    /// The only values that it may have; any, unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Vec<Value>>,
    /// Between which numbers it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
    /// What stands where it is not set; for teams and the workspace only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_value: Option<Value>,
    /// What other programs than its owner may do with it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub public_access: BTreeSet<Right>,
}

/// A definition as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegisteredProperty {
    /// The program that owns it: its namespace.
    pub owner: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub definition: Definition,
    /// When it was registered.
    pub created_at: Timestamp,
}

/// The least and the greatest number, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<i64>,
    /// The greatest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<i64>,
}

/// Who uses a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum User {
    /// Agents and bots.
    Agent,
    /// Customers.
    Customer,
}

/// What somebody may do with a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// See it.
    Read,
    /// Set and remove it.
    Write,
}

impl Definition {
    /// Whether such a user may do this with it where it stands so.
    pub fn allows(&self, place: PropertyPlace, user: User, right: Right) -> bool {
        let rights = self.access.get(&place).and_then(|users| users.get(&user));
        rights.is_some_and(|rights| rights.contains(&right))
    }

    /// Whether it can stand at such a place at all.
    pub fn stands_on(&self, place: PropertyPlace) -> bool {
        self.access.contains_key(&place)
    }

    /// What a value is not as it should be; goes on after the field's name, as in "must be text".
    pub fn problem_of(&self, value: &Value) -> Option<String> {
        let fits = match self.kind {
            PropertyType::Int => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
            PropertyType::Bool => value.is_boolean(),
            PropertyType::String | PropertyType::TokenizedString => value.is_string(),
        };
        if !fits {
            let expected = match self.kind {
                PropertyType::Int => "must be a whole number of 32 bits",
                PropertyType::Bool => "must be true or false",
                PropertyType::String | PropertyType::TokenizedString => "must be text",
            };
            return Some(expected.into());
        }
        if let Some(text) = value.as_str()
            && text.len() > TEXT_BYTES_MAX
        {
            return Some(format!("must be at most {TEXT_BYTES_MAX} bytes, not {}", text.len()));
        }
        if let Some(domain) = &self.domain
            && !domain.contains(value)
        {
            let values: Vec<String> = domain.iter().map(Value::to_string).collect();
            return Some(format!("must be one of {}", values.join(", ")));
        }
        let number = value.as_i64()?;
        let range = self.range?;
        if range.from.is_some_and(|from| number < from) {
            return Some(format!("must be at least {}", range.from.unwrap_or_default()));
        }
        if range.to.is_some_and(|to| number > to) {
            return Some(format!("must be at most {}", range.to.unwrap_or_default()));
        }
        None
    }
}

/// All definitions of a workspace: LiveChat's own, and what programs registered.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    registered: HashMap<String, BTreeMap<String, Definition>>,
}

/// By namespace and name.
type Defined = BTreeMap<String, BTreeMap<String, Definition>>;

static PREDEFINED: LazyLock<Defined> = LazyLock::new(|| {
    serde_json::from_str(include_str!("predefined.json"))
        .expect("the file is ours, and a test reads it")
});

/// Who wants to use properties, and in whose name.
#[derive(Clone, Copy, Debug)]
pub struct Rights<'a> {
    /// Agent or customer.
    pub user: User,
    /// The program that acts: it may use what it registered itself though others may not. `None` is a person's own
    /// token, which counts as each program's.
    pub client: Option<&'a str>,
}

impl Registry {
    /// Registers a definition, read from the store.
    pub fn register(&mut self, namespace: &str, name: &str, definition: Definition) {
        let names = self.registered.entry(namespace.into()).or_default();
        names.insert(name.into(), definition);
    }

    /// The definition of a property.
    pub fn find(&self, namespace: &str, name: &str) -> Option<&Definition> {
        let predefined = PREDEFINED.get(namespace).and_then(|names| names.get(name));
        predefined.or_else(|| self.registered.get(namespace)?.get(name))
    }

    /// Whether a namespace is LiveChat's own: nobody registers anything there.
    pub fn is_predefined(namespace: &str) -> bool {
        PREDEFINED.contains_key(namespace)
    }

    /// The definitions of a namespace.
    pub fn of_namespace(&self, namespace: &str) -> BTreeMap<&str, &Definition> {
        let predefined = PREDEFINED.get(namespace).into_iter().flatten();
        let registered = self.registered.get(namespace).into_iter().flatten();
        predefined.chain(registered).map(|(name, definition)| (name.as_str(), definition)).collect()
    }

    /// Every definition with its namespace and name.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str, &Definition)> {
        let predefined = PREDEFINED.iter().flat_map(|(namespace, names)| {
            names.iter().map(move |(name, of)| (namespace.as_str(), name.as_str(), of))
        });
        let registered = self.registered.iter().flat_map(|(namespace, names)| {
            names.iter().map(move |(name, of)| (namespace.as_str(), name.as_str(), of))
        });
        predefined.chain(registered)
    }

    /// Whether somebody may do this with a property that stands so.
    pub fn allows(
        &self,
        rights: Rights<'_>,
        place: PropertyPlace,
        namespace: &str,
        name: &str,
        right: Right,
    ) -> bool {
        self.find(namespace, name).is_some_and(|definition| {
            definition.allows(place, rights.user, right)
                && is_open(definition, rights, namespace, right)
        })
    }

    /// Checks that values may be set where they are to stand. `field` is where they are in the request.
    pub fn check_set(
        &self,
        rights: Rights<'_>,
        place: PropertyPlace,
        set: &Properties,
        field: &str,
    ) -> Result<(), Failure> {
        for (namespace, names) in &set.0 {
            for (name, value) in names {
                let field = format!("{field}.{namespace}.{name}");
                let definition = self.writable(rights, place, namespace, name, &field)?;
                if let Some(problem) = definition.problem_of(value) {
                    return Err(Failure::field(&field, problem));
                }
            }
        }
        Ok(())
    }

    /// Checks that these may be removed where they stand.
    pub fn check_delete(
        &self,
        rights: Rights<'_>,
        place: PropertyPlace,
        names: &BTreeMap<String, Vec<String>>,
        field: &str,
    ) -> Result<(), Failure> {
        for (namespace, names) in names {
            for name in names {
                let field = format!("{field}.{namespace}.{name}");
                self.writable(rights, place, namespace, name, &field)?;
            }
        }
        Ok(())
    }

    fn writable(
        &self,
        rights: Rights<'_>,
        place: PropertyPlace,
        namespace: &str,
        name: &str,
        field: &str,
    ) -> Result<&Definition, Failure> {
        let definition = self.find(namespace, name).ok_or_else(|| {
            Failure::field(field, "is not registered: register_property makes it known")
        })?;
        if !definition.stands_on(place) {
            return Err(Failure::field(
                field,
                format!("cannot stand on {}", place_in_words(place)),
            ));
        }
        let may = definition.allows(place, rights.user, Right::Write)
            && is_open(definition, rights, namespace, Right::Write);
        if may {
            return Ok(definition);
        }
        let mut failure = Failure::field(field, "may not be written by you");
        failure.error_type = ErrorType::Authorization;
        Err(failure)
    }
}

/// Whether a program may use a definition at all: it is its own, or published, or LiveChat's. Customers act by no program
/// of their own: for them the owner's word on customers counts.
fn is_open(definition: &Definition, rights: Rights<'_>, namespace: &str, right: Right) -> bool {
    let is_own = rights.client.is_none_or(|client| client == namespace);
    is_own
        || rights.user == User::Customer
        || PREDEFINED.contains_key(namespace)
        || definition.public_access.contains(&right)
}

fn place_in_words(place: PropertyPlace) -> &'static str {
    match place {
        PropertyPlace::Chat => "a chat",
        PropertyPlace::Thread => "a thread",
        PropertyPlace::Event => "an event",
        PropertyPlace::Group => "a group",
        PropertyPlace::License => "the license",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const AGENT: Rights<'static> = Rights { user: User::Agent, client: Some("crm") };
    const CUSTOMER: Rights<'static> = Rights { user: User::Customer, client: Some("channel") };

    fn definition(value: Value) -> Definition {
        serde_json::from_value(value).expect("a good definition")
    }

    fn one(namespace: &str, name: &str, value: Value) -> Properties {
        let mut properties = Properties::default();
        properties.set(namespace, name, value);
        properties
    }

    #[test]
    fn the_predefined_ones_are_read_and_are_what_was_published() {
        assert_eq!(PREDEFINED.len(), 14);
        let registry = Registry::default();
        let may = |rights, place, namespace, name, right| {
            registry.allows(rights, place, namespace, name, right)
        };
        use PropertyPlace::{Chat, Event, License, Thread};
        assert!(may(CUSTOMER, Thread, "rating", "score", Right::Write));
        assert!(!may(AGENT, Thread, "rating", "score", Right::Write));
        assert!(may(AGENT, Chat, "routing", "pinned", Right::Write));
        assert!(!may(AGENT, Thread, "routing", "pinned", Right::Write));
        assert!(!may(CUSTOMER, Thread, "routing", "ignore_bots", Right::Read));
        assert!(may(CUSTOMER, Thread, "routing", "ignore_bots", Right::Write));
        assert!(may(CUSTOMER, License, "test", "tokenized_string_property", Right::Write));
        assert!(!may(AGENT, Event, "chats", "nothing", Right::Read));
        for (namespace, name, definition) in registry.all() {
            assert!(!definition.access.is_empty(), "{namespace}.{name} stands nowhere");
            assert!(definition.public_access.is_empty() && definition.default_value.is_none());
            for value in definition.domain.iter().flatten() {
                assert_eq!(definition.problem_of(value), None, "{namespace}.{name}");
            }
        }
    }

    #[test]
    fn a_private_property_is_its_owners_until_it_is_published() {
        let mut registry = Registry::default();
        let mut order = definition(json!({ "type": "int",
            "access": { "chat": { "agent": ["read", "write"], "customer": ["write"] } } }));
        registry.register("crm", "order", order.clone());
        let set = one("crm", "order", json!(1));
        let check = |registry: &Registry, rights| {
            registry.check_set(rights, PropertyPlace::Chat, &set, "properties").is_ok()
        };
        let shop = Rights { user: User::Agent, client: Some("shop") };
        let person = Rights { user: User::Agent, client: None };
        assert!(check(&registry, AGENT) && check(&registry, person) && check(&registry, CUSTOMER));
        assert!(!check(&registry, shop));
        order.public_access.insert(Right::Read);
        registry.register("crm", "order", order.clone());
        assert!(!check(&registry, shop), "it may be read only");
        order.public_access.insert(Right::Write);
        registry.register("crm", "order", order);
        assert!(check(&registry, shop));
        let elsewhere = registry.check_set(AGENT, PropertyPlace::Thread, &set, "properties");
        assert_eq!(elsewhere.expect_err("it stands on chats").error_type, ErrorType::Validation);
    }

    #[test]
    fn nobody_takes_a_predefined_name() {
        let mut registry = Registry::default();
        let mine =
            definition(json!({ "type": "string", "access": { "chat": { "agent": ["write"] } } }));
        registry.register("rating", "score", mine);
        let score = registry.find("rating", "score").expect("it is there");
        assert_eq!(score.kind, PropertyType::Int);
    }

    fn values() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<i64>().prop_map(Value::from),
            (-20..20_i64).prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
            Just(Value::Null),
            Just(json!([1])),
            Just(json!(1.5)),
        ]
    }

    proptest! {
        /// What is let through has the type, lies in the range, and is of the domain; and nothing else is refused.
        #[test]
        fn a_value_is_let_through_when_it_fits(
            kind in prop::sample::select(vec!["int", "string", "bool", "tokenized_string"]),
            range in prop::option::of((-10..10_i64, -10..10_i64)),
            domain in prop::option::of(prop::collection::vec(values(), 1..4)),
            value in values(),
        ) {
            let mut described = definition(json!({ "type": kind, "access": {} }));
            described.domain = domain.clone();
            described.range = range.map(|(from, to)| Range { from: Some(from), to: Some(to) });
            let has_type = match kind {
                "int" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
                "bool" => value.is_boolean(),
                _ => value.is_string(),
            };
            let in_range = match (range, value.as_i64()) {
                (Some((from, to)), Some(number)) => from <= number && number <= to,
                _ => true,
            };
            let in_domain = domain.is_none_or(|domain| domain.contains(&value));
            prop_assert_eq!(described.problem_of(&value).is_none(), has_type && in_range && in_domain);
        }
    }
}
