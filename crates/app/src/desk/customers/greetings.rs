//! Greetings that visitors may see: kept, and chosen for a page.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tidings_model::{GroupNumber, Timestamp, WorkspaceId};
use tidings_store::{Batch, CommitError, Delete, DocKey, Kind, Put, Version};

use crate::App;
use crate::admin::told::told;
use crate::desk::find::unreadable;
use crate::desk::{Actor, ErrorType, Failure};
use crate::directory::all_of;
use crate::pipeline::scene::{Seen, seen};
use crate::pipeline::written::to_body;

/// The most greetings of a workspace: a page is held against all of them.
const GREETINGS_MAX: usize = 1_000;

/// How often a change is decided anew because somebody else made one meanwhile.
const CONFLICT_TRIES_MAX: usize = 10;

/// A greeting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Greeting {
    /// Its number.
    pub id: u64,
    /// `normal` or `announcement`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it is shown.
    pub active: bool,
    /// Not before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_from: Option<Timestamp>,
    /// Not after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_until: Option<Timestamp>,
    /// For people.
    pub name: String,
    /// The group whose visitors see it.
    pub group: GroupNumber,
    /// When it is shown.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// What else it carries.
    #[serde(default)]
    pub properties: Map<String, Value>,
    /// What it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rich_message: Option<Value>,
}

/// One condition of a greeting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Whether it must hold (`and`), or is one of which one must (`or`).
    pub condition: String,
    /// What it looks at.
    #[serde(rename = "type")]
    pub kind: String,
    /// How it compares.
    pub operator: String,
    /// With what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// With which pages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<Page>,
    /// With which session field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_field: Option<Value>,
}

/// A page of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// Its address, or a part of it.
    pub url: String,
    /// How it compares.
    #[serde(default)]
    pub operator: Option<String>,
}

/// A visitor on a page, as greetings look at them.
#[derive(Clone, Debug, Default)]
pub struct Looker<'a> {
    /// The page.
    pub url: &'a str,
    /// Where they came from.
    pub referrer: &'a str,
    /// Pages that they saw in this visit, this one too.
    pub pages: Vec<&'a str>,
    /// How many visits they made.
    pub visits: u64,
    /// How long this visit lasts, in seconds.
    pub seconds: u64,
    /// What is noted about their session.
    pub session_fields: &'a [Map<String, Value>],
}

impl Greeting {
    /// Whether it may be shown at a time, whatever its rules say.
    pub fn is_on(&self, now: Timestamp) -> bool {
        self.active
            && self.active_from.is_none_or(|from| from <= now)
            && self.active_until.is_none_or(|until| now < until)
    }

    /// Whether its rules hold: all with `and`, and one with `or` if there are such.
    pub fn fits(&self, looker: &Looker<'_>) -> bool {
        let (any, all): (Vec<&Rule>, Vec<&Rule>) =
            self.rules.iter().partition(|rule| rule.condition == "or");
        all.iter().all(|rule| rule.holds(looker))
            && (any.is_empty() || any.iter().any(|rule| rule.holds(looker)))
    }
}

impl Rule {
    fn holds(&self, looker: &Looker<'_>) -> bool {
        let value = self.value.as_deref().unwrap_or_default();
        let number = value.parse::<u64>().unwrap_or(0);
        let pages = || looker.pages.len() as u64;
        match self.kind.as_str() {
            "url_current" => compares(&self.operator, looker.url, value),
            "url_visited" => looker.pages.iter().any(|page| compares(&self.operator, page, value)),
            "url_funnel" => self.is_funnel(looker),
            "url_referrer" => compares(&self.operator, looker.referrer, value),
            "visit_time_site" | "visit_time_page" => counts(&self.operator, looker.seconds, number),
            "pages_view_number" | "url_match_page_view_number" => {
                counts(&self.operator, pages(), number)
            }
            "visits_number" => counts(&self.operator, looker.visits, number),
            "custom_variable" => self.has_field(looker),
            // A search word, an advertisement and a place are not known here: a rule that asks for them does not hold.
            _ => false,
        }
    }

    /// The pages, one after the other, ended here.
    fn is_funnel(&self, looker: &Looker<'_>) -> bool {
        let start = looker.pages.len().checked_sub(self.urls.len());
        let last = start.and_then(|start| looker.pages.get(start..)).unwrap_or_default();
        !self.urls.is_empty()
            && last.len() == self.urls.len()
            && self.urls.iter().zip(last).all(|(wanted, page)| {
                compares(wanted.operator.as_deref().unwrap_or("contains"), page, &wanted.url)
            })
    }

    fn has_field(&self, looker: &Looker<'_>) -> bool {
        let wanted = self.session_field.as_ref().and_then(Value::as_object);
        let Some(wanted) = wanted else { return false };
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        wanted.iter().all(|(name, value)| {
            let values = looker.session_fields.iter().filter_map(|field| field.get(name));
            values.into_iter().any(|is| compares(&self.operator, &text(is), &text(value)))
        })
    }
}

