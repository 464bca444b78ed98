//! Tags: what threads may be marked with, and the marking.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidings_model::{Chat, GroupNumber, Thread, Timestamp, Visibility};
use tidings_store::{Batch, CountOf, Delete, DocKey, DocumentQuery, Kind, Put, Scan};
use tidings_wire::livechat::show::time;

use super::change::in_thread;
use super::find::unreadable;
use super::properties::registry::{Refused, write};
use super::{Actor, ErrorType, Failure};
use crate::App;
use crate::pipeline::scene::{Seen, seen};

/// The longest name of a tag, in bytes: it stands in every thread that has it.
pub const NAME_BYTES_MAX: usize = 256;

/// The most tags of a workspace: a list that agents choose from.
pub const TAGS_MAX: u64 = 5_000;

/// How many tags a page of the list reads.
const PAGE: usize = 500;

/// Something that threads may be marked with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tag {
    /// Its name; small and capital letters differ.
    pub name: String,
    /// The teams that use it; 0 is every team.
    pub groups: BTreeSet<GroupNumber>,
    /// Who made it.
    pub author: String,
    /// When.
    pub created_at: Timestamp,
}

impl Tag {
    /// As chat clients know it.
    pub fn show(&self) -> Value {
        json!({
            "name": self.name, "group_ids": self.groups, "author_id": self.author,
            "created_at": time(self.created_at),
        })
    }

    /// Whether a thread may have it: the two share a team.
    fn fits(&self, chat: &Chat, thread: &Thread) -> bool {
        self.groups.contains(&GroupNumber::EVERYONE)
            || chat.access_of(thread).iter().any(|group| self.groups.contains(group))
    }
}

/// Makes a tag; for every team, unless some are named.
pub async fn create(
    app: &App,
    actor: &Actor,
    name: &str,
    groups: Option<BTreeSet<GroupNumber>>,
) -> Result<(), Failure> {
    if name.trim().is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(Failure::field("name", format!("must have 1 to {NAME_BYTES_MAX} bytes")));
    }
    let groups = groups.unwrap_or_else(|| BTreeSet::from([GroupNumber::EVERYONE]));
    check_groups(app, actor, &groups)?;
    let count = app.store.count(actor.workspace, Kind::Tag, CountOf::All).await;
    if count.map_err(unreadable)? >= TAGS_MAX {
        return Err(Failure::new(
            ErrorType::LimitReached,
            format!("a workspace has at most {TAGS_MAX} tags"),
        ));
    }
    let tag = Tag { name: name.into(), groups, author: actor.id(), created_at: app.now() };
    let mut batch = Batch::new(actor.workspace);
    batch.events.push(actor.tells(app, "tag.created", data(&tag)));
    batch.puts.push(put(&Seen::absent(tag)));
    write(app, actor, batch).await.map_err(|refused| match refused {
        Refused::Conflict => {
            Failure::new(ErrorType::AlreadyExists, format!("there is a tag {name:?} already"))
        }
        Refused::Other(failure) => failure,
    })
}

/// Gives a tag to other teams.
pub async fn update(
    app: &App,
    actor: &Actor,
    name: &str,
    groups: Option<BTreeSet<GroupNumber>>,
) -> Result<(), Failure> {
    let mut found = existing(app, actor, name).await?;
    let tag = &mut found.value;
    check_groups(app, actor, &tag.groups)?;
    let Some(groups) = groups.filter(|groups| *groups != tag.groups) else { return Ok(()) };
    check_groups(app, actor, &groups)?;
    tag.groups = groups;
    let mut batch = Batch::new(actor.workspace);
    batch.events.push(actor.tells(app, "tag.updated", data(tag)));
    batch.puts.push(put(&found));
    write(app, actor, batch).await.map_err(Refused::into_failure)
}

/// Removes a tag. Threads that have it keep it.
pub async fn delete(app: &App, actor: &Actor, name: &str) -> Result<(), Failure> {
    let Seen { value: tag, version, .. } = existing(app, actor, name).await?;
    check_groups(app, actor, &tag.groups)?;
    let mut batch = Batch::new(actor.workspace);
    batch.deletes.push(Delete { key: DocKey::new(Kind::Tag, name), expected: Some(version) });
    batch.events.push(actor.tells(app, "tag.deleted", json!({ "name": name })));
    write(app, actor, batch).await.map_err(Refused::into_failure)
}

