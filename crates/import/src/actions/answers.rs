//! Actions that make the answer of an event that asks. The answer itself goes out at the end of the behavior, as in Cerb.

use super::{Action, Done, Outcome, refused};
use crate::document::text_of;
use crate::write::{Kind, Piece};
use crate::yaml::Yaml;

impl Action<'_, '_, '_, '_> {
    pub(super) fn answer(&mut self) -> Outcome {
        match self.name.as_str() {
            "set_http_status" => {
                let value = self.field("value").unwrap_or_default();
                let status = match value.trim().parse::<u16>() {
                    Ok(status) => Yaml::Bare(status.to_string()),
                    Err(_) => {
                        let piece = self.expression(&value)?.filtered("int(200)", Kind::Number);
                        Yaml::Text(format!("{{{{ {} }}}}", piece.as_str()))
                    }
                };
                self.set("vars._http_status", status);
            }
            "set_http_header" => {
                let name = self.filled("name").ok_or_else(|| refused("a header without a name"))?;
                let name = self.expression(&name)?.alone();
                let value = self.field("value").unwrap_or_default();
                let value = self.expression(&value)?.alone();
                // The delimiter is one that no header's name has.
                let headers = format!("{{{{ vars._http_headers | put({name}, {value}, ' ') }}}}");
                self.set("vars._http_headers", Yaml::Text(headers));
            }
            "set_http_body" => self.set_from("vars._http_body")?,
            "render_html" => self.set_from("vars._html")?,
            "return_value" => self.set_from("vars._value")?,
            "return_data" => {
                let data = self
                    .json_field("data")
                    .or_else(|| self.json_field("value"))
                    .unwrap_or_default();
                let data = self.json(&data)?;
                self.set("vars._data", data);
            }
            "add_api_response" => {
                let value = self.first_text(&["message", "response", "value", "content"]);
                let value = self.expression(&value)?.operand();
                let whole = format!("{{{{ [vars._response, {value}] | select | join('\\n') }}}}");
                self.set("vars._response", Yaml::Text(whole));
            }
            "return_interaction" => self.interaction()?,
            "set_timezone" => self.note("the time zone is given to each `date` instead"),
            _ => return Ok(Done::Unknown),
        }
        Ok(Done::Next)
    }

    fn first_text(&self, keys: &[&str]) -> String {
        keys.iter().find_map(|key| self.field(key)).unwrap_or_default()
    }

    fn set_from(&mut self, place: &str) -> Result<(), crate::twig::Untranslatable> {
        let value = self.first_text(&["value", "html", "content", "template", "body"]);
        let value = self.text(&value)?;
        self.set(place, value);
        Ok(())
    }

    /// One more interaction to offer.
    fn interaction(&mut self) -> Result<(), crate::twig::Untranslatable> {
        let label = self.first_text(&["name", "label"]);
        let label = self.expression(&label)?.alone();
        let interaction = self.first_text(&["interaction"]);
        let interaction = self.expression(&interaction)?.alone();
        if !self.first_text(&["behavior_id"]).trim().is_empty() {
            self.note(
                "an interaction is offered by its name: who hears it says which behavior converses",
            );
        }
        let params = self
            .json_field("interaction_params_json")
            .or_else(|| text_of(self.fields.get("interaction_params")));
        let params = match params {
            Some(params) => {
                let params = self.json(&params)?;
                let place = crate::write::Names::fresh(&mut self.tree.scope);
                self.set(&place, params);
                Piece::path(place, Kind::Map)
            }
            None => Piece::chain("{}", Kind::Map),
        };
        let one = format!(
            "{{'label': {label}, 'interaction': {interaction}, 'with': {}}}",
            params.as_str()
        );
        let whole = format!("{{{{ vars._interactions | put('[]', {one}) }}}}");
        self.set("vars._interactions", Yaml::Text(whole));
        Ok(())
    }
}