/// Whether a text compares with another. The vendor's words: `equals`, `not_equals`, `contains`, `not_contains`.
fn compares(operator: &str, text: &str, with: &str) -> bool {
    let (text, with) = (text.to_lowercase(), with.to_lowercase());
    match operator {
        "equals" | "exact" | "=" => text == with,
        "not_equals" | "does_not_equal" => text != with,
        "not_contains" | "does_not_contain" => !text.contains(&with),
        "starts_with" => text.starts_with(&with),
        "ends_with" => text.ends_with(&with),
        _ => text.contains(&with),
    }
}

/// Whether a number compares with another; at least, unless said otherwise: what is counted only rises.
fn counts(operator: &str, number: u64, with: u64) -> bool {
    match operator {
        "equals" | "=" => number == with,
        "less_than" | "<" => number < with,
        "greater_than" | ">" => number > with,
        _ => number >= with,
    }
}

/// What is said of a greeting. What is left out stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Said {
    /// Its number.
    pub id: u64,
    #[serde(rename = "type")]
    kind: Option<String>,
    active: Option<bool>,
    active_from: Option<Timestamp>,
    active_until: Option<Timestamp>,
    name: Option<String>,
    group: Option<GroupNumber>,
    rules: Option<Vec<Rule>>,
    properties: Option<Map<String, Value>>,
    rich_message: Option<Value>,
}

fn apply(greeting: &mut Greeting, said: &Said) {
    if let Some(kind) = &said.kind {
        greeting.kind.clone_from(kind);
    }
    greeting.active = said.active.unwrap_or(greeting.active);
    greeting.active_from = said.active_from.or(greeting.active_from);
    greeting.active_until = said.active_until.or(greeting.active_until);
    if let Some(name) = &said.name {
        greeting.name.clone_from(name);
    }
    greeting.group = said.group.unwrap_or(greeting.group);
    if let Some(rules) = &said.rules {
        greeting.rules.clone_from(rules);
    }
    if let Some(properties) = &said.properties {
        greeting.properties.clone_from(properties);
    }
    if said.rich_message.is_some() {
        greeting.rich_message.clone_from(&said.rich_message);
    }
}

fn key(id: u64) -> DocKey {
    // Twenty digits hold every number, and sort.
    DocKey::new(Kind::Greeting, format!("{id:020}"))
}

/// All greetings, by number.
pub async fn all(app: &App, workspace: WorkspaceId) -> Result<Vec<Greeting>, Failure> {
    let mut all: Vec<Greeting> =
        all_of(app.store.as_ref(), workspace, Kind::Greeting).await.map_err(unreadable)?;
    all.sort_by_key(|greeting| greeting.id);
    Ok(all)
}

/// `create_greeting`.
pub async fn create(app: &App, actor: &Actor, said: &Said) -> Result<Value, Failure> {
    for _ in 0..CONFLICT_TRIES_MAX {
        let known = all(app, actor.workspace).await?;
        if known.len() >= GREETINGS_MAX {
            return Err(Failure::new(
                ErrorType::LimitReached,
                format!("a workspace has at most {GREETINGS_MAX} greetings"),
            ));
        }
        let mut greeting = Greeting {
            id: known.last().map_or(1, |last| last.id + 1),
            kind: "normal".into(),
            active: true,
            active_from: None,
            active_until: None,
            name: String::new(),
            group: GroupNumber::EVERYONE,
            rules: Vec::new(),
            properties: Map::new(),
            rich_message: None,
        };
        apply(&mut greeting, said);
        if write(app, actor, &greeting, Version::ABSENT, "greeting.created").await? {
            return Ok(json!({ "id": greeting.id }));
        }
    }
    Err(Failure::new(ErrorType::ServiceUnavailable, "greetings change too fast; try again"))
}

/// `update_greeting`.
pub async fn update(app: &App, actor: &Actor, said: &Said) -> Result<Value, Failure> {
    for _ in 0..CONFLICT_TRIES_MAX {
        let found = find(app, actor.workspace, said.id).await?;
        let mut greeting = found.value;
        apply(&mut greeting, said);
        if write(app, actor, &greeting, found.version, "greeting.updated").await? {
            return Ok(json!({}));
        }
    }
    Err(Failure::new(ErrorType::ServiceUnavailable, "the greeting changes too fast; try again"))
}

