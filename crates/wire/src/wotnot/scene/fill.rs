//! What documents tell of a scene. Called by whoever delivers, once for each document that it has; the order is free.

use serde_json::Value;
use tidings_model::{Agent, Channel, Chat, Customer};

use super::{Person, Scene};

mod user_agent;

impl Scene {
    /// A chat tells when it began, who has it and whose it is.
    pub fn tell_chat(&mut self, chat: &Chat) {
        self.conversation.created_at = Some(chat.created_at);
        self.conversation.assignee = chat.assignee.as_ref().map(|agent| agent.as_str().to_owned());
        self.visitor.customer = chat.customer.or(self.visitor.customer);
    }

    /// A channel tells its kind, and the bot that holds its new chats.
    pub fn tell_channel(&mut self, channel: &Channel) {
        self.channel_kind = Some(channel.kind.as_str().to_owned());
        self.account.bot = channel.bot.as_ref().map(|bot| bot.as_str().to_owned());
    }

    /// A customer tells who they are, what bots keep about them, and of their last visit.
    pub fn tell_customer(&mut self, customer: &Customer) {
        let visitor = &mut self.visitor;
        visitor.customer = Some(customer.id);
        visitor.name = customer.name.clone().unwrap_or_default();
        visitor.email = customer.email.clone().unwrap_or_default();
        visitor.phone = customer.phone_number.clone().unwrap_or_default();
        // The first chat is counted by the commit that begins it.
        visitor.is_new = customer.statistics.chats_count <= 1;
        let kept = customer.data.iter().filter(|(_, value)| !value.is_null());
        visitor.variables = kept.map(|(name, value)| (name.clone(), Value::clone(value))).collect();
        self.visit.browser_language = customer.language.clone().unwrap_or_default();
        let Some(visit) = &customer.visit else { return };
        let program = visit.user_agent.as_deref().unwrap_or_default();
        let place = visit.geolocation.as_ref();
        let told = &mut self.visit;
        told.browser = user_agent::browser(program);
        told.os = user_agent::os(program);
        told.ip_address = visit.ip.clone().unwrap_or_default();
        told.referrer_url = visit.referrer.clone().unwrap_or_default();
        told.timezone = place.and_then(|place| place.timezone.clone()).unwrap_or_default();
        told.source_url = visit.last_pages.last().map(|page| page.url.clone()).unwrap_or_default();
    }

    /// An agent tells whether they are a program. Numbers that WotNot gave are kept.
    pub fn tell_agent(&mut self, agent: &Agent) {
        let person = self.people.entry(agent.id.as_str().to_owned()).or_default();
        *person = Person { is_bot: agent.bot.is_some(), ..std::mem::take(person) };
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidings_model::{
        AgentStatus, ChannelId, ChannelKind, ChatId, CustomerId, Page, ThreadId, Timestamp, Visit,
    };
    use uuid::Uuid;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-21T10:00:00Z".parse().expect("a time")
    }

    fn alice() -> Customer {
        let mut alice = Customer::new(CustomerId::new(Uuid::from_u128(1)), now());
        alice.name = Some("Alice".into());
        alice.language = Some("de".into());
        alice.statistics.chats_count = 1;
        alice.data.insert("size".into(), json!("L"));
        alice.data.insert("coupon".into(), Value::Null);
        alice.visit = Some(Visit {
            id: 1,
            started_at: now(),
            ended_at: None,
            ip: Some("192.0.2.7".into()),
            user_agent: Some(
                "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0".into(),
            ),
            referrer: None,
            geolocation: None,
            pages_count: 1,
            goals: [].into(),
            greets_itself: false,
            inactive_since: None,
            last_pages: vec![Page {
                opened_at: now(),
                url: "https://pizzeria.example".into(),
                title: None,
            }],
        });
        alice
    }

    #[test]
    fn documents_fill_the_scene() {
        let mut scene = Scene::default();
        let mut chat = Chat::begin(
            ChatId::new(Uuid::from_u128(4)),
            ChannelId::new(Uuid::from_u128(3)),
            "web:1",
            ThreadId::new(Uuid::from_u128(5)),
            now(),
        );
        chat.customer = Some(alice().id);
        chat.assignee = Some("bob@example.org".parse().expect("an id"));
        scene.tell_chat(&chat);
        scene.tell_channel(&Channel {
            id: chat.channel,
            kind: ChannelKind::Telegram,
            name: "Pizzas".into(),
            bot: Some("pizzeria".parse().expect("a name")),
            enabled: true,
            settings: serde_json::Map::new(),
        });
        scene.tell_customer(&alice());
        let bob = "bob@example.org".parse().expect("an id");
        scene
            .people
            .insert("bob@example.org".into(), Person { id: Some(8292), ..Person::default() });
        scene.tell_agent(&Agent::new(bob, "Bob", AgentStatus::Accepting));

        assert_eq!(scene.conversation.created_at, Some(now()));
        assert_eq!(scene.conversation.assignee.as_deref(), Some("bob@example.org"));
        assert_eq!(scene.channel_kind.as_deref(), Some("telegram"));
        assert_eq!(scene.account.bot.as_deref(), Some("pizzeria"));
        assert_eq!(scene.visitor.customer, Some(alice().id));
        assert!(scene.visitor.is_new);
        assert_eq!(json!(scene.visitor.variables), json!({ "size": "L" }));
        let visit = &scene.visit;
        assert_eq!((visit.browser.as_str(), visit.os.as_str()), ("Firefox 150 (150.0)", "Linux"));
        assert_eq!(
            (visit.ip_address.as_str(), visit.browser_language.as_str()),
            ("192.0.2.7", "de")
        );
        assert_eq!(visit.source_url, "https://pizzeria.example");
        let person = scene.people.get("bob@example.org").expect("he is known");
        assert_eq!((person.id, person.is_bot), (Some(8292), false));
    }
}
