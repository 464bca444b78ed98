//! What is told and not kept: who types or thinks, what a customer is about to say, previews, and what programs tell each
//! other.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use tidings_model::{AgentId, ChatStatus, CustomerId, GroupNumber, Thread, Visibility};
use tidings_wire::livechat::event::TEXT_BYTES_MAX;
use tidings_wire::livechat::show::{Lens, Veil, time};

use super::Composed;
use crate::App;
use crate::desk::actor::opaque;
use crate::desk::find;
use crate::desk::push::{Agents, Customers, Push};
use crate::desk::{Actor, ErrorType, Failure, Who};
use crate::pipeline::scene::Scene;

/// The most agents or customers that a multicast names: to reach more, it goes to teams or to all.
pub const MULTICAST_IDS_MAX: usize = 1_000;

/// Somebody types, or does so no more.
pub async fn typing(
    app: &App,
    actor: &Actor,
    chat: &str,
    visibility: Visibility,
    is_typing: bool,
) -> Result<(), Failure> {
    let scene = active(app, actor, chat).await?;
    let visibility = as_seen(&scene, actor, visibility);
    let timestamp = app.now().as_second();
    let told = |id: String, audience: &str| json!({ "author_id": id, audience: visibility.as_str(), "timestamp": timestamp, "is_typing": is_typing });
    tell(app, actor, &scene, visibility, "incoming_typing_indicator", |place, lens| {
        let audience = if lens.is_agent() { "visibility" } else { "recipients" };
        place.insert("typing_indicator".into(), told(lens.id(&actor.id()), audience));
    });
    Ok(())
}

/// A bot works on its answer.
#[derive(Clone, Debug, Default)]
pub struct Thinking {
    /// What it does.
    pub title: Option<String>,
    /// In more words.
    pub description: Option<String>,
    /// The sender's own id for it.
    pub custom_id: Option<String>,
}

/// Tells that somebody thinks.
pub async fn thinking(
    app: &App,
    actor: &Actor,
    chat: &str,
    visibility: Visibility,
    thinking: &Thinking,
) -> Result<(), Failure> {
    let texts = [
        ("title", &thinking.title),
        ("description", &thinking.description),
        ("custom_id", &thinking.custom_id),
    ];
    for (name, text) in texts {
        fits(name, text.as_deref().unwrap_or_default())?;
    }
    let scene = active(app, actor, chat).await?;
    let visibility = as_seen(&scene, actor, visibility);
    let sent_at = time(app.now());
    tell(app, actor, &scene, visibility, "incoming_thinking_indicator", |place, lens| {
        place.insert("author_id".into(), lens.id(&actor.id()).into());
        place.insert("sent_at".into(), sent_at.clone());
        for (name, text) in texts {
            if let Some(text) = text {
                place.insert(name.into(), text.clone().into());
            }
        }
    });
    Ok(())
}

/// Agents look over the customer's shoulder while they write.
pub async fn sneak_peek(app: &App, actor: &Actor, chat: &str, text: &str) -> Result<(), Failure> {
    actor.needs_customer()?;
    fits("sneak_peek_text", text)?;
    let scene = active(app, actor, chat).await?;
    let timestamp = app.now().as_second();
    let peek = json!({ "author_id": actor.id(), "text": text, "timestamp": timestamp });
    tell(app, actor, &scene, Visibility::Agents, "incoming_sneak_peek", |place, _| {
        place.insert("sneak_peek".into(), peek.clone());
    });
    Ok(())
}

/// The customer sees a message grow before it is sent. It obeys the same rules as the message will.
pub async fn preview(
    app: &App,
    actor: &Actor,
    chat: &str,
    composed: &Composed,
) -> Result<(), Failure> {
    if composed.event_type.as_str() != "chat.message" {
        return Err(Failure::field("event.type", "must be message for a preview"));
    }
    if composed.visibility != Visibility::All {
        return Err(Failure::field("event.visibility", "must be all for a preview"));
    }
    let scene = active(app, actor, chat).await?;
    super::send::may_send_in(actor, &scene, composed.visibility)?;
    super::send::may_program_speak_in(actor, &scene)?;
    let Some(customer) = scene.chat.value.customer else { return Ok(()) };
    let veil = opaque(app, actor.workspace);
    let mut event = Map::from_iter([
        ("created_at".to_owned(), time(app.now())),
        ("type".to_owned(), json!("message")),
        ("text".to_owned(), composed.data.get("text").cloned().unwrap_or_default()),
        ("author_id".to_owned(), json!(veil.name(&actor.id()))),
    ]);
    if let Some(custom_id) = &composed.custom_id {
        event.insert("custom_id".into(), custom_id.clone().into());
    }
    let mut payload = place_of(&scene);
    payload.insert("event".into(), event.into());
    signal(
        app,
        actor,
        Push {
            to_customer: Some(("incoming_event_preview", payload.into())),
            customers: Customers::One(customer),
            ..Push::default()
        },
    );
    Ok(())
}

/// Whom a multicast goes to.
#[derive(Clone, Debug, Default)]
pub struct Recipients {
    /// All agents.
    pub all_agents: bool,
    /// These agents.
    pub agents: Vec<AgentId>,
    /// The agents of these teams.
    pub groups: BTreeSet<GroupNumber>,
    /// All customers who are connected.
    pub all_customers: bool,
    /// These customers.
    pub customers: Vec<CustomerId>,
}

