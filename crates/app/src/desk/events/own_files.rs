//! Files of events: of ours only, and what is known of them comes from their document, not from who sends them.

use serde_json::{Value, json};
use tidings_model::WorkspaceId;

use super::uploads::{self, Unused};
use crate::App;
use crate::desk::Failure;
use crate::desk::find::unreadable;

/// The data of `chat.file` for an event `{url, alternative_text?}`, and the upload that it is the first to use.
pub(super) async fn data(
    app: &App,
    workspace: WorkspaceId,
    event: &Value,
    field: &str,
) -> Result<(Value, Option<Unused>), Failure> {
    let url = event.get("url").and_then(Value::as_str).unwrap_or_default();
    let described = uploads::describe(app, workspace, url).await.map_err(unreadable)?;
    let mut described = described.ok_or_else(|| {
        let expected = "must be an address that upload_file gave, of a file that is still there";
        Failure::field(&format!("{field}.url"), expected)
    })?;
    if let Some(text) = event.get("alternative_text").and_then(Value::as_str) {
        described.data.insert("alternative_text".into(), json!(text));
    }
    Ok((json!({ "files": [described.data] }), described.unused))
}
