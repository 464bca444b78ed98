//! Rules that give a chat to groups by where it begins: the first whose conditions all hold decides.
//!
//! The rules are one document, so that their order changes with them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tidings_model::{Geolocation, GroupNumber, WorkspaceId};
use tidings_store::{Batch, CommitError, DocKey, Kind, ReadError};
use url::Url;

use super::find::unreadable;
use super::{Actor, ErrorType, Failure};
use crate::App;
use crate::pipeline::scene::{Seen, seen};
use crate::pipeline::written::to_value;

/// The most rules of a workspace: each chat that begins is held against them.
const RULES_MAX: usize = 500;

/// How often a change is decided anew because the rules were changed meanwhile.
const CONFLICT_TRIES_MAX: usize = 10;

/// One rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// The groups that it gives chats to.
    pub access: Access,
    /// When it holds.
    #[serde(default)]
    pub conditions: Conditions,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// The groups that a rule gives chats to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Access {
    /// Their numbers.
    pub groups: BTreeSet<GroupNumber>,
}

/// When a rule holds: all that are there must.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Conditions {
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<Match>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<Match>,
    #[serde(skip_serializing_if = "Option::is_none")]
    geolocation: Option<Places>,
}

/// A text that must be one of some, and none of others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Match {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<OneText>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    exclude_values: Vec<OneText>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct OneText {
    value: String,
    #[serde(default)]
    exact_match: bool,
}

/// Places, of which the customer must be in one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Places {
    values: Vec<Place>,
}

/// A place, as exact as somebody said it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Place {
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<String>,
}

impl Match {
    fn holds(&self, text: Option<&str>) -> bool {
        let Some(text) = text else { return false };
        let is = |one: &OneText| {
            if one.exact_match {
                text.eq_ignore_ascii_case(&one.value)
            } else {
                text.to_lowercase().contains(&one.value.to_lowercase())
            }
        };
        let wanted = self.values.is_empty() || self.values.iter().any(is);
        wanted && !self.exclude_values.iter().any(is)
    }
}

impl Place {
    /// Whether a customer who is at `there` is at this place; what is not said of it may be anything.
    fn includes(&self, there: &Geolocation) -> bool {
        let same = |wanted: &Option<String>, is: &Option<String>| {
            wanted
                .as_ref()
                .is_none_or(|wanted| is.as_ref().is_some_and(|is| is.eq_ignore_ascii_case(wanted)))
        };
        same(&self.country, &there.country)
            && same(&self.country_code, &there.country_code)
            && same(&self.region, &there.region)
            && same(&self.city, &there.city)
    }
}

impl Conditions {
    fn hold(&self, page: Option<&str>, place: Option<&Geolocation>) -> bool {
        let host = page.and_then(|page| Url::parse(page).ok()?.host_str().map(str::to_owned));
        let url = self.url.as_ref().is_none_or(|url| url.holds(page));
        let domain = self.domain.as_ref().is_none_or(|domain| domain.holds(host.as_deref()));
        let at = |places: &Places| {
            place.is_some_and(|there| places.values.iter().any(|place| place.includes(there)))
        };
        url && domain && self.geolocation.as_ref().is_none_or(at)
    }

    fn is_empty(&self) -> bool {
        self.url.is_none() && self.domain.is_none() && self.geolocation.is_none()
    }
}

fn key() -> DocKey {
    DocKey::new(Kind::AutoAccess, "rules")
}

async fn rules(app: &App, workspace: WorkspaceId) -> Result<Seen<Vec<Rule>>, ReadError> {
    let found = app.store().document(workspace, &key()).await?;
    Ok(found.map(seen).transpose()?.unwrap_or(Seen::absent(Vec::new())))
}

/// The groups that a chat is given to which begins on a page; `None` when no rule holds.
pub async fn groups_for(
    app: &App,
    workspace: WorkspaceId,
    page: Option<&str>,
    place: Option<&Geolocation>,
) -> Result<Option<BTreeSet<GroupNumber>>, ReadError> {
    let rules = rules(app, workspace).await?.value;
    let rule = rules.into_iter().find(|rule| rule.conditions.hold(page, place));
    Ok(rule.map(|rule| rule.access.groups))
}

/// What is said of a rule. What is left out stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Said {
    /// The rule's id.
    pub id: String,
    access: Option<Access>,
    conditions: Option<Conditions>,
    description: Option<String>,
    /// The rule that comes after it; the end, unless given.
    next_id: Option<String>,
}

/// `add_auto_access`.
pub async fn add(app: &App, actor: &Actor, said: &Said) -> Result<Value, Failure> {
    let id = app.clock.next_id().simple().to_string();
    change(app, actor, &id, "added", |rules| {
        if rules.len() >= RULES_MAX {
            return Err(Failure::new(
                ErrorType::LimitReached,
                format!("a workspace has at most {RULES_MAX} rules"),
            ));
        }
        let access = said.access.clone();
        let rule = Rule {
            id: id.clone(),
            access: access.ok_or_else(|| Failure::field("access", "is missing"))?,
            conditions: said.conditions.clone().unwrap_or_default(),
            description: said.description.clone(),
        };
        insert(rules, rule, said.next_id.as_deref())
    })
    .await?;
    Ok(json!({ "id": id }))
}

