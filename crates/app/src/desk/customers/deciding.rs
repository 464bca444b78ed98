//! One decision about a customer and one commit: their document, what is told of it, and what their active chats are told.

use std::sync::Arc;

use serde_json::{Value, json};
use tidings_model::{
    Author, Chat, ChatStatus, Customer, CustomerId, Draft, Timestamp, Visibility, WorkspaceId,
};
use tidings_store::{Batch, CommitError, DocKey, Expect, Kind};

use super::{active_chats_of, chats_of, find, not_written, tell_of};
use crate::App;
use crate::admin::told::told;
use crate::desk::chats::members::system_message;
use crate::desk::find::unreadable;
use crate::desk::{Actor, ErrorType, Failure};
use crate::pipeline::chat_change::ChatChange;
use crate::pipeline::scene::{Scene, Seen};
use crate::pipeline::written::put_customer;

/// How often a change is made anew because the customer was changed meanwhile.
const CONFLICT_TRIES_MAX: usize = 10;

/// By whom a customer is changed.
pub(super) struct By<'a> {
    pub(super) workspace: WorkspaceId,
    pub(super) author: Author,
    /// Whose request it answers, so that its pushes can name it.
    actor: Option<&'a Actor>,
}

impl<'a> By<'a> {
    /// Somebody who calls.
    pub(super) fn actor(actor: &'a Actor) -> Self {
        Self { workspace: actor.workspace, author: actor.author(), actor: Some(actor) }
    }

    /// Somebody, or the system, without a call.
    pub(super) fn author(workspace: WorkspaceId, author: &Author) -> Self {
        Self { workspace, author: author.clone(), actor: None }
    }

    /// The same call; what is told has the system as its author.
    pub(super) fn system(actor: &'a Actor) -> Self {
        Self { author: Author::system(), ..Self::actor(actor) }
    }
}

/// Whether a decision looks at the customer's chats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chats {
    /// At none.
    None,
    /// At those that are active.
    Active,
    /// At all, whether active or not.
    All,
}

/// What a decision is made with.
pub(super) struct CustomerChange<'a> {
    app: &'a App,
    by: &'a By<'a>,
    /// As they were; `None` when nothing was known of them.
    pub(super) before: Option<&'a Customer>,
    /// As they will be.
    pub(super) customer: Customer,
    /// What else is written.
    pub(super) batch: Batch,
    chats: Vec<InChat<'a>>,
}

struct InChat<'a> {
    scene: &'a Scene,
    change: ChatChange<'a>,
    was_told: bool,
}

impl InChat<'_> {
    fn is_active(&self) -> bool {
        self.scene.chat.value.status == ChatStatus::Open
    }
}

impl CustomerChange<'_> {
    /// Refuses when nothing is known of the customer.
    pub(super) fn needs_known(&self) -> Result<(), Failure> {
        match self.before {
            Some(_) => Ok(()),
            None => Err(Failure::new(ErrorType::NotFound, "there is no such customer")),
        }
    }

    /// Raises an event about the customer.
    pub(super) fn raise(&mut self, event_type: &str, data: Value) {
        let event = told(self.app, self.by.workspace, Some(&self.by.author), event_type, data);
        self.batch.events.push(event);
    }

    /// Tells the agents in the active chats.
    pub(super) fn tell_chats(&mut self, kind: &str, text: &str, vars: &[(&str, &str)]) {
        for chat in self.chats.iter_mut().filter(|chat| chat.is_active()) {
            let message: &mut Draft = system_message(&mut chat.change, kind, text.to_owned(), vars);
            message.visibility = Visibility::Agents;
            chat.was_told = true;
        }
    }

    /// The thread of the newest active chat.
    pub(super) fn active_thread(&self) -> Option<String> {
        let chat = self.chats.iter().find(|chat| chat.is_active())?;
        Some(chat.scene.chat.value.thread.id.code().to_string())
    }

    /// They reached a goal in a visit that began at a time: it is told of in the chats whose threads are of it, or by
    /// itself, where there is none.
    pub(super) fn reach(&mut self, goal: &str, visit: u64, since: Timestamp) {
        let data = json!({ "customer": self.customer.id, "visit": visit, "goal": goal });
        let mut is_told = false;
        for chat in &mut self.chats {
            if !chat.is_active() && chat.scene.chat.value.thread.created_at < since {
                continue;
            }
            chat.change.after().chat.value.thread.goals.insert(goal.to_owned());
            let event = chat.change.raise("customer.goal_reached", data.clone());
            event.visibility = Visibility::Agents;
            chat.was_told = true;
            is_told = true;
        }
        if !is_told {
            self.raise("customer.goal_reached", data);
        }
    }

    /// `document` is theirs, apart from what it said.
    fn finish(self, document: Seen<()>) -> (Customer, Batch) {
        let Self { app, by, before, customer, batch: beside, chats } = self;
        let mut batch = Batch { events: Vec::new(), ..beside };
        let after = document.map(|()| customer);
        let customer = &after.value;
        if before != Some(customer) {
            let active = chats.iter().find(|chat| chat.is_active());
            let active = active.map(|chat| &chat.scene.chat.value);
            batch.puts.push(put_customer(&after));
            batch.events.extend(tell_of(app, by, before, customer, active));
        }
        batch.events.extend(beside.events);
        for chat in chats.into_iter().filter(|chat| chat.was_told) {
            let key = DocKey::new(Kind::Chat, chat.scene.chat.value.id);
            chat.change.finish(&mut batch);
            batch.expects.push(Expect { key, version: chat.scene.chat.version });
        }
        (after.value, batch)
    }
}

