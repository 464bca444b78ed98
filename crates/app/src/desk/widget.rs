//! What a widget is told of forms and greetings.

use super::customers::greetings::{self, Greeting};
use super::{ErrorType, Failure};
use crate::App;
use crate::admin::web_settings::WebSettings;
use crate::directory::Directory;
use serde_json::{Map, Value, json};
use tidings_model::{Channel, GroupNumber, Properties, WorkspaceId};

/// `get_form`.
pub fn form(
    app: &App,
    workspace: WorkspaceId,
    channel: &Channel,
    group: u32,
    kind: &str,
) -> Result<Value, Failure> {
    known_group(app, workspace, Some(group))?;
    let settings = WebSettings::of(channel);
    Ok(match form_of(&settings, kind) {
        Some(form) => json!({
            "enabled": true,
            "form": { "id": form.get("id"), "fields": form.get("fields") },
        }),
        None => json!({ "enabled": false }),
    })
}

fn form_of(settings: &WebSettings, kind: &str) -> Option<Value> {
    settings.widget.get("forms")?.get(kind).filter(|form| form.is_object()).cloned()
}

fn known_group(
    app: &App,
    workspace: WorkspaceId,
    group: Option<u32>,
) -> Result<GroupNumber, Failure> {
    let group = GroupNumber(group.unwrap_or(0));
    let directory = app.directory(workspace);
    let directory = directory.ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
    match directory.group(group) {
        Some(_) => Ok(group),
        None => Err(Failure::from(ErrorType::GroupNotFound)),
    }
}

/// The greetings of a group's visitors.
#[derive(Clone, Debug, Default)]
pub struct Greetings {
    /// Those that a widget can choose by itself, as it takes them: of its settings, and of the Configuration API.
    pub by_widget: Vec<Value>,
    /// Whether there are others: the server chooses them, for whoever is connected.
    pub by_server: bool,
}

/// The greetings that a widget may show.
pub async fn greetings_of(
    app: &App,
    workspace: WorkspaceId,
    settings: &WebSettings,
    group: GroupNumber,
) -> Result<Greetings, Failure> {
    let own = settings.widget.get("greetings").and_then(Value::as_array);
    let mut found = Greetings { by_widget: own.cloned().unwrap_or_default(), by_server: false };
    let now = app.now();
    for greeting in greetings::all(app, workspace).await? {
        let is_theirs = greeting.group == group || greeting.group == GroupNumber::EVERYONE;
        if is_theirs && greeting.is_on(now) {
            match for_widget(&greeting) {
                Some(shown) => found.by_widget.push(shown),
                None => found.by_server = true,
            }
        }
    }
    Ok(found)
}

/// A greeting as the widget takes it; `None` where its rules are more than the widget can look at by itself. Those are
/// chosen by the server, for who tells it of pages.
pub(super) fn for_widget(greeting: &Greeting) -> Option<Value> {
    let mut when = Map::new();
    for rule in &greeting.rules {
        let value = rule.value.clone().unwrap_or_default();
        let pattern = match rule.operator.as_str() {
            "equals" | "exact" | "=" => value.clone(),
            "starts_with" => format!("{value}*"),
            "ends_with" => format!("*{value}"),
            "contains" => format!("*{value}*"),
            _ => String::new(),
        };
        let (name, value) = match rule.kind.as_str() {
            "url_current" if !pattern.is_empty() => ("url", Value::from(pattern)),
            "url_referrer" if !pattern.is_empty() => ("referrer", Value::from(pattern)),
            "visit_time_site" | "visit_time_page" => {
                ("seconds", Value::from(value.parse::<u64>().ok()?))
            }
            _ => return None,
        };
        if rule.condition == "or" && greeting.rules.len() > 1 || when.contains_key(name) {
            return None;
        }
        when.insert(name.into(), value);
    }
    let rich = greeting.rich_message.clone()?;
    let first = rich.get("elements").and_then(|elements| elements.get(0));
    let text = first.and_then(|element| element.get("title")).and_then(Value::as_str);
    Some(json!({
        "id": greeting.id.to_string(), "number": greeting.id, "when": when,
        "text": text.unwrap_or(&greeting.name), "rich": rich,
    }))
}

/// The words by which a team welcomes who comes: its own, else those of the workspace. The vendor names where they come
/// from (`chats.welcome_message_source`) and not where they stand; here it is `chats.welcome_phrase`.
pub fn welcome_phrase(directory: &Directory, group: GroupNumber) -> Option<String> {
    let of = |properties: &Properties| {
        Some(properties.get("chats", "welcome_phrase")?.as_str()?.to_owned())
    };
    let own = directory.group(group).and_then(|group| of(&group.properties));
    own.or_else(|| of(&directory.license_properties()))
}
