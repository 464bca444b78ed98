//! An address that subscribed to events.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{AuthorKind, EndpointId, GroupNumber, Timestamp};

/// An address that subscribed to events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Where deliveries go; empty where they go to a broker.
    pub url: String,
    /// The broker that deliveries go to, where they go to none by HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker: Option<BrokerPlace>,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// The types and aliases that it wants, and behind a `!` those that it does not; empty means all.
    #[serde(default)]
    pub events: Vec<String>,
    /// Which events of these types it wants.
    #[serde(default, skip_serializing_if = "Only::is_all")]
    pub only: Only,
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
    /// Keys that signed before this one did, and sign beside it until receivers know the new one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_keys: Vec<FormerKey>,
    /// Headers that go out with each delivery, as JSON of names and values; sealed, as values may be secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_headers: Option<String>,
    /// In which form events go out.
    #[serde(default, skip_serializing_if = "Format::is_default")]
    pub format: Format,
    /// In which order deliveries are made.
    #[serde(default, skip_serializing_if = "Ordering::is_by_chat")]
    pub ordering: Ordering,
    /// When a failed delivery is tried again, in seconds, one delay after the other; unset, as the installation does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_delays_s: Option<Vec<u64>>,
    /// How long one delivery may take, in milliseconds; unset, as the installation does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// How many deliveries may be under way at once; unset, as the installation does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight_max: Option<usize>,
    /// Several events go out in one request; unset, each by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Batching>,
    /// It is a webhook of the Chat API: it gets pushes as JSON of that API, not events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_webhook: Option<ChatWebhook>,
    /// How its receiver is asked whether it wants deliveries; it is not asked, unless this is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handshake: Option<Handshake>,
    /// How deliveries are authorized, beside headers of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<EndpointAuth>,
    /// What is shown to a receiver that asks for a certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<ClientCertificate>,
}

impl Endpoint {
    /// One that wants all that comes after this event, as CloudEvents in order.
    pub fn new(id: EndpointId, url: String, sealed_secret: String, at: (Timestamp, u64)) -> Self {
        let (created_at, after_seq) = at;
        Self {
            id,
            url,
            broker: None,
            description: String::new(),
            events: Vec::new(),
            only: Only::default(),
            enabled: true,
            disabled_reason: None,
            sealed_secret,
            created_at,
            after_seq,
            former_keys: Vec::new(),
            sealed_headers: None,
            format: Format::default(),
            ordering: Ordering::default(),
            retry_delays_s: None,
            deadline_ms: None,
            in_flight_max: None,
            batch: None,
            chat_webhook: None,
            handshake: None,
            auth: None,
            client_certificate: None,
        }
    }
}

/// A place at a broker of the operator's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerPlace {
    /// What the settings call the broker.
    pub name: String,
    /// Where at it, as `nats:chats.events`: a subject, an exchange with a routing key, a stream, a topic, a row of files.
    pub address: String,
}

/// Which events of the wanted types an endpoint wants; what is empty means all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Only {
    /// Kinds of channels, or ids of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<String>,
    /// Who wrote.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<AuthorKind>,
    /// Teams: the chat is seen by one of them when its event is sent.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<GroupNumber>,
    /// A condition, as `data.rating <= 2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
}

impl Only {
    /// Whether it wants all.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

/// A key that signed before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FormerKey {
    /// It, sealed with the installation's key.
    pub sealed: String,
    /// Until when it signs.
    pub until: Timestamp,
}

/// In which form events go out. What a kind does not need is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Format {
    /// Which one.
    pub kind: FormatKind,
    /// Of WotNot's: what stands around a record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub framing: Option<Framing>,
    /// Of WotNot's: whether our ids and times are put in beside its own fields.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub extensions: bool,
    /// Of one's own: the template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Of one's own: the content type of what the template writes; JSON, unless it says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
}

impl Format {
    /// Whether it is the form that there is unless something else is said.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The forms in which events go out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FormatKind {
    /// CloudEvents 1.0, the whole event in the body.
    #[default]
    Cloudevents,
    /// CloudEvents 1.0, the data in the body and the rest in headers.
    CloudeventsBinary,
    /// CloudEvents 1.0, a list of events.
    CloudeventsBatched,
    /// The event as the API gives it.
    Native,
    /// What WotNot sends.
    Wotnot,
    /// What a template of the endpoint's owner writes.
    Template,
}

