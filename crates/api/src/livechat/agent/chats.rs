//! Chats as agents find, begin, join, hand over and close them.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use tidings_app::desk::chats::access::{self, Change};
use tidings_app::desk::chats::closing;
use tidings_app::desk::chats::joining::{self, Added};
use tidings_app::desk::chats::transfer::{self, Manner, Target};
use tidings_app::desk::look::summary;
use tidings_model::{GroupNumber, Visibility};
use tidings_wire::livechat::Failure;

use crate::livechat::both::opening::{done, ignores_presence, unknown_word};
use crate::livechat::call::{Answer, Call};

#[derive(Deserialize)]
struct OfChat {
    id: String,
    #[serde(default)]
    ignore_requester_presence: bool,
}

/// `deactivate_chat`.
pub(super) async fn deactivate(call: &Call) -> Answer {
    let args: OfChat = call.args()?;
    let ignore = ignores_presence(call, args.ignore_requester_presence);
    closing::deactivate(&call.app, &call.actor, &args.id, ignore).await.map(done)
}

/// `follow_chat`.
pub(super) async fn follow(call: &Call) -> Answer {
    let args: OfChat = call.args()?;
    joining::follow(&call.app, &call.actor, &args.id).await.map(done)
}

/// `unfollow_chat`.
pub(super) async fn unfollow(call: &Call) -> Answer {
    let args: OfChat = call.args()?;
    joining::unfollow(&call.app, &call.actor, &args.id).await.map(done)
}

#[derive(Deserialize)]
struct AddUser {
    chat_id: String,
    user_id: String,
    user_type: String,
    #[serde(default)]
    visibility: Visibility,
    #[serde(default)]
    ignore_requester_presence: bool,
}

/// `add_user_to_chat`.
pub(super) async fn add_user(call: &Call) -> Answer {
    let args: AddUser = call.args()?;
    let added = match args.user_type.as_str() {
        "customer" => Added::Customer(args.user_id),
        _ => Added::Agent(args.user_id),
    };
    let ignore = ignores_presence(call, args.ignore_requester_presence);
    let (app, actor) = (&call.app, &call.actor);
    joining::add(app, actor, &args.chat_id, &added, args.visibility, ignore).await.map(done)
}

#[derive(Deserialize)]
struct RemoveUser {
    chat_id: String,
    user_id: String,
    #[serde(default)]
    ignore_requester_presence: bool,
}

/// `remove_user_from_chat`.
pub(super) async fn remove_user(call: &Call) -> Answer {
    let args: RemoveUser = call.args()?;
    let ignore = ignores_presence(call, args.ignore_requester_presence);
    let (app, actor) = (&call.app, &call.actor);
    joining::remove(app, actor, &args.chat_id, &args.user_id, ignore).await.map(done)
}

#[derive(Deserialize)]
struct Transfer {
    id: String,
    #[serde(default)]
    target: Option<TargetArgs>,
    #[serde(default)]
    ignore_agents_availability: bool,
    #[serde(default)]
    ignore_requester_presence: bool,
}

#[derive(Deserialize)]
struct TargetArgs {
    #[serde(rename = "type")]
    kind: String,
    ids: Vec<Value>,
}

impl TargetArgs {
    fn read(self) -> Result<Target, Failure> {
        match self.kind.as_str() {
            "agent" => {
                let ids = self.ids.iter().map(|id| id.as_str().map(str::to_owned));
                ids.collect::<Option<_>>()
                    .map(Target::Agents)
                    .ok_or_else(|| Failure::field("target.ids", "must be texts for an agent"))
            }
            "group" => {
                let number = |id: &Value| u32::try_from(id.as_u64()?).ok().map(GroupNumber);
                let ids = self.ids.iter().map(number);
                ids.collect::<Option<_>>().map(Target::Groups).ok_or_else(|| {
                    Failure::field("target.ids", "must be whole numbers for a group")
                })
            }
            _ => Err(unknown_word("target.type")),
        }
    }
}

/// `transfer_chat`.
pub(super) async fn transfer(call: &Call) -> Answer {
    let args: Transfer = call.args()?;
    let target = args.target.map_or(Ok(Target::SameGroup), TargetArgs::read)?;
    let manner = Manner {
        ignore_availability: args.ignore_agents_availability,
        ignore_presence: ignores_presence(call, args.ignore_requester_presence),
    };
    transfer::transfer(&call.app, &call.actor, &args.id, &target, manner).await.map(done)
}

#[derive(Deserialize)]
struct ForTransfer {
    chat_id: String,
}

/// `list_agents_for_transfer`.
pub(super) async fn transfer_targets(call: &Call) -> Answer {
    let args: ForTransfer = call.args()?;
    let targets = transfer::targets(&call.app, &call.actor, &args.chat_id).await?;
    Ok(targets.into())
}

#[derive(Deserialize)]
struct OfThread {
    chat_id: String,
    thread_id: String,
}

/// `request_thread_summary`.
pub(super) async fn request_summary(call: &Call) -> Answer {
    let args: OfThread = call.args()?;
    summary::request(&call.app, &call.actor, &args.chat_id, &args.thread_id).await.map(done)
}

/// `get_thread_transcript`.
pub(super) async fn transcript(call: &Call) -> Answer {
    let args: OfThread = call.args()?;
    summary::transcript(&call.app, &call.actor, &args.chat_id, &args.thread_id).await
}

#[derive(Deserialize)]
struct SetAccess {
    id: String,
    access: Access,
}

#[derive(Deserialize)]
struct Access {
    group_ids: BTreeSet<GroupNumber>,
}

/// `grant_chat_access`, until 3.3.
pub(super) async fn grant_access(call: &Call) -> Answer {
    change_access(call, Change::Grant).await
}

/// `revoke_chat_access`, until 3.3.
pub(super) async fn revoke_access(call: &Call) -> Answer {
    change_access(call, Change::Revoke).await
}

/// `set_access`, until 3.1.
pub(super) async fn set_access(call: &Call) -> Answer {
    change_access(call, Change::Set).await
}

async fn change_access(call: &Call, change: Change) -> Answer {
    let args: SetAccess = call.args()?;
    let (app, actor) = (&call.app, &call.actor);
    access::change(app, actor, &args.id, change, &args.access.group_ids).await.map(done)
}
