//! `notify`: tells agents something, in their notifications.

use serde_json::{Value, json};
use tidings_model::{AgentId, GroupName};

use super::{Action, Written};
use crate::Effect;
use crate::effect::{Notify, NotifyTo};
use crate::pattern::Text;
use crate::reader::Reader;
use crate::run::StopReason;
use crate::stage::{Flow, Halt, Stage};

/// A notification.
#[derive(Debug)]
pub(crate) struct Notification {
    to: To,
    text: Text,
    link: Option<Text>,
}

#[derive(Debug)]
enum To {
    Agents(Vec<Text>),
    Group(Text),
    Assignee,
}

pub(super) fn read(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    let fields = reader.fields(written.value, "`notify`", &["agent", "group", "text", "link"])?;
    let text = reader.required(written.at, "`notify`", fields, "text")?;
    let text = reader.text(text, "`text`");
    let to = match (fields.get("agent"), fields.get("group")) {
        (Some(_), Some(group)) => {
            reader.error(group.at, "two_recipients", "`notify` has `agent` or `group`, not both");
            None
        }
        (Some(agents), None) => {
            let texts = reader.texts(agents, "`agent`");
            (!texts.is_empty()).then_some(To::Agents(texts))
        }
        (None, Some(group)) => reader.text(group, "`group`").map(To::Group),
        (None, None) => Some(To::Assignee),
    };
    let link = match fields.get("link") {
        Some(node) => Some(reader.text(node, "`link`")?),
        None => None,
    };
    Some(Action::Notify(Notification { to: to?, text: text?, link }))
}

impl Notification {
    pub(super) fn take(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        let wrong = |message: String| Halt::new(StopReason::EffectRefused, message);
        let to = match &self.to {
            To::Agents(texts) => {
                let mut agents = Vec::new();
                for text in texts {
                    let id = stage.render(text)?;
                    // A chat that nobody has yet names nobody.
                    if id.trim().is_empty() {
                        continue;
                    }
                    let id = id.trim().parse::<AgentId>();
                    agents.push(id.map_err(|error| wrong(format!("notify: {error}")))?);
                }
                NotifyTo::Agents(agents)
            }
            To::Group(text) => {
                let name = stage.render(text)?;
                let name = name.trim().parse::<GroupName>();
                NotifyTo::Group(name.map_err(|error| wrong(format!("notify: {error}")))?)
            }
            To::Assignee => NotifyTo::Assignee,
        };
        let text = stage.render(&self.text)?;
        let link = self.link.as_ref().map(|link| stage.render(link)).transpose()?;
        let shown: Value = match &to {
            NotifyTo::Agents(ids) => json!({ "agents": ids, "text": text }),
            NotifyTo::Group(name) => json!({ "group": name, "text": text }),
            NotifyTo::Assignee => json!({ "text": text }),
        };
        stage.trace(shown);
        stage.effect(Effect::Notify(Notify { to, text, link }))?;
        Ok(Flow::Next)
    }
}
