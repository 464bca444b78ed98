//! What customers say of themselves, and what their page does.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tidings_app::desk::customers::greet::{self, Deed};
use tidings_app::desk::customers::said::{self, Said};
use tidings_app::desk::customers::visit::{self, Machine, Opened};
use tidings_app::desk::customers::{look, verify};
use tidings_app::desk::{url_info, widget};
use tidings_wire::livechat::{ErrorType, Failure};

use crate::livechat::both::opening::done;
use crate::livechat::call::{Answer, Call, Peer};

/// `get_customer`: the customer themself, with their statistics.
pub(super) async fn get(call: &Call) -> Answer {
    look::by_themselves(&call.app, &call.actor).await
}

#[derive(Deserialize)]
struct Fields {
    session_fields: Vec<Map<String, Value>>,
}

/// `set_customer_session_fields`.
pub(super) async fn set_session_fields(call: &Call) -> Answer {
    let Fields { session_fields } = call.args()?;
    said::set_session_fields(&call.app, &call.actor, call.channel, &session_fields).await
}

/// `activate_customer_page` and `deactivate_customer_page`.
pub(super) async fn page_active(call: &Call, active: bool) -> Answer {
    visit::set_active(&call.app, &call.actor, active).await.map(done)
}

/// `update_customer`.
pub(super) async fn update(call: &Call) -> Answer {
    said::by_customer(&call.app, &call.actor, call.channel, &call.args::<Said>()?).await
}

#[derive(Deserialize)]
struct OnPage {
    page_url: String,
    group_id: u32,
    session_fields: Vec<Map<String, Value>>,
}

/// `check_goals`: who has no connection tells of the page that they are on; whoever counts goals reads it from the log.
pub(super) async fn check_goals(call: &Call) -> Answer {
    let args: OnPage = call.args()?;
    let directory = call.app.directory(call.actor.workspace);
    let number = tidings_model::GroupNumber(args.group_id);
    if directory.is_some_and(|directory| directory.group(number).is_none()) {
        return Err(Failure::from(ErrorType::GroupNotFound));
    }
    if !args.session_fields.is_empty() {
        let fields = json!({ "session_fields": args.session_fields });
        let said: Said = crate::livechat::call::read_args(&fields)?;
        said::by_customer(&call.app, &call.actor, call.channel, &said).await?;
    }
    let opened = Opened { url: args.page_url, title: None };
    visit::page(&call.app, &call.actor, call.channel, &opened, &machine(&call.peer)).await?;
    Ok(json!({}))
}

/// `update_customer_page`.
pub(super) async fn page(call: &Call) -> Answer {
    let opened: Opened = call.args()?;
    visit::page(&call.app, &call.actor, call.channel, &opened, &machine(&call.peer)).await
}

/// What visits note of a caller's machine.
pub(in crate::livechat) fn machine(peer: &Peer) -> Machine {
    Machine { ip: peer.ip, user_agent: peer.user_agent.clone(), referrer: peer.referrer.clone() }
}

#[derive(Deserialize)]
struct OfForm {
    group_id: u32,
    #[serde(rename = "type")]
    kind: String,
}

/// `get_form`.
pub(super) fn form(call: &Call) -> Answer {
    let args: OfForm = call.args()?;
    let directory = call.app.directory(call.actor.workspace);
    let channel = call.channel.and_then(|id| directory?.channel(id));
    let channel = channel.ok_or_else(|| Failure::from(ErrorType::NotFound))?;
    widget::form(&call.app, call.actor.workspace, &channel, args.group_id, &args.kind)
}

#[derive(Deserialize)]
struct Address {
    url: String,
}

/// `get_url_info`.
pub(super) async fn url_info(call: &Call) -> Answer {
    let args: Address = call.args()?;
    url_info::get(&call.app, &args.url).await
}

#[derive(Deserialize)]
struct OfGreeting {
    #[serde(default)]
    greeting_id: Option<u64>,
    unique_id: String,
}

/// `accept_greeting` and `cancel_greeting`.
pub(super) async fn greeting(call: &Call, deed: Deed) -> Answer {
    let args: OfGreeting = call.args()?;
    greet::deed(&call.app, &call.actor, args.greeting_id, &args.unique_id, deed).await
}

#[derive(Deserialize)]
struct Pressed {
    greeting_unique_id: String,
    button_id: String,
}

/// `send_greeting_button_clicked`.
pub(super) async fn greeting_button(call: &Call) -> Answer {
    let args: Pressed = call.args()?;
    greet::pressed(&call.app, &call.actor, &args.greeting_unique_id, &args.button_id).await
}

#[derive(Deserialize)]
struct Callback {
    callback_uri: String,
}

/// `request_email_verification`.
pub(super) async fn verify_email(call: &Call) -> Answer {
    let args: Callback = call.args()?;
    verify::ask(&call.app, &call.actor, &args.callback_uri).await
}