/// What was decided, and is durable.
pub(super) struct Decided<T> {
    /// What the decision gave.
    pub(super) value: T,
    /// The customer as they are now.
    pub(super) customer: Customer,
}

/// Decides about a customer and commits. `decide` is asked again when what it saw moved meanwhile; it does nothing else than
/// decide.
pub(super) async fn decide<T: Send>(
    app: &App,
    by: &By<'_>,
    id: CustomerId,
    chats: Chats,
    decide: impl Fn(&mut CustomerChange<'_>) -> Result<T, Failure> + Send + Sync,
) -> Result<Decided<T>, Failure> {
    for _ in 0..CONFLICT_TRIES_MAX {
        let found = find(app, by.workspace, id).await?;
        let scenes = match chats {
            Chats::None => Vec::new(),
            Chats::Active => {
                scenes_of(app, by.workspace, active_chats_of(app, by.workspace, id).await?).await?
            }
            Chats::All => {
                scenes_of(app, by.workspace, chats_of(app, by.workspace, id).await?).await?
            }
        };
        let (value, customer, batch) = {
            let before = found.as_ref().map(|found| &found.value);
            let mut change = CustomerChange {
                app,
                by,
                before,
                customer: before.cloned().unwrap_or_else(|| Customer::new(id, app.now())),
                batch: Batch::new(by.workspace),
                chats: Vec::new(),
            };
            for scene in &scenes {
                let in_chat = ChatChange::begin(
                    by.workspace,
                    scene,
                    by.author.clone(),
                    None,
                    app.clock.as_ref(),
                );
                change.chats.push(InChat { scene, change: in_chat, was_told: false });
            }
            let value = decide(&mut change)?;
            let document = found.clone().map_or(Seen::absent(()), |found| found.apart().1);
            let (customer, batch) = change.finish(document);
            (value, customer, batch)
        };
        if batch.is_empty() {
            return Ok(Decided { value, customer });
        }
        if let Some(actor) = by.actor {
            actor.mark(app, &batch);
        }
        match app.commit(batch).await {
            Ok(_) => return Ok(Decided { value, customer }),
            Err(CommitError::Conflict { .. }) => {
                for scene in &scenes {
                    app.forget_scene(by.workspace, scene.chat.value.id);
                }
            }
            Err(error) => return Err(not_written(&error)),
        }
    }
    Err(Failure::new(ErrorType::ServiceUnavailable, "the customer changes too fast; try again"))
}

async fn scenes_of(
    app: &App,
    workspace: WorkspaceId,
    chats: Vec<Chat>,
) -> Result<Vec<Arc<Scene>>, Failure> {
    let mut scenes = Vec::new();
    for chat in chats {
        scenes.extend(app.recent_scene(workspace, chat.id).await.map_err(unreadable)?);
    }
    Ok(scenes)
}
