//! What stands around an event in WotNot's form, read from the documents of its chat: decided once, before the first try,
//! since people change their names until the next one.

use std::collections::BTreeMap;

use serde_json::Value;
use tidings_model::{Chat, Customer, Event, EventId};
use tidings_store::ReadError;
use tidings_wire::wotnot::{
    Account, Conversation, Extensions, Framing, Person, Scene, Visit, Visitor, body, has_form,
};

use crate::App;
use crate::directory::Directory;

/// How many events of a chat are looked at for the form that an answer fills.
const LOOK_BACK_EVENTS: usize = 50;

/// The body of an event; `None` for what WotNot has no name for.
pub(super) async fn decide(
    app: &App,
    directory: &Directory,
    event: &Event,
    (framing, extensions): (Framing, Extensions),
) -> Result<Option<Value>, ReadError> {
    if !has_form(event.event_type.as_str()) {
        return Ok(None);
    }
    let scene = scene(app, directory, event).await?;
    let text = body(event, &scene, framing, extensions).map(String::from_utf8);
    Ok(text.and_then(Result::ok).map(Value::String))
}

async fn scene(app: &App, directory: &Directory, event: &Event) -> Result<Scene, ReadError> {
    let known = match event.chat {
        Some(chat) => app.recent_scene(event.workspace, chat).await?,
        None => None,
    };
    let chat = known.as_ref().map(|known| &known.chat.value);
    let customer = known.as_ref().and_then(|known| known.customer.as_ref());
    let customer = customer.map(|customer| &customer.value);
    let channel = event.channel.and_then(|channel| directory.channel(channel));
    let bot = channel.as_ref().and_then(|channel| channel.bot.as_ref()).map(ToString::to_string);
    Ok(Scene {
        public_url: app.settings.public_url.clone(),
        channel_kind: directory.channel_kind(event).map(str::to_owned),
        channel_codes: None,
        conversation: chat.map(|chat| conversation(app, chat)).unwrap_or_default(),
        account: Account { bot, ..Account::default() },
        visitor: visitor(chat, customer),
        visit: customer.map(visit).unwrap_or_default(),
        people: people(directory),
        label_ids: BTreeMap::new(),
        prompt: prompt(app, event).await?,
    })
}

fn conversation(app: &App, chat: &Chat) -> Conversation {
    Conversation {
        created_at: Some(chat.created_at),
        assignee: chat.assignee.as_ref().map(ToString::to_string),
        url: format!("{}/api/v1/chats/{}", app.settings.public_url, chat.id),
        ..Conversation::default()
    }
}

fn visitor(chat: Option<&Chat>, customer: Option<&Customer>) -> Visitor {
    let Some(customer) = customer else {
        let customer = chat.and_then(|chat| chat.customer);
        return Visitor { customer, ..Visitor::default() };
    };
    let fields = customer.session_fields.iter().flatten();
    Visitor {
        customer: Some(customer.id),
        name: customer.name.clone().unwrap_or_default(),
        email: customer.email.clone().unwrap_or_default(),
        phone: customer.phone_number.clone().unwrap_or_default(),
        variables: fields.map(|(name, value)| (name.clone(), value.clone())).collect(),
        ..Visitor::default()
    }
}

fn visit(customer: &Customer) -> Visit {
    let Some(visit) = &customer.visit else { return Visit::default() };
    Visit {
        browser: visit.user_agent.clone().unwrap_or_default(),
        browser_language: customer.language.clone().unwrap_or_default(),
        ip_address: visit.ip.clone().unwrap_or_default(),
        referrer_url: visit.referrer.clone().unwrap_or_default(),
        source_url: visit.last_pages.last().map(|page| page.url.clone()).unwrap_or_default(),
        ..Visit::default()
    }
}

fn people(directory: &Directory) -> BTreeMap<String, Person> {
    let person =
        |agent: &tidings_model::Agent| Person { is_bot: agent.bot.is_some(), ..Person::default() };
    directory.agents().iter().map(|agent| (agent.id.to_string(), person(agent))).collect()
}

/// What an answer answers: the message with the pressed button, or the form that was asked last.
async fn prompt(app: &App, event: &Event) -> Result<Option<Value>, ReadError> {
    match event.event_type.as_str() {
        "chat.postback" => {
            let asked = event.data.get("event").and_then(Value::as_str);
            let Some(id) = asked.and_then(|id| id.parse::<EventId>().ok()) else { return Ok(None) };
            let asked = app.store.event(event.workspace, id).await?;
            Ok(asked.filter(|asked| asked.chat == event.chat).map(|asked| asked.data.clone()))
        }
        "chat.form_filled" => {
            let Some(chat) = event.chat else { return Ok(None) };
            let before = Some(event.seq);
            let said =
                app.store.chat_events(event.workspace, chat, before, LOOK_BACK_EVENTS).await?;
            let form = said.iter().find(|said| said.event_type.as_str() == "chat.form");
            Ok(form.map(|form| form.data.clone()))
        }
        _ => Ok(None),
    }
}
