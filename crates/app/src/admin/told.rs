//! Events that tell of a change of the configuration: agents see them, customers do not.

use serde::Serialize;
use serde_json::Value;
use tidings_model::{Author, Draft, Visibility, WorkspaceId};

use crate::App;
use crate::pipeline::written::to_value;

/// An event about a change. `author` is who made it, where a person or a program did; else the system.
pub(crate) fn told(
    app: &App,
    workspace: WorkspaceId,
    author: Option<&Author>,
    event_type: &str,
    data: Value,
) -> Draft {
    let name = event_type.parse().expect("a good name");
    let mut draft = Draft::new(app.next_event_id(), name, workspace, app.now(), data);
    draft.visibility = Visibility::Agents;
    if let Some(author) = author {
        draft.author = author.clone();
    }
    draft
}

/// The names of the fields that differ, as `changed` of such an event.
pub(crate) fn different(before: &impl Serialize, after: &impl Serialize) -> Vec<String> {
    let (Value::Object(before), Value::Object(after)) = (to_value(before), to_value(after)) else {
        return Vec::new();
    };
    let differs =
        |(name, value): (String, Value)| (before.get(&name) != Some(&value)).then_some(name);
    after.into_iter().filter_map(differs).collect()
}
