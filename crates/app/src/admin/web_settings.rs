//! The settings of a web channel: which sites may carry it, who vouches for its users, and how its widget looks.

use serde::Deserialize;
use serde_json::{Map, Value};
use tidings_model::FORMS;
use url::Url;

use super::AdminError;
use crate::desk::customers::goals::Goal;

/// The setting that holds the secret which signed identities are checked with; sealed where it is stored.
pub const IDENTITY_SECRET: &str = "identity_secret";

/// The shortest identity secret, in bytes: RFC 7518 asks for as many as HMAC-SHA256 gives.
const IDENTITY_SECRET_BYTES_MIN: usize = 32;

/// The most sites that a channel names; a browser names one, and it is compared with each.
const ORIGINS_MAX: usize = 200;

/// The longest settings of a widget as JSON, in bytes: every visitor loads them.
const WIDGET_BYTES_MAX: usize = 64 << 10;

/// The most goals of a channel: each page is held against all of them.
const GOALS_MAX: usize = 100;

/// The longest name of a goal, in bytes: the archive is searched by it.
const GOAL_ID_BYTES_MAX: usize = 128;

/// The most rules of a goal: as many as a greeting has.
const GOAL_RULES_MAX: usize = 10;

/// The settings of a web channel, checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WebSettings {
    /// The sites that may carry the chat, as `https://www.example.org`; none named means all.
    pub allowed_origins: Vec<String>,
    /// What the widget is told about its looks and what it offers.
    pub widget: Map<String, Value>,
    /// What visitors of its site should come to.
    pub goals: Vec<Goal>,
    /// Whether signed identities are taken.
    pub takes_identities: bool,
}

impl WebSettings {
    /// Reads them; each fault names its field.
    pub fn read(settings: &Map<String, Value>) -> Result<Self, AdminError> {
        let mut read = Self::default();
        for (name, value) in settings {
            let field = format!("/settings/{name}");
            match name.as_str() {
                "allowed_origins" => read.allowed_origins = origins(&field, value)?,
                "widget" => read.widget = widget(&field, value)?,
                "goals" => read.goals = goals(&field, value)?,
                FORMS if !value.is_boolean() => {
                    return Err(AdminError::invalid(field, "must be true or false"));
                }
                FORMS => {}
                IDENTITY_SECRET => {
                    let long_enough =
                        value.as_str().is_some_and(|text| text.len() >= IDENTITY_SECRET_BYTES_MIN);
                    if !long_enough {
                        return Err(AdminError::invalid(
                            field,
                            format!("must be text of at least {IDENTITY_SECRET_BYTES_MIN} bytes"),
                        ));
                    }
                    read.takes_identities = true;
                }
                _ => {
                    return Err(AdminError::invalid(
                        field,
                        "a web channel has the settings allowed_origins, forms, goals, identity_secret and widget",
                    ));
                }
            }
        }
        Ok(read)
    }

    /// The settings of a channel that were checked when they were stored.
    pub fn of(channel: &tidings_model::Channel) -> Self {
        Self::read(&channel.settings).unwrap_or_default()
    }

    /// Whether a page of this site may carry the chat. `own` is our own address: its pages always may.
    pub fn allows(&self, origin: &str, own: &str) -> bool {
        let same = |one: &str| one.eq_ignore_ascii_case(origin);
        self.allowed_origins.is_empty()
            || origin_of(own).is_some_and(|own| same(&own))
            || self.allowed_origins.iter().any(|allowed| same(allowed))
    }
}

/// The origin of an address, as browsers write it.
fn origin_of(address: &str) -> Option<String> {
    Some(Url::parse(address).ok()?.origin().ascii_serialization())
}

fn origins(field: &str, value: &Value) -> Result<Vec<String>, AdminError> {
    let wrong = |place: String, problem: &str| AdminError::invalid(place, problem);
    let list = value.as_array().ok_or_else(|| wrong(field.into(), "must be a list"))?;
    if list.len() > ORIGINS_MAX {
        return Err(wrong(field.into(), &format!("must have at most {ORIGINS_MAX} entries")));
    }
    let mut origins = Vec::with_capacity(list.len());
    for (place, value) in list.iter().enumerate() {
        let place = format!("{field}/{place}");
        let text = value.as_str().unwrap_or_default();
        let is_web = text.starts_with("https://") || text.starts_with("http://");
        match origin_of(text).filter(|origin| is_web && origin == text.trim_end_matches('/')) {
            Some(origin) => origins.push(origin),
            None => {
                return Err(wrong(
                    place,
                    "must be a site without a path, as https://www.example.org",
                ));
            }
        }
    }
    Ok(origins)
}

