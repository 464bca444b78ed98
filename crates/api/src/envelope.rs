//! How an event reads in the API's description. The bytes themselves come from the log, see [`tidings_model::envelope`].

use serde::Deserialize;
use serde_json::{Map, Value};
use tidings_model::{AgentId, Author, AuthorKind, BotName, Visibility};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::problem::{Code, Problem};

/// One event.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes the bytes that are in the log")]
pub(crate) struct Envelope {
    /// Its number in the workspace: 1, 2, 3, ...
    seq: u64,
    /// Its number in the thread, where it is in one.
    order: Option<u64>,
    /// Its id, for ever.
    id: Uuid,
    /// Its type.
    #[schema(example = "chat.message")]
    r#type: String,
    /// The version of the type's schema.
    version: u32,
    /// When it happened, by the clock of the one who told us.
    #[schema(format = DateTime)]
    time: String,
    /// When we heard of it.
    #[schema(format = DateTime)]
    received_at: String,
    /// The tenant.
    workspace: Uuid,
    /// The connection that it came through or goes out by.
    channel: Option<Uuid>,
    /// The conversation.
    chat: Option<Uuid>,
    /// The active stretch of the conversation.
    thread: Option<Uuid>,
    /// Who did it.
    author: AuthorBody,
    /// Who may see it.
    visibility: VisibilityBody,
    /// The sender's own id for it.
    custom_id: Option<String>,
    /// The event that led to this one.
    cause: Option<Uuid>,
    /// The first event of the chain of causes.
    root: Uuid,
    /// How many causes lie before it.
    depth: u32,
    /// Free values beside the data.
    properties: Option<Map<String, Value>>,
    /// What the type's schema says.
    #[schema(value_type = Object)]
    data: Value,
}

/// A page of events.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes the bytes that are written")]
pub(crate) struct Events {
    /// The events, in the order of their numbers.
    items: Vec<Envelope>,
    /// The number to go on after; null when nothing follows now.
    next: Option<u64>,
}

/// Who did something.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthorBody {
    /// The kind of the one who did it.
    kind: AuthorKindBody,
    /// Which one: a customer's id, an agent's, a bot's name, any name for an integration.
    id: String,
}

/// The kinds of authors.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AuthorKindBody {
    /// The person on the other side.
    Customer,
    /// A person who answers.
    Agent,
    /// A bot.
    Bot,
    /// A program that speaks the API.
    Integration,
    /// Tidings itself.
    System,
}

/// Who may see something.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum VisibilityBody {
    /// The customer as well.
    #[default]
    All,
    /// Agents, bots and integrations only.
    Agents,
}

impl From<VisibilityBody> for Visibility {
    fn from(body: VisibilityBody) -> Self {
        match body {
            VisibilityBody::All => Self::All,
            VisibilityBody::Agents => Self::Agents,
        }
    }
}

/// The longest id of an author that has no form of its own, in bytes.
const AUTHOR_ID_BYTES_MAX: usize = 128;

impl AuthorBody {
    /// The author, if the id is one of its kind. Nobody outside is Tidings itself.
    pub(crate) fn checked(self) -> Result<Author, Problem> {
        let wrong = |field: &str, message: String| {
            Err(Problem::new(Code::InvalidField, format!("/author/{field}: {message}"))
                .at(format!("/author/{field}"), message))
        };
        let kind = match self.kind {
            AuthorKindBody::System => return wrong("kind", "system is Tidings itself".into()),
            AuthorKindBody::Customer => match self.id.parse::<tidings_model::CustomerId>() {
                Ok(_) => AuthorKind::Customer,
                Err(error) => return wrong("id", error.to_string()),
            },
            AuthorKindBody::Agent => match self.id.parse::<AgentId>() {
                Ok(_) => AuthorKind::Agent,
                Err(error) => return wrong("id", error.to_string()),
            },
            AuthorKindBody::Bot => match self.id.parse::<BotName>() {
                Ok(_) => AuthorKind::Bot,
                Err(error) => return wrong("id", error.to_string()),
            },
            AuthorKindBody::Integration
                if self.id.is_empty() || self.id.len() > AUTHOR_ID_BYTES_MAX =>
            {
                return wrong("id", format!("must have 1 to {AUTHOR_ID_BYTES_MAX} bytes"));
            }
            AuthorKindBody::Integration => AuthorKind::Integration,
        };
        Ok(Author { kind, id: self.id })
    }
}
