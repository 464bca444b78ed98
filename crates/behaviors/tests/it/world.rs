//! A small world for stories: a vocabulary, and Alice who talks to one bot. What happens is written down line by line.
//!
//! Between any two turns the run goes through JSON and back, as it does in the store.

use serde_json::{Map, Value, json};
use tidings_behaviors::{
    Bot, BotSource, Effect, Facts, HandOverTo, Happened, Heard, Input, Problem, Run, RunState, Say,
    Seeds, Took, Turn, Vocabulary, Wait, Wanted, WorkFailed, hear, resume, start,
};
use tidings_model::{
    Author, AuthorKind, ChannelKind, CustomerId, Draft, Event, EventId, Order, Seq, Timestamp,
    TypeName, WorkspaceId, envelope,
};
use uuid::Uuid;

/// Some of the catalogue's types.
pub(crate) struct Words;

const TYPES: [(&str, &str, &[&str]); 20] = [
    ("chat.message", "after", &["text", "format", "reply_to"]),
    ("chat.started", "after", &["customer", "channel_kind", "address"]),
    ("chat.closed", "after", &["reason"]),
    ("chat.command", "after", &["command", "arguments", "text"]),
    ("chat.postback", "after", &["value", "postback_id", "text", "message_id"]),
    ("chat.location", "after", &["latitude", "longitude", "title", "address"]),
    ("chat.sticker", "after", &["emoji", "set_name"]),
    ("chat.contact", "after", &["phone_number", "first_name"]),
    ("chat.file", "after", &["files", "caption"]),
    ("chat.custom", "after", &["kind", "content"]),
    ("order.placed", "after", &["lines", "name", "total"]),
    ("payment.precheckout", "interactive", &["query_id", "total_amount", "payload"]),
    ("nlu.match", "after", &["bot", "text", "intent", "confidence", "alternatives"]),
    ("nlu.no_match", "after", &["bot", "text", "alternatives"]),
    ("note.added", "after", &["text"]),
    ("message.sending", "before", &["text", "author"]),
    ("webhook.received", "interactive", &["hook", "method", "path", "headers", "query", "body"]),
    ("schedule.due", "after", &["bot", "behavior", "due_at", "missed"]),
    ("mail.sending", "before", &["to", "subject", "text"]),
    ("behavior.called", "after", &["bot", "behavior", "with", "by"]),
];

impl Vocabulary for Words {
    fn resolve(&self, name: &str) -> Option<Heard> {
        let (name, constraints) = match name {
            "telegramSendLocation" => {
                ("chat.location", vec![("channel".to_owned(), json!("telegram"))])
            }
            name => (name, Vec::new()),
        };
        let (name, kind, fields) = TYPES.into_iter().find(|(known, ..)| *known == name)?;
        let properties: Map<String, Value> =
            fields.iter().map(|field| ((*field).to_owned(), json!({}))).collect();
        Some(Heard {
            event_type: name.parse().expect("a type"),
            constraints,
            kind: kind.to_owned(),
            heard_by: Vec::new(),
            schema: json!({ "type": "object", "properties": properties }),
            sample: json!({}),
            answer: match kind {
                "after" => Value::Null,
                "before" => json!({ "properties": { "subject": {}, "text": {} } }),
                _ if name == "webhook.received" => {
                    json!({ "properties": { "status": {}, "headers": {}, "body": {} } })
                }
                _ => json!({ "required": ["ok"], "additionalProperties": false,
                    "properties": { "ok": {}, "error_message": {} } }),
            },
        })
    }

    fn nearest(&self, name: &str) -> Option<String> {
        let same_end = |known: &&str| {
            known.rsplit('.').next() == name.rsplit('.').next() || known.starts_with(name)
        };
        TYPES.into_iter().map(|(known, ..)| known).find(same_end).map(str::to_owned)
    }
}

pub(crate) fn source(files: &[(&str, &str)]) -> BotSource {
    let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    BotSource { name: "pizzeria".parse().expect("a name"), files }
}

pub(crate) fn load(text: &str) -> Result<(Bot, Vec<Problem>), Vec<Problem>> {
    Bot::load(&source(&[("bot.yaml", text)]), &Words)
}

/// One behavior on a message with these steps, indented by nothing.
pub(crate) fn on_message(steps: &str) -> String {
    let indented: String = steps.lines().map(|line| format!("      {line}\n")).collect();
    format!("behaviors:\n  - name: main\n    on: chat.message\n    do:\n{indented}")
}

pub(crate) fn noon() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().expect("a time")
}

/// The event that starts a run.
pub(crate) fn event(event_type: &TypeName, data: Value) -> Event {
    let id = EventId::new(Uuid::from_u128(1));
    let mut draft = Draft::new(id, event_type.clone(), WorkspaceId::new(Uuid::nil()), noon(), data);
    draft.author = Author::customer(CustomerId::new(Uuid::from_u128(2)));
    let body = envelope::write(&draft).into();
    Event::new(Seq(1), Some(Order(1)), draft, body)
}