/// Whether it was written; not, when somebody else was faster.
async fn write(
    app: &App,
    actor: &Actor,
    greeting: &Greeting,
    expected: Version,
    event_type: &str,
) -> Result<bool, Failure> {
    let directory = app.directory(actor.workspace);
    if directory.is_some_and(|directory| directory.group(greeting.group).is_none()) {
        return Err(Failure::new(ErrorType::GroupNotFound, "there is no such group"));
    }
    let mut batch = Batch::new(actor.workspace);
    batch.puts.push(Put {
        key: key(greeting.id),
        expected: Some(expected),
        body: to_body(greeting),
        index: Vec::new(),
    });
    let data = json!({ "greeting": greeting.id, "name": greeting.name });
    batch.events.push(told(app, actor.workspace, Some(&actor.author()), event_type, data));
    match app.commit(batch).await {
        Ok(_) => Ok(true),
        Err(CommitError::Conflict { .. }) => Ok(false),
        Err(error) => Err(crate::desk::change::unwritable(app, actor, error).await),
    }
}

async fn find(app: &App, workspace: WorkspaceId, id: u64) -> Result<Seen<Greeting>, Failure> {
    let found = app.store().document(workspace, &key(id)).await.map_err(unreadable)?;
    let found = found.ok_or_else(|| Failure::from(ErrorType::GreetingNotFound))?;
    seen(found).map_err(unreadable)
}

/// `delete_greeting`.
pub async fn delete(app: &App, actor: &Actor, id: u64) -> Result<Value, Failure> {
    let found = find(app, actor.workspace, id).await?;
    let mut batch = Batch::new(actor.workspace);
    batch.deletes.push(Delete { key: key(id), expected: Some(found.version) });
    let data = json!({ "greeting": id, "name": found.value.name });
    batch.events.push(told(app, actor.workspace, Some(&actor.author()), "greeting.deleted", data));
    match app.commit(batch).await {
        Ok(_) => Ok(json!({})),
        Err(error) => Err(crate::desk::change::unwritable(app, actor, error).await),
    }
}

/// `get_greeting`.
pub async fn get(app: &App, actor: &Actor, id: u64) -> Result<Value, Failure> {
    Ok(to_body(&find(app, actor.workspace, id).await?.value))
}

/// `list_greetings`: a page of those of some groups.
pub async fn list(
    app: &App,
    actor: &Actor,
    groups: Option<&[u32]>,
    after: Option<&str>,
    limit: usize,
) -> Result<Value, Failure> {
    let after = after
        .map(|page| {
            page.parse::<u64>().map_err(|_| Failure::field("page_id", "is not one of ours"))
        })
        .transpose()?
        .unwrap_or(0);
    let all = all(app, actor.workspace).await?;
    let of_groups: Vec<Greeting> = all
        .into_iter()
        .filter(|greeting| groups.is_none_or(|groups| groups.contains(&greeting.group.0)))
        .collect();
    let total = of_groups.len();
    let mut page: Vec<Greeting> =
        of_groups.into_iter().filter(|greeting| greeting.id > after).take(limit + 1).collect();
    let goes_on = page.len() > limit;
    page.truncate(limit);
    let last = page.last().map(|greeting| greeting.id.to_string());
    let mut answer = json!({ "greetings": page, "total_greetings": total });
    if let (true, Some(last), Some(answer)) = (goes_on, last, answer.as_object_mut()) {
        answer.insert("next_page_id".into(), last.into());
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(value: Value) -> Rule {
        serde_json::from_value(value).expect("the rule reads")
    }

    #[test]
    fn all_of_and_one_of_or_must_hold() {
        let greeting = Greeting {
            id: 1,
            kind: "normal".into(),
            active: true,
            active_from: None,
            active_until: None,
            name: "Prices".into(),
            group: GroupNumber::EVERYONE,
            rules: vec![
                rule(
                    json!({ "condition": "and", "type": "url_current", "operator": "contains", "value": "/prices" }),
                ),
                rule(
                    json!({ "condition": "or", "type": "visits_number", "operator": "greater_than", "value": "3" }),
                ),
                rule(
                    json!({ "condition": "or", "type": "visit_time_site", "operator": "at_least", "value": "15" }),
                ),
            ],
            properties: Map::new(),
            rich_message: None,
        };
        let looker = |url, visits, seconds| Looker { url, visits, seconds, ..Looker::default() };
        assert!(greeting.fits(&looker("https://a.example/prices", 1, 15)));
        assert!(greeting.fits(&looker("https://a.example/prices", 4, 0)));
        assert!(!greeting.fits(&looker("https://a.example/prices", 3, 14)));
        assert!(!greeting.fits(&looker("https://a.example/", 4, 20)));
    }

    #[test]
    fn a_funnel_is_the_last_pages_in_order() {
        let rule = rule(json!({ "condition": "and", "type": "url_funnel", "operator": "contains",
            "urls": [{ "url": "/cart" }, { "url": "/pay", "operator": "ends_with" }] }));
        let looker = |pages| Looker { pages, ..Looker::default() };
        assert!(rule.holds(&looker(vec!["/", "/cart", "/pay"])));
        assert!(!rule.holds(&looker(vec!["/cart", "/", "/pay"])));
        assert!(!rule.holds(&looker(vec!["/pay"])));
    }
}
