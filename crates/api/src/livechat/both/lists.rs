//! Lists of chats and threads, a page at a time.

use serde::Deserialize;
use tidings_app::desk::look::list::{self, AskedChats};
use tidings_app::desk::look::page::{self, Asked};
use tidings_app::desk::look::threads::{self, AskedThreads};
use tidings_model::Timestamp;
use tidings_wire::livechat::{Failure, Side};

use crate::livechat::call::{Answer, Call};

/// How many chats a page has, unless asked otherwise: the published figure.
const CHATS_USUALLY: usize = 10;

/// How many threads a page has, unless asked otherwise: the published figure.
const THREADS_USUALLY: usize = 3;

#[derive(Deserialize)]
struct ListChats {
    #[serde(default)]
    filters: Option<list::Filters>,
    #[serde(default)]
    sort_order: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    page_id: Option<String>,
}

/// `list_chats`.
pub(in crate::livechat) async fn chats(call: &Call) -> Answer {
    let args: ListChats = call.args()?;
    let (app, actor) = (&call.app, &call.actor);
    let asked: AskedChats = match &args.page_id {
        Some(id) => page::read(app, actor.workspace, list::LIST, id)?,
        None => Asked {
            filters: args.filters.unwrap_or_default(),
            order: list::order(args.sort_order.as_deref()),
            limit: args.limit.unwrap_or(CHATS_USUALLY),
            place: None,
            back: false,
        },
    };
    let page = list::chats(app, actor, &asked).await?;
    let total = match call.side {
        Side::Customer => "total_chats",
        Side::Agent | Side::Configuration => "found_chats",
    };
    Ok(list::answer(("chats_summary", page.chats), (total, page.found), page.pages))
}

#[derive(Deserialize)]
struct ListThreads {
    chat_id: String,
    #[serde(default)]
    filters: Option<Span>,
    #[serde(default)]
    sort_order: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    page_id: Option<String>,
    #[serde(default)]
    min_events_count: Option<usize>,
}

#[derive(Default, Deserialize)]
struct Span {
    #[serde(default)]
    from: Option<Timestamp>,
    #[serde(default)]
    to: Option<Timestamp>,
}

/// `list_threads`.
pub(in crate::livechat) async fn threads(call: &Call) -> Answer {
    let args: ListThreads = call.args()?;
    let (app, actor) = (&call.app, &call.actor);
    let asked: AskedThreads = match &args.page_id {
        Some(id) => page::read(app, actor.workspace, threads::LIST, id)?,
        None => {
            let span = args.filters.unwrap_or_default();
            Asked {
                filters: threads::Filters {
                    chat: args.chat_id.clone(),
                    from: span.from,
                    to: span.to,
                },
                order: list::order(args.sort_order.as_deref()),
                limit: args.limit.unwrap_or(THREADS_USUALLY),
                place: None,
                back: false,
            }
        }
    };
    if asked.filters.chat != args.chat_id {
        return Err(Failure::field("page_id", "is of another chat"));
    }
    let page = threads::threads(app, actor, &asked, args.min_events_count).await?;
    Ok(list::answer(("threads", page.threads), ("found_threads", page.found), page.pages))
}
