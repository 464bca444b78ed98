//! Finding records: by what their fields are, sorted, the first so many.
//!
//! A condition that wants one plain value is looked up in the index; the rest is asked of what that gives. How much is
//! looked at is bounded, and who asks for more is told.

use serde::Deserialize;
use serde_json::{Map, Value};
use tidings_model::{Record, RecordType, WorkspaceId};
use tidings_store::{Document, DocumentQuery, Kind, ReadError, Scan};

use super::noun::{Noun, all_groups};
use super::{RecordError, field_entry, is_no_noun};
use crate::App;
use crate::pipeline::scene::seen;
use crate::pipeline::written::to_value;

/// How many records are given at most.
pub const FOUND_MAX: usize = 100;

/// How many are given unless somebody says.
pub const FOUND: usize = 20;

/// How many records are looked at for one search.
pub const LOOKED_AT_MAX: usize = 10_000;

/// How many records are read at once.
const PAGE: usize = 500;

/// What is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordQuery {
    /// Of which type.
    pub record_type: RecordType,
    /// What each field must be: a value, or a mapping of `not`, `in`, `gt`, `gte`, `lt`, `lte`, `contains`, `exists`.
    pub wanted: Map<String, Value>,
    /// By which fields, the first first; one that begins with `-` is turned round.
    pub sort: Vec<String>,
    /// At most so many.
    pub limit: usize,
}

/// What a field must be.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wanted {
    #[serde(deserialize_with = "some")]
    not: Option<Value>,
    #[serde(rename = "in")]
    one_of: Option<Vec<Value>>,
    gt: Option<Value>,
    gte: Option<Value>,
    lt: Option<Value>,
    lte: Option<Value>,
    contains: Option<Value>,
    exists: Option<bool>,
}

/// Null is a value here.
fn some<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

enum Condition {
    Is(Value),
    Wanted(Box<Wanted>),
}

/// The records that are as wanted.
pub async fn find(
    app: &App,
    workspace: WorkspaceId,
    query: &RecordQuery,
) -> Result<Vec<Record>, RecordError> {
    is_no_noun(&query.record_type)?;
    let search = Search::new(app, workspace, query)?;
    let mut found = Vec::new();
    search.records(|record| search.takes(&mut found, record)).await?;
    Ok(search.first(found))
}

/// What is as wanted, as a behavior sees it: records, or what chats, customers, agents, groups and bots are.
pub async fn find_any(
    app: &App,
    workspace: WorkspaceId,
    query: &RecordQuery,
) -> Result<Vec<Map<String, Value>>, RecordError> {
    let Some(noun) = Noun::named(query.record_type.as_str()) else {
        let found = find(app, workspace, query).await?;
        return Ok(found.into_iter().map(shown).collect());
    };
    let search = Search::new(app, workspace, query)?;
    let mut found = Vec::new();
    search.nouns(noun, |one| search.takes(&mut found, one)).await?;
    Ok(search.first(found))
}

/// How many are as wanted.
pub async fn count_any(
    app: &App,
    workspace: WorkspaceId,
    query: &RecordQuery,
) -> Result<usize, RecordError> {
    let search = Search::new(app, workspace, query)?;
    let mut count = 0;
    match Noun::named(query.record_type.as_str()) {
        Some(noun) => {
            search
                .nouns(noun, |_| {
                    count += 1;
                    false
                })
                .await?;
        }
        None => {
            search
                .records(|_| {
                    count += 1;
                    false
                })
                .await?;
        }
    }
    Ok(count)
}

/// A record as a behavior sees it: its fields, and what every record has.
pub fn shown(record: Record) -> Map<String, Value> {
    let mut fields = record.fields;
    fields.insert("id".into(), to_value(&record.id));
    fields.insert("record_type".into(), to_value(&record.record_type));
    fields.insert("created_at".into(), to_value(&record.created_at));
    fields.insert("updated_at".into(), to_value(&record.updated_at));
    fields
}

/// What has fields to be found by.
trait Fields {
    /// A field; null where there is none.
    fn field(&self, name: &str) -> Value;
}

impl Fields for Record {
    fn field(&self, name: &str) -> Value {
        match name {
            "id" => self.id.to_string().into(),
            "created_at" => self.created_at.to_string().into(),
            "updated_at" => self.updated_at.to_string().into(),
            name => self.fields.field(name),
        }
    }
}

