//! `conversation_create`: a chat began.

use serde_json::{Value, json};
use tidings_model::{ChatId, ThreadId};
use uuid::Uuid;

use super::about::About;
use super::{ChannelCodes, keys, variable, when, who};

/// WotNot's numbers of its web channel, as its sample has them.
const WEB: ChannelCodes = ChannelCodes { name: 1, provider: 0 };

/// Where WotNot's number of a channel is not known.
const UNKNOWN: ChannelCodes = ChannelCodes { name: 0, provider: 0 };

/// What happened, in WotNot's words.
pub(super) fn payload(about: &About<'_>) -> Value {
    let scene = about.scene;
    let began = scene.conversation.created_at.unwrap_or(about.event.time);
    let codes = scene.channel_codes.unwrap_or_else(|| match channel_kind(about) {
        "web" => WEB,
        _ => UNKNOWN,
    });
    let is_new = about.data("new_customer").and_then(Value::as_bool);
    let is_active = about.data("active").and_then(Value::as_bool).unwrap_or(true);
    json!({
        "assigned_to_user": assignee(about),
        "created_at": when::time(began),
        "title": title(about),
        "bot_id": about.bot_number(),
        "channel": { "name": codes.name, "provider": codes.provider },
        "is_new_visitor": is_new.unwrap_or(scene.visitor.is_new),
        "is_closed": u8::from(!is_active),
        "external_key": keys::conversation(thread(about), Some(began)),
        "browser": browser(about),
        "variables": variables(about),
    })
}

/// The agent that has it, whom it begins with, or the bot.
fn assignee(about: &About<'_>) -> Value {
    let users = about.data("users").and_then(Value::as_array);
    let first = users.into_iter().flatten().find_map(|user| {
        let (kind, id) = (user.get("kind")?.as_str()?, user.get("id")?.as_str()?);
        matches!(kind, "agent" | "bot").then_some((kind, id))
    });
    match (about.scene.conversation.assignee.as_deref(), first) {
        (None, Some((kind, id))) => who::user(about, kind, id),
        (assignee, _) => who::agent_or_bot(about, assignee),
    }
}

/// The chat's name; without one, a letter and five digits of the visitor's number, as in `Visitor - A27187`.
fn title(about: &About<'_>) -> String {
    let known = about.text("title").or(about.scene.conversation.title.as_deref());
    known.map_or_else(
        || {
            let number = keys::number(about.customer());
            let letter = u8::try_from(number % 26).map_or('A', |place| char::from(b'A' + place));
            format!("Visitor - {letter}{:05}", number / 26 % 100_000)
        },
        str::to_owned,
    )
}

fn thread(about: &About<'_>) -> Uuid {
    let told = about.text("thread").and_then(|thread| Uuid::try_parse(thread).ok());
    let thread = told.or_else(|| about.event.thread.map(ThreadId::uuid));
    thread.or_else(|| about.event.chat.map(ChatId::uuid)).unwrap_or_default()
}

fn browser<'a>(about: &About<'a>) -> &'a str {
    about.text("browser").unwrap_or(&about.scene.visit.browser)
}

fn channel_kind<'a>(about: &About<'a>) -> &'a str {
    about.scene.channel_kind.as_deref().or_else(|| about.text("channel_kind")).unwrap_or_default()
}

/// What is known at the beginning: WotNot's thirteen, in its order, then what the event tells and what is kept about the
/// visitor.
fn variables(about: &About<'_>) -> Value {
    let scene = about.scene;
    let visit = &scene.visit;
    let began = scene.conversation.created_at.unwrap_or(about.event.time);
    let mut list = vec![
        variable::text("bot_name", scene.account.bot.as_deref().unwrap_or_default()),
        variable::text("referrer_url", &visit.referrer_url),
        variable::text("timezone", &visit.timezone),
        variable::text("os", &visit.os),
        variable::text("browser_language", &visit.browser_language),
        variable::text("browser", browser(about)),
        variable::text("ip_address", &visit.ip_address),
        variable::text("global_channel_name", &channel_kind(about).to_uppercase()),
        variable::date("conversation_created_at", began),
        variable::text("conversation_url", &scene.conversation.url),
        variable::text("source_url", &visit.source_url),
        variable::text("contact_id", &about.visitor_key()),
        variable::text("visitor_contact_created_by", &scene.account.name),
    ];
    let told = about.data("variables").and_then(Value::as_object);
    list.extend(told.into_iter().flatten().map(|(name, value)| variable::listed(name, value)));
    let kept = &scene.visitor.variables;
    list.extend(
        kept.iter().map(|(name, value)| variable::listed(&variable::of_contact(name), value)),
    );
    let has_name = kept.keys().any(|name| name.eq_ignore_ascii_case("name"));
    if !has_name && !scene.visitor.name.is_empty() {
        list.push(variable::text("visitor_name", &scene.visitor.name));
    }
    list.into()
}