/// A story as it is told.
pub(crate) struct Story {
    bot: Bot,
    pub(crate) facts: Facts,
    pub(crate) run: Option<Run>,
    /// What the bot said last.
    pub(crate) said: Option<Say>,
    now: Timestamp,
    lines: Vec<String>,
}

impl Story {
    pub(crate) fn of(text: &str) -> Self {
        Self::with(load(text).map_err(|problems| told(&problems)).expect("a bot that loads").0)
    }

    pub(crate) fn with(bot: Bot) -> Self {
        let facts = Facts {
            chat: json!({ "id": "c1", "status": "open", "labels": ["new"], "variables": { "mood": "good" } }),
            customer: json!({ "id": "a1", "name": "Alice", "language": "en" }),
            meta: json!({ "type": "chat.message", "channel_kind": "telegram" }),
            ..Facts::default()
        };
        Self { bot, facts, run: None, said: None, now: noon(), lines: Vec::new() }
    }

    /// The channel shows forms.
    pub(crate) fn on_the_web(mut self) -> Self {
        self.facts.shows = ChannelKind::Web.shows();
        self
    }

    fn seeds(&self) -> Seeds {
        Seeds { now: self.now, run: Uuid::from_u128(7), random: 7 }
    }

    /// An event: the first behavior that concerns itself with it and starts has it.
    pub(crate) fn event(mut self, name: &str, data: Value) -> Self {
        self.lines.push(format!("* {name} {data}"));
        self.start(name, data);
        self
    }

    fn start(&mut self, name: &str, data: Value) {
        let event_type: TypeName = name.parse().expect("a type");
        let cause = event(&event_type, data.clone());
        let mut facts = Facts { event: data.clone(), ..self.facts.clone() };
        facts.meta = json!({ "type": name, "channel_kind": "telegram" });
        let mut concerned: Vec<(usize, i32)> = (self.bot.behaviors().iter().enumerate())
            .filter(|(_, behavior)| {
                behavior.concerns(&event_type, Some("telegram"), AuthorKind::Customer, &data)
            })
            .map(|(index, behavior)| (index, behavior.priority))
            .collect();
        concerned.sort_by_key(|(_, priority)| -priority);
        for (index, _) in concerned {
            if let Some(turn) = start(&self.bot, index, &facts, &cause, self.seeds()) {
                self.tell(turn);
                return;
            }
        }
        self.lines.push("  (nobody reacts)".to_owned());
    }

    /// Alice writes: an answer when the bot waits for one.
    pub(crate) fn alice(mut self, text: &str) -> Self {
        self.lines.push(format!("Alice: {text}"));
        self.answer_or_start(text, json!(text));
        self
    }

    /// Alice presses a button.
    pub(crate) fn presses(mut self, text: &str, value: &str) -> Self {
        self.lines.push(format!("Alice presses {text:?} = {value:?}"));
        self.answer_or_start(text, json!(value));
        self
    }

    /// Alice sends something that is no text: the question takes it, or else a behavior.
    pub(crate) fn sends(mut self, name: &str, data: Value) -> Self {
        self.lines.push(format!("Alice sends {name} {data}"));
        let event_type: TypeName = name.parse().expect("a type");
        if let Some(run) = self.run.clone() {
            let author = AuthorKind::Customer;
            let channel_kind = Some("telegram".to_owned());
            let data = data.clone();
            let happened = Happened { event_type, author, channel_kind, data, may_answer: true };
            let (took, turn) = hear(&self.bot, run, &happened, &self.facts, self.seeds(), None);
            if took != Took::Nothing {
                self.tell(turn);
                return self;
            }
        }
        self.start(name, data);
        self
    }

    fn answer_or_start(&mut self, text: &str, value: Value) {
        let waits = self.run.as_ref().is_some_and(|run| {
            matches!(run.state, RunState::Waiting { wait: Wait::Answer { .. } })
        });
        if waits {
            self.resume(Input::Answer { text: text.to_owned(), value });
        } else {
            self.start("chat.message", json!({ "text": text }));
        }
    }

    /// Time goes by.
    pub(crate) fn passes(mut self, seconds: i64) -> Self {
        self.now = Timestamp::from_second(self.now.as_second() + seconds).expect("a time");
        self.lines.push(format!("... {seconds} s later"));
        self
    }

    /// What it ordered is done, or failed.
    pub(crate) fn done(mut self, outcome: Result<Value, WorkFailed>) -> Self {
        self.lines.push(match &outcome {
            Ok(value) => format!("> {value}"),
            Err(failed) => format!("> failed: {}", failed.code),
        });
        self.resume(Input::Done { outcome, log: Vec::new() });
        self
    }

