//! Greetings that visitors may see, as they are kept. [`super::rules`] are their conditions, [`super::greet`] chooses.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tidings_model::{GroupNumber, Timestamp, WorkspaceId};
use tidings_store::{Batch, CommitError, Delete, DocKey, Kind};

use super::rules::Rule;
use crate::App;
use crate::admin::told::told;
use crate::desk::find::unreadable;
use crate::desk::{Actor, ErrorType, Failure};
use crate::directory::all_of;
use crate::pipeline::scene::{Seen, seen};
use crate::pipeline::written::to_value;

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

impl Greeting {
    /// Whether it may be shown at a time, whatever its rules say.
    pub fn is_on(&self, now: Timestamp) -> bool {
        self.active
            && self.active_from.is_none_or(|from| from <= now)
            && self.active_until.is_none_or(|until| now < until)
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
        let greeting = Seen::absent(greeting);
        if write(app, actor, &greeting, "greeting.created").await? {
            return Ok(json!({ "id": greeting.value.id }));
        }
    }
    Err(Failure::new(ErrorType::ServiceUnavailable, "greetings change too fast; try again"))
}

/// `update_greeting`.
pub async fn update(app: &App, actor: &Actor, said: &Said) -> Result<Value, Failure> {
    for _ in 0..CONFLICT_TRIES_MAX {
        let mut found = find(app, actor.workspace, said.id).await?;
        apply(&mut found.value, said);
        if write(app, actor, &found, "greeting.updated").await? {
            return Ok(json!({}));
        }
    }
    Err(Failure::new(ErrorType::ServiceUnavailable, "the greeting changes too fast; try again"))
}

/// Whether it was written; not, when somebody else was faster.
async fn write(
    app: &App,
    actor: &Actor,
    written: &Seen<Greeting>,
    event_type: &str,
) -> Result<bool, Failure> {
    let greeting = &written.value;
    let directory = app.directory(actor.workspace);
    if directory.is_some_and(|directory| directory.group(greeting.group).is_none()) {
        return Err(Failure::new(ErrorType::GroupNotFound, "there is no such group"));
    }
    let mut batch = Batch::new(actor.workspace);
    batch.puts.push(written.put(key(greeting.id), Vec::new()));
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
    Ok(to_value(&find(app, actor.workspace, id).await?.value))
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
