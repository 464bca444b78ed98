//! Chats as both sides find and begin them. An agent comes by no web channel, so none is given there.

use serde::Deserialize;
use tidings_app::desk::chats::opening;
use tidings_app::desk::{find, look};

use super::opening::{Args, answer};
use crate::livechat::call::{Answer, Call};

#[derive(Deserialize)]
struct GetChat {
    chat_id: String,
    #[serde(default)]
    thread_id: Option<String>,
}

/// `get_chat`: a chat with the thread that is asked for, or its last one.
pub(in crate::livechat) async fn get(call: &Call) -> Answer {
    let args: GetChat = call.args()?;
    let (app, actor) = (&call.app, &call.actor);
    let scene = match &args.thread_id {
        Some(thread) => find::chat_of_thread(app, actor, &args.chat_id, thread).await?,
        None => find::chat(app, actor, &args.chat_id).await?,
    };
    look::chat(app, actor, &scene, args.thread_id.as_deref()).await
}

/// `start_chat`.
pub(in crate::livechat) async fn start(call: &Call) -> Answer {
    let args: Args = call.args()?;
    let opening = args.opening(call).await?;
    let opened = opening::start(&call.app, &call.actor, call.channel, &opening).await?;
    answer(call, opened, true).await
}

/// `resume_chat`.
pub(in crate::livechat) async fn resume(call: &Call) -> Answer {
    let args: Args = call.args()?;
    let chat = args.chat_id()?.to_owned();
    let opening = args.opening(call).await?;
    let opened = opening::resume(&call.app, &call.actor, &chat, &opening).await?;
    answer(call, opened, false).await
}
