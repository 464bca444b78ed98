//! The frame of every record: what happened, in which conversation, of which account and visitor, and when.

use serde_json::{Map, Value, json};
use tidings_model::{AuthorKind, ChatId, CustomerId, Event};
use uuid::Uuid;

use super::{Extensions, Scene, keys, scene::KnownAs, when};

/// An event, and what is known around it.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) event: &'a Event,
    pub(super) scene: &'a Scene,
}

/// Which way a conversation began; the newer types tell it with the bot.
#[derive(Clone, Copy)]
enum Way {
    Inbound,
    Outbound,
}

impl<'a> About<'a> {
    /// A field of the event's data; null is as good as missing.
    pub(super) fn data(&self, name: &str) -> Option<&'a Value> {
        self.event.data.get(name).filter(|value| !value.is_null())
    }

    /// A text of the event's data that says something.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        text_in(&self.event.data, name)
    }

    /// A text of the data of what the event answers.
    pub(super) fn prompt_text(&self, name: &str) -> Option<&'a str> {
        self.scene.prompt.as_ref().and_then(|prompt| text_in(prompt, name))
    }

    /// The UUID of something that has a name in this workspace.
    pub(super) fn named(&self, kind: &str, name: &str) -> Uuid {
        keys::named(self.event.workspace, kind, name)
    }

    /// The number of the bot to which the conversation belongs: the channel's, or the channel itself.
    pub(super) fn bot_number(&self) -> u64 {
        let account = &self.scene.account;
        account.bot_id.unwrap_or_else(|| {
            let uuid = match (&account.bot, self.event.channel) {
                (Some(bot), _) => self.named("bot", bot),
                (None, Some(channel)) => channel.uuid(),
                (None, None) => self.event.workspace.uuid(),
            };
            keys::number(uuid)
        })
    }

    /// The UUID of the customer: as the scene knows it, as the event tells it, or last the chat's.
    pub(super) fn customer(&self) -> Uuid {
        let told = || Uuid::try_parse(self.text("customer")?).ok();
        let author = || match self.event.author.kind {
            AuthorKind::Customer => Uuid::try_parse(&self.event.author.id).ok(),
            AuthorKind::Agent | AuthorKind::Bot | AuthorKind::Integration | AuthorKind::System => {
                None
            }
        };
        let known = self.scene.visitor.customer.map(CustomerId::uuid);
        known.or_else(told).or_else(author).unwrap_or_else(|| {
            let chat = self.event.chat.map(ChatId::uuid);
            chat.unwrap_or(self.event.root.uuid())
        })
    }

    /// The key of the customer.
    pub(super) fn visitor_key(&self) -> String {
        key(&self.scene.visitor.known_as, keys::is_visitor, || keys::visitor(self.customer()))
    }

    /// A record of one of the nine types.
    pub(super) fn record(&self, name: &str, mut payload: Value, extensions: Extensions) -> Value {
        let is_new_sort = matches!(name, "sla_breached" | "message_status");
        let campaign = if name == "message_status" { self.campaign() } else { None };
        let way = match (&campaign, is_new_sort) {
            (Some(_), _) => Some(Way::Outbound),
            (None, true) => Some(Way::Inbound),
            (None, false) => None,
        };
        if let (Extensions::On, "message", Value::Object(payload)) =
            (extensions, name, &mut payload)
        {
            payload.insert("message_id".into(), keys::message(self.event.id).into());
        }
        let mut record = Map::new();
        record.insert("event".into(), json!({ "type": name, "payload": payload }));
        match campaign {
            Some(request_key) => {
                record.insert("campaign_details".into(), json!({ "request_key": request_key }));
            }
            None => {
                record.insert("conversation".into(), self.conversation());
            }
        }
        record.insert("account".into(), self.account(way));
        record.insert("visitor".into(), self.visitor(is_new_sort));
        let time = self.event.time;
        let told = if name == "message_status" { when::whole_second(time) } else { time };
        record.insert("timestamp".into(), when::time(told).into());
        if extensions == Extensions::On {
            record.insert("event_id".into(), self.event.id.to_string().into());
            record.insert("occurred_at".into(), time.to_string().into());
            record.insert("seq".into(), self.event.seq.0.into());
        }
        Value::Object(record)
    }

    fn conversation(&self) -> Value {
        let known = &self.scene.conversation;
        // A chat is there, or the record would not be made; the root is what stays the same where it is not.
        let uuid = self.event.chat.map_or(self.event.root.uuid(), ChatId::uuid);
        let key = key(&known.known_as, keys::is_conversation, || {
            keys::conversation(uuid, known.created_at)
        });
        json!({ "key": key, "id": known.known_as.id.unwrap_or_else(|| keys::number(uuid)) })
    }

    fn account(&self, way: Option<Way>) -> Value {
        let known = &self.scene.account.known_as;
        let workspace = self.event.workspace;
        let key = key(known, keys::is_long, || keys::account(workspace));
        let id = known.id.unwrap_or_else(|| keys::number(workspace.uuid()));
        let bot = match way {
            None => json!({ "id": self.bot_number() }),
            Some(Way::Inbound) => json!({ "id": self.bot_number(), "type": "inbound" }),
            Some(Way::Outbound) => json!({ "id": self.bot_number(), "type": "outbound" }),
        };
        json!({ "key": key, "id": id, "bot": bot })
    }

    /// The newer types tell who the visitor is as well, with empty texts for what is not known.
    fn visitor(&self, with_contact: bool) -> Value {
        let known = &self.scene.visitor;
        let id = known.known_as.id.unwrap_or_else(|| keys::number(self.customer()));
        let key = self.visitor_key();
        if with_contact {
            json!({ "key": key, "id": id, "name": known.name, "email": known.email, "phone": known.phone })
        } else {
            json!({ "key": key, "id": id })
        }
    }

    /// The request key of the campaign to which a message belongs. A message outside of any chat is told as one of a
    /// campaign of its own: that form alone has no conversation.
    fn campaign(&self) -> Option<String> {
        match (self.text("campaign"), self.event.chat) {
            (Some(campaign), _) if keys::is_request(campaign) => Some(campaign.to_owned()),
            (Some(campaign), _) => Some(keys::request(self.named("campaign", campaign))),
            (None, None) => Some(keys::request(self.event.root.uuid())),
            (None, Some(_)) => None,
        }
    }
}

/// A text in an object that says something.
pub(super) fn text_in<'v>(object: &'v Value, name: &str) -> Option<&'v str> {
    object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn key(known: &KnownAs, has_shape: fn(&str) -> bool, derived: impl FnOnce() -> String) -> String {
    known.key.clone().filter(|key| has_shape(key)).unwrap_or_else(derived)
}