fn goals(field: &str, value: &Value) -> Result<Vec<Goal>, AdminError> {
    let wrong =
        |place: &str, problem: String| AdminError::invalid(format!("{field}{place}"), problem);
    let goals = Vec::<Goal>::deserialize(value)
        .map_err(|error| wrong("", format!("must be a list of goals: {error}")))?;
    if goals.len() > GOALS_MAX {
        return Err(wrong("", format!("must have at most {GOALS_MAX} entries")));
    }
    for (place, goal) in goals.iter().enumerate() {
        if goal.id.is_empty() || goal.id.len() > GOAL_ID_BYTES_MAX {
            let problem = format!("must have 1 to {GOAL_ID_BYTES_MAX} bytes");
            return Err(wrong(&format!("/{place}/id"), problem));
        }
        if goal.rules.is_empty() || goal.rules.len() > GOAL_RULES_MAX {
            let problem = format!("must have 1 to {GOAL_RULES_MAX} entries");
            return Err(wrong(&format!("/{place}/rules"), problem));
        }
    }
    Ok(goals)
}

fn widget(field: &str, value: &Value) -> Result<Map<String, Value>, AdminError> {
    let wrong = |name: &str, problem: &str| AdminError::invalid(format!("{field}{name}"), problem);
    let Value::Object(map) = value else { return Err(wrong("", "must be an object")) };
    if value.to_string().len() > WIDGET_BYTES_MAX {
        return Err(wrong("", &format!("must have at most {WIDGET_BYTES_MAX} bytes")));
    }
    for (name, value) in map {
        let problem = match name.as_str() {
            "title" | "subtitle" | "language" | "avatar" => {
                (!value.is_string()).then_some("must be text")
            }
            "color" => (!is_colour(value)).then_some("must be a colour, as #2f5bea"),
            "theme" => one_of(value, &["light", "dark", "auto"], "must be light, dark or auto"),
            "position" => one_of(value, &["left", "right"], "must be left or right"),
            "sound" | "rating" | "transcript" | "files" => {
                (!value.is_boolean()).then_some("must be true or false")
            }
            "launcher" | "forms" | "texts" => (!value.is_object()).then_some("must be an object"),
            "greetings" => (!value.is_array()).then_some("must be a list"),
            _ => Some("is not a setting of the widget"),
        };
        if let Some(problem) = problem {
            return Err(wrong(&format!("/{name}"), problem));
        }
    }
    Ok(map.clone())
}

fn one_of(value: &Value, words: &[&str], problem: &'static str) -> Option<&'static str> {
    let fits = value.as_str().is_some_and(|word| words.contains(&word));
    (!fits).then_some(problem)
}

fn is_colour(value: &Value) -> bool {
    let digits = value.as_str().and_then(|text| text.strip_prefix('#')).unwrap_or_default();
    matches!(digits.len(), 3 | 6) && digits.chars().all(|digit| digit.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<WebSettings, String> {
        let map = value.as_object().cloned().unwrap_or_default();
        WebSettings::read(&map).map_err(|error| error.to_string())
    }

    #[test]
    fn sites_are_named_without_a_path() {
        let settings = read(json!({ "allowed_origins": ["https://www.example.org"] }));
        let settings = settings.expect("it reads");
        assert!(settings.allows("https://www.example.org", "http://127.0.0.1:8080"));
        assert!(settings.allows("http://127.0.0.1:8080", "http://127.0.0.1:8080"));
        assert!(!settings.allows("https://www.example.org.evil.example", "http://127.0.0.1:8080"));
        assert!(!settings.allows("null", "http://127.0.0.1:8080"));
        let refused = read(json!({ "allowed_origins": ["https://www.example.org/shop"] }));
        assert!(refused.is_err_and(|text| text.starts_with("/settings/allowed_origins/0")));
    }

    #[test]
    fn what_a_widget_does_not_know_is_refused() {
        assert!(read(json!({ "widget": { "color": "#2f5bea", "theme": "auto" } })).is_ok());
        for wrong in
            [json!({ "color": "blue" }), json!({ "colour": "#fff" }), json!({ "sound": 1 })]
        {
            assert!(read(json!({ "widget": wrong })).is_err_and(|text| text.contains("/widget/")));
        }
        assert!(read(json!({ "identity_secret": "short" })).is_err());
    }
}
