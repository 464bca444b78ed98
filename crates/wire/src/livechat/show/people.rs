//! People in chats, as chat clients know them: agents, bots, customers.

use serde_json::{Map, Value, json};
use tidings_model::{Agent, BotName, Customer, Member, Statistics, Timestamp, Visibility, Visit};

use super::{Lens, put, put_some, time};

/// An agent in a chat. `seen` is up to when they have seen its events.
pub fn agent(lens: &Lens<'_>, agent: &Agent, member: &Member, seen: Option<Timestamp>) -> Value {
    let mut map = user(lens, agent.id.as_str(), "agent", member.present, seen);
    put(&mut map, "name", agent.name.clone().into());
    put(&mut map, "avatar", agent.avatar.as_deref().unwrap_or_default().into());
    match lens {
        Lens::Agent | Lens::Administrator => {
            put(&mut map, "email", agent.id.as_str().into());
            put(&mut map, "visibility", visibility(member.visibility));
        }
        Lens::Customer { .. } => {
            put(&mut map, "job_title", agent.job_title.as_deref().unwrap_or_default().into());
        }
    }
    Value::Object(map)
}

/// A bot written in YAML in a chat: an agent to chat clients.
pub fn bot(lens: &Lens<'_>, bot: &BotName, member: &Member, seen: Option<Timestamp>) -> Value {
    let mut map = user(lens, bot.as_str(), "agent", member.present, seen);
    put(&mut map, "name", bot.as_str().into());
    put(&mut map, "avatar", "".into());
    match lens {
        Lens::Agent | Lens::Administrator => {
            put(&mut map, "email", bot.as_str().into());
            put(&mut map, "visibility", visibility(member.visibility));
        }
        Lens::Customer { .. } => put(&mut map, "job_title", "".into()),
    }
    put(&mut map, "is_bot", true.into());
    Value::Object(map)
}

/// An agent who would answer, before there is a chat.
pub fn face_of_agent(lens: &Lens<'_>, agent: &Agent) -> Value {
    json!({
        "id": lens.id(agent.id.as_str()),
        "name": agent.name,
        "avatar": agent.avatar.as_deref().unwrap_or_default(),
        "job_title": agent.job_title.as_deref().unwrap_or_default(),
        "is_bot": agent.bot.is_some(),
    })
}

/// The same of a bot written in YAML.
pub fn face_of_bot(lens: &Lens<'_>, bot: &BotName) -> Value {
    let (id, name) = (lens.id(bot.as_str()), bot.as_str());
    json!({ "id": id, "name": name, "avatar": "", "job_title": "", "is_bot": true })
}

/// A customer, in a chat where a member is given.
pub fn customer(
    lens: &Lens<'_>,
    customer: &Customer,
    member: Option<&Member>,
    seen: Option<Timestamp>,
) -> Value {
    let present = member.is_none_or(|member| member.present);
    let mut map = user(lens, &customer.id.to_string(), "customer", present, seen);
    if member.is_none() {
        map.shift_remove("present");
    }
    put_some(&mut map, "name", customer.name.clone());
    put_some(&mut map, "email", customer.email.clone());
    put(&mut map, "email_verified", customer.email_verified.into());
    put_some(&mut map, "phone_number", customer.phone_number.clone());
    put_some(&mut map, "avatar", customer.avatar.clone());
    put(
        &mut map,
        "session_fields",
        customer.session_fields.iter().cloned().map(Value::Object).collect(),
    );
    put(&mut map, "created_at", time(customer.created_at));
    put(&mut map, "statistics", statistics(&customer.statistics));
    for name in ["address", "omnichannel"] {
        put_some(&mut map, name, customer.details.get(name).cloned());
    }
    if lens.is_agent() {
        put_some(&mut map, "visit", customer.visit.as_ref().map(visit));
        put_some(&mut map, "group_ids", customer.group.map(|group| json!([group])));
    }
    Value::Object(map)
}

/// How often a customer came, looked and wrote.
pub fn statistics(of: &Statistics) -> Value {
    json!({
        "chats_count": of.chats_count,
        "threads_count": of.threads_count,
        "visits_count": of.visits_count,
        "page_views_count": of.page_views_count,
        "greetings_shown_count": of.greetings_shown_count,
        "greetings_accepted_count": of.greetings_accepted_count,
        "tickets_count": 0,
    })
}

/// A stay on a site.
pub fn visit(visit: &Visit) -> Value {
    let mut map = Map::from_iter([
        ("id".to_owned(), json!(visit.id)),
        ("started_at".to_owned(), time(visit.started_at)),
    ]);
    put_some(&mut map, "ended_at", visit.ended_at.map(time));
    put_some(&mut map, "ip", visit.ip.clone());
    put_some(&mut map, "user_agent", visit.user_agent.clone());
    put_some(&mut map, "referrer", visit.referrer.clone());
    put_some(&mut map, "geolocation", visit.geolocation.as_ref().map(|place| json!(place)));
    let pages = visit.last_pages.iter().map(
        |page| json!({ "opened_at": time(page.opened_at), "url": page.url, "title": page.title }),
    );
    put(&mut map, "last_pages", pages.collect());
    Value::Object(map)
}

fn user(
    lens: &Lens<'_>,
    id: &str,
    kind: &str,
    present: bool,
    seen: Option<Timestamp>,
) -> Map<String, Value> {
    let mut map = Map::from_iter([
        ("id".to_owned(), json!(lens.id(id))),
        ("type".to_owned(), json!(kind)),
        ("present".to_owned(), json!(present)),
    ]);
    put_some(&mut map, "events_seen_up_to", seen.map(time));
    map
}

fn visibility(of: Visibility) -> Value {
    of.as_str().into()
}
