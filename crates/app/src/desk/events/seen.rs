//! `mark_events_as_seen`: somebody has read a chat up to a time. The mark moves forward only, and never beyond now.

use serde_json::json;
use tidings_model::{Timestamp, Visibility};

use crate::App;
use crate::desk::change::in_chat;
use crate::desk::{Actor, ErrorType, Failure};

/// Notes it.
pub async fn mark(app: &App, actor: &Actor, chat: &str, up_to: Timestamp) -> Result<(), Failure> {
    let up_to = up_to.min(app.now());
    in_chat(app, actor, chat, |deciding| {
        let me = actor.participant();
        let members = &mut deciding.chat.after().chat.value.members;
        let Some(member) = members.iter_mut().find(|member| member.who == me) else {
            return Err(Failure::new(ErrorType::Authorization, "you are not in this chat"));
        };
        if member.seen_up_to.is_some_and(|before| before >= up_to) {
            return Ok(());
        }
        member.seen_up_to = Some(up_to);
        let visibility: Visibility = member.visibility;
        let data = json!({ "user": me.id(), "seen_up_to": format!("{up_to:.6}") });
        deciding.chat.raise("chat.seen", data).visibility = visibility;
        Ok(())
    })
    .await?;
    Ok(())
}
