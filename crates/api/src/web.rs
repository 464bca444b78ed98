//! The web channel: what the chat page asks, in the name of a visitor.
//!
//! A visitor has no token of the API but one of their own, which names their customer; it opens their own chat and
//! nothing else. Nothing is stored before they speak. Other sites cannot call this: no CORS header is sent.
//!
//! What makes a second message harmless: the visitor's `custom_id` is a claim, see [`receive`].

mod view;

use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use tidings_app::desk::ErrorType;
use tidings_app::desk::customers::bans;
use tidings_app::known;
use tidings_app::pipeline::accept::KEY_BYTES_MAX;
use tidings_app::pipeline::live::{Watch, Watcher, may_see};
use tidings_app::pipeline::receive;
use tidings_app::pipeline::visit::{Said, visit};
use tidings_app::visitor::Visitor;
use tidings_catalogue::TypeFilter;
use tidings_model::{Channel, ChannelId, ChannelKind, ChatId, CustomerId, EventId, WorkspaceId};
use tidings_store::{DocKey, EventQuery, Kind};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::address::address;
use crate::answer::{self, Answer};
use crate::auth::bearer;
use crate::body::JsonBody;
use crate::params::{Id, Params};
use crate::problem::{Code, Problem};
use crate::state::Api;
use crate::stream::{self, Gaps, Written};

use view::Showing;

/// The longest text that a visitor may send, in bytes; four times what Telegram takes.
pub(crate) const TEXT_BYTES_MAX: usize = 16 * 1024;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(session))
        .routes(routes!(send))
        .routes(routes!(list))
        .routes(routes!(stream))
}

/// The address that somebody asks from, where the server knows it.
struct Peer(Option<std::net::IpAddr>);

impl FromRequestParts<Api> for Peer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        Ok(Self(address(&parts.extensions)))
    }
}

impl Peer {
    fn charge(&self, api: &Api) -> Result<(), Problem> {
        self.0.map_or(Ok(()), |address| api.visitors_by_address.take(address))
    }
}

/// An open web channel.
struct WebChannel {
    workspace: WorkspaceId,
    channel: Arc<Channel>,
}

impl FromRequestParts<Api> for WebChannel {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let Id(id) = Id::<ChannelId>::from_request_parts(parts, api).await?;
        Self::find(api, id).await
    }
}

impl WebChannel {
    async fn find(api: &Api, id: ChannelId) -> Result<Self, Problem> {
        let unknown = || Problem::not_found("web channel");
        let (workspace, channel) = known::channel(&api.app, id).await?.ok_or_else(unknown)?;
        match channel.kind {
            ChannelKind::Web => {}
            ChannelKind::Telegram => return Err(unknown()),
        }
        if !channel.enabled {
            return Err(Problem::new(Code::ChannelDisabled, "this channel is switched off"));
        }
        Ok(Self { workspace, channel })
    }

    /// The visitor that a token names, if it is one of this channel.
    fn visitor(&self, api: &Api, token: &str) -> Option<CustomerId> {
        let visitor = Visitor::from_token(token, api.app.sealer())?;
        (visitor.workspace == self.workspace && visitor.channel == self.channel.id)
            .then_some(visitor.customer)
    }

    async fn known_visitor(
        &self,
        api: &Api,
        token: &str,
        peer: &Peer,
    ) -> Result<CustomerId, Problem> {
        let customer = self.visitor(api, token).ok_or_else(|| {
            Problem::new(Code::TokenUnknown, "this is no visitor's token of this channel")
        })?;
        self.refuse_banned(api, Some(customer), peer).await?;
        Ok(customer)
    }

    async fn refuse_banned(
        &self,
        api: &Api,
        customer: Option<CustomerId>,
        peer: &Peer,
    ) -> Result<(), Problem> {
        bans::check(&api.app, self.workspace, customer, peer.0).await.map_err(|failure| {
            let is_banned = failure.error_type == ErrorType::CustomerBanned;
            let code = if is_banned { Code::CustomerBanned } else { Code::Internal };
            Problem::new(code, failure.message)
        })
    }

    /// A visitor's chat; it is there once they spoke. Its address is their id.
    fn chat_of(&self, customer: CustomerId) -> ChatId {
        receive::chat_id(&self.channel, &customer.to_string())
    }
}

/// A visitor who says that they were here before.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionBody {
    /// The token of an earlier session.
    #[serde(default)]
    token: Option<String>,
}

/// Who a visitor is.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionView {
    /// The visitor's token, to be kept by their browser.
    token: String,
    /// The customer that they are.
    customer: Uuid,
    /// Their chat; null before they spoke.
    chat: Option<Uuid>,
}

