//! Actions that set placeholders and variables.

use serde_json::Value;

use super::{Action, Done, Outcome, refused};
use crate::document::{number, texts};
use crate::scope::place;
use crate::twig::Untranslatable;
use crate::write::{Names as _, quoted};
use crate::yaml::{Step, Yaml};

/// The type of the records in which a bot keeps values for itself.
const KEPT: &str = "bot_value";

impl Action<'_, '_, '_, '_> {
    pub(super) fn variable(&mut self) -> Outcome {
        match self.name.as_str() {
            "_set_custom_var" => {
                let var = self.filled("var").ok_or_else(|| refused("it names no placeholder"))?;
                let value = self.field("value").unwrap_or_default();
                if value.is_empty() {
                    // Cerb leaves the placeholder as it is.
                    return Ok(Done::Next);
                }
                let value = if self.field("format").as_deref() == Some("json") {
                    self.json(&value)?
                } else {
                    self.kept(&value)?
                };
                self.set(&place(&var), value);
                Ok(Done::Next)
            }
            "_get_key" => self.get_key(),
            "_set_key" => self.set_key(),
            "_set_custom_var_snippet" => Err(refused("snippets are not part of the file")),
            name if name.starts_with("var_") => self.own_variable(),
            _ => Ok(Done::Unknown),
        }
    }

    /// A value that the bot keeps for itself is a record, which is there for all chats.
    fn get_key(&mut self) -> Outcome {
        let var = self.filled("var").ok_or_else(|| refused("it names no placeholder"))?;
        let into = place(&var);
        let found = self.found_key(&into)?;
        let kept = format!("({found} | first)");
        let fresh =
            format!("not {kept}.expires_at or {kept}.expires_at | int(0) > now | date('%s') | int");
        self.set(
            &into,
            Yaml::Text(format!("{{{{ {kept}.value if {found} and ({fresh}) else '' }}}}")),
        );
        Ok(Done::Next)
    }

    fn set_key(&mut self) -> Outcome {
        let found = self.tree.scope.fresh();
        let found = self.found_key(&found)?;
        let value = self.field("value").unwrap_or_default();
        let value = self.kept(&value)?;
        let key = self.key()?;
        let until = match self.filled("expires_at") {
            Some(until) => {
                let until = self.expression(&until)?.alone();
                Yaml::Text(format!("{{{{ date({until}) | date('%s') | int }}}}"))
            }
            None => Yaml::Bare("null".to_owned()),
        };
        let kept = vec![("value".to_owned(), value), ("expires_at".to_owned(), until)];
        let record = ("record".to_owned(), Yaml::text(KEPT));
        let update = Yaml::Map(vec![
            record.clone(),
            ("id".to_owned(), Yaml::Text(format!("{{{{ ({found} | first).id }}}}"))),
            ("set".to_owned(), Yaml::Map(kept.clone())),
        ]);
        let named =
            [("bot".to_owned(), Yaml::text(&self.tree.scope.bot.name)), ("key".to_owned(), key)];
        let fields = named
            .into_iter()
            .chain(kept)
            .filter(|(_, value)| !matches!(value, Yaml::Bare(null) if null == "null"));
        let create = Yaml::Map(vec![record, ("set".to_owned(), Yaml::Map(fields.collect()))]);
        let branch = Yaml::Map(vec![
            ("when".to_owned(), Yaml::Text(format!("{found} is not empty"))),
            ("do".to_owned(), Yaml::Steps(vec![Step::new("update", update)])),
        ]);
        self.step(
            Step::new("choose", Yaml::List(vec![branch]))
                .with("else", Yaml::Steps(vec![Step::new("create", create)])),
        );
        Ok(Done::Next)
    }

    fn key(&mut self) -> Result<Yaml, Untranslatable> {
        let key = self.filled("key").ok_or_else(|| refused("it names no key"))?;
        self.text(key.trim())
    }

