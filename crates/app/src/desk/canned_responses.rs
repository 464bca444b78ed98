//! Canned responses: texts that agents keep ready for what they are asked often.
//!
//! One belongs to a team, or to everybody, or is its author's alone. Each change is an event of the configuration.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidings_model::{GroupNumber, Timestamp, WorkspaceId};
use tidings_store::{Batch, CommitError, Delete, DocKey, Kind};
use tidings_wire::livechat::show::time;

use super::find::unreadable;
use super::look::page;
use super::{Actor, ErrorType, Failure};
use crate::App;
use crate::admin::told::told;
use crate::directory::all_of;
use crate::pipeline::scene::{Seen, seen};

/// The most canned responses of a workspace: a list of them looks at all.
pub const RESPONSES_MAX: usize = 2_000;

/// The longest tag of one, in characters: LiveChat's figure.
const TAG_CHARS_MAX: usize = 50;

/// How many a page has unless it is said: LiveChat's figure.
const LIMIT_DEFAULT: usize = 100;

/// How often a change is decided anew because somebody else made one meanwhile.
const CONFLICT_TRIES_MAX: usize = 10;

/// The list that its pages belong to.
const LIST: &str = "canned_responses";

/// A text that is kept ready.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct CannedResponse {
    id: u64,
    text: String,
    tags: Vec<String>,
    group: GroupNumber,
    is_private: bool,
    author: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl CannedResponse {
    /// As chat clients know it, and as its events tell of it.
    fn show(&self) -> Value {
        json!({
            "id": self.id, "text": self.text, "tags": self.tags, "group_id": self.group,
            "is_private": self.is_private, "author_id": self.author,
            "created_at": time(self.created_at), "updated_at": time(self.updated_at),
        })
    }

    fn is_seen_by(&self, actor: &Actor) -> bool {
        self.author == actor.id()
            || (!self.is_private
                && (self.is_of_team_of(actor) || actor.has_scope(&["canned_responses--all:ro"])))
    }

    fn is_of_team_of(&self, actor: &Actor) -> bool {
        self.group == GroupNumber::EVERYONE || actor.groups.contains(&self.group)
    }

    /// Takes over what is said.
    fn apply(&mut self, said: &Said, now: Timestamp) {
        if let Some(text) = &said.text {
            self.text.clone_from(text);
        }
        if let Some(tags) = &said.tags {
            self.tags.clone_from(tags);
        }
        self.group = said.group_id.unwrap_or(self.group);
        self.is_private = said.is_private.unwrap_or(self.is_private);
        self.updated_at = now;
    }
}

/// What is said of a canned response. What is left out stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Said {
    id: u64,
    text: Option<String>,
    tags: Option<Vec<String>>,
    group_id: Option<GroupNumber>,
    is_private: Option<bool>,
}

/// `create_canned_response`.
pub async fn create(app: &App, actor: &Actor, said: &Said) -> Result<Value, Failure> {
    check(said)?;
    for _ in 0..CONFLICT_TRIES_MAX {
        let known = all(app, actor.workspace).await?;
        if known.len() >= RESPONSES_MAX {
            return Err(Failure::new(
                ErrorType::LimitReached,
                format!("a workspace has at most {RESPONSES_MAX} canned responses"),
            ));
        }
        let now = app.now();
        let mut made = CannedResponse {
            id: known.last().map_or(1, |last| last.id + 1),
            text: String::new(),
            tags: Vec::new(),
            group: GroupNumber::EVERYONE,
            is_private: false,
            author: actor.id(),
            created_at: now,
            updated_at: now,
        };
        made.apply(said, now);
        let made = Seen::absent(made);
        if write(app, actor, &made, "canned_response.created").await? {
            return Ok(json!({ "id": made.value.id }));
        }
    }
    Err(too_fast())
}

/// `update_canned_response`.
pub async fn update(app: &App, actor: &Actor, said: &Said) -> Result<Value, Failure> {
    check(said)?;
    for _ in 0..CONFLICT_TRIES_MAX {
        let mut found = find(app, actor, said.id).await?;
        may_change(actor, &found.value)?;
        found.value.apply(said, app.now());
        if write(app, actor, &found, "canned_response.updated").await? {
            return Ok(json!({}));
        }
    }
    Err(too_fast())
}

/// `delete_canned_response`.
pub async fn delete(app: &App, actor: &Actor, id: u64) -> Result<Value, Failure> {
    let Seen { value: gone, version, .. } = find(app, actor, id).await?;
    may_change(actor, &gone)?;
    let mut batch = Batch::new(actor.workspace);
    batch.deletes.push(Delete { key: key(id), expected: Some(version) });
    let author = actor.author();
    let event_type = "canned_response.deleted";
    batch.events.push(told(app, actor.workspace, Some(&author), event_type, gone.show()));
    match app.commit(batch).await {
        Ok(_) => Ok(json!({})),
        Err(error) => Err(super::change::unwritable(app, actor, error).await),
    }
}

