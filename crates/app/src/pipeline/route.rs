//! The reader that gives chats to agents: it takes what waits to whoever became free, follows agents who came or went,
//! and sets the timers of silence and of service levels.
//!
//! What makes a second run harmless: it looks at how things are now, not at what the event said. A chat that was given
//! away does not wait, a timer is set to the same time, and places are told only where they changed. So one look serves
//! all events that were there when it began, and a burst of new chats costs a few looks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use tidings_model::{ChannelId, ChannelKind, ChatStatus, Event, WorkspaceId};
use tidings_store::Batch;
use uuid::Uuid;

use super::reader::{Handler, Lane, StepFailed};
use crate::App;
use crate::desk::routing::leave::{self, Gone};
use crate::desk::routing::rules::Rules;
use crate::desk::routing::{queue, silence, status};
use crate::desk::service_levels::{self, Rings};

/// The reader's name.
pub const NAME: &str = "route";

/// After these, somebody may have become free, or waits.
const STIRS: [&str; 9] = [
    "control.changed",
    "chat.closed",
    "chat.user_removed",
    "chat.user_added",
    "chat.transferred",
    "routing.status_changed",
    "agent.updated",
    "group.updated",
    "workspace.properties_changed",
];

/// These tell that agents, teams or rules are others now.
const TELL_OF_AGENTS: [&str; 4] =
    ["routing.status_changed", "agent.updated", "group.updated", "workspace.properties_changed"];

/// A thread begins with these.
const BEGINS: [&str; 2] = ["chat.started", "chat.reopened"];

/// The reader that gives chats to agents, of one workspace.
pub struct Route {
    app: Arc<App>,
    workspace: WorkspaceId,
    /// Events up to this one were there when the queue was last looked at.
    looked_at: AtomicU64,
    /// When the timers of service levels ring.
    rings: Rings,
}

impl Route {
    /// The reader of one workspace.
    pub fn new(app: Arc<App>, workspace: WorkspaceId) -> Self {
        Self { app, workspace, looked_at: AtomicU64::new(0), rings: Rings::default() }
    }

    /// When the timers of service levels ring, as far as it is known.
    pub(crate) const fn rings(&self) -> &Rings {
        &self.rings
    }

    async fn begin(&self, event: &Event) -> Result<(), StepFailed> {
        let Some(chat) = event.chat else { return Ok(()) };
        let Some(scene) = self.app.scene(self.workspace, chat).await? else {
            return Ok(());
        };
        let channel = scene.chat.value.channel;
        if scene.chat.value.status == ChatStatus::Closed || !self.is_page(channel) {
            return Ok(());
        }
        let rules = Rules::of(&self.app, self.workspace);
        let Some(timer) = silence::set(&rules, chat, event.received_at) else { return Ok(()) };
        let mut batch = Batch::new(self.workspace);
        batch.timers.push(timer);
        self.app.commit(batch).await?;
        Ok(())
    }

    /// Whether a channel is a chat page: other services have no end of a conversation.
    fn is_page(&self, channel: ChannelId) -> bool {
        let directory = self.app.directory(self.workspace);
        let channel = directory.and_then(|directory| directory.channel(channel));
        channel.is_some_and(|channel| channel.kind == ChannelKind::Web)
    }

    /// An agent went: their chats go to others.
    async fn follow(&self, event: &Event) -> Result<(), StepFailed> {
        let text = |name: &str| event.data.get(name).and_then(Value::as_str);
        let gone = match (text("status"), text("reason")) {
            (Some("offline"), Some("disconnected")) => Gone::Disconnected,
            (Some("offline"), Some("remotely_signed_out")) => Gone::RemotelySignedOut,
            (Some("offline"), Some(_)) => Gone::SignedOut,
            _ => return Ok(()),
        };
        let Some(agent) = text("agent").and_then(|id| id.parse().ok()) else { return Ok(()) };
        // They may have come back since.
        let is_back = self
            .app
            .directory(self.workspace)
            .and_then(|directory| directory.agent(&agent))
            .is_some_and(|agent| agent.status != tidings_model::AgentStatus::Offline);
        if !is_back {
            leave::all_of(&self.app, self.workspace, &agent, gone).await?;
        }
        Ok(())
    }
}

impl Handler for Route {
    fn lanes(&self, event: &Event, lanes: &mut Vec<Lane>) {
        let name = event.event_type.as_str();
        if BEGINS.contains(&name) || service_levels::concerns(&self.app, self.workspace, event) {
            lanes.push(Lane::of(event));
        }
        if STIRS.contains(&name) || BEGINS.contains(&name) {
            // One lane: who is free is decided once at a time.
            lanes.push(Lane { of: Uuid::nil(), to: None });
        }
    }

    async fn handle(&self, event: &Arc<Event>, lane: Lane) -> Result<(), StepFailed> {
        if lane.of != Uuid::nil() {
            service_levels::stir(&self.app, self.workspace, &self.rings, event).await?;
            if BEGINS.contains(&event.event_type.as_str()) {
                self.begin(event).await?;
            }
            return Ok(());
        }
        if let Some(directory) = self.app.directory(self.workspace)
            && TELL_OF_AGENTS.contains(&event.event_type.as_str())
        {
            // What is kept at hand may be older than the event.
            directory.refresh(&self.app).await?;
        }
        if event.event_type.as_str() == "routing.status_changed" {
            self.follow(event).await?;
        }
        if event.seq.0 <= self.looked_at.load(Ordering::Acquire) {
            return Ok(());
        }
        let head = self.app.store().last_seq(self.workspace).await?;
        let rules = Rules::of(&self.app, self.workspace);
        if !rules.manual {
            queue::drain(&self.app, self.workspace).await?;
        }
        if let Err(failure) = status::tell_groups(&self.app, self.workspace).await {
            tracing::warn!("how the teams stand could not be told: {failure}");
        }
        self.looked_at.store(head.0, Ordering::Release);
        Ok(())
    }
}
