//! What an effect is in an imagined chat: how it is told, what it changes, which event it raises.

use serde_json::{Map, Value, json};
use tidings_model::{AuthorKind, Holder};
use uuid::Uuid;

use super::{Happening, Simulator, budget};
use crate::effect::NotifyTo;
use crate::facts::Facts;
use crate::run::{Run, StopReason, Turn};
use crate::work::{Order, Work};
use crate::{Effect, HandOverTo, Say};

/// An effect as it is told: one key, the word of its step. Timers and filled forms are not told: what they lead to is.
pub(super) fn shown(effect: &Effect) -> Option<Value> {
    Some(match effect {
        Effect::Say(say) => said(say),
        Effect::Form { data } => form(data),
        Effect::Emit { event_type, data } => {
            json!({ "emit": { "type": event_type.as_str(), "data": data } })
        }
        Effect::Answer { value, .. } => json!({ "answer": value }),
        Effect::Label { add, remove } => json!({ "label": { "add": add, "remove": remove } }),
        Effect::SetChatVariable { name, value } => {
            json!({ "set": { format!("chat.{name}"): value } })
        }
        Effect::Note { text } => json!({ "note": text }),
        Effect::Change { fields } => json!({ "change": fields }),
        Effect::Refuse { reason } => json!({ "refuse": reason }),
        Effect::Notify(notify) => {
            let to = match &notify.to {
                NotifyTo::Agents(agents) => json!({ "agent": agents }),
                NotifyTo::Group(group) => json!({ "group": group }),
                NotifyTo::Assignee => json!({}),
            };
            let mut shown = to.as_object().cloned().unwrap_or_default();
            shown.insert("text".into(), notify.text.clone().into());
            json!({ "notify": shown })
        }
        Effect::Assign { agent: Some(agent) } => json!({ "assign": agent }),
        Effect::Assign { agent: None } => json!({ "assign": "nobody" }),
        Effect::Move { group } => json!({ "move": group }),
        Effect::Close { reason } => json!({ "close": reason }),
        Effect::HandOver { to, .. } => json!({ "hand_over": match to {
            HandOverTo::Anyone => json!("anyone"),
            HandOverTo::Group(group) => json!({ "group": group }),
            HandOverTo::Agent(agent) => json!({ "agent": agent }),
        }}),
        Effect::GiveBack => json!({ "give_back": true }),
        Effect::Filled { .. }
        | Effect::SetTimer { .. }
        | Effect::CancelTimer
        | Effect::PassControl { .. } => return None,
    })
}

fn said(say: &Say) -> Value {
    let mut shown = Map::new();
    shown.insert("say".into(), say.text.clone().into());
    if !say.buttons.is_empty() {
        let texts = say.buttons.iter().map(|button| Value::from(button.text.as_str()));
        shown.insert("buttons".into(), texts.collect());
    }
    if let Some(image) = &say.image {
        shown.insert("image".into(), image.clone().into());
    }
    shown.into()
}

/// A form as it is told: what stands above it, and what it asks.
fn form(data: &Value) -> Value {
    let fields = data.get("fields").and_then(Value::as_array).into_iter().flatten();
    let labels: Vec<&Value> = fields.filter_map(|field| field.get("label")).collect();
    json!({ "form": data.get("title"), "fields": labels })
}

/// What comes of an order where all goes well and nothing is there.
pub(super) fn answer(order: &Order, id: Uuid) -> Value {
    let with = |name: &str| order.with.get(name).cloned().unwrap_or_default();
    match order.work {
        Work::Http => json!({ "status": 200, "headers": {}, "json": {} }),
        Work::Mail => json!({ "id": id }),
        Work::Create => {
            let mut record = with("set").as_object().cloned().unwrap_or_default();
            record.insert("id".into(), json!(id));
            record.insert("record_type".into(), with("record"));
            record.into()
        }
        Work::Update => {
            let mut record = with("set").as_object().cloned().unwrap_or_default();
            record.insert("id".into(), with("id"));
            record.into()
        }
        Work::Delete => json!({ "id": with("id") }),
        Work::Find => json!([]),
        Work::Script | Work::Classify | Work::Call => Value::Null,
    }
}

/// Stops a turn that would do something to a chat, where there is none.
pub(super) fn refuse_without_chat(turn: &mut Turn, facts: &Facts) {
    if turn.run.chat.is_some() || !turn.effects.iter().any(needs_chat) {
        return;
    }
    let event_type = facts.meta.get("type").and_then(Value::as_str).unwrap_or_default();
    let message = format!("{event_type} is not an event of a chat, so there is nobody to speak to");
    budget::stop(turn, StopReason::EffectRefused, message);
}