/// What of the list is asked for. It travels in the id of the next page.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Wanted {
    group_ids: Option<BTreeSet<GroupNumber>>,
    include_private: bool,
    limit: Option<usize>,
    after: u64,
}

/// `list_canned_responses`: a page of those that the agent sees, oldest first.
pub async fn list(
    app: &App,
    actor: &Actor,
    wanted: Wanted,
    page_id: Option<&str>,
) -> Result<Value, Failure> {
    let wanted = match page_id {
        Some(id) => page::read(app, actor.workspace, LIST, id)?,
        None => wanted,
    };
    let is_wanted = |response: &CannedResponse| {
        response.is_seen_by(actor)
            && (wanted.include_private || !response.is_private)
            && wanted.group_ids.as_ref().is_none_or(|groups| groups.contains(&response.group))
    };
    let mut listed = all(app, actor.workspace).await?;
    listed.retain(is_wanted);
    let total = listed.len();
    listed.retain(|response| response.id > wanted.after);
    let limit = wanted.limit.unwrap_or(LIMIT_DEFAULT);
    let goes_on = listed.len() > limit;
    listed.truncate(limit);
    let shown: Vec<Value> = listed.iter().map(CannedResponse::show).collect();
    let mut answer = json!({ "canned_responses": shown, "total_canned_responses": total });
    if let (true, Some(last), Some(answer)) = (goes_on, listed.last(), answer.as_object_mut()) {
        let next = Wanted { after: last.id, ..wanted };
        answer.insert("next_page_id".into(), page::write(app, actor.workspace, LIST, &next).into());
    }
    Ok(answer)
}

/// What the table of methods cannot say.
fn check(said: &Said) -> Result<(), Failure> {
    if said.text.as_ref().is_some_and(|text| text.trim().is_empty()) {
        return Err(Failure::field("text", "must not be empty"));
    }
    let is_good = |tag: &String| !tag.is_empty() && tag.chars().count() <= TAG_CHARS_MAX;
    if said.tags.as_ref().is_some_and(|tags| !tags.iter().all(is_good)) {
        return Err(Failure::field(
            "tags",
            format!("must be a list of texts of 1 to {TAG_CHARS_MAX} characters"),
        ));
    }
    Ok(())
}

fn may_change(actor: &Actor, response: &CannedResponse) -> Result<(), Failure> {
    let is_theirs = response.author == actor.id() || actor.groups.contains(&response.group);
    if is_theirs || actor.has_scope(&["canned_responses--all:rw"]) {
        return Ok(());
    }
    Err(Failure::new(
        ErrorType::Authorization,
        "the token may change its agent's own canned responses and those of their groups only: it needs the scope \
         canned_responses--all:rw",
    ))
}

/// All of them, by number.
async fn all(app: &App, workspace: WorkspaceId) -> Result<Vec<CannedResponse>, Failure> {
    let mut all: Vec<CannedResponse> =
        all_of(app.store.as_ref(), workspace, Kind::CannedResponse).await.map_err(unreadable)?;
    all.sort_by_key(|response| response.id);
    Ok(all)
}

async fn find(app: &App, actor: &Actor, id: u64) -> Result<Seen<CannedResponse>, Failure> {
    let missing = || Failure::new(ErrorType::NotFound, "there is no such canned response");
    let found = app.store().document(actor.workspace, &key(id)).await.map_err(unreadable)?;
    let found: Seen<CannedResponse> = seen(found.ok_or_else(missing)?).map_err(unreadable)?;
    if found.value.is_seen_by(actor) { Ok(found) } else { Err(missing()) }
}

/// Whether it was written; not, when somebody else was faster.
async fn write(
    app: &App,
    actor: &Actor,
    written: &Seen<CannedResponse>,
    event_type: &str,
) -> Result<bool, Failure> {
    let response = &written.value;
    let directory = app.directory(actor.workspace);
    if directory.is_some_and(|directory| directory.group(response.group).is_none()) {
        return Err(Failure::new(ErrorType::GroupNotFound, "there is no such group"));
    }
    if !response.is_of_team_of(actor) {
        may_change(actor, &CannedResponse { author: String::new(), ..response.clone() })?;
    }
    let mut batch = Batch::new(actor.workspace);
    batch.puts.push(written.put(key(response.id), Vec::new()));
    let author = actor.author();
    batch.events.push(told(app, actor.workspace, Some(&author), event_type, response.show()));
    match app.commit(batch).await {
        Ok(_) => Ok(true),
        Err(CommitError::Conflict { .. }) => Ok(false),
        Err(error) => Err(super::change::unwritable(app, actor, error).await),
    }
}

fn key(id: u64) -> DocKey {
    // Twenty digits hold every number, and sort.
    DocKey::new(Kind::CannedResponse, format!("{id:020}"))
}

fn too_fast() -> Failure {
    Failure::new(ErrorType::ServiceUnavailable, "canned responses change too fast; try again")
}
