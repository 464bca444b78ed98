//! Actions of conversations: messages, prompts, buttons, the window.
//!
//! A prompt of Cerb has no words of its own: what was said last is its question. So the `say` before becomes the `ask`.

use serde_json::Value;

use super::{Action, Done, Outcome, refused};
use crate::behavior::{FILE_KEYS, file_prefix};
use crate::document::{number, texts};
use crate::events::Style;
use crate::field;
use crate::records;
use crate::scope::place;
use crate::twig;
use crate::write::Names as _;
use crate::yaml::{Step, Yaml};

/// The most buttons that Tidings shows.
const BUTTONS_MAX: usize = 50;

/// How many records are listed in a text.
const LISTED_MAX: i64 = 10;

/// How often a wrong answer may be given: the most that `ask` takes, as Cerb asks without end.
const ATTEMPTS: &str = "10";

/// What is asked where nothing was said before.
const QUESTION: &str = "…";

impl Action<'_, '_, '_, '_> {
    pub(super) fn chat(&mut self) -> Outcome {
        match self.name.as_str() {
            "send_message" => {
                let message = self.field("message").unwrap_or_default();
                if message.trim().is_empty() {
                    return Ok(Done::Next);
                }
                let text = self.text(&message)?;
                self.step(Step::new("say", text));
                Ok(Done::Next)
            }
            "prompt_text" if self.tree.scope.event.style != Style::Form => self.ask_text(),
            "prompt_buttons" => {
                let options = self.field("options").unwrap_or_default();
                let buttons = self.lines_as_buttons(&options)?;
                self.ask(Some(buttons), None)
            }
            "prompt_images" => {
                let labels: Vec<Yaml> = texts(self.fields.get("labels"))
                    .into_iter()
                    .filter(|label| !label.trim().is_empty())
                    .map(Yaml::Text)
                    .collect();
                if labels.is_empty() || labels.len() > BUTTONS_MAX {
                    return Err(refused("pictures to choose from that have no labels"));
                }
                self.note("the pictures are buttons with their labels");
                self.ask(Some(Yaml::List(labels)), None)
            }
            "prompt_rating_number" => self.ask_rating(),
            "prompt_date" => self.ask(None, Some("date")),
            "prompt_chooser" if self.tree.scope.event.style != Style::Form => {
                self.note("who answers writes the record's id, instead of choosing it from a list");
                self.ask(None, None)
            }
            // It waits for nobody: Cerb draws what was said so far.
            "prompt_wait" => Ok(Done::Next),
            "prompt_file" => self.ask_file(),
            "window_close" => {
                self.step(Step::new("close", Yaml::text("the conversation is over")));
                Ok(Done::Next)
            }
            "set_bot_name" => {
                self.note("the name of a bot in a chat is the channel's, so this is left out");
                Ok(Done::Next)
            }
            "send_script" | "exec_jquery" => {
                Err(refused("scripts of Cerb's pages have no counterpart"))
            }
            "worklist_open" => self.worklist(),
            "switch_behavior" => self.switch(),
            "_exit" => self.exit(),
            _ => Ok(Done::Unknown),
        }
    }

    fn ask_text(&mut self) -> Outcome {
        if let Some(default) = self.filled("default") {
            self.note(&format!("the text that stood in the field at first is left out: {default}"));
        }
        self.ask(None, None)
    }

    /// A list of records is said, as there is no page to open it in.
    fn worklist(&mut self) -> Outcome {
        let context = self.filled("context").ok_or_else(|| refused("it names no record type"))?;
        let query = self.field("quick_search").unwrap_or_default();
        let found = self.tree.scope.fresh();
        self.find(&context, &query, Some(LISTED_MAX), &found)?;
        self.note(&format!("what is found is said as a list, at most {LISTED_MAX} of it"));
        let label = records::label(records::short_name(&context));
        let list = format!(
            "{{% for one in {found} %}}{{{{ loop.index }}}}. {{{{ one.{label} | default(one.id) }}}}\n{{% else %}}Nothing was found.{{% endfor %}}"
        );
        self.step(Step::new("say", Yaml::Text(list)));
        Ok(Done::Next)
    }