/// Whether an effect is of a chat.
fn needs_chat(effect: &Effect) -> bool {
    match effect {
        Effect::Say(_)
        | Effect::Form { .. }
        | Effect::Filled { .. }
        | Effect::Label { .. }
        | Effect::SetChatVariable { .. }
        | Effect::Note { .. }
        | Effect::Assign { .. }
        | Effect::Move { .. }
        | Effect::Close { .. }
        | Effect::HandOver { .. }
        | Effect::GiveBack => true,
        Effect::Emit { .. }
        | Effect::Answer { .. }
        | Effect::Change { .. }
        | Effect::Refuse { .. }
        | Effect::Notify(_)
        | Effect::PassControl { .. }
        | Effect::SetTimer { .. }
        | Effect::CancelTimer => false,
    }
}

impl Simulator<'_> {
    /// Who speaks while nobody holds the lease has it.
    fn speaks(&mut self, run: &Run) {
        if self.control.holder == Holder::Nobody {
            self.control.holder = Holder::Bot { id: run.bot.clone() };
        }
    }

    /// Changes what is imagined; gives the event that tells of it, where others could react to it.
    pub(super) fn change(&mut self, run: &Run, effect: Effect) -> Option<Happening> {
        let has_chat = run.chat.is_some();
        let happening = |name: &str, data: Value| {
            let event_type = name.parse().ok()?;
            Some(Happening { event_type, data, author: AuthorKind::Bot, has_chat })
        };
        match effect {
            Effect::Say(say) => {
                self.speaks(run);
                happening("chat.message", json!({ "text": say.text }))
            }
            Effect::Form { data } => {
                self.speaks(run);
                happening("chat.form", data)
            }
            Effect::Emit { event_type, data } => {
                Some(Happening { event_type, data, author: AuthorKind::Bot, has_chat })
            }
            Effect::Filled { data } => happening("chat.form_filled", data),
            Effect::Label { add, remove } => {
                let mut labels =
                    self.chat.get("labels").and_then(Value::as_array).cloned().unwrap_or_default();
                labels.retain(|label| !remove.iter().any(|gone| label == gone.as_str()));
                for label in &add {
                    if !labels.iter().any(|there| there == label.as_str()) {
                        labels.push(label.as_str().into());
                    }
                }
                self.chat.insert("labels".into(), labels.clone().into());
                let data = json!({ "added": add, "removed": remove, "labels": labels });
                happening("chat.labels_changed", data)
            }
            Effect::SetChatVariable { name, value } => {
                if let Some(Value::Object(variables)) = self.chat.get_mut("variables") {
                    if value.is_null() {
                        variables.shift_remove(&name);
                    } else {
                        variables.insert(name.clone(), value.clone());
                    }
                }
                happening("chat.variables_changed", json!({ "changed": { name: value } }))
            }
            Effect::Note { text } => happening("note.added", json!({ "text": text })),
            Effect::Close { reason } => {
                self.close();
                happening("chat.closed", json!({ "reason": reason }))
            }
            Effect::HandOver { to, .. } => {
                self.control.holder = match to {
                    HandOverTo::Anyone => Holder::Queue { group: None },
                    HandOverTo::Group(group) => Holder::Queue { group: Some(group) },
                    HandOverTo::Agent(id) => Holder::Agent { id },
                };
                None
            }
            Effect::PassControl { from, to } => {
                if has_chat && self.control.holder == (Holder::Bot { id: from }) {
                    self.control.holder = Holder::Bot { id: to };
                }
                None
            }
            Effect::GiveBack => {
                if !matches!(self.control.holder, Holder::Agent { .. }) {
                    self.control.holder = Holder::Bot { id: run.bot.clone() };
                }
                None
            }
            Effect::Assign { agent } => {
                self.chat.insert("assignee".into(), json!(agent));
                happening("chat.assigned", json!({ "assignee": agent }))
            }
            Effect::Move { group } => {
                self.chat.insert("group".into(), json!(group));
                happening("chat.moved", json!({ "group": group }))
            }
            Effect::SetTimer { due } => {
                self.timers.insert(run.id, due);
                None
            }
            Effect::CancelTimer => {
                self.timers.remove(&run.id);
                None
            }
            Effect::Answer { .. }
            | Effect::Change { .. }
            | Effect::Refuse { .. }
            | Effect::Notify(_) => None,
        }
    }
}
