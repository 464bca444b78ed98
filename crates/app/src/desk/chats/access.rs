//! Which teams see a chat: what clients before 3.4 grant, revoke and set, and transfers and starts change.

use std::collections::BTreeSet;

use serde_json::json;
use tidings_model::{GroupNumber, Visibility};

use super::transfer::group_ids;
use crate::App;
use crate::desk::change::in_chat;
use crate::desk::{Actor, ErrorType, Failure};
use crate::pipeline::chat_change::ChatChange;

/// What becomes of a chat's access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// These see it as well.
    Grant,
    /// These see it no more.
    Revoke,
    /// These see it, and no others.
    Set,
}

/// Changes which teams see a chat. What is so already is not told again.
pub async fn change(
    app: &App,
    actor: &Actor,
    chat: &str,
    change: Change,
    groups: &BTreeSet<GroupNumber>,
) -> Result<(), Failure> {
    in_chat(app, actor, chat, |deciding| {
        let directory = deciding.directory;
        let unknown = groups
            .iter()
            .find(|group| **group != GroupNumber::EVERYONE && directory.group(**group).is_none());
        if let Some(group) = unknown {
            return Err(Failure::new(ErrorType::NotFound, format!("there is no group {group}")));
        }
        let mut access = GroupNumber::named_in(&deciding.scene.chat.value.access);
        match change {
            Change::Grant => access.extend(groups),
            Change::Revoke => access.retain(|group| !groups.contains(group)),
            Change::Set => access.clone_from(groups),
        }
        if access.is_empty() {
            return Err(Failure::field("access.group_ids", "would leave nobody who sees the chat"));
        }
        set(&mut deciding.chat, &access);
        Ok(())
    })
    .await
    .map(drop)
}

/// Lets these teams see the chat, and tells of it where that changes anything.
pub(in crate::desk) fn set(change: &mut ChatChange<'_>, groups: &BTreeSet<GroupNumber>) {
    let access = &mut change.after().chat.value.access;
    let before = group_ids(access);
    *access =
        if groups.contains(&GroupNumber::EVERYONE) { BTreeSet::new() } else { groups.clone() };
    let now = group_ids(access);
    if now != before {
        let data = json!({ "group_ids": now, "before": before });
        change.raise("chat.access_changed", data).visibility = Visibility::Agents;
    }
}