    /// A file is an answer as a mapping; Cerb's placeholders of it are set beside.
    pub(super) fn ask_file(&mut self) -> Outcome {
        let question = self.question()?;
        let var = self.filled("var").unwrap_or_else(|| "_file_id".to_owned());
        let prefix = file_prefix(&var);
        let input = Yaml::Map(vec![("type".to_owned(), Yaml::text("file"))]);
        let mut ask = vec![("text".to_owned(), question), ("input".to_owned(), input)];
        if let Some(validate) = self.filled("var_validate") {
            let loops = self.tree.scope.loops.len();
            let known = FILE_KEYS
                .iter()
                .map(|(key, field)| (format!("{prefix}{key}"), format!("answer.{field}")));
            self.tree.scope.loops.extend(known);
            let checked = self.validation(&validate, Some(&var));
            self.tree.scope.loops.truncate(loops);
            let (condition, retry) = checked?;
            ask.push(("validate".to_owned(), Yaml::Text(condition)));
            ask.push(("retry".to_owned(), retry));
            ask.push(("attempts".to_owned(), Yaml::Bare(ATTEMPTS.to_owned())));
        }
        let file = place(&var);
        ask.push(("into".to_owned(), Yaml::Text(file.clone())));
        self.step(Step::new("ask", Yaml::Map(ask)));
        for (key, field) in FILE_KEYS {
            let value = Yaml::Text(format!("{{{{ {file}.{field} }}}}"));
            self.set(&place(&format!("{prefix}{key}")), value);
        }
        Ok(Done::Next)
    }

    fn ask_rating(&mut self) -> Outcome {
        let from = number(self.fields.get("range_from")).unwrap_or(1);
        let to = number(self.fields.get("range_to")).unwrap_or(5);
        let (low, high) = (from.min(to), from.max(to));
        if high.saturating_sub(low) >= BUTTONS_MAX as i64 {
            return Err(refused("a scale with more than 50 marks"));
        }
        let mut buttons = Vec::new();
        for mark in low..=high {
            let label = if mark == from {
                self.filled("label_from")
            } else if mark == to {
                self.filled("label_to")
            } else {
                None
            };
            buttons.push(match label {
                Some(label) => {
                    let text = self.text(&format!("{mark} ({label})"))?;
                    Yaml::Map(vec![
                        ("text".to_owned(), text),
                        ("value".to_owned(), Yaml::Text(mark.to_string())),
                    ])
                }
                None => Yaml::Text(mark.to_string()),
            });
        }
        self.ask(Some(Yaml::List(buttons)), None)
    }

    /// Buttons, a line each; or what a template gives, line by line.
    pub(super) fn lines_as_buttons(&mut self, options: &str) -> Result<Yaml, twig::Untranslatable> {
        if let Some(lines) = field::lines(&mut self.tree.scope, options, self.steps)?
            && !lines.is_empty()
            && lines.len() <= BUTTONS_MAX
        {
            return Ok(Yaml::List(lines));
        }
        let list = self.expression(options)?;
        Ok(Yaml::Text(format!("{{{{ {} | lines | map('trim') | select }}}}", list.operand())))
    }

    /// A question that waits for its answer.
    pub(super) fn ask(&mut self, buttons: Option<Yaml>, kind: Option<&str>) -> Outcome {
        let question = self.question()?;
        self.ask_this(question, buttons, kind)
    }

    /// What is asked: what was said last, or the label of the field.
    fn question(&mut self) -> Result<Yaml, twig::Untranslatable> {
        let question = match self.steps.last() {
            Some(step) if step.word() == "say" && step.fields.len() == 1 => {
                self.steps.pop().and_then(|mut step| step.fields.pop()).map(|(_, text)| text)
            }
            Some(_) | None => None,
        };
        match (question, self.filled("label").or_else(|| self.filled("placeholder"))) {
            (Some(question), _) => Ok(question),
            (None, Some(label)) => self.text(&label),
            (None, None) => Ok(Yaml::text(QUESTION)),
        }
    }

