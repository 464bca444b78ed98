//! What agents tell and nobody keeps: typing, thinking, previews, multicasts; and the tags of threads.

use serde::Deserialize;
use serde_json::{Value, json};
use tidings_app::desk::events::signals::{self, Recipients, Thinking};
use tidings_app::desk::{Failure, events, tags};
use tidings_model::Visibility;
use tidings_wire::livechat::{self, EventLimits};

use crate::livechat::call::{Answer, Call};

#[derive(Deserialize)]
struct Typing {
    chat_id: String,
    is_typing: bool,
    #[serde(default)]
    visibility: Visibility,
}

/// `send_typing_indicator`.
pub(super) async fn typing(call: &Call) -> Answer {
    let Typing { chat_id, is_typing, visibility } = call.args()?;
    signals::typing(&call.app, &call.actor, &chat_id, visibility, is_typing).await?;
    Ok(json!({}))
}

#[derive(Deserialize)]
struct Thinks {
    chat_id: String,
    #[serde(default)]
    visibility: Visibility,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    custom_id: Option<String>,
}

/// `send_thinking_indicator`.
pub(super) async fn thinking(call: &Call) -> Answer {
    let Thinks { chat_id, visibility, title, description, custom_id } = call.args()?;
    let thinking = Thinking { title, description, custom_id };
    signals::thinking(&call.app, &call.actor, &chat_id, visibility, &thinking).await?;
    Ok(json!({}))
}

#[derive(Deserialize)]
struct Preview {
    chat_id: String,
    event: Value,
}

/// `send_event_preview`.
pub(super) async fn preview(call: &Call) -> Answer {
    let args: Preview = call.args()?;
    livechat::event(call.side, call.version, &args.event, &EventLimits::default())?;
    let (app, actor) = (&call.app, &call.actor);
    let composed = events::compose(app, actor, &args.event, "event").await?;
    signals::preview(app, actor, &args.chat_id, &composed).await?;
    Ok(json!({}))
}

#[derive(Deserialize)]
struct Multicast {
    recipients: Kinds,
    content: Value,
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

#[derive(Default, Deserialize)]
struct Kinds {
    #[serde(default)]
    agents: Option<Whom>,
    #[serde(default)]
    customers: Option<Whom>,
}

#[derive(Default, Deserialize)]
struct Whom {
    #[serde(default)]
    all: bool,
    #[serde(default)]
    ids: Vec<String>,
    #[serde(default)]
    groups: Vec<u32>,
}

/// `multicast`.
pub(super) fn multicast(call: &Call) -> Answer {
    let args: Multicast = call.args()?;
    let agents = args.recipients.agents.unwrap_or_default();
    let customers = args.recipients.customers.unwrap_or_default();
    let recipients = Recipients {
        all_agents: agents.all,
        agents: parsed(&agents.ids, "recipients.agents.ids")?,
        groups: agents.groups.into_iter().map(tidings_model::GroupNumber).collect(),
        all_customers: customers.all,
        customers: parsed(&customers.ids, "recipients.customers.ids")?,
    };
    let kind = args.kind.as_deref();
    signals::multicast(&call.app, &call.actor, &recipients, &args.content, kind)?;
    Ok(json!({}))
}

fn parsed<T: std::str::FromStr>(ids: &[String], field: &str) -> Result<Vec<T>, Failure> {
    ids.iter()
        .map(|id| id.parse().map_err(|_| Failure::field(field, "has something that is no id")))
        .collect()
}

#[derive(Deserialize)]
struct Tagging {
    chat_id: String,
    thread_id: String,
    tag: String,
}

/// `tag_thread`.
pub(super) async fn tag(call: &Call) -> Answer {
    let Tagging { chat_id, thread_id, tag } = call.args()?;
    tags::tag(&call.app, &call.actor, &chat_id, &thread_id, &tag).await?;
    Ok(json!({}))
}

/// `untag_thread`.
pub(super) async fn untag(call: &Call) -> Answer {
    let Tagging { chat_id, thread_id, tag } = call.args()?;
    tags::untag(&call.app, &call.actor, &chat_id, &thread_id, &tag).await?;
    Ok(json!({}))
}