impl FormatKind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Cloudevents,
        Self::CloudeventsBinary,
        Self::CloudeventsBatched,
        Self::Native,
        Self::Wotnot,
        Self::Template,
    ];
}

/// What stands around a record of WotNot's form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// As WotNot's page shows it: bare for two types, the envelope for the others.
    #[default]
    AsDocumented,
    /// The envelope for all.
    Envelope,
    /// The record itself for all.
    Bare,
}

/// When a request with several events goes out: when one of these is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batching {
    /// So many events.
    pub events_max: usize,
    /// So many bytes of body; one event alone may have more.
    pub bytes_max: usize,
    /// So many milliseconds after its first event came.
    pub wait_ms: u64,
}

/// In which order deliveries are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ordering {
    /// Those of one chat one after the other: one that fails holds up what follows in its chat.
    #[default]
    ByChat,
    /// As they come: one that fails holds up nothing.
    None,
}

impl Ordering {
    /// Whether it is the order that there is unless something else is said.
    pub fn is_by_chat(&self) -> bool {
        *self == Self::ByChat
    }
}

/// How deliveries are authorized.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndpointAuth {
    /// Which way.
    pub kind: AuthKind,
    /// Where tokens come from.
    pub token_url: String,
    /// Who we are there.
    pub client_id: String,
    /// What proves it; sealed with the installation's key.
    pub sealed_client_secret: String,
    /// How it is shown there.
    #[serde(default, skip_serializing_if = "ClientAuthentication::is_basic")]
    pub client_authentication: ClientAuthentication,
    /// What a token is to be good for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// For whom a token is to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
}

/// The ways to authorize deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthKind {
    /// By an access token of OAuth 2.0, which is given for our own credentials (RFC 6749, 4.4).
    Oauth2ClientCredentials,
}

/// How a token server is shown who we are (RFC 6749, 2.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// By HTTP Basic, which every token server must understand.
    #[default]
    Basic,
    /// In the form (`client_secret_post`), for those that understand nothing else.
    Post,
}

impl ClientAuthentication {
    /// Whether it is the way that there is unless something else is said.
    pub fn is_basic(&self) -> bool {
        *self == Self::Basic
    }
}

/// A certificate that is ours, for one endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientCertificate {
    /// It, with those between it and its authority, in PEM.
    pub certificate_pem: String,
    /// Its key in PEM, sealed with the installation's key.
    pub sealed_key_pem: String,
}

/// How a receiver is asked whether it wants deliveries, and what it said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Handshake {
    /// Which one.
    pub kind: HandshakeKind,
    /// What the receiver knows us by; sealed with the installation's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_token: Option<String>,
    /// The endpoint is switched on as soon as its receiver consents.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub switches_on: bool,
    /// When its receiver consented, if that is what it said last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed_at: Option<Timestamp>,
    /// How many deliveries a minute its receiver takes, if it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_per_minute: Option<u32>,
    /// What came back instead of consent, if that was so last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<HandshakeFailed>,
}

/// The kinds of handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandshakeKind {
    /// A token comes back, as WotNot asks.
    TokenEcho,
    /// Headers allow our name: HTTP 1.1 Web Hooks for Event Delivery.
    Cloudevents,
    /// A challenge comes back, as Slack asks.
    Slack,
    /// A challenge comes back, as Meta asks.
    Meta,
}

/// A handshake that was no consent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HandshakeFailed {
    /// When.
    pub at: Timestamp,
    /// The status of the answer, if there was one.
    #[serde(default)]
    pub status: Option<u16>,
    /// The beginning of the answer, without the token.
    #[serde(default)]
    pub answer: Option<String>,
    /// Why it is no consent.
    pub error: String,
}

/// How the receiver behind an endpoint is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// It takes what it gets.
    #[default]
    Healthy,
    /// Much of what it gets fails.
    Degraded,
    /// It takes nothing: it is only looked whether it is back, and all waits for that.
    Paused,
    /// It wants nothing any more, or took nothing for days: it was switched off.
    Disabled,
}

impl HealthState {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
        }
    }
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