    pub(super) fn ask_this(
        &mut self,
        question: Yaml,
        buttons: Option<Yaml>,
        kind: Option<&str>,
    ) -> Outcome {
        let mut ask = vec![("text".to_owned(), question)];
        ask.extend(buttons.map(|buttons| ("buttons".to_owned(), buttons)));
        let var = self.filled("var");
        let format = self.filled("var_format").filter(|format| !is_message(format));
        let validate = self.filled("var_validate");
        match (validate, kind) {
            (Some(validate), _) => {
                // What the template writes is what is wrong; `message` and the placeholder are the answer there.
                let (condition, retry) = self.validation(&validate, var.as_deref())?;
                ask.push(("validate".to_owned(), Yaml::Text(condition)));
                ask.push(("retry".to_owned(), retry));
                ask.push(("attempts".to_owned(), Yaml::Bare(ATTEMPTS.to_owned())));
            }
            (None, Some(kind)) => ask.push(("validate".to_owned(), Yaml::text(kind))),
            (None, None) => {}
        }
        if let (Some(var), None) = (&var, &format) {
            ask.push(("into".to_owned(), Yaml::Text(place(var))));
        }
        let step = match (ask.len(), ask.pop()) {
            (1, Some((_, question))) => Step::new("ask", question),
            (_, last) => {
                ask.extend(last);
                Step::new("ask", Yaml::Map(ask))
            }
        };
        self.step(step);
        if let (Some(var), Some(format)) = (var, format) {
            let outer = std::mem::replace(&mut self.tree.scope.asks, true);
            let value = self.answered(&format, &var);
            self.tree.scope.asks = outer;
            let value = value?;
            self.set(&place(&var), value);
        }
        Ok(Done::Next)
    }

    fn answered(&mut self, format: &str, var: &str) -> Result<Yaml, twig::Untranslatable> {
        self.tree.scope.loops.push((var.to_owned(), "answer".to_owned()));
        let value = self.kept(format);
        self.tree.scope.loops.pop();
        value
    }

    fn validation(
        &mut self,
        validate: &str,
        var: Option<&str>,
    ) -> Result<(String, Yaml), twig::Untranslatable> {
        let loops = self.tree.scope.loops.len();
        self.tree.scope.loops.extend(var.map(|var| (var.to_owned(), "answer".to_owned())));
        self.tree.scope.loops.push(("message".to_owned(), "answer".to_owned()));
        let mut before = Vec::new();
        let wrong = field::as_expression(&mut self.tree.scope, validate, &mut before);
        let retry = field::as_text(&mut self.tree.scope, validate, &mut before);
        self.tree.scope.loops.truncate(loops);
        if !before.is_empty() {
            return Err(refused("a check of an answer that sets values"));
        }
        let retry = match retry? {
            Yaml::Text(text) => Yaml::Text(text.trim().to_owned()),
            other @ (Yaml::Bare(_) | Yaml::List(_) | Yaml::Map(_) | Yaml::Steps(_)) => other,
        };
        Ok((format!("({} | string | trim) == ''", wrong?.operand()), retry))
    }

    /// `_exit`: the end of this behavior, or of this turn.
    fn exit(&mut self) -> Outcome {
        if self.field("mode").as_deref() == Some("suspend") {
            return self.ask(None, None).map(|_| Done::Next);
        }
        let ending = self.tree.ending.clone();
        self.steps.extend(ending);
        self.step(Step::new("stop", Yaml::text("exit")));
        Ok(Done::Last)
    }

    /// Another behavior converses from here on: for a while, if it is to come back.
    fn switch(&mut self) -> Outcome {
        let comes_back = crate::document::truth(self.fields.get("return"));
        let into = comes_back.then_some("_behavior");
        self.call_behavior("behavior_id", into)?;
        if comes_back || self.tree.scope.event.style == Style::Handler {
            return Ok(Done::Next);
        }
        let ending = self.tree.ending.clone();
        self.steps.extend(ending);
        self.step(Step::new("stop", Yaml::text("another behavior converses")));
        Ok(Done::Last)
    }
}

/// A template that gives the message as it is.
fn is_message(format: &str) -> bool {
    let inner = format.trim().strip_prefix("{{").and_then(|inner| inner.strip_suffix("}}"));
    inner.is_some_and(|inner| inner.trim() == "message")
}

/// Whether an action asks.
pub(crate) fn is_prompt(action: &Value) -> bool {
    let name = action.get("action").and_then(Value::as_str).unwrap_or_default();
    name.starts_with("prompt_") && name != "prompt_wait"
        || name == "_exit" && action.get("mode").and_then(Value::as_str) == Some("suspend")
}
