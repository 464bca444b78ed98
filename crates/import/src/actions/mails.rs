//! Actions of mail: what is sent, answered and forwarded, and what is changed before it goes.

use super::{Action, Done, Outcome, refused};
use crate::document::{texts, truth};
use crate::events::Style;
use crate::twig::Untranslatable;
use crate::write::patterns;
use crate::write::quoted;
use crate::yaml::{Step, Yaml};

impl Action<'_, '_, '_, '_> {
    pub(super) fn mail(&mut self) -> Outcome {
        match self.name.as_str() {
            "send_email" => self.send(&self.field("to").unwrap_or_default()),
            "send_email_recipients" => {
                let content = self.field("content").unwrap_or_default();
                let text = self.text(&content)?;
                self.note("the answer goes out in the chat");
                self.step(Step::new("say", text));
                Ok(Done::Next)
            }
            "send_email_sender" => self.send("{{sender_address}}"),
            "send_email_owner" => self.send("{{assignee_address_address}}"),
            "relay_email" => {
                if truth(self.fields.get("to_owner")) || truth(self.fields.get("to_watchers")) {
                    self.note("owner and watchers do not get it: name their addresses in `to`");
                }
                let to = texts(self.fields.get("to")).join(", ");
                if to.trim().is_empty() {
                    return Err(refused("it forwards to the owner or to watchers only"));
                }
                self.send(&to)
            }
            "redirect_email" if self.style() == Style::Accepting => {
                let addresses = self.addresses()?;
                self.change_with("redirect_to", &addresses);
                Ok(Done::Next)
            }
            "redirect_email" => {
                let to = texts(self.fields.get("to")).join(", ");
                let to = self.text(&to)?;
                let (subject, text) = ("{{ event.subject }}", "{{ event.text }}");
                self.step(Step::new(
                    "mail",
                    Yaml::Map(vec![
                        ("to".to_owned(), to),
                        ("subject".to_owned(), Yaml::text(subject)),
                        ("text".to_owned(), Yaml::text(text)),
                    ]),
                ));
                Ok(Done::Next)
            }
            "append_to_content" | "prepend_to_content" => {
                let content = self.field("content").unwrap_or_default();
                let content = self.expression(&content)?.operand();
                let is_behind = self.name == "append_to_content";
                self.rewrite(&|body| {
                    if is_behind {
                        format!("{body} ~ '\\n' ~ {content}")
                    } else {
                        format!("{content} ~ '\\n' ~ {body}")
                    }
                })
            }
            "replace_content" => self.replace(),
            "set_header" => {
                let name = self
                    .filled("header")
                    .or_else(|| self.filled("name"))
                    .ok_or_else(|| refused("a header without a name"))?;
                if crate::twig::has_code(&name) {
                    return Err(refused("a header whose name a template makes"));
                }
                let value = self.field("value").unwrap_or_default();
                self.is_before()?;
                if name.trim().eq_ignore_ascii_case("subject") {
                    let value = self.text(&value)?;
                    self.change("subject", value);
                    return Ok(Done::Next);
                }
                // A later change of the headers takes the place of this one, so it has this one in it.
                let value = self.expression(&value)?.operand();
                let headers =
                    format!("{{{{ vars._headers | put({}, {value}, ' ') }}}}", quoted(name.trim()));
                self.set("vars._headers", Yaml::Text(headers));
                self.change("headers", Yaml::text("{{ vars._headers }}"));
                Ok(Done::Next)
            }
            "set_send_at" => {
                let value =
                    self.filled("value").or_else(|| self.filled("send_at")).unwrap_or_default();
                let time = self.time(&value)?;
                if self.style() != Style::Sending {
                    return Err(refused("only a mail that is about to go can go later"));
                }
                self.change("send_at", time);
                Ok(Done::Next)
            }
            "reject" => {
                self.is_before()?;
                self.step(Step::new("refuse", Yaml::text("rejected by the bot")));
                Ok(Done::Next)
            }
            "remove_attachments" if self.style() == Style::Accepting => {
                let pattern = self.attachments()?;
                self.change_with("remove_attachments", &[quoted(&pattern)]);
                Ok(Done::Next)
            }
            "remove_attachments" => {
                Err(refused("files are left out before a mail is accepted, and not later"))
            }
            "schedule_email_recipients" => {
                Err(refused("an answer that goes out later: use `wait` and `say`"))
            }
            "add_recipients" | "remove_recipients" => {
                Err(refused("a chat of Tidings has one customer"))
            }
            _ => Ok(Done::Unknown),
        }
    }

