//! What pages ask of the Customer Chat API before anybody is signed in: how the chat looks and speaks, and whether somebody
//! is there. Beside the documented answers stands our key `widget`; docs/how-to/put-the-widget-on-a-page.md describes it.
//!
//! And what we add for pages: `track`, which tells of something that a visitor did there.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tidings_app::admin::web_settings::WebSettings;
use tidings_app::desk::credentials::customer_grants::{self, Entrance};
use tidings_app::desk::find::unreadable;
use tidings_app::desk::properties::shared;
use tidings_app::desk::{look, routing, widget};
use tidings_app::known;
use tidings_app::pipeline::accept::{AcceptError, NewEvent, accept};
use tidings_model::{Author, GroupNumber, Visibility};
use tidings_wire::livechat::{ErrorType, Failure, Side};
use url::Url;

use super::call::{Answer, Peer};
use super::sign_in::sign_in;
use crate::pages;
use crate::state::Api;

/// The method that we add. LiveChat has none for it.
const TRACK: &str = "track";

/// The longest data of something that is tracked, as JSON, in bytes: it is a note, not an upload.
const TRACKED_BYTES_MAX: usize = 16 * 1024;

/// The type that is told of it.
const TRACKED: &str = "customer.tracked";

/// Answers what needs no token; `None` when it does.
pub(super) async fn answer(
    api: &Api,
    side: Side,
    action: &str,
    payload: &Value,
    peer: &Peer,
) -> Option<Answer> {
    if side != Side::Customer {
        return None;
    }
    match action {
        "get_dynamic_configuration" => Some(dynamic(api, payload, peer).await),
        "get_configuration" => Some(fixed(api, payload).await),
        "get_localization" => Some(localization(api, payload).await),
        // Who names no organization is asked for a token, which names it.
        "list_license_properties" | "list_group_properties" if names_place(payload) => {
            Some(properties(api, action, payload).await)
        }
        _ => None,
    }
}

/// Whether it is a method of ours, which the vendor's table does not have.
pub(super) fn is_ours(side: Side, action: &str) -> bool {
    side == Side::Customer && action == TRACK
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    organization_id: Option<String>,
    #[serde(default)]
    license_id: Option<Value>,
    #[serde(default)]
    channel_id: Option<String>,
    /// In an address it is text.
    #[serde(default)]
    group_id: Option<Value>,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    language: Option<String>,
}

/// The channel that is asked for.
struct Place {
    entrance: Entrance,
    settings: WebSettings,
}

impl Place {
    async fn of(api: &Api, asked: &Asked) -> Result<Self, Failure> {
        let organization = match (&asked.organization_id, &asked.license_id) {
            (Some(organization), _) => organization.clone(),
            (None, Some(license)) => {
                let wanted = license.as_u64().or_else(|| license.as_str()?.parse().ok());
                let workspaces = api.app.workspaces();
                let found = workspaces.iter().find(|one| Some(look::license_id(**one)) == wanted);
                let found = found.ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
                found.to_string()
            }
            (None, None) => return Err(Failure::field("organization_id", "is missing")),
        };
        let channel = asked.channel_id.as_deref();
        let group = asked.group_id.as_ref().map(group).transpose()?;
        // Everybody is a group that nobody made.
        let group = group.filter(|group| *group != GroupNumber::EVERYONE);
        let entrance = customer_grants::entrance(&api.app, &organization, channel, group).await?;
        let settings = WebSettings::of(&entrance.channel);
        Ok(Self { entrance, settings })
    }

    fn group(&self) -> GroupNumber {
        self.entrance.group.unwrap_or(GroupNumber::EVERYONE)
    }

    /// The language of the texts: the channel's, or the team's.
    fn language(&self, api: &Api) -> String {
        let own = self.settings.widget.get("language").and_then(Value::as_str);
        let own = own.filter(|language| !language.is_empty()).map(str::to_owned);
        let of_team = || {
            let directory = api.app.directory(self.entrance.workspace)?;
            Some(directory.group(self.group())?.language.clone())
        };
        own.or_else(of_team).unwrap_or_else(|| "en".into())
    }

    /// Changes whenever the settings do.
    fn version(&self) -> String {
        let mut hasher = DefaultHasher::new();
        Value::Object(self.settings.widget.clone()).to_string().hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}

fn group(value: &Value) -> Result<GroupNumber, Failure> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    let number = number.and_then(|number| u32::try_from(number).ok());
    number.map(GroupNumber).ok_or_else(|| Failure::field("group_id", "must be a number"))
}

fn read<T: serde::de::DeserializeOwned>(payload: &Value) -> Result<T, Failure> {
    serde_path_to_error::deserialize(payload).map_err(|error| {
        let field = error.path().to_string();
        Failure::field(&field, format!("is not as expected: {}", error.inner()))
    })
}

