//! `hand_over`: gives the chat to a person: anyone, a team, or one agent.

use serde_json::json;

use super::{Action, Written};
use crate::pattern::Text;
use crate::reader::{Fields, Reader};
use crate::run::StopReason;
use crate::stage::{Flow, Halt, Stage};
use crate::yaml::Kind;
use crate::{Effect, HandOverTo, Say};

/// The reason where none is written.
const REASON: &str = "handed over by the bot";

/// A handing over, with what is said before.
#[derive(Debug)]
pub(crate) struct HandOver {
    to: To,
    reason: Text,
    say: Option<Text>,
}

#[derive(Debug)]
enum To {
    Anyone,
    Group(Text),
    Agent(Text),
}

pub(super) fn read(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    let (fields, to) = if matches!(written.value.kind, Kind::Map(_)) {
        let fields =
            reader.fields(written.value, "`hand_over`", &["group", "agent", "reason", "say"])?;
        let to = match (fields.get("group"), fields.get("agent")) {
            (Some(group), None) => To::Group(reader.text(group, "a group's name")?),
            (None, Some(agent)) => To::Agent(reader.text(agent, "an agent's id")?),
            (None, None) => To::Anyone,
            (Some(_), Some(_)) => {
                reader.error(
                    written.at,
                    "wrong_kind",
                    "`hand_over` goes to a group or to an agent, not to both",
                );
                return None;
            }
        };
        (fields, to)
    } else {
        let anyone = written.value.is_null()
            || written.value.scalar().is_some_and(|scalar| scalar.text == "anyone");
        if !anyone {
            let message = "`hand_over` is anyone, {group: ...} or {agent: ...}";
            reader.unknown(
                written.value.at,
                "wrong_kind",
                message.to_owned(),
                Some("anyone".to_owned()),
            );
            return None;
        }
        (Fields::NONE, To::Anyone)
    };
    let key = |name: &str| fields.get(name).or_else(|| written.beside.get(name));
    let reason = match key("reason") {
        Some(node) => reader.text(node, "the reason")?,
        None => Text::Fixed(REASON.to_owned()),
    };
    let say = match key("say") {
        Some(node) => Some(reader.text(node, "what is said")?),
        None => None,
    };
    Some(Action::HandOver(HandOver { to, reason, say }))
}

impl HandOver {
    pub(super) fn take(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        let wrong = |name: &str| {
            Halt::new(StopReason::TemplateFailed, format!("{name:?} is no name to hand over to"))
        };
        let (to, shown) = match &self.to {
            To::Anyone => (HandOverTo::Anyone, json!("anyone")),
            To::Group(name) => {
                let name = stage.render(name)?;
                let group = name.trim().parse().map_err(|_| wrong(&name))?;
                (HandOverTo::Group(group), json!({ "group": name.trim() }))
            }
            To::Agent(name) => {
                let name = stage.render(name)?;
                let agent = name.trim().parse().map_err(|_| wrong(&name))?;
                (HandOverTo::Agent(agent), json!({ "agent": name.trim() }))
            }
        };
        let reason = stage.render(&self.reason)?;
        let text = match &self.say {
            Some(say) => stage.render(say)?,
            None => String::new(),
        };
        stage.trace(json!({ "to": shown, "reason": reason, "text": text }));
        // Said first: the bot may not speak any more when the chat is another's.
        super::say::utter(stage, Say { text, ..Say::default() })?;
        stage.effect(Effect::HandOver { to, reason })?;
        Ok(Flow::Next)
    }
}