    /// Looks for the record of a key.
    fn found_key(&mut self, into: &str) -> Result<String, Untranslatable> {
        let key = self.key()?;
        let wanted = vec![
            ("bot".to_owned(), Yaml::text(&self.tree.scope.bot.name)),
            ("key".to_owned(), key),
        ];
        let find = Yaml::Map(vec![
            ("record".to_owned(), Yaml::text(KEPT)),
            ("where".to_owned(), Yaml::Map(wanted)),
            ("limit".to_owned(), Yaml::Bare("1".to_owned())),
        ]);
        let found = format!("{into}_found");
        self.step(Step::new("find", find).with("into", Yaml::Text(found.clone())));
        Ok(found)
    }

    /// The setter of a variable is called as the variable.
    fn own_variable(&mut self) -> Outcome {
        let place = place(&self.name);
        if self.fields.contains_key("quick_search") || self.fields.contains_key("search_mode") {
            return self.found_list(&place);
        }
        if self.fields.contains_key("worker_id") {
            return self.worker(&place);
        }
        if self.field("mode").as_deref() == Some("calendar") {
            return Err(refused("Tidings has no calendars of working time"));
        }
        if let Some(ids) = self.fields.get("values") {
            let list = texts(Some(ids)).into_iter().map(Yaml::Text).collect();
            self.set(&place, Yaml::List(list));
            return Ok(Done::Next);
        }
        let value = self.field("value").unwrap_or_default();
        let value = self.kept(&value)?;
        self.set(&place, value);
        Ok(Done::Next)
    }

    fn found_list(&mut self, place: &str) -> Outcome {
        let query = self.field("quick_search").unwrap_or_default();
        let record_type = self.variable_type();
        let limit = number(self.fields.get("limit_count")).unwrap_or(100).clamp(1, 100);
        let mode = self.field("mode").unwrap_or_default();
        let found = format!("{place}_found");
        let into = if mode == "add" || mode == "subtract" { found.as_str() } else { place };
        self.find(&record_type, &query, Some(limit), into)?;
        match mode.as_str() {
            "add" => {
                self.set(place, Yaml::Text(format!("{{{{ ({place} or []) + ({found} or []) }}}}")))
            }
            "subtract" => self
                .set(place, Yaml::Text(format!("{{{{ ({place} or []) | difference({found}) }}}}"))),
            _ => {}
        }
        Ok(Done::Next)
    }

    /// The record type of a list variable; its setter does not say it, so the kind of the variable does.
    fn variable_type(&self) -> String {
        let kinds = self.tree.kinds.get(&self.name);
        kinds.and_then(|kind| kind.strip_prefix("ctx_")).unwrap_or("record").to_owned()
    }

    fn worker(&mut self, place: &str) -> Outcome {
        let ids = texts(self.fields.get("worker_id"));
        let more = ["group_id", "vars"].iter().any(|key| !texts(self.fields.get(*key)).is_empty());
        let of_those_free = ["opt_logged_in", "opt_is_available"]
            .iter()
            .any(|key| crate::document::truth(self.fields.get(*key)));
        if more || of_those_free || ids.is_empty() {
            return Err(refused(
                "choosing a worker by group, load or presence: use `hand_over` with a group",
            ));
        }
        self.note("these workers' ids are of the site that it comes from");
        let value = match ids.as_slice() {
            [one] => self.kept(one)?,
            several => {
                let list: Vec<String> = several.iter().map(|id| quoted(id)).collect();
                Yaml::Text(format!("{{{{ random([{}]) }}}}", list.join(", ")))
            }
        };
        self.set(place, value);
        Ok(Done::Next)
    }

    /// A field of JSON, as a template or as it stands.
    pub(super) fn json_field(&self, key: &str) -> Option<String> {
        match self.fields.get(key)? {
            Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
            Value::Null => None,
            other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Some(other.to_string())
            }
        }
    }
}
