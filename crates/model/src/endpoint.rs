//! An address that subscribed to events.

use serde::{Deserialize, Serialize};

use crate::{EndpointId, Timestamp};

/// An address that subscribed to events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Where deliveries go.
    pub url: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// The types and aliases that it wants; empty means all.
    #[serde(default)]
    pub events: Vec<String>,
    /// Whether deliveries are made.
    pub enabled: bool,
    /// Why it was switched off, when Tidings did it.
    #[serde(default)]
    pub disabled_reason: Option<String>,
    /// The signing secret, sealed with the installation's key.
    pub sealed_secret: String,
    /// When it was made. Events from before are not owed.
    pub created_at: Timestamp,
    /// The last event that was there when it was made; deliveries begin after it.
    pub after_seq: u64,
    /// It is a webhook of the Chat API: it gets pushes as JSON of that API, not events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_webhook: Option<ChatWebhook>,
}

/// What makes an endpoint a webhook of the Chat API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChatWebhook {
    /// The push that it gets.
    pub action: String,
    /// The program that registered it.
    pub owner_client_id: String,
    /// Whether it is delivered for the workspace, or while a bot of the program works.
    pub scope: WebhookScope,
    /// The text that the receiver knows us by; it goes out in every body. Sealed.
    pub sealed_key: String,
    /// Which pushes of the action it gets.
    #[serde(default)]
    pub filters: WebhookFilters,
    /// What is told beside the push.
    #[serde(default)]
    pub additional_data: Vec<String>,
}

/// When a webhook of the Chat API is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookScope {
    /// While a bot of its program works.
    Bot,
    /// For the workspace.
    License,
}

/// Which pushes a webhook of the Chat API gets; what is left out does not matter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WebhookFilters {
    /// Who wrote: `customer` or `agent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author_type: Option<String>,
    /// Only chats that the program began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only_my_chats: Option<bool>,
    /// Who is in the chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_presence: Option<ChatPresence>,
    /// What caused it: `my_client`, `other_clients`, `system`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_type: Option<Vec<String>>,
    /// Whose status it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_ids: Option<Vec<String>>,
}

/// Who must be in a chat.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChatPresence {
    /// One of these, or none of those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_ids: Option<UserIds>,
    /// A bot of the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub my_bots: Option<bool>,
}

/// Ids of people.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserIds {
    /// One of these must be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
    /// None of these may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude_values: Option<Vec<String>>,
}