/// `get_dynamic_configuration`: whether the chat may be shown, who is there, and how it looks.
async fn dynamic(api: &Api, payload: &Value, peer: &Peer) -> Answer {
    let asked: Asked = read(payload)?;
    let place = Place::of(api, &asked).await?;
    let workspace = place.entrance.workspace;
    let statuses = routing::status::of_groups(&api.app, workspace).await?;
    let here = |group: &GroupNumber| statuses.get(group).is_some_and(|status| *status != "offline");
    let online: Vec<GroupNumber> = statuses.keys().copied().filter(here).collect();
    // A bot is always there.
    let is_answered = here(&place.group()) || place.entrance.channel.bot.is_some();
    let site = peer.origin.clone().or_else(|| {
        let origin = Url::parse(asked.url.as_deref()?).ok()?.origin();
        origin.is_tuple().then(|| origin.ascii_serialization())
    });
    let is_allowed =
        site.is_none_or(|site| place.settings.allows(&site, &api.app.settings().public_url));
    let mut widget = place.settings.widget.clone();
    widget.insert("online".into(), is_answered.into());
    widget.insert("bot".into(), place.entrance.channel.bot.is_some().into());
    let greetings = widget::greetings_of(&api.app, workspace, &place.settings, place.group());
    let greetings = greetings.await?;
    widget.insert("greetings".into(), greetings.by_widget.into());
    widget.insert("connect".into(), greetings.by_server.into());
    Ok(json!({
        "organization_id": workspace,
        "default_widget": "livechat",
        "livechat_active": true,
        "livechat": {
            "group_id": place.group(),
            "client_limit_exceeded": false,
            "domain_allowed": is_allowed,
            "online_group_ids": online,
            "config_version": place.version(),
            // The texts that the channel changes are in `widget` already.
            "localization_version": "",
            "language": place.language(api),
        },
        "widget": widget,
    }))
}

fn names_place(payload: &Value) -> bool {
    payload.get("organization_id").is_some() || payload.get("license_id").is_some()
}

#[derive(Deserialize)]
struct Properties {
    #[serde(default)]
    id: u32,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    name: Option<String>,
}

/// `list_license_properties` and `list_group_properties`, as customers read them.
async fn properties(api: &Api, action: &str, payload: &Value) -> Answer {
    let workspace = Place::of(api, &read(payload)?).await?.entrance.workspace;
    let asked: Properties = read(payload)?;
    let group = GroupNumber(asked.id);
    let sought = known::seek(&api.app, workspace, |directory| directory.group(group).is_some());
    sought.await.map_err(unreadable)?;
    let filter = shared::Filter {
        namespace: asked.namespace.as_deref(),
        name: asked.name.as_deref(),
        name_prefix: None,
    };
    if action == "list_license_properties" {
        return shared::of_license_for_customers(&api.app, workspace, filter);
    }
    shared::of_group_for_customers(&api.app, workspace, group, filter)
}

/// `get_configuration`: what does not change from one minute to the next.
async fn fixed(api: &Api, payload: &Value) -> Answer {
    let asked: Asked = read(payload)?;
    let place = Place::of(api, &asked).await?;
    let (app, workspace, all) = (&api.app, place.entrance.workspace, shared::Filter::default());
    let of_license = shared::of_license_for_customers(app, workspace, all)?;
    let of_group = shared::of_group_for_customers(app, workspace, place.group(), all)
        .unwrap_or_else(|_| json!({}));
    let mut answer = json!({
        "buttons": [],
        "integrations": {},
        "properties": { "group": of_group, "license": of_license },
        "widget": place.settings.widget,
    });
    let form =
        |name: &str| place.settings.widget.get("forms")?.get(name).filter(|form| form.is_object());
    for (name, ours) in [("prechat_form", "prechat"), ("ticket_form", "offline")] {
        if let (Some(form), Some(answer)) = (form(ours), answer.as_object_mut()) {
            answer.insert(name.into(), form.clone());
        }
    }
    Ok(answer)
}

/// `get_localization`: the widget's texts in a language, with those that the channel changes.
async fn localization(api: &Api, payload: &Value) -> Answer {
    let asked: Asked = read(payload)?;
    let place = Place::of(api, &asked).await?;
    let language = asked.language.unwrap_or_else(|| place.language(api));
    let language = language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    let mut texts = pages::widget_texts("en").unwrap_or_default();
    texts.extend(pages::widget_texts(&language).unwrap_or_default());
    let own = place.settings.widget.get("texts").and_then(Value::as_object);
    texts.extend(own.cloned().unwrap_or_default());
    Ok(Value::Object(texts))
}

#[derive(Deserialize)]
struct Track {
    name: String,
    #[serde(default)]
    data: Value,
}

/// `track`: something that a visitor did on the page, outside of an active chat.
pub(super) async fn ours(
    api: &Api,
    credentials: &str,
    ip: Option<IpAddr>,
    payload: &Value,
) -> Answer {
    let signed_in = sign_in(&api.app, Side::Customer, credentials, ip).await?;
    let customer = signed_in.actor.needs_customer()?;
    api.by_visitor.take(customer.uuid()).map_err(|_| {
        Failure::new(ErrorType::TooManyRequests, "too much is tracked; try again soon")
    })?;
    let tracked: Track = read(payload)?;
    if tracked.data.to_string().len() > TRACKED_BYTES_MAX {
        let why = format!("must have at most {TRACKED_BYTES_MAX} bytes as JSON");
        return Err(Failure::field("data", why));
    }
    let mut data = Map::from_iter([
        ("customer".to_owned(), customer.to_string().into()),
        ("name".to_owned(), tracked.name.into()),
    ]);
    if !tracked.data.is_null() {
        data.insert("data".into(), tracked.data);
    }
    let event = NewEvent {
        event_type: TRACKED.into(),
        data: Value::Object(data),
        chat: None,
        time: None,
        author: Author::customer(customer),
        visibility: Visibility::All,
        custom_id: None,
        properties: Map::new(),
        idempotency_key: None,
    };
    match accept(&api.app, signed_in.actor.workspace, event).await {
        Ok(_) => Ok(json!({})),
        Err(AcceptError::Invalid { violations, .. }) => {
            let first = violations.first().map(ToString::to_string).unwrap_or_default();
            Err(Failure::new(ErrorType::Validation, first))
        }
        Err(error) => {
            tracing::warn!("something tracked was not accepted: {error}");
            Err(Failure::from(ErrorType::ServiceUnavailable))
        }
    }
}
