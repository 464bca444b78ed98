//! What a workspace set for its routing: properties of the namespace `chats`.

use tidings_model::WorkspaceId;

use crate::App;

/// The rules of a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whether chats wait when nobody can take them: `queue.enabled`.
    pub queue_enabled: bool,
    /// Whether agents take chats out of the queue by hand: `manual_routing`.
    pub manual: bool,
    /// Whether a customer gets whom they talked to last: `prefer_recent_agent`.
    pub prefer_recent_agent: bool,
    /// After how many minutes without a message a chat is idle: `chat_inactive_after_min`; never, unless set.
    pub idle_after_min: Option<u64>,
    /// After how many minutes without a message a chat is closed: `archive_chat_after_min`.
    pub close_after_min: Option<u64>,
    /// After how many minutes without an answer of its agent a chat goes to another: `transfer_chat_after_min`.
    pub transfer_after_min: Option<u64>,
}

/// The vendor closes a chat after half an hour without a message.
const CLOSE_AFTER_MIN: u64 = 30;

impl Default for Rules {
    fn default() -> Self {
        Self {
            queue_enabled: true,
            manual: false,
            prefer_recent_agent: true,
            idle_after_min: None,
            close_after_min: Some(CLOSE_AFTER_MIN),
            transfer_after_min: None,
        }
    }
}

impl Rules {
    /// The rules of a workspace.
    pub fn of(app: &App, workspace: WorkspaceId) -> Self {
        let Some(directory) = app.directory(workspace) else { return Self::default() };
        let properties = directory.license_properties();
        let usual = Self::default();
        let yes = |name: &str| properties.get("chats", name).and_then(serde_json::Value::as_bool);
        let minutes =
            |name: &str| properties.get("chats", name).and_then(serde_json::Value::as_u64);
        // Nought means never.
        let or = |set: Option<u64>, usual: Option<u64>| match set {
            Some(0) => None,
            Some(minutes) => Some(minutes),
            None => usual,
        };
        Self {
            queue_enabled: yes("queue.enabled").unwrap_or(usual.queue_enabled),
            manual: yes("manual_routing").unwrap_or(usual.manual),
            prefer_recent_agent: yes("prefer_recent_agent").unwrap_or(usual.prefer_recent_agent),
            idle_after_min: or(minutes("chat_inactive_after_min"), usual.idle_after_min),
            close_after_min: or(minutes("archive_chat_after_min"), usual.close_after_min),
            transfer_after_min: or(minutes("transfer_chat_after_min"), usual.transfer_after_min),
        }
    }
}