/// Begin or resume a visit
#[utoipa::path(
    post, path = "/channels/{channel}/session", tag = "web channel", operation_id = "web_session",
    request_body = SessionBody,
    params(("channel" = Uuid, Path, description = "The web channel's id.")),
    responses((status = 200, description = "Who the visitor is.", body = SessionView)),
)]
async fn session(
    web: WebChannel,
    peer: Peer,
    State(api): State<Api>,
    JsonBody(body): JsonBody<SessionBody>,
) -> Answer {
    peer.charge(&api)?;
    let earlier = body.token.as_deref().and_then(|token| web.visitor(&api, token));
    web.refuse_banned(&api, earlier, &peer).await?;
    let visitor = match earlier {
        Some(customer) => Visitor { workspace: web.workspace, channel: web.channel.id, customer },
        None => Visitor::new(&api.app, web.workspace, web.channel.id),
    };
    let chat = web.chat_of(visitor.customer);
    let has_chat = match earlier {
        Some(_) => {
            api.app.store().document(web.workspace, &DocKey::new(Kind::Chat, chat)).await?.is_some()
        }
        None => false,
    };
    let view = SessionView {
        token: visitor.token(api.app.sealer()),
        customer: visitor.customer.uuid(),
        chat: has_chat.then(|| chat.uuid()),
    };
    Ok(answer::json(StatusCode::OK, &view))
}

/// Something that a visitor says: a text, a button pressed, or a form filled in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VisitorMessage {
    /// The text, at most 16 KiB.
    #[serde(default)]
    text: Option<String>,
    /// The button, in place of a text.
    #[serde(default)]
    postback: Option<Postback>,
    /// The form, in place of a text.
    #[serde(default)]
    form: Option<FilledForm>,
    /// The page's own id for it: sending it again changes nothing.
    custom_id: String,
}

/// A button that a visitor pressed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Postback {
    /// Its value.
    value: String,
    /// Its text.
    #[serde(default)]
    text: Option<String>,
    /// Its id, where it has one.
    #[serde(default)]
    postback_id: Option<String>,
    /// The message that it belongs to.
    #[serde(default)]
    message: Option<Uuid>,
}

/// A form that a visitor filled in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FilledForm {
    /// The form's own id, of its `chat.form`.
    form_id: String,
    /// What was filled in, at most 50 fields; one that was left empty may be left out.
    fields: Vec<FilledField>,
}

/// A field that a visitor filled in.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FilledField {
    /// The field's own id.
    id: String,
    /// Its type.
    #[serde(rename = "type")]
    field_type: String,
    /// What stands beside it.
    label: String,
    /// The answer: a text, or the id of an option.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    /// The options that were chosen, where there can be several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    answers: Vec<ChosenOption>,
}

/// An option of a field.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChosenOption {
    /// Its id.
    id: String,
    /// What it says.
    label: String,
}

/// The most fields of a form: as a bot's form has.
const FORM_FIELDS_MAX: usize = 50;

/// Say something as a visitor
///
/// The header `Authorization: Bearer` holds the visitor's own token.
#[utoipa::path(
    post, path = "/channels/{channel}/messages", tag = "web channel", operation_id = "web_send",
    request_body = VisitorMessage,
    params(("channel" = Uuid, Path, description = "The web channel's id.")),
    responses(
        (status = 201, description = "The event, as the visitor sees it.", body = view::CustomerEvent),
        (status = 200, description = "The event that was sent with this `custom_id` before.", body = view::CustomerEvent),
    ),
    security(("visitor" = [])),
)]
async fn send(
    web: WebChannel,
    peer: Peer,
    State(api): State<Api>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<VisitorMessage>,
) -> Answer {
    let customer = web.known_visitor(&api, bearer(&headers)?, &peer).await?;
    peer.charge(&api)?;
    api.by_visitor.take(customer.uuid())?;
    let (said, custom_id) = checked_message(body)?;
    let accepted = visit(&api.app, web.workspace, &web.channel, customer, said, custom_id).await?;
    let showing = Showing::new(&api, web.workspace);
    let mut bytes = Vec::with_capacity(accepted.event.body().len());
    if let Written::Nothing = showing.write(&accepted.event, &mut bytes) {
        return Err(Problem::new(Code::Internal, "the event cannot be shown"));
    }
    Ok(answer::accepted_as(&accepted, bytes))
}

fn checked_message(body: VisitorMessage) -> Result<(Said, String), Problem> {
    if body.custom_id.is_empty() || body.custom_id.len() > KEY_BYTES_MAX {
        return Err(wrong_field("/custom_id", format!("must have 1 to {KEY_BYTES_MAX} bytes")));
    }
    let said = match (body.text, body.postback, body.form) {
        (Some(text), None, None) => Said::Text(checked_text("/text", text)?),
        (None, None, Some(form)) => checked_form(form)?,
        (None, Some(button), None) => Said::Button {
            value: checked_text("/postback/value", button.value)?,
            text: button.text.map(|text| checked_text("/postback/text", text)).transpose()?,
            postback_id: button
                .postback_id
                .map(|id| checked_text("/postback/postback_id", id))
                .transpose()?,
            message: button.message.map(EventId::new),
        },
        (Some(_), Some(_), _)
        | (Some(_), _, Some(_))
        | (_, Some(_), Some(_))
        | (None, None, None) => {
            return Err(wrong_field("/text", "give a text, a postback or a form".into()));
        }
    };
    Ok((said, body.custom_id))
}

