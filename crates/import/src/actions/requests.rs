//! Actions that ask the outside: HTTP, classifiers. What came is put into the shape that Cerb gives it.

use serde_json::Value;

use super::{Action, Done, Outcome, refused};
use crate::document::{text_of, truth};
use crate::field::{self, with_sets};
use crate::scope::place;
use crate::twig::Untranslatable;
use crate::yaml::{Step, Yaml};

impl Action<'_, '_, '_, '_> {
    pub(super) fn request(&mut self) -> Outcome {
        match self.name.as_str() {
            "core.va.action.http_request" => self.http(),
            "core.va.action.classifier_prediction" => self.classify(),
            "core.bot.action.email_parser" => Err(refused("Tidings does not read mails in steps")),
            "core.bot.action.pgp.encrypt" => Err(refused("Tidings does not encrypt mails")),
            "wgm.aws.bot.action.get_presigned_url" => {
                Err(refused("Tidings does not sign addresses of AWS"))
            }
            "core.bot.action.package.import" => {
                Err(refused("packages of Cerb are imported by `tidings import cerb`"))
            }
            "core.bot.action.calculate_time_elapsed" => {
                Err(refused("Tidings has no calendars of working time"))
            }
            "core.bot.action.automation" => {
                Err(refused("automations of Cerb are not part of the file"))
            }
            _ => Ok(Done::Unknown),
        }
    }

    fn http(&mut self) -> Outcome {
        let url = self.filled("http_url").ok_or_else(|| refused("a request without an address"))?;
        let mut http = vec![("url".to_owned(), self.text(url.trim())?)];
        let method = self.filled("http_verb").unwrap_or_else(|| "get".to_owned()).to_uppercase();
        if method != "GET" {
            http.push(("method".to_owned(), Yaml::Text(method.clone())));
        }
        let headers = self.headers()?;
        if !headers.is_empty() {
            http.push(("headers".to_owned(), Yaml::Map(headers)));
        }
        if let (Some(body), true) = (self.filled("http_body"), method != "GET") {
            http.push(("text".to_owned(), self.text(&body)?));
        }
        self.account(&mut http)?;
        let options = self.fields.get("options");
        if truth(options.and_then(|options| options.get("ignore_ssl_validation"))) {
            self.note(
                "certificates are always looked at: `outbound.ca_file` may name an authority",
            );
        }
        let Some(into) = self.filled("response_placeholder") else {
            let step = Step::new("http", Yaml::Map(http))
                .with("on_error", Yaml::Steps(vec![crate::tree::nothing()]));
            self.step(step);
            return Ok(Done::Next);
        };
        let into = place(&into);
        let came = format!("{into}_http");
        let failed = Yaml::Map(vec![
            ("status".to_owned(), Yaml::Bare("0".to_owned())),
            ("error".to_owned(), Yaml::text("{{ answer.error.message }}")),
        ]);
        let on_error = vec![Step::new("set", Yaml::Map(vec![(came.clone(), failed)]))];
        let step = Step::new("http", Yaml::Map(http))
            .with("into", Yaml::Text(came.clone()))
            .with("on_error", Yaml::Steps(on_error));
        self.step(step);
        let shown = |expression: String| Yaml::Text(format!("{{{{ {expression} }}}}"));
        let shape = Yaml::Map(vec![
            ("content_type".to_owned(), shown(format!("{came}.headers['content-type']"))),
            ("headers".to_owned(), shown(format!("{came}.headers"))),
            (
                "body".to_owned(),
                shown(format!(
                    "{came}.text if ({came}.json is undefined or {came}.json is none) else {came}.json"
                )),
            ),
            (
                "info".to_owned(),
                Yaml::Map(vec![("http_code".to_owned(), shown(format!("{came}.status")))]),
            ),
            ("error".to_owned(), shown(format!("{came}.error"))),
        ]);
        self.set(&into, shape);
        Ok(Done::Next)
    }

    /// Headers, a line each.
    fn headers(&mut self) -> Result<Vec<(String, Yaml)>, Untranslatable> {
        let mut headers: Vec<(String, Yaml)> = Vec::new();
        let given = match self.fields.get("http_headers") {
            Some(Value::Array(lines)) => {
                lines.iter().filter_map(|line| text_of(Some(line))).collect::<Vec<_>>().join("\n")
            }
            other => text_of(other).unwrap_or_default(),
        };
        let (sets, given) = field::sets_apart(&given);
        for line in given.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let named = line
                .split_once(':')
                .filter(|(name, _)| !crate::twig::has_code(name) && !name.contains(' '));
            let Some((name, value)) = named else {
                return Err(refused(format!("headers that a template makes ({line:?})")));
            };
            let value = self.text(&with_sets(&sets, value.trim()))?;
            if !headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                headers.push((name.to_owned(), value));
            }
        }
        Ok(headers)
    }

    fn account(&mut self, http: &mut Vec<(String, Yaml)>) -> Result<(), Untranslatable> {
        let auth = self.field("auth").unwrap_or_default();
        let account = match auth.as_str() {
            "connected_account" => {
                self.filled("auth_connected_account_id").filter(|id| id.trim() != "0")
            }
            "placeholder" => {
                self.filled("auth_placeholder").map(|name| format!("{{{{{}}}}}", name.trim()))
            }
            _ => self
                .filled("auth_connected_account_id")
                .filter(|id| auth.is_empty() && id.trim() != "0"),
        };
        if let Some(account) = account {
            self.note(&format!("the account {account} is to be made in Tidings, by this name"));
            http.push(("account".to_owned(), self.text(&account)?));
        }
        Ok(())
    }

    fn classify(&mut self) -> Outcome {
        let content = self.field("content").unwrap_or_default();
        let content = self.text(&content)?;
        let into =
            place(&self.filled("object_placeholder").unwrap_or_else(|| "_prediction".to_owned()));
        let found = format!("{into}_intent");
        self.note("the classifier's examples are not part of the file: give the bot `intents`");
        self.step(Step::new("classify", content).with("into", Yaml::Text(found.clone())));
        let classification =
            Yaml::Map(vec![("name".to_owned(), Yaml::Text(format!("{{{{ {found}.intent }}}}")))]);
        let confidence = Yaml::Text(format!("{{{{ {found}.confidence }}}}"));
        let prediction = Yaml::Map(vec![
            ("classification".to_owned(), classification.clone()),
            ("confidence".to_owned(), confidence.clone()),
        ]);
        let shape = Yaml::Map(vec![
            ("prediction".to_owned(), prediction),
            ("classification".to_owned(), classification),
            ("confidence".to_owned(), confidence),
        ]);
        self.set(&into, shape);
        Ok(Done::Next)
    }
}
