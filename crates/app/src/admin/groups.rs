//! Teams: made when an agent names one that is not there, or by the Configuration API.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use tidings_model::{Author, Group, GroupName, GroupNumber, WorkspaceId};
use tidings_store::{Batch, DocKey, Kind, Put, ReadError};

use super::told::told;
use super::{AdminError, listed};
use crate::App;
use crate::directory::{all_of, everyone};
use crate::pipeline::scene::Seen;

/// The language of a team that nobody named one for.
pub const LANGUAGE_DEFAULT: &str = "en";

/// The longest key that is made of a name, in bytes: a part of what a key may have, with room for a number.
const KEY_BYTES_MAX: usize = 100;

/// All teams as they are stored, by number, with the one that is always there.
pub(crate) async fn stored(
    app: &App,
    workspace: WorkspaceId,
) -> Result<BTreeMap<GroupNumber, Group>, ReadError> {
    let groups: Vec<Group> = all_of(app.store.as_ref(), workspace, Kind::Group).await?;
    let mut by_number = BTreeMap::from([(GroupNumber::EVERYONE, everyone())]);
    by_number.extend(groups.into_iter().map(|group| (group.number, group)));
    Ok(by_number)
}

/// Adds the teams that are named and not there to a batch. Two who make the same number at once: the second is told of a
/// conflict, and decides again.
pub(crate) async fn make_missing(
    app: &App,
    workspace: WorkspaceId,
    author: Option<&Author>,
    named: &BTreeSet<GroupName>,
    batch: &mut Batch,
) -> Result<(), ReadError> {
    if named.is_empty() {
        return Ok(());
    }
    let there = stored(app, workspace).await?;
    let mut next = next_number(&there);
    for key in named {
        if there.values().any(|group| group.key == *key) {
            continue;
        }
        let group = Group {
            number: next,
            key: key.clone(),
            name: key.to_string(),
            language: LANGUAGE_DEFAULT.into(),
            priorities: BTreeMap::new(),
            properties: Default::default(),
        };
        next = GroupNumber(next.0.saturating_add(1));
        batch.events.push(told(
            app,
            workspace,
            author,
            "group.created",
            json!({ "group": group.number.0, "key": group.key, "name": group.name }),
        ));
        batch.puts.push(written(group));
    }
    Ok(())
}

/// Writes a team as it is given, new or known; nothing is told of it.
pub async fn put(app: &App, workspace: WorkspaceId, group: &Group) -> Result<(), AdminError> {
    let mut batch = Batch::new(workspace);
    batch.puts.push(Put { expected: None, ..written(group.clone()) });
    app.commit(batch).await?;
    listed::refresh(app, workspace).await
}

/// A new team as it is written.
fn written(group: Group) -> Put {
    let key = DocKey::new(Kind::Group, group.number);
    let index = vec![("key", group.key.to_string())];
    Seen::absent(group).put(key, index)
}

/// The next number that no team has; numbers of teams that were removed at the end come again.
pub(crate) fn next_number(there: &BTreeMap<GroupNumber, Group>) -> GroupNumber {
    let last = there.keys().next_back().map_or(0, |number| number.0);
    GroupNumber(last.saturating_add(1))
}

/// The key that a team of this name gets: words with hyphens, and a number where it is taken.
pub(crate) fn key_of(name: &str, there: &BTreeMap<GroupNumber, Group>) -> GroupName {
    let mut slug = String::new();
    for word in name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let word = word.to_lowercase();
        if slug.len() + word.len() >= KEY_BYTES_MAX {
            break;
        }
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.push_str(&word);
    }
    if slug.is_empty() {
        slug.push_str("team");
    }
    let is_free = |key: &GroupName| !there.values().any(|group| group.key == *key);
    let numbered = (2u32..).map(|number| format!("{slug}-{number}"));
    let candidates = std::iter::once(slug.clone()).chain(numbered);
    candidates
        .filter_map(|text| text.parse().ok())
        .find(is_free)
        .expect("a number is free, for teams are fewer than numbers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_a_key_that_is_free() {
        let mut there = BTreeMap::from([(GroupNumber::EVERYONE, everyone())]);
        assert_eq!(key_of("Sales & Leads", &there).as_str(), "sales-leads");
        assert_eq!(key_of("General", &there).as_str(), "general-2");
        assert_eq!(key_of("!!", &there).as_str(), "team");
        assert_eq!(next_number(&there), GroupNumber(1));
        let mut sales = everyone();
        sales.number = GroupNumber(7);
        there.insert(sales.number, sales);
        assert_eq!(next_number(&there), GroupNumber(8));
    }
}
