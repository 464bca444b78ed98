//! Actions that set a field of the record that the event is about, and custom fields.

use super::{Action, Done, Outcome, refused};
use crate::document::texts;
use crate::events::{Root, Style};
use crate::scope::{place, word};
use crate::twig::Untranslatable;
use crate::yaml::{Step, Yaml};

impl Action<'_, '_, '_, '_> {
    pub(super) fn setter(&mut self) -> Outcome {
        let name = self.name.clone();
        if let Some(field) = name.strip_prefix("set_cf_") {
            return self.custom(field);
        }
        match name.as_str() {
            "move_to" => {
                if self.tree.scope.event.style == Style::Sending {
                    return Err(refused("while a mail is about to go, its chat stays where it is"));
                }
                let group = self.filled("group_id").ok_or_else(|| refused("it names no group"))?;
                let group = self.text(&group)?;
                self.note("the group's id is of the site that it comes from");
                if self.tree.scope.event.style == Style::Accepting {
                    let fields = Yaml::Map(vec![("group".to_owned(), group)]);
                    self.step(Step::new("change", fields));
                    return Ok(Done::Next);
                }
                if let Some(bucket) = self.filled("bucket_id").filter(|bucket| bucket.trim() != "0")
                {
                    let bucket = self.kept(&bucket)?;
                    self.set("chat.bucket", bucket);
                }
                self.step(Step::new("move", group));
                Ok(Done::Next)
            }
            "set_owner"
            | "set_status"
            | "set_subject"
            | "set_importance"
            | "set_org"
            | "set_spam_training"
            | "set_reopen_date"
            | "set_due_date"
            | "set_is_banned"
            | "set_is_defunct"
            | "set_reminder_status"
            | "set_notification_is_read"
            | "set_name" => self.field_of_subject(),
            "set_sender_is_banned" | "set_sender_is_defunct" => {
                let banned = if name.ends_with("banned") { "is_banned" } else { "is_defunct" };
                let value = self.value()?;
                self.set(&format!("client.{banned}"), value);
                Ok(Done::Next)
            }
            _ => Ok(Done::Unknown),
        }
    }

    /// What it sets: a value, a list, somebody.
    fn value(&mut self) -> Result<Yaml, Untranslatable> {
        for key in ["worker_id", "values"] {
            let list = texts(self.fields.get(key));
            if let Some(first) = list.first().cloned() {
                if list.len() == 1 || key == "worker_id" {
                    return self.kept(&first);
                }
                let mut values = Vec::new();
                for value in list {
                    values.push(self.kept(&value)?);
                }
                return Ok(Yaml::List(values));
            }
        }
        let value = self.field("value").or_else(|| self.field("status")).unwrap_or_default();
        self.kept(&value)
    }

    /// The record that the event is about: its type and where it is; nothing for a chat.
    fn subject(&self) -> Option<(&'static str, String)> {
        let record = self.tree.scope.event.roots.iter().find_map(|(prefix, root)| match root {
            Root::Record { record_type, path: "event.record" } => Some((*record_type, *prefix)),
            Root::Record { .. }
            | Root::Chat
            | Root::Message
            | Root::Customer
            | Root::Author
            | Root::Agent
            | Root::Bot => None,
        });
        let (record_type, prefix) = record?;
        let id = self.tree.scope.id_of(&format!("{prefix}id"))?;
        Some((record_type, format!("{{{{ {id} }}}}")))
    }

    fn field_of_subject(&mut self) -> Outcome {
        let value = match self.name.as_str() {
            "set_due_date" | "set_reopen_date" => {
                let said = self.field("value").unwrap_or_default();
                self.time(&said)?
            }
            _ => self.value()?,
        };
        let field = self.name.strip_prefix("set_").unwrap_or_default().to_owned();
        let field = match field.as_str() {
            "due_date" => "due",
            "reminder_status" => "is_closed",
            "notification_is_read" => "is_read",
            other => other,
        };
        if let Some((record_type, id)) = self.subject() {
            self.update(record_type, &id, vec![(field.to_owned(), value)])?;
            return Ok(Done::Next);
        }
        if field == "is_read" {
            return Err(refused("a notification is read when its agent opens it"));
        }
        match (field, &value) {
            ("owner", Yaml::Text(owner)) if owner.is_empty() || owner == "0" => {
                self.step(Step::new("assign", Yaml::text("nobody")));
            }
            ("owner", _) => self.step(Step::new("assign", value)),
            ("status", Yaml::Text(status)) => match status.as_str() {
                "closed" | "deleted" | "2" | "3" | "c" | "d" => {
                    self.step(Step::new("close", Yaml::text("closed by the bot")))
                }
                "open" | "0" | "o" => {
                    self.note("a chat is open again when somebody writes, so nothing is to be done")
                }
                _ => self.set("chat.waiting", Yaml::Bare("true".to_owned())),
            },
            _ => self.set(&format!("chat.{field}"), value),
        }
        Ok(Done::Next)
    }

    /// `set_cf_ticket_custom_12`.
    fn custom(&mut self, field: &str) -> Outcome {
        let value = self.value()?;
        let (prefix, number) = match field.rsplit_once("custom_") {
            Some((prefix, number)) => (prefix.to_owned(), word(&format!("custom_{number}"))),
            None => return Err(refused("a custom field without a number")),
        };
        if let Some(id) = self.tree.scope.id_of(&format!("{prefix}id")) {
            let subject = self.subject();
            let record_type = subject.map_or("record", |(record_type, _)| record_type);
            let id = format!("{{{{ {id} }}}}");
            self.update(record_type, &id, vec![(number, value)])?;
            return Ok(Done::Next);
        }
        match prefix.as_str() {
            "" | "ticket_" => self.set(&format!("chat.{number}"), value),
            "sender_" | "ticket_initial_message_sender_" | "ticket_latest_message_sender_" => {
                self.set(&format!("client.{number}"), value);
            }
            other => self.set(&place(&format!("{other}{number}")), value),
        }
        Ok(Done::Next)
    }
}