impl Fields for Map<String, Value> {
    fn field(&self, name: &str) -> Value {
        // A name with dots goes into a field's own fields.
        let mut names = name.split('.');
        let first = names.next().and_then(|first| self.get(first));
        names.fold(first, |value, name| value?.get(name)).cloned().unwrap_or_default()
    }
}

/// One search.
struct Search<'a> {
    app: &'a App,
    workspace: WorkspaceId,
    conditions: Vec<(&'a str, Condition)>,
    query: &'a RecordQuery,
}

impl<'a> Search<'a> {
    fn new(
        app: &'a App,
        workspace: WorkspaceId,
        query: &'a RecordQuery,
    ) -> Result<Self, RecordError> {
        Ok(Self { app, workspace, conditions: conditions(&query.wanted)?, query })
    }

    /// Goes through the records that are wanted, until `take` has enough.
    async fn records(&self, take: impl FnMut(Record) -> bool) -> Result<(), RecordError> {
        let record_type = &self.query.record_type;
        let by_index = self
            .conditions
            .iter()
            .find_map(|(name, condition)| field_entry(record_type, name, condition.is()?));
        let scan = match by_index {
            Some(value) => Scan::EqualNewest { name: "field", value },
            None => Scan::EqualNewest { name: "type", value: record_type.to_string() },
        };
        let read = |document| {
            let record = seen::<Record>(document)?.value;
            Ok((record.record_type == *record_type).then_some(record))
        };
        self.through(Kind::Record, scan, read, take).await
    }

    /// The same for what is no record.
    async fn nouns(
        &self,
        noun: Noun,
        mut take: impl FnMut(Map<String, Value>) -> bool,
    ) -> Result<(), RecordError> {
        if noun == Noun::Group {
            let all = all_groups(self.app, self.workspace).await?;
            all.into_iter().filter(|one| self.wants(one)).for_each(|one| {
                take(one);
            });
            return Ok(());
        }
        let scan = noun.scan(|name| {
            let wanted = self.conditions.iter().find(|(known, _)| *known == name)?;
            wanted.1.is()?.as_str()
        });
        self.through(noun.kind(), scan, |document| noun.shown(document).map(Some), take).await
    }

    /// Looks through the documents of a scan; `read` makes of each what is looked for, if it is that.
    async fn through<T: Fields>(
        &self,
        kind: Kind,
        scan: Scan,
        read: impl Fn(Document) -> Result<Option<T>, ReadError>,
        mut take: impl FnMut(T) -> bool,
    ) -> Result<(), RecordError> {
        let (mut after, mut looked_at) = (None, 0);
        loop {
            let asked = DocumentQuery { kind, scan: scan.clone(), after, limit: PAGE };
            let page = self.app.store.documents(self.workspace, asked).await?;
            looked_at += page.documents.len();
            for document in page.documents {
                if let Some(one) = read(document)?
                    && self.wants(&one)
                    && take(one)
                {
                    return Ok(());
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
            if looked_at >= LOOKED_AT_MAX {
                let problem = format!(
                    "more than {LOOKED_AT_MAX} would have to be looked at: name the value of a field"
                );
                return Err(RecordError::invalid("/where", problem));
            }
        }
    }

    fn wants(&self, one: &impl Fields) -> bool {
        self.conditions.iter().all(|(name, wanted)| wanted.holds(one.field(name)))
    }

    /// Takes one more, and tells whether these are enough: unsorted, the newest come first, and no more need to be looked at.
    /// Sorted, no more than twice as many as are wanted are kept.
    fn takes<T: Fields>(&self, found: &mut Vec<T>, one: T) -> bool {
        found.push(one);
        if !self.query.sort.is_empty() && found.len() >= 2 * self.limit() {
            *found = self.first(std::mem::take(found));
        }
        self.query.sort.is_empty() && found.len() >= self.limit()
    }

    fn limit(&self) -> usize {
        self.query.limit.clamp(1, FOUND_MAX)
    }

    /// Sorted as asked, the first so many.
    fn first<T: Fields>(&self, mut found: Vec<T>) -> Vec<T> {
        for by in self.query.sort.iter().rev() {
            let (name, turned) =
                by.strip_prefix('-').map_or((by.as_str(), false), |name| (name, true));
            found.sort_by(|one, other| {
                let order = compare(&one.field(name), &other.field(name));
                if turned { order.reverse() } else { order }
            });
        }
        found.truncate(self.limit());
        found
    }
}

fn conditions(wanted: &Map<String, Value>) -> Result<Vec<(&str, Condition)>, RecordError> {
    let read = |(name, value): (&'_ String, &Value)| match value {
        Value::Object(_) => Wanted::deserialize(value)
            .map(|wanted| Condition::Wanted(Box::new(wanted)))
            .map_err(|error| RecordError::invalid(format!("/where/{name}"), error.to_string())),
        other @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)) => Ok(Condition::Is(other.clone())),
    };
    wanted.iter().map(|(name, value)| Ok((name.as_str(), read((name, value))?))).collect()
}