/// All tags by name; only those of some teams, where they are named.
pub async fn list(
    app: &App,
    actor: &Actor,
    groups: Option<&BTreeSet<GroupNumber>>,
) -> Result<Vec<Tag>, Failure> {
    let sees_all = actor.has_scope(&["tags--all:ro"]);
    let mut tags = Vec::new();
    let mut after = None;
    loop {
        let query = DocumentQuery { kind: Kind::Tag, scan: Scan::All, after, limit: PAGE };
        let page = app.store.documents(actor.workspace, query).await.map_err(unreadable)?;
        for document in page.documents {
            let tag: Seen<Tag> = seen(document).map_err(unreadable)?;
            let tag = tag.value;
            let is_asked =
                groups.is_none_or(|groups| groups.iter().any(|group| tag.groups.contains(group)));
            let is_theirs = sees_all
                || tag.groups.contains(&GroupNumber::EVERYONE)
                || tag.groups.iter().any(|group| actor.groups.contains(group));
            if is_asked && is_theirs {
                tags.push(tag);
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(tags);
        }
    }
}

/// Marks a thread. One that has the tag already stays as it is.
pub async fn tag(
    app: &App,
    actor: &Actor,
    chat: &str,
    thread: &str,
    name: &str,
) -> Result<(), Failure> {
    actor.needs_agent()?;
    let known = find(app, actor, name)
        .await?
        .ok_or_else(|| Failure::field("tag", "is not known: create_tag makes it"))?;
    in_thread(app, actor, chat, thread, |deciding| {
        let thread = deciding.thread().clone();
        if !known.value.fits(&deciding.scene.chat.value, &thread) {
            return Err(Failure::field("tag", "is of other groups than the thread"));
        }
        if deciding.thread_mut().tags.insert(name.to_owned()) {
            deciding.raise("chat.tagged", json!({ "tag": name })).visibility = Visibility::Agents;
        }
        Ok(())
    })
    .await?;
    Ok(())
}

/// Takes a tag off a thread; also one that is not known any more.
pub async fn untag(
    app: &App,
    actor: &Actor,
    chat: &str,
    thread: &str,
    name: &str,
) -> Result<(), Failure> {
    actor.needs_agent()?;
    in_thread(app, actor, chat, thread, |deciding| {
        if !deciding.thread_mut().tags.remove(name) {
            return Err(Failure::new(ErrorType::NotFound, "the thread has no such tag"));
        }
        deciding.raise("chat.untagged", json!({ "tag": name })).visibility = Visibility::Agents;
        Ok(())
    })
    .await?;
    Ok(())
}

async fn find(app: &App, actor: &Actor, name: &str) -> Result<Option<Seen<Tag>>, Failure> {
    let key = DocKey::new(Kind::Tag, name);
    let found = app.store.document(actor.workspace, &key).await.map_err(unreadable)?;
    found.map(seen).transpose().map_err(unreadable)
}

async fn existing(app: &App, actor: &Actor, name: &str) -> Result<Seen<Tag>, Failure> {
    let missing = || Failure::new(ErrorType::NotFound, format!("there is no tag {name:?}"));
    find(app, actor, name).await?.ok_or_else(missing)
}

/// The teams must be there; who may not change all tags changes those of their own teams only.
fn check_groups(app: &App, actor: &Actor, groups: &BTreeSet<GroupNumber>) -> Result<(), Failure> {
    if groups.is_empty() {
        return Err(Failure::field("group_ids", "must name at least one group"));
    }
    let directory =
        app.directory(actor.workspace).ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
    let is_unknown = |group: &&GroupNumber| {
        **group != GroupNumber::EVERYONE && directory.group(**group).is_none()
    };
    if let Some(unknown) = groups.iter().find(is_unknown) {
        return Err(Failure::field(
            "group_ids",
            format!("names no group of the license: {unknown}"),
        ));
    }
    if actor.has_scope(&["tags--all:rw"]) || groups.is_subset(&actor.groups) {
        return Ok(());
    }
    Err(Failure::new(
        ErrorType::Authorization,
        "the token may change tags of its agent's own groups only: it needs the scope tags--all:rw",
    ))
}

fn put(seen: &Seen<Tag>) -> Put {
    let tag = &seen.value;
    let index = tag.groups.iter().map(|group| ("group", group.to_string())).collect();
    seen.put(DocKey::new(Kind::Tag, &tag.name), index)
}

fn data(tag: &Tag) -> Value {
    json!({
        "name": tag.name, "groups": tag.groups, "author": tag.author,
        "created_at": format!("{:.6}", tag.created_at),
    })
}
