//! Closing a chat's thread: `deactivate_chat`.
//!
//! A second one finds the chat closed and is told so; nothing is written.

use super::members::{needs_active, needs_presence, system_message};
use crate::App;
use crate::desk::change::in_chat;
use crate::desk::{Actor, Failure, Who};

/// Closes the active thread. An agent must be in the chat, unless `ignore_presence`.
pub async fn deactivate(
    app: &App,
    actor: &Actor,
    chat: &str,
    ignore_presence: bool,
) -> Result<(), Failure> {
    in_chat(app, actor, chat, |deciding| {
        needs_active(deciding)?;
        let (kind, var, name) = match &actor.who {
            Who::Agent(agent) => {
                needs_presence(deciding, ignore_presence)?;
                ("manual_archived_agent", "agent", agent.name.clone())
            }
            Who::Customer(_) => {
                let customer = deciding.scene.customer.as_ref();
                let name = customer.and_then(|customer| customer.value.name.clone());
                ("manual_archived_customer", "customer", name.unwrap_or_else(|| actor.name()))
            }
        };
        let text = format!("{name} closed the chat");
        system_message(&mut deciding.chat, kind, text.clone(), &[(var, &name)]);
        deciding.chat.close(&text);
        Ok(())
    })
    .await
    .map(drop)
}