impl Condition {
    /// The one value that is wanted, if it is one.
    const fn is(&self) -> Option<&Value> {
        match self {
            Self::Is(value) => Some(value),
            Self::Wanted(_) => None,
        }
    }

    fn holds(&self, value: Value) -> bool {
        match self {
            Self::Is(wanted) => value == *wanted,
            Self::Wanted(wanted) => wanted.holds(&value),
        }
    }
}

impl Wanted {
    fn holds(&self, value: &Value) -> bool {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let against = |bound: &Option<Value>, orders: &[std::cmp::Ordering]| {
            bound.as_ref().is_none_or(|bound| {
                !value.is_null()
                    && bound.is_number() == value.is_number()
                    && orders.contains(&compare(value, bound))
            })
        };
        self.not.as_ref().is_none_or(|not| value != not)
            && self.one_of.as_ref().is_none_or(|one_of| one_of.contains(value))
            && self.exists.is_none_or(|exists| exists != value.is_null())
            && self.contains.as_ref().is_none_or(|part| contains(value, part))
            && against(&self.gt, &[Greater])
            && against(&self.gte, &[Greater, Equal])
            && against(&self.lt, &[Less])
            && against(&self.lte, &[Less, Equal])
    }
}

/// A text contains a text in any case; a list contains a value.
fn contains(value: &Value, part: &Value) -> bool {
    match (value, part) {
        (Value::String(text), Value::String(part)) => {
            text.to_lowercase().contains(&part.to_lowercase())
        }
        (Value::Array(items), part) => items.contains(part),
        _ => false,
    }
}

/// Nothing comes first, then truths, numbers, and texts by their letters.
fn compare(one: &Value, other: &Value) -> std::cmp::Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) | Value::Object(_) => 4,
    };
    match (one, other) {
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        (Value::Number(one), Value::Number(other)) => {
            one.as_f64().unwrap_or_default().total_cmp(&other.as_f64().unwrap_or_default())
        }
        (Value::String(one), Value::String(other)) => one.cmp(other),
        _ => rank(one).cmp(&rank(other)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn conditions_hold_of_what_they_say() {
        let holds = |condition: Value, value: Value| {
            let wanted = json!({ "x": condition });
            let wanted = wanted.as_object().cloned().unwrap_or_default();
            conditions(&wanted).expect("good").iter().all(|(_, one)| one.holds(value.clone()))
        };
        assert!(holds(json!("open"), json!("open")) && !holds(json!("open"), json!("done")));
        assert!(holds(json!({"not": null}), json!(1)) && !holds(json!({"not": null}), Value::Null));
        assert!(holds(json!({"in": [1, 2]}), json!(2)) && !holds(json!({"in": [1, 2]}), json!(3)));
        assert!(holds(json!({"gt": 1, "lte": 3}), json!(3)) && !holds(json!({"gt": 1}), json!(1)));
        assert!(!holds(json!({"gt": 1}), json!("two")), "a text is not above a number");
        assert!(holds(json!({"contains": "PIZ"}), json!("a pizza")));
        assert!(holds(json!({"contains": "vip"}), json!(["new", "vip"])));
        assert!(
            holds(json!({"exists": false}), Value::Null)
                && !holds(json!({"exists": true}), Value::Null)
        );
    }

    #[test]
    fn an_unknown_condition_is_told() {
        let wanted = json!({ "age": { "above": 3 } }).as_object().cloned().unwrap_or_default();
        let told = conditions(&wanted).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(told.starts_with("/where/age: unknown field `above`"), "{told}");
    }
}
