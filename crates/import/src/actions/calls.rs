//! Actions that run other behaviors, and parts of this one.

use super::{Action, Done, Outcome, refused};
use crate::document::text_of;
use crate::events::{Root, Style};
use crate::scope::{place, word};
use crate::twig::Untranslatable;
use crate::write::Names as _;
use crate::yaml::{Step, Yaml};

impl Action<'_, '_, '_, '_> {
    pub(super) fn call(&mut self) -> Outcome {
        match self.name.as_str() {
            "_run_subroutine" => {
                let title =
                    self.filled("subroutine").ok_or_else(|| refused("it names no subroutine"))?;
                self.tree.subroutine(&title, self.steps)?;
                Ok(Done::Last)
            }
            "_run_behavior" => {
                let into = self.filled("var");
                self.call_behavior("behavior_id", into.as_deref())?;
                Ok(Done::Next)
            }
            "_schedule_behavior" | "_unschedule_behavior" => Err(refused(
                "a behavior that is run later by itself: use `wait` in a behavior of its own",
            )),
            "core.bot.action.interaction_proactive.schedule" => {
                Err(refused("an interaction that comes up by itself"))
            }
            _ => Ok(Done::Unknown),
        }
    }

    /// Calls the behavior that a field names.
    pub(super) fn call_behavior(
        &mut self,
        key: &str,
        into: Option<&str>,
    ) -> Result<(), Untranslatable> {
        let wanted = self.filled(key).ok_or_else(|| refused("it names no behavior"))?;
        let bot = self.tree.scope.bot;
        // A package may name the behavior by its place in it, in braces that were not doubled.
        let wanted_uid = wanted.trim().trim_start_matches('{').trim_end_matches('}');
        let wanted_uid = wanted_uid.strip_prefix("uid.").unwrap_or(wanted_uid).trim();
        let found =
            bot.behaviors.iter().find(|known| !known.uid.is_empty() && known.uid == wanted_uid);
        let callee = found.ok_or_else(|| {
            refused(format!("it runs the behavior {wanted_uid:?}, which is not in this bot's file"))
        })?;
        let mut with: Vec<(String, Yaml)> = Vec::new();
        let variables = self.variables()?;
        for (name, value) in variables {
            if let Some((_, kind)) = callee.inputs.iter().find(|(known, _)| *known == name)
                && let Some(value) = taken(kind, value)
            {
                with.push((word(&name), value));
            }
        }
        for (prefix, root) in callee.event.roots {
            if let (Style::Macro, Root::Record { record_type, path: "event.record" }) =
                (callee.event.style, root)
            {
                let record = self.record_for(prefix);
                with.push((word(record_type), Yaml::Text(format!("{{{{ {record} }}}}"))));
            }
        }
        if self.tree.scope.event.style == Style::Handler
            && callee.event.style == Style::Conversation
        {
            return self.hand_on(callee.name.clone(), with);
        }
        let mut call = Step::new("call", Yaml::Text(callee.name.clone()));
        if !with.is_empty() {
            call = call.with("with", Yaml::Map(with));
        }
        if let Some(into) = into {
            call = call.with("into", Yaml::Text(place(into)));
        }
        self.step(call);
        Ok(())
    }

    /// Says which behavior converses. Whoever opened the interaction asks it, turn by turn.
    fn hand_on(
        &mut self,
        behavior: String,
        with: Vec<(String, Yaml)>,
    ) -> Result<(), Untranslatable> {
        let mut answer = vec![("behavior".to_owned(), Yaml::Text(behavior))];
        if !with.is_empty() {
            answer.push(("with".to_owned(), Yaml::Map(with)));
        }
        self.step(Step::new("answer", Yaml::Map(answer)));
        Ok(())
    }

    /// What the variables of the behavior that is run are given.
    fn variables(&mut self) -> Result<Vec<(String, Yaml)>, Untranslatable> {
        let mut given = Vec::new();
        for (name, value) in
            self.fields.iter().filter(|(name, _)| name.starts_with("var_") && !is_own_key(name))
        {
            let value = match text_of(Some(value)) {
                Some(text) => self.kept(&text)?,
                None => Yaml::of_json(value),
            };
            given.push((name.clone(), value));
        }
        if let Some(json) = self
            .json_field("behavior_variables_json")
            .or_else(|| self.json_field("behavior_variables"))
        {
            let Yaml::Map(values) = self.json(&json)? else {
                return Err(refused("variables that are made by a template"));
            };
            given.extend(values);
        }
        Ok(given)
    }

    /// The record that a macro is run on.
    fn record_for(&mut self, prefix: &str) -> String {
        let on = self.filled("on").unwrap_or_else(|| format!("{prefix}id"));
        if let Some(record) = self.tree.scope.whole_record_of(&on) {
            return record;
        }
        let piece = self.tree.scope.placeholder(&on);
        format!("{{'id': {}}}", piece.as_str())
    }
}

/// Keys of the action itself that begin as variables do.
fn is_own_key(name: &str) -> bool {
    matches!(name, "var_format" | "var_validate")
}

/// A value that an input of a kind takes; one that it would refuse is not given.
fn taken(kind: &str, value: Yaml) -> Option<Yaml> {
    match (kind, &value) {
        ("number", Yaml::Text(text)) if !crate::twig::has_code(text) => {
            text.trim().parse::<f64>().is_ok().then(|| Yaml::Text(text.trim().to_owned()))
        }
        ("boolean", Yaml::Text(text)) if !crate::twig::has_code(text) => {
            let truth = !matches!(text.trim(), "" | "0" | "false" | "no");
            Some(Yaml::Bare(truth.to_string()))
        }
        ("text", Yaml::List(_) | Yaml::Map(_)) => None,
        _ => Some(value),
    }
}