fn checked_form(form: FilledForm) -> Result<Said, Problem> {
    if form.fields.len() > FORM_FIELDS_MAX {
        return Err(wrong_field("/form/fields", format!("has at most {FORM_FIELDS_MAX} fields")));
    }
    let mut fields = Vec::with_capacity(form.fields.len());
    for field in form.fields {
        let written = serde_json::to_value(field)
            .map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
        fields.push(written);
    }
    let form_id = checked_text("/form/form_id", form.form_id)?;
    let bytes: usize = fields.iter().map(|field| field.to_string().len()).sum();
    if bytes > TEXT_BYTES_MAX {
        let message = format!("must have at most {TEXT_BYTES_MAX} bytes");
        return Err(wrong_field("/form/fields", message));
    }
    Ok(Said::Form { form_id, fields })
}

fn checked_text(pointer: &str, text: String) -> Result<String, Problem> {
    if text.trim().is_empty() || text.len() > TEXT_BYTES_MAX {
        let message = format!("must have 1 to {TEXT_BYTES_MAX} bytes, not only spaces");
        return Err(wrong_field(pointer, message));
    }
    Ok(text)
}

fn wrong_field(pointer: &str, message: String) -> Problem {
    Problem::new(Code::InvalidField, format!("{pointer}: {message}")).at(pointer, message)
}

/// Read a visitor's chat
///
/// What the visitor may see of their own chat, in order. The header `Authorization: Bearer` holds the visitor's own token.
#[utoipa::path(
    get, path = "/channels/{channel}/events", tag = "web channel", operation_id = "web_events",
    params(
        ("channel" = Uuid, Path, description = "The web channel's id."),
        ("after" = Option<u64>, Query, description = "Only those after this number."),
        ("limit" = Option<usize>, Query, description = "Look at so many at most, 1 to 1000; 50, unless given."),
    ),
    responses((status = 200, description = "The events; `next` is the number to go on after.", body = view::CustomerEvents)),
    security(("visitor" = [])),
)]
async fn list(
    web: WebChannel,
    peer: Peer,
    State(api): State<Api>,
    headers: HeaderMap,
    mut params: Params,
) -> Answer {
    let customer = web.known_visitor(&api, bearer(&headers)?, &peer).await?;
    peer.charge(&api)?;
    let chat = web.chat_of(customer);
    let query = EventQuery {
        after: params.seq("after")?.unwrap_or_default(),
        limit: params.limit()?,
        types: Vec::new(),
        chat: Some(chat),
    };
    params.finish()?;
    let (mut events, next) = answer::page_of_events(&api, web.workspace, query).await?;
    let watcher = Watcher::Customer(chat);
    events.retain(|event| may_see(&watcher, event) && view::is_shown(event));
    let showing = Showing::new(&api, web.workspace);
    let mut body = Vec::new();
    answer::write_events(&mut body, &events, next, |event, bytes| {
        // What is not shown was left out above.
        showing.write(event, bytes);
    });
    Ok(answer::bytes(StatusCode::OK, body))
}

/// Stream a visitor's chat
///
/// As the stream of events, for what the visitor may see of their own chat. The visitor's token is in the header
/// `Authorization: Bearer` or, for browsers' `EventSource`, in the parameter `token`.
#[utoipa::path(
    get, path = "/channels/{channel}/stream", tag = "web channel", operation_id = "web_stream",
    params(
        ("channel" = Uuid, Path, description = "The web channel's id."),
        ("since" = Option<u64>, Query, description = "Begin after this number; now, unless given."),
        ("token" = Option<String>, Query, description = "The visitor's token, where no header can be sent."),
        ("Last-Event-ID" = Option<u64>, Header, description = "The last number that was seen; counts more than `since`."),
    ),
    responses((status = 200, description = "The stream.", content_type = "text/event-stream", body = String)),
    security(("visitor" = [])),
)]
async fn stream(
    web: WebChannel,
    peer: Peer,
    State(api): State<Api>,
    headers: HeaderMap,
    mut params: Params,
) -> Answer {
    let since = params.seq("since")?;
    let customer = match params.one::<String>("token")? {
        Some(token) => web.known_visitor(&api, &token, &peer).await?,
        None => web.known_visitor(&api, bearer(&headers)?, &peer).await?,
    };
    params.finish()?;
    peer.charge(&api)?;
    let chat = web.chat_of(customer);
    let since = stream::begin(&api, web.workspace, &headers, since).await?;
    let watch = Watch::new(
        &api.app,
        web.workspace,
        Watcher::Customer(chat),
        TypeFilter::all(),
        Some(chat),
        since,
    );
    let showing = Showing::new(&api, web.workspace);
    stream::events(&api, watch, Gaps::Silent, move |event, bytes| showing.write(event, bytes))
}
