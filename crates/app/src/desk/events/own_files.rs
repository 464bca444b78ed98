//! Files of events and of filled forms: of ours only, and what is known of them comes from their document, not from who
//! sends them.

use serde_json::{Map, Value, json};
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
    let mut described = described(app, workspace, url, &format!("{field}.url")).await?;
    if let Some(text) = event.get("alternative_text").and_then(Value::as_str) {
        described.data.insert("alternative_text".into(), json!(text));
    }
    Ok((json!({ "files": [described.data] }), described.unused))
}

/// The most files of one form: as many as an album has.
const FORM_FILES_MAX: usize = 10;

/// Describes the files that were put into the fields of a filled form, in place of their addresses; gives all of them, and
/// the uploads that the form is the first to use.
pub(super) async fn of_form(
    app: &App,
    workspace: WorkspaceId,
    data: &mut Value,
    at: &str,
) -> Result<(Vec<Value>, Vec<Unused>), Failure> {
    let (mut all, mut uploads) = (Vec::new(), Vec::new());
    let fields = data.get_mut("fields").and_then(Value::as_array_mut);
    let fields = fields.into_iter().flatten().filter_map(Value::as_object_mut);
    for (place, field) in fields.enumerate() {
        if field.get("type").is_none_or(|kind| kind != FILE) {
            continue;
        }
        let answers = field.shift_remove("answers");
        let answers = answers.as_ref().and_then(Value::as_array).map(Vec::as_slice);
        let mut files: Vec<Map<String, Value>> = Vec::new();
        for (answer, given) in answers.unwrap_or_default().iter().enumerate() {
            let at = format!("{at}.fields.{place}.answers.{answer}.id");
            if all.len() + files.len() >= FORM_FILES_MAX {
                let expected = format!("is one file too many: a form has at most {FORM_FILES_MAX}");
                return Err(Failure::field(&at, expected));
            }
            let url = given.get("id").and_then(Value::as_str).unwrap_or_default();
            let described = described(app, workspace, url, &at).await?;
            files.push(described.data);
            uploads.extend(described.unused);
        }
        let names: Vec<&str> = files.iter().filter_map(|file| file.get("name")?.as_str()).collect();
        field.insert("answer".into(), names.join(", ").into());
        all.extend(files.iter().cloned().map(Value::Object));
        field.insert("files".into(), files.into());
    }
    Ok((all, uploads))
}

/// The type of a field that takes files.
const FILE: &str = "file";

async fn described(
    app: &App,
    workspace: WorkspaceId,
    url: &str,
    at: &str,
) -> Result<uploads::Described, Failure> {
    let described = uploads::describe(app, workspace, url).await.map_err(unreadable)?;
    described.ok_or_else(|| {
        let expected = "must be an address that upload_file gave, of a file that is still there";
        Failure::field(at, expected)
    })
}
