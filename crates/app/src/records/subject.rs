//! What a behavior can be run on: a record, or one of the nouns that have a place of their own.

use serde_json::{Map, Value};
use tidings_model::{RecordId, RecordType, WorkspaceId};

use super::noun::Noun;
use super::{RecordError, read};
use crate::App;
use crate::pipeline::written::to_value;

/// The fields of what a type and an id name. A type that is a noun of ours is looked for there.
pub async fn subject(
    app: &App,
    workspace: WorkspaceId,
    record_type: &str,
    id: &str,
) -> Result<Map<String, Value>, RecordError> {
    let noun = Noun::named(if record_type == "contact" { "customer" } else { record_type });
    let Some(noun) = noun else { return of_record(app, workspace, record_type, id).await };
    match noun.one(app, workspace, id).await? {
        Some(fields) => Ok(fields),
        // An organization's own contacts may be records as well.
        None if noun == Noun::Customer => of_record(app, workspace, record_type, id).await,
        None => {
            let problem = format!("there is no {record_type} {id}");
            Err(RecordError::invalid("/id", problem))
        }
    }
}

async fn of_record(
    app: &App,
    workspace: WorkspaceId,
    record_type: &str,
    id: &str,
) -> Result<Map<String, Value>, RecordError> {
    let record_type: RecordType = record_type
        .parse()
        .map_err(|error| RecordError::invalid("/record_type", format!("{error}")))?;
    let id: RecordId =
        id.parse().map_err(|error| RecordError::invalid("/id", format!("{error}")))?;
    let record = read(app, workspace, &record_type, id).await?.value;
    let mut fields = record.fields;
    fields.insert("id".into(), to_value(&record.id));
    Ok(fields)
}
