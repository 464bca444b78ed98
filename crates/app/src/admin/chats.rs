//! What agents and programs do to a chat: take and give the control lease, close, label, note, put aside.

use tidings_model::{Author, ChatId, ChatStatus, Event, Holder, Timestamp, WorkspaceId};
use tidings_store::{Batch, CommitError};

use super::AdminError;
use crate::App;
use crate::pipeline::chat_change::ChatChange;
use crate::pipeline::scene::Scene;

/// How often a change is decided anew because what it saw moved meanwhile.
const CONFLICT_TRIES_MAX: usize = 10;

/// What to do to a chat.
#[derive(Clone, Debug)]
pub enum ChatAction {
    /// Give the lease to somebody.
    Control {
        /// To whom.
        holder: Holder,
        /// Why, for people.
        reason: String,
    },
    /// Close it.
    Close {
        /// Why, for people.
        reason: String,
    },
    /// Put labels on and take others off.
    Label {
        /// To put on.
        add: Vec<String>,
        /// To take off.
        remove: Vec<String>,
    },
    /// Write a note that only agents see.
    Note {
        /// Its text.
        text: String,
    },
    /// Put it aside until a time.
    Snooze {
        /// Until when.
        until: Timestamp,
    },
    /// Bring it back before its time.
    EndSnooze,
}

/// Does it; returns the scene as it is afterwards, and the events that tell of it.
pub async fn act(
    app: &App,
    workspace: WorkspaceId,
    chat: ChatId,
    author: &Author,
    action: &ChatAction,
) -> Result<(Scene, Vec<std::sync::Arc<Event>>), AdminError> {
    for _ in 0..CONFLICT_TRIES_MAX {
        let scene = app.scene(workspace, chat).await?;
        let scene = scene.ok_or(AdminError::NotFound { what: "chat", id: chat.to_string() })?;
        if matches!(action, ChatAction::Snooze { .. })
            && scene.chat.value.status == ChatStatus::Closed
        {
            return Err(AdminError::ChatClosed);
        }
        let mut change =
            ChatChange::begin(workspace, &scene, author.clone(), None, app.clock.as_ref());
        apply(&mut change, action);
        let mut batch = Batch::new(workspace);
        change.finish(&mut batch);
        if batch.is_empty() {
            return Ok((scene, Vec::new()));
        }
        match app.commit(batch).await {
            Ok(committed) => {
                let after = app.scene(workspace, chat).await?;
                return Ok((after.unwrap_or(scene), committed.events));
            }
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(AdminError::Conflict)
}

fn apply(change: &mut ChatChange<'_>, action: &ChatAction) {
    match action {
        ChatAction::Control { holder, reason } => match holder {
            Holder::Agent { id } => change.give_to_agent(id.clone(), reason.clone()),
            Holder::Queue { group } => change.queue(group.clone(), reason.clone()),
            Holder::Bot { .. } | Holder::Nobody => {
                change.move_control(holder.clone(), reason.clone())
            }
        },
        ChatAction::Close { reason } => change.close(reason),
        ChatAction::Label { add, remove } => change.label(add, remove),
        ChatAction::Note { text } => change.note(text),
        ChatAction::Snooze { until } => change.snooze(*until),
        ChatAction::EndSnooze => change.end_snooze("ended"),
    }
}