/// `update_auto_access`: also moves it before another one.
pub async fn update(app: &App, actor: &Actor, said: &Said) -> Result<Value, Failure> {
    change(app, actor, &said.id, "updated", |rules| {
        let place = place_of(rules, &said.id)?;
        let mut rule = rules.remove(place);
        if let Some(access) = &said.access {
            rule.access = access.clone();
        }
        if let Some(conditions) = &said.conditions {
            rule.conditions = conditions.clone();
        }
        if said.description.is_some() {
            rule.description.clone_from(&said.description);
        }
        let next = match &said.next_id {
            Some(next) => Some(next.clone()),
            None => rules.get(place).map(|next| next.id.clone()),
        };
        insert(rules, rule, next.as_deref())
    })
    .await?;
    Ok(json!({}))
}

/// `delete_auto_access`.
pub async fn delete(app: &App, actor: &Actor, id: &str) -> Result<Value, Failure> {
    change(app, actor, id, "deleted", |rules| {
        let place = place_of(rules, id)?;
        rules.remove(place);
        Ok(())
    })
    .await?;
    Ok(json!({}))
}

/// `list_auto_accesses`: in their order.
pub async fn list(app: &App, actor: &Actor) -> Result<Value, Failure> {
    let rules = rules(app, actor.workspace).await.map_err(unreadable)?.value;
    Ok(shown(&rules).into_iter().map(Value::Object).collect())
}

fn shown(rules: &[Rule]) -> Vec<Map<String, Value>> {
    let next = rules.iter().skip(1).map(|rule| Some(&rule.id)).chain([None]);
    let with_next = |(rule, next): (&Rule, Option<&String>)| {
        let Value::Object(mut map) = to_value(rule) else { return Map::new() };
        if let Some(next) = next {
            map.insert("next_id".into(), json!(next));
        }
        map
    };
    rules.iter().zip(next).map(with_next).collect()
}

fn place_of(rules: &[Rule], id: &str) -> Result<usize, Failure> {
    let place = rules.iter().position(|rule| rule.id == id);
    place.ok_or_else(|| Failure::new(ErrorType::NotFound, format!("there is no rule {id:?}")))
}

fn insert(rules: &mut Vec<Rule>, rule: Rule, next: Option<&str>) -> Result<(), Failure> {
    if rule.access.groups.is_empty() {
        return Err(Failure::field("access.groups", "must name a group"));
    }
    if rule.conditions.is_empty() {
        return Err(Failure::field("conditions", "must have url, domain or geolocation"));
    }
    match next.filter(|next| !next.is_empty()) {
        None => rules.push(rule),
        Some(next) => {
            let place = place_of(rules, next)
                .map_err(|_| Failure::field("next_id", "is not the id of another rule"))?;
            rules.insert(place, rule);
        }
    }
    Ok(())
}

async fn change(
    app: &App,
    actor: &Actor,
    id: &str,
    status: &str,
    decide: impl Fn(&mut Vec<Rule>) -> Result<(), Failure> + Send + Sync,
) -> Result<(), Failure> {
    let directory = app.directory(actor.workspace);
    let directory = directory.ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
    for _ in 0..CONFLICT_TRIES_MAX {
        let mut found = rules(app, actor.workspace).await.map_err(unreadable)?;
        let after = &mut found.value;
        decide(after)?;
        let mut named = after.iter().flat_map(|rule| rule.access.groups.iter());
        if let Some(missing) = named.find(|number| directory.group(**number).is_none()) {
            return Err(Failure::field("access.groups", format!("there is no group {missing}")));
        }
        let rule = shown(after).into_iter().find(|rule| rule.get("id") == Some(&json!(id)));
        let mut data = json!({ "id": id, "status": status });
        if let (Some(data), Some(rule)) = (data.as_object_mut(), rule) {
            data.extend(rule);
        }
        let mut batch = Batch::new(actor.workspace);
        batch.puts.push(found.put(key(), Vec::new()));
        let data = json!({ "rules": [data] });
        batch.events.push(actor.tells(app, "auto_access.updated", data));
        actor.mark(app, &batch);
        match app.commit(batch).await {
            Ok(_) => return Ok(()),
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => return Err(super::change::unwritable(app, actor, error).await),
        }
    }
    Err(Failure::new(ErrorType::ServiceUnavailable, "the rules change too fast; try again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(value: Value) -> Conditions {
        serde_json::from_value(value).expect("the conditions read")
    }

    #[test]
    fn all_conditions_must_hold() {
        let shop = conditions(json!({
            "url": { "values": [{ "value": "/prices" }], "exclude_values": [{ "value": "test" }] },
            "domain": { "values": [{ "value": "shop.example", "exact_match": true }] },
        }));
        assert!(shop.hold(Some("https://shop.example/prices?x=1"), None));
        assert!(!shop.hold(Some("https://shop.example/about"), None));
        assert!(!shop.hold(Some("https://shop.example/prices/test"), None));
        assert!(!shop.hold(Some("https://www.shop.example/prices"), None), "only this host");
        assert!(!shop.hold(None, None));
    }

    #[test]
    fn a_place_may_be_as_wide_as_a_country() {
        let poland = conditions(json!({ "geolocation": { "values": [{ "country_code": "PL" }] } }));
        let there = Geolocation { country_code: Some("PL".into()), ..Geolocation::default() };
        assert!(poland.hold(None, Some(&there)));
        assert!(!poland.hold(None, Some(&Geolocation::default())));
        assert!(!poland.hold(None, None), "who knows where they are");
    }
}
