//! Actions of forms: each field of a page becomes a question of its own.

use super::{Action, Done, Outcome, refused};
use crate::scope::place;
use crate::yaml::{Step, Yaml};

impl Action<'_, '_, '_, '_> {
    pub(super) fn form(&mut self) -> Outcome {
        match self.name.as_str() {
            "prompt_text" | "prompt_chooser" => {
                self.note("a field of a page becomes a question of its own");
                let question = self.label()?;
                self.ask_this(question, None, None)
            }
            "prompt_radios" => {
                let question = self.label()?;
                let options = self.field("options").unwrap_or_default();
                let buttons = self.lines_as_buttons(&options)?;
                self.ask_this(question, Some(buttons), None)
            }
            "prompt_checkboxes" => {
                self.note("several of the options are answered with commas between");
                let question = self.label()?;
                let options = self.field("options").unwrap_or_default();
                let buttons = self.lines_as_buttons(&options)?;
                let done = self.ask_this(question, Some(buttons), None)?;
                if let Some(var) = self.filled("var") {
                    let place = place(&var);
                    let list = format!("{{{{ {place} | split(',') | map('trim') }}}}");
                    self.set(&place, Yaml::Text(list));
                }
                Ok(done)
            }
            // Every field is sent by itself.
            "prompt_submit" => Ok(Done::Next),
            "respond_text" => {
                let message = self
                    .filled("message")
                    .or_else(|| self.filled("text"))
                    .or_else(|| self.filled("content"));
                let text = self.text(&message.unwrap_or_default())?;
                self.step(Step::new("say", text));
                Ok(Done::Next)
            }
            "interaction_end" => {
                let ending = self.tree.ending.clone();
                self.steps.extend(ending);
                self.step(Step::new("stop", Yaml::text("the form is done")));
                Ok(Done::Last)
            }
            "prompt_captcha" => Err(refused("Tidings has no captchas")),
            "prompt_files" => self.ask_file(),
            "respond_sheet" => self.sheet(),
            "prompt_sheet" => Err(refused("Tidings has no sheets to choose from in chats")),
            "prompt_compose" | "prompt_reply" => {
                Err(refused("Tidings has no mail editor in chats"))
            }
            _ => Ok(Done::Unknown),
        }
    }

    fn label(&mut self) -> Result<Yaml, crate::twig::Untranslatable> {
        let label = self
            .filled("label")
            .or_else(|| self.filled("placeholder"))
            .unwrap_or_else(|| "…".to_owned());
        self.text(&label)
    }
}