    fn send(&mut self, to: &str) -> Outcome {
        let mut mail = Vec::new();
        for (key, source) in [
            ("to", Some(to.to_owned())),
            ("cc", self.filled("cc")),
            ("bcc", self.filled("bcc")),
            ("subject", Some(self.field("subject").unwrap_or_default())),
            ("text", Some(self.field("content").unwrap_or_default())),
        ] {
            if let Some(source) = source.filter(|source| key != "to" || !source.trim().is_empty()) {
                mail.push((key.to_owned(), self.text(source.trim())?));
            }
        }
        if self.filled("headers").is_some() || !texts(self.fields.get("bundle_ids")).is_empty() {
            self.note("headers and file bundles of a mail are left out");
        }
        self.step(Step::new("mail", Yaml::Map(mail)));
        Ok(Done::Next)
    }

    fn style(&self) -> Style {
        self.tree.scope.event.style
    }

    fn is_before(&self) -> Result<(), Untranslatable> {
        if self.style().is_before() {
            return Ok(());
        }
        Err(refused("only a mail that is about to go or to come in can be changed or refused"))
    }

    fn change(&mut self, field: &str, value: Yaml) {
        self.step(Step::new("change", Yaml::Map(vec![(field.to_owned(), value)])));
    }

    /// Changes a list: a later change takes the place of this one, so it has this one's items in it.
    fn change_with(&mut self, field: &str, items: &[String]) {
        let kept = format!("vars._{field}");
        let list = format!("{{{{ ({kept} or []) + [{}] }}}}", items.join(", "));
        self.set(&kept, Yaml::Text(list));
        self.change(field, Yaml::Text(format!("{{{{ {kept} }}}}")));
    }

    /// The addresses of `to`, each by itself, as expressions.
    fn addresses(&mut self) -> Result<Vec<String>, Untranslatable> {
        let mut addresses = Vec::new();
        for given in texts(self.fields.get("to")) {
            let several: Vec<&str> = if crate::twig::has_code(&given) {
                vec![given.as_str()]
            } else {
                given.split([',', '\n']).collect()
            };
            for address in several.into_iter().map(str::trim).filter(|one| !one.is_empty()) {
                addresses.push(self.expression(address)?.operand());
            }
        }
        if addresses.is_empty() {
            return Err(refused("it names no address"));
        }
        Ok(addresses)
    }

    /// The names of files as Tidings takes them, where a star stands for anything.
    fn attachments(&mut self) -> Result<String, Untranslatable> {
        let value = self
            .filled("match_value")
            .or_else(|| self.filled("value"))
            .ok_or_else(|| refused("it names no file"))?;
        if crate::twig::has_code(&value) {
            return Err(refused("files whose names a template makes"));
        }
        let oper = self.field("match_oper").or_else(|| self.field("oper")).unwrap_or_default();
        match oper.as_str() {
            "is" | "" if value.contains('*') => Err(refused("a file whose name has a star")),
            "is" | "" | "like" => Ok(value.trim().to_owned()),
            "contains" => Ok(format!("*{}*", value.trim())),
            other => Err(refused(format!("files by the operator `{other}`"))),
        }
    }

    /// Changes the text: of what is sent, of what is kept, or of both. `to` gives what becomes of a text.
    ///
    /// A behavior that tells the two apart anywhere keeps both, as each change goes on from the one before it.
    fn rewrite(&mut self, to: &dyn Fn(&str) -> String) -> Outcome {
        self.is_before()?;
        let mode = self.field("mode").or_else(|| self.field("replace_on")).unwrap_or_default();
        self.note("the text is changed; a mail that has HTML keeps it as it is");
        if self.style() == Style::Accepting || !self.tree.tells_bodies_apart {
            let whole = format!("{{{{ {} }}}}", to("event.text"));
            let whole = crate::write::unroll::fitting(whole)?;
            self.change("text", Yaml::Text(whole));
            return Ok(Done::Next);
        }
        for (body, other) in [("sent", "saved"), ("saved", "sent")] {
            if mode == other {
                continue;
            }
            let kept = format!("vars._{body}");
            let whole = format!("{{{{ {} }}}}", to(&format!("({kept} or event.text)")));
            let whole = crate::write::unroll::fitting(whole)?;
            self.set(&kept, Yaml::Text(whole));
            let text =
                Yaml::Map(vec![("text".to_owned(), Yaml::Text(format!("{{{{ {kept} }}}}")))]);
            self.change(body, text);
        }
        Ok(Done::Next)
    }

    fn replace(&mut self) -> Outcome {
        let from = self.field("replace").unwrap_or_default();
        let with = self.field("with").unwrap_or_default();
        let with = self.expression(&with)?;
        let filter = if truth(self.fields.get("is_regexp")) {
            if crate::twig::has_code(&from) {
                return Err(refused("a pattern that is not fixed"));
            }
            format!("regex_replace({}, {})", quoted(&patterns::translated(&from)?), with.as_str())
        } else {
            let from = self.expression(&from)?;
            format!("replace({}, {})", from.as_str(), with.as_str())
        };
        self.rewrite(&|body| format!("{body} | {filter}"))
    }
}