    /// Time goes by, and the run's timer fires.
    pub(crate) fn later(self, seconds: i64) -> Self {
        let mut story = self.passes(seconds);
        story.resume(Input::TimeUp);
        story
    }

    fn resume(&mut self, input: Input) {
        let run = self.run.take().expect("a run that waits");
        let text = serde_json::to_string(&run).expect("JSON");
        let again: Run = serde_json::from_str(&text).expect("a run");
        assert_eq!(run, again);
        let turn = resume(&self.bot, again, input, &self.facts, self.seeds());
        self.tell(turn);
    }

    fn tell(&mut self, turn: Turn) {
        let effects: Vec<String> =
            turn.effects.iter().map(|effect| format!("  {}", self.line(effect))).collect();
        self.lines.extend(effects);
        for effect in &turn.effects {
            if let Effect::Say(say) = effect {
                self.said = Some(say.clone());
            }
        }
        if let Some(session) = turn.session {
            self.lines.push(format!("  session = {}", Value::Object(session.clone())));
            self.facts.session = session;
        }
        if let Some(client) = turn.client {
            self.lines.push(format!("  client = {}", Value::Object(client.clone())));
            self.facts.client = client;
        }
        self.lines.push(match &turn.run.state {
            RunState::Waiting { wait: Wait::Answer { .. } } => "  (waits for an answer)".to_owned(),
            RunState::Waiting { wait: Wait::Time { .. } } => "  (waits for a time)".to_owned(),
            RunState::Waiting { wait: Wait::Work { order } } => {
                format!("  (waits for {}: {})", order.work.as_str(), order.with)
            }
            RunState::Done => "  (done)".to_owned(),
            RunState::Stopped { reason, message } => format!("  (stopped: {reason:?}: {message})"),
        });
        self.run = Some(turn.run);
    }

    fn line(&self, effect: &Effect) -> String {
        match effect {
            Effect::Say(say) => {
                let mut line = format!("bot: {}", say.text);
                if !say.buttons.is_empty() {
                    let buttons: Vec<String> = say
                        .buttons
                        .iter()
                        .map(|button| match &button.url {
                            Some(url) => format!("{} -> {url}", button.text),
                            None if button.text == button.value => button.text.clone(),
                            None => format!("{} = {}", button.text, button.value),
                        })
                        .collect();
                    line.push_str(&format!(" [{}]", buttons.join(" | ")));
                }
                if let Some(image) = &say.image {
                    line.push_str(&format!(" <{image}>"));
                }
                if let Some(wanted) = &say.wanted
                    && !matches!(wanted, Wanted::Choice { .. })
                {
                    let wanted = serde_json::to_value(wanted).expect("JSON");
                    line.push_str(&format!("\n    wants {wanted}"));
                }
                line
            }
            Effect::Emit { event_type, data } => format!("emit {event_type} {data}"),
            Effect::Form { data } => format!("form {data}"),
            Effect::Filled { data } => format!("filled {data}"),
            Effect::Answer { event_type, value } => format!("answer to {event_type}: {value}"),
            Effect::Label { add, remove } => format!("label +{add:?} -{remove:?}"),
            Effect::SetChatVariable { name, value } => format!("chat.{name} = {value}"),
            Effect::Note { text } => format!("note: {text}"),
            Effect::Close { reason } => format!("close: {reason}"),
            Effect::HandOver { to, reason } => {
                let to = match to {
                    HandOverTo::Anyone => "anyone".to_owned(),
                    HandOverTo::Group(group) => format!("group {group}"),
                    HandOverTo::Agent(agent) => format!("agent {agent}"),
                };
                format!("hand over to {to}: {reason}")
            }
            Effect::GiveBack => "give back".to_owned(),
            Effect::PassControl { from, to } => format!("control from {from} to {to}"),
            Effect::SetTimer { due } => {
                format!("timer in {} s", due.as_second() - self.now.as_second())
            }
            Effect::CancelTimer => "cancel timer".to_owned(),
            Effect::Change { fields } => format!("change {}", Value::Object(fields.clone())),
            Effect::Refuse { reason } => format!("refuse: {reason}"),
            Effect::Notify(notify) => format!("notify {:?}: {}", notify.to, notify.text),
            Effect::Assign { agent: Some(agent) } => format!("assign {agent}"),
            Effect::Assign { agent: None } => "assign nobody".to_owned(),
            Effect::Move { group } => format!("move to {group}"),
        }
    }

    pub(crate) fn told(&self) -> String {
        self.lines.join("\n")
    }

    /// The trace of the run: place, word, detail.
    pub(crate) fn trace(&self) -> String {
        let run = self.run.as_ref().expect("a run");
        run.trace
            .iter()
            .map(|step| format!("{} {} {}\n", step.place, step.step, step.detail))
            .collect()
    }
}

/// Problems as lines.
pub(crate) fn told(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
