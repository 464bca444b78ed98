//! Who comes into a chat and goes out of it, and the rules about who may ask for it. Pure: each raises its events.

use serde_json::{Map, Value, json};
use tidings_model::{
    Agent, AgentId, Author, BotName, ChatStatus, Draft, Holder, Member, Participant, Visibility,
};

use crate::desk::change::Deciding;
use crate::desk::{ErrorType, Failure};
use crate::pipeline::chat_change::ChatChange;
use crate::pipeline::written::to_value;

/// Why somebody comes or goes when somebody asked for it.
pub(in crate::desk) const MANUAL: &str = "manual";

/// Refuses what can be done in an active chat only.
pub(in crate::desk) fn needs_active(deciding: &Deciding<'_>) -> Result<(), Failure> {
    match deciding.scene.chat.value.status {
        ChatStatus::Open => Ok(()),
        ChatStatus::Closed => Err(ErrorType::ChatInactive.into()),
    }
}

/// Refuses an agent who is not in the chat, unless they said that it does not matter.
pub(in crate::desk) fn needs_presence(
    deciding: &Deciding<'_>,
    ignore: bool,
) -> Result<(), Failure> {
    if ignore || deciding.scene.chat.value.is_present(&deciding.actor.participant()) {
        return Ok(());
    }
    Err(Failure::new(
        ErrorType::Authorization,
        "the requester is not in the chat; join it, or set `ignore_requester_presence`",
    ))
}

/// Somebody comes into the chat. Says whether that changed anything.
pub(in crate::desk) fn comes(change: &mut ChatChange<'_>, member: Member, reason: &str) -> bool {
    let (who, visibility) = (member.who.clone(), member.visibility);
    if !change.after().chat.value.enter(member) {
        return false;
    }
    tell(change, "chat.user_added", &who, visibility, reason);
    true
}

/// Somebody goes out of the chat. Says whether they were in it.
pub(in crate::desk) fn goes(change: &mut ChatChange<'_>, who: &Participant, reason: &str) -> bool {
    let chat = &mut change.after().chat.value;
    let visibility = chat.member(who).map_or(Visibility::All, |member| member.visibility);
    if !chat.leave(who) {
        return false;
    }
    tell(change, "chat.user_removed", who, visibility, reason);
    true
}

fn tell(
    change: &mut ChatChange<'_>,
    event_type: &str,
    who: &Participant,
    visibility: Visibility,
    reason: &str,
) {
    let data =
        json!({ "user": to_value(who), "visibility": visibility.as_str(), "reason": reason });
    let event = change.raise(event_type, data);
    event.visibility = visibility;
    let requester = event.author.id.clone();
    if let (Value::Object(data), false) = (&mut event.data, requester.is_empty()) {
        data.insert("requester".into(), requester.into());
    }
}

/// Gives the control lease to an agent who is in the chat; a program holds it as a bot.
pub(in crate::desk) fn hand_to(change: &mut ChatChange<'_>, agent: &Agent, reason: &str) {
    match agent.bot.as_ref().and_then(|_| agent.id.as_str().parse::<BotName>().ok()) {
        Some(id) => {
            let group = change.after().chat.value.group.clone();
            change.assign(None, group);
            change.move_control(Holder::Bot { id }, reason.into());
        }
        None => change.give_to_agent(agent.id.clone(), reason.into()),
    }
}

/// The agents and programs whom the customer talks to now, in the order in which they came.
pub(in crate::desk) fn workers(change: &mut ChatChange<'_>) -> Vec<AgentId> {
    let present = change.after().chat.value.present_agents();
    let workers = present.filter(|member| member.visibility == Visibility::All);
    workers
        .filter_map(|member| match &member.who {
            Participant::Agent { id } => Some(id.clone()),
            Participant::Customer { .. } | Participant::Bot { .. } => None,
        })
        .collect()
}

/// The system tells something in the chat. `text` is for people, `vars` are the names in it.
pub(in crate::desk) fn system_message<'c>(
    change: &'c mut ChatChange<'_>,
    kind: &str,
    text: String,
    vars: &[(&str, &str)],
) -> &'c mut Draft {
    let vars: Map<String, Value> =
        vars.iter().map(|&(name, value)| (name.to_owned(), value.into())).collect();
    let data = json!({ "system_message_type": kind, "text": text, "text_vars": vars });
    let name = "chat.system_message".parse().expect("a good name");
    change.raise_by(Author::system(), name, data)
}
