//! Files: uploaded, and sent in one with the upload in version 3.0. The door has kept the file by now.

use serde::Deserialize;
use serde_json::json;
use tidings_app::desk::events::{self, IfClosed};

use crate::livechat::call::{Answer, Call};

#[derive(Deserialize)]
struct Uploaded {
    file: String,
}

/// `upload_file`: its address.
pub(in crate::livechat) fn upload(call: &Call) -> Answer {
    let args: Uploaded = call.args()?;
    Ok(json!({ "url": args.file }))
}

#[derive(Deserialize)]
struct SendFile {
    chat_id: String,
    file: String,
    #[serde(default)]
    custom_id: Option<String>,
    #[serde(default)]
    require_active_thread: bool,
}

/// `send_file`: a file that is said in a chat. One without an active thread gets a new one, unless the sender wants none.
pub(in crate::livechat) async fn send(call: &Call) -> Answer {
    let args: SendFile = call.args()?;
    let (app, actor) = (&call.app, &call.actor);
    let event = json!({ "type": "file", "url": args.file, "custom_id": args.custom_id });
    let composed = events::compose(app, actor, &event, "file").await?;
    let if_closed = if args.require_active_thread { IfClosed::Refuse } else { IfClosed::Reopen };
    events::send(app, actor, &args.chat_id, &composed, if_closed).await?;
    Ok(json!({ "url": args.file }))
}
