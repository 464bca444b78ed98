//! Who did it, as WotNot names them: `visitor`, `user` (an agent) or `bot`.
//!
//! A visitor has neither mail address nor id there. A program that speaks our API, and Tidings itself, count as bots. What
//! nobody in particular has is had by the bot of the chat's channel, since WotNot knows no chat that nobody has.

use serde_json::{Value, json};
use tidings_model::{Author, AuthorKind};

use super::{about::About, keys};

/// Somebody who is no visitor.
struct Known {
    email: String,
    id: u64,
    kind: &'static str,
}

impl Known {
    fn actor(&self) -> Value {
        json!({ "email": self.email, "id": self.id.to_string(), "type": self.kind })
    }
}

/// The author of an event.
pub(super) fn actor(about: &About<'_>, author: &Author) -> Value {
    match author.kind {
        AuthorKind::Customer => json!({ "email": null, "id": null, "type": "visitor" }),
        AuthorKind::Agent => known(about, "agent", &author.id).actor(),
        AuthorKind::Bot => known(about, "bot", &author.id).actor(),
        AuthorKind::Integration => known(about, "integration", &author.id).actor(),
        AuthorKind::System => bot(about).actor(),
    }
}

/// An agent; nobody is the bot.
pub(super) fn agent_or_bot(about: &About<'_>, agent: Option<&str>) -> Value {
    holder(about, agent).actor()
}

/// The same in the shape of a missed service level, which has a number as id and no type.
pub(super) fn breached_by(about: &About<'_>, agent: Option<&str>) -> Value {
    let holder = holder(about, agent);
    json!({ "email": holder.email, "id": holder.id })
}

/// Somebody of the `users` of an event: `{kind, id}`.
pub(super) fn user(about: &About<'_>, kind: &str, id: &str) -> Value {
    match kind {
        "bot" => known(about, "bot", id).actor(),
        _ => known(about, "agent", id).actor(),
    }
}

fn holder(about: &About<'_>, agent: Option<&str>) -> Known {
    match agent.filter(|agent| !agent.is_empty()) {
        Some(agent) => known(about, "agent", agent),
        None => bot(about),
    }
}

fn known(about: &About<'_>, kind: &'static str, id: &str) -> Known {
    let person = about.scene.people.get(id);
    let is_bot = kind != "agent" || person.is_some_and(|person| person.is_bot);
    let address = || if id.contains('@') { id.to_owned() } else { String::new() };
    Known {
        email: person.and_then(|person| person.email.clone()).unwrap_or_else(address),
        id: person
            .and_then(|person| person.id)
            .unwrap_or_else(|| keys::number(about.named(kind, id))),
        kind: if is_bot { "bot" } else { "user" },
    }
}

/// The bot of the chat's channel, or the channel in its place.
fn bot(about: &About<'_>) -> Known {
    match &about.scene.account.bot {
        Some(bot) => known(about, "bot", bot),
        None => Known { email: String::new(), id: about.bot_number(), kind: "bot" },
    }
}
