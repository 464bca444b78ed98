//! Customers, as agents know and change them.

use serde::Deserialize;
use serde_json::{Map, Value};
use tidings_app::desk::customers::list::{self, AskedCustomers, SortBy, Wanted};
use tidings_app::desk::customers::said::{self, Said};
use tidings_app::desk::customers::{ban, follow, look};
use tidings_app::desk::look::page::{self, Asked};
use tidings_app::desk::look::{list as lists, login};
use tidings_app::desk::team::devices::{self, Device};

use crate::livechat::both::opening::done;
use crate::livechat::call::{Answer, Call};

/// How many customers a page has, unless asked otherwise: the published figure.
const CUSTOMERS_USUALLY: usize = 10;

#[derive(Deserialize)]
struct One {
    id: String,
}

/// `get_customer`.
pub(super) async fn get(call: &Call) -> Answer {
    let args: One = call.args()?;
    look::by_agent(&call.app, &call.actor, &args.id).await
}

/// `update_customer`.
pub(super) async fn update(call: &Call) -> Answer {
    let args: One = call.args()?;
    said::by_agent(&call.app, &call.actor, &args.id, &call.args::<Said>()?).await
}

/// `create_customer`.
pub(super) async fn create(call: &Call) -> Answer {
    said::create(&call.app, &call.actor, &call.args::<Said>()?).await
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    filters: Map<String, Value>,
    #[serde(default)]
    sort_order: Option<String>,
    #[serde(default)]
    sort_by: Option<SortBy>,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    page_id: Option<String>,
}

/// `list_customers`.
pub(super) async fn list(call: &Call) -> Answer {
    let args: List = call.args()?;
    let (app, actor) = (&call.app, &call.actor);
    let asked: AskedCustomers = match &args.page_id {
        Some(id) => page::read(app, actor.workspace, list::LIST, id)?,
        None => {
            list::check(&args.filters)?;
            let sort_by = args.sort_by.unwrap_or_default();
            Asked {
                filters: Wanted { filters: args.filters, sort_by },
                order: lists::order(args.sort_order.as_deref()),
                limit: args.limit.unwrap_or(CUSTOMERS_USUALLY),
                place: None,
                back: false,
            }
        }
    };
    let page = list::page(app, actor, &asked).await?;
    Ok(lists::answer(("customers", page.customers), ("total_customers", page.total), page.pages))
}

#[derive(Deserialize)]
struct Ban {
    id: String,
    ban: Days,
}

#[derive(Deserialize)]
struct Days {
    days: u32,
}

/// `ban_customer`.
pub(super) async fn ban(call: &Call) -> Answer {
    let args: Ban = call.args()?;
    ban::ban(&call.app, &call.actor, &args.id, args.ban.days).await
}

/// `follow_customer` and `unfollow_customer`.
pub(super) async fn follow(call: &Call, follows: bool) -> Answer {
    let args: One = call.args()?;
    follow::set(&call.app, &call.actor, &args.id, follows).await.map(done)
}

/// `get_license_info`.
pub(super) fn license(call: &Call) -> Answer {
    Ok(login::license(&call.actor))
}

/// `change_push_notifications`.
pub(super) async fn device(call: &Call) -> Answer {
    let args: Device = call.args()?;
    devices::set(&call.app, &call.actor, &args).await.map(done)
}