/// Programs tell each other something.
pub fn multicast(
    app: &App,
    actor: &Actor,
    recipients: &Recipients,
    content: &Value,
    kind: Option<&str>,
) -> Result<(), Failure> {
    for (field, count) in [
        ("recipients.agents.ids", recipients.agents.len()),
        ("recipients.customers.ids", recipients.customers.len()),
    ] {
        if count > MULTICAST_IDS_MAX {
            return Err(Failure::field(
                field,
                format!("must be a list of at most {MULTICAST_IDS_MAX} items, not {count}"),
            ));
        }
    }
    let directory =
        app.directory(actor.workspace).ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
    let mut agents = recipients.agents.clone();
    if !recipients.groups.is_empty() {
        let everyone = recipients.groups.contains(&GroupNumber::EVERYONE);
        let of_groups = directory.agents().into_iter().filter(|agent| {
            everyone
                || directory.groups_of(agent).iter().any(|group| recipients.groups.contains(group))
        });
        agents.extend(of_groups.map(|agent| agent.id.clone()));
    }
    agents.sort();
    agents.dedup();
    let veil = opaque(app, actor.workspace);
    let payload = |author: String| {
        let mut payload = Map::from_iter([
            ("author_id".to_owned(), json!(author)),
            ("content".to_owned(), content.clone()),
        ]);
        if let Some(kind) = kind {
            payload.insert("type".into(), kind.into());
        }
        Value::Object(payload)
    };
    let to_agents = Some(("incoming_multicast", payload(actor.id())));
    let to_customer = Some(("incoming_multicast", payload(veil.name(&actor.id()))));
    if recipients.all_agents {
        let agents = Agents::All;
        signal(app, actor, Push { to_agents, agents, ..Push::default() });
    } else if !agents.is_empty() {
        let agents = Agents::These(agents);
        signal(app, actor, Push { to_agents, agents, ..Push::default() });
    }
    if recipients.all_customers {
        let customers = Customers::All;
        signal(app, actor, Push { to_customer, customers, ..Push::default() });
    } else {
        let named: BTreeSet<CustomerId> = recipients.customers.iter().copied().collect();
        for customer in named {
            let customers = Customers::One(customer);
            let to_customer = to_customer.clone();
            signal(app, actor, Push { to_customer, customers, ..Push::default() });
        }
    }
    Ok(())
}

/// The chat, if it is active.
async fn active(app: &App, actor: &Actor, chat: &str) -> Result<std::sync::Arc<Scene>, Failure> {
    let scene = find::chat(app, actor, chat).await?;
    if scene.chat.value.status == ChatStatus::Closed {
        return Err(Failure::from(ErrorType::ChatInactive));
    }
    Ok(scene)
}

/// Who only looks on in a chat, or is not in it, is noticed by agents only.
fn as_seen(scene: &Scene, actor: &Actor, visibility: Visibility) -> Visibility {
    match &actor.who {
        Who::Customer(_) => visibility,
        Who::Agent(_) => {
            let member = scene.chat.value.member(&actor.participant());
            let is_shown =
                member.is_some_and(|member| member.present && member.visibility == Visibility::All);
            if is_shown { visibility } else { Visibility::Agents }
        }
    }
}

fn fits(field: &str, text: &str) -> Result<(), Failure> {
    let size = text.len();
    if size > TEXT_BYTES_MAX {
        return Err(Failure::field(
            field,
            format!("must be at most {TEXT_BYTES_MAX} bytes of UTF-8, not {size}"),
        )
        .with_data(json!({ "field": field, "limit": TEXT_BYTES_MAX, "size": size })));
    }
    Ok(())
}

fn place_of(scene: &Scene) -> Map<String, Value> {
    let Thread { id, .. } = &scene.chat.value.thread;
    Map::from_iter([
        ("chat_id".to_owned(), json!(scene.chat.value.id.code().as_str())),
        ("thread_id".to_owned(), json!(id.code().as_str())),
    ])
}

/// Tells those who see the chat, and the customer where they may know.
fn tell(
    app: &App,
    actor: &Actor,
    scene: &Scene,
    visibility: Visibility,
    action: &'static str,
    fill: impl Fn(&mut Map<String, Value>, &Lens<'_>),
) {
    let chat = &scene.chat.value;
    let veil = opaque(app, actor.workspace);
    let payload = |lens: &Lens<'_>| {
        let mut payload = place_of(scene);
        fill(&mut payload, lens);
        Value::Object(payload)
    };
    let customer = chat.customer.filter(|_| visibility == Visibility::All);
    signal(
        app,
        actor,
        Push {
            to_agents: Some((action, payload(&Lens::Agent))),
            agents: Agents::OfChat { chat: chat.id, also: Vec::new() },
            to_customer: customer.map(|me| (action, payload(&Lens::Customer { me, veil: &veil }))),
            customers: customer.map_or(Customers::Nobody, Customers::One),
        },
    );
}

fn signal(app: &App, actor: &Actor, push: Push) {
    if let Some(hub) = app.hub(actor.workspace) {
        hub.signal(push, actor.request.clone());
    }
}
