//! Records: typed documents beside conversations (a task, an organization, a call), made and changed by behaviors and by the
//! API, each change told in the log.
//!
//! What makes a second call harmless: a step's order and a caller's idempotency key are claims of the same commit; who
//! comes again is given the record as it is, and who comes again with something else is refused.

pub mod find;
mod noun;
pub mod subject;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use tidings_model::{
    Author, Draft, Event, EventId, Record, RecordId, RecordType, Visibility, WorkspaceId,
};
use tidings_store::{Batch, Claim, CommitError, Delete, DocKey, Kind, ReadError};

use crate::App;
use crate::pipeline::scene::{Seen, seen};

/// The most fields of one record.
pub const FIELDS_MAX: usize = 200;

/// The longest name of a field, in bytes.
pub const FIELD_NAME_BYTES_MAX: usize = 64;

/// The longest record, in bytes of JSON: the same as a value in a behavior, which is given the whole.
pub const RECORD_BYTES_MAX: usize = 60 * 1024;

/// The longest comment, in bytes: that of a message.
pub const COMMENT_BYTES_MAX: usize = 16 * 1024;

/// The longest value by which records are found without looking at all of them, in bytes.
const INDEXED_BYTES_MAX: usize = 200;

/// How many fields of a record are indexed: those that come first.
const INDEXED_FIELDS_MAX: usize = 32;

/// How often a change is decided anew because the record moved meanwhile.
const CONFLICT_TRIES_MAX: usize = 10;

/// The nouns that are no records, with where they are found.
const NOUNS: [(&str, &str); 9] = [
    ("chat", "/api/v1/chats"),
    ("customer", "/api/v1/customers"),
    ("agent", "/api/v1/agents"),
    ("group", "the Configuration API"),
    ("bot", "/api/v1/bots"),
    ("channel", "/api/v1/channels"),
    ("endpoint", "/api/v1/endpoints"),
    ("run", "/api/v1/runs"),
    ("event", "/api/v1/events"),
];

/// Why a record was not found, made or changed.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// There is none.
    #[error("there is no {record_type} {id}")]
    Unknown {
        /// Of which type.
        record_type: RecordType,
        /// Its id.
        id: RecordId,
    },
    /// A field is wrong.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which one, as a JSON pointer.
        field: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The key was used for something else.
    #[error("the idempotency key was used for another change")]
    KeyReused,
    /// It could not be read.
    #[error("the record could not be read")]
    Read(#[from] ReadError),
    /// It could not be written.
    #[error("the record could not be written")]
    Commit(#[source] CommitError),
}

impl RecordError {
    fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), problem: problem.into() }
    }
}

/// Who changes a record, and why.
#[derive(Clone, Debug)]
pub struct Hand<'a> {
    /// Who.
    pub author: Author,
    /// The event that led to it.
    pub cause: Option<&'a Event>,
    /// What makes a second call harmless.
    pub once: Option<Once>,
}

/// The claims of a change that is made once.
#[derive(Clone, Debug)]
pub struct Once {
    name: String,
    /// With what it is made, so that another change under the same name is told from this one once more.
    same: Option<String>,
}

impl Once {
    /// The order of a step: nobody else has its name.
    pub const fn of_step(name: String) -> Self {
        Self { name, same: None }
    }

    /// A caller's key, with what they want.
    pub fn of_key(name: String, wanted: &Value) -> Self {
        let hash = digest(&SHA256, wanted.to_string().as_bytes());
        let same = Some(format!("{name}:{}", URL_SAFE_NO_PAD.encode(hash)));
        Self { name, same }
    }

    fn claims(&self, outcome: EventId) -> impl Iterator<Item = Claim> {
        let names = std::iter::once(&self.name).chain(&self.same);
        names.map(move |name| Claim { name: name.clone(), outcome: Some(outcome) })
    }
}

/// Refuses a change whose key was used for another one.
async fn refuse_other(
    app: &App,
    workspace: WorkspaceId,
    hand: &Hand<'_>,
) -> Result<(), RecordError> {
    let Some(same) = hand.once.as_ref().and_then(|once| once.same.as_ref()) else { return Ok(()) };
    app.store.claim(workspace, same).await?.map(drop).ok_or(RecordError::KeyReused)
}

/// A record, if it is there.
pub async fn read(
    app: &App,
    workspace: WorkspaceId,
    record_type: &RecordType,
    id: RecordId,
) -> Result<Seen<Record>, RecordError> {
    let found = app.store.document(workspace, &DocKey::new(Kind::Record, id)).await?;
    let found = found.map(seen::<Record>).transpose()?;
    let unknown = || RecordError::Unknown { record_type: record_type.clone(), id };
    found.filter(|found| found.value.record_type == *record_type).ok_or_else(unknown)
}

/// Makes a record.
pub async fn create(
    app: &App,
    workspace: WorkspaceId,
    hand: &Hand<'_>,
    record_type: RecordType,
    fields: Map<String, Value>,
) -> Result<Record, RecordError> {
    is_no_noun(&record_type)?;
    let now = app.now();
    let id = RecordId::new(app.clock.next_id());
    let record = Record { id, record_type, fields, created_at: now, updated_at: now };
    check(&record)?;
    let mut batch = Batch::new(workspace);
    let data = json!({ "record_type": record.record_type, "id": id, "record": record.fields });
    let told = told(app, workspace, hand, "record.created", data);
    batch.claims.extend(claims(hand, id));
    batch.events.push(told);
    batch
        .puts
        .push(Seen::absent(record.clone()).put(DocKey::new(Kind::Record, id), index(&record)));
    match app.commit(batch).await {
        Ok(_) => Ok(record),
        Err(CommitError::Claimed { outcome: Some(first), .. }) => {
            refuse_other(app, workspace, hand).await?;
            let first = RecordId::new(first.uuid());
            Ok(read(app, workspace, &record.record_type, first).await?.value)
        }
        Err(error) => Err(RecordError::Commit(error)),
    }
}

/// Changes fields of a record; null takes one away. Where nothing differs, nothing is told.
pub async fn update(
    app: &App,
    workspace: WorkspaceId,
    hand: &Hand<'_>,
    (record_type, id): (&RecordType, RecordId),
    set: &Map<String, Value>,
) -> Result<Record, RecordError> {
    for _ in 0..CONFLICT_TRIES_MAX {
        let mut found = read(app, workspace, record_type, id).await?;
        let before = found.value.fields.clone();
        let changed = apply(&mut found.value.fields, set);
        if changed.is_empty() {
            return Ok(found.value);
        }
        found.value.updated_at = app.now();
        check(&found.value)?;
        let record = &found.value;
        let mut batch = Batch::new(workspace);
        let data = json!({
            "record_type": record_type, "id": id, "change": "updated", "changed": changed,
            "record": record.fields, "before": before,
        });
        batch.claims.extend(claims(hand, id));
        batch.events.push(told(app, workspace, hand, "record.changed", data));
        batch.puts.push(found.put(DocKey::new(Kind::Record, id), index(record)));
        match app.commit(batch).await {
            Ok(_) => return Ok(found.value),
            Err(CommitError::Claimed { .. }) => {
                refuse_other(app, workspace, hand).await?;
                return Ok(read(app, workspace, record_type, id).await?.value);
            }
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => return Err(RecordError::Commit(error)),
        }
    }
    Err(RecordError::Commit(CommitError::Overloaded))
}

/// Removes a record. One that is gone already by the same hand is no error.
pub async fn delete(
    app: &App,
    workspace: WorkspaceId,
    hand: &Hand<'_>,
    (record_type, id): (&RecordType, RecordId),
) -> Result<(), RecordError> {
    if let Some(once) = &hand.once
        && app.store.claim(workspace, &once.name).await?.is_some()
    {
        return Ok(());
    }
    let found = read(app, workspace, record_type, id).await?;
    let mut batch = Batch::new(workspace);
    let changed: Map<String, Value> = found
        .value
        .fields
        .iter()
        .map(|(name, value)| (name.clone(), json!({ "from": value })))
        .collect();
    let data = json!({
        "record_type": record_type, "id": id, "change": "deleted", "changed": changed,
        "record": found.value.fields, "before": found.value.fields,
    });
    batch.claims.extend(claims(hand, id));
    batch.events.push(told(app, workspace, hand, "record.changed", data));
    batch.deletes.push(Delete { key: DocKey::new(Kind::Record, id), expected: None });
    match app.commit(batch).await {
        Ok(_) | Err(CommitError::Claimed { .. }) => Ok(()),
        Err(error) => Err(RecordError::Commit(error)),
    }
}

/// Writes a comment on a record: an event, and no more.
pub async fn comment(
    app: &App,
    workspace: WorkspaceId,
    hand: &Hand<'_>,
    (record_type, id): (&RecordType, RecordId),
    text: &str,
) -> Result<EventId, RecordError> {
    if text.trim().is_empty() || text.len() > COMMENT_BYTES_MAX {
        let problem = format!("must have 1 to {COMMENT_BYTES_MAX} bytes");
        return Err(RecordError::invalid("/text", problem));
    }
    read(app, workspace, record_type, id).await?;
    let mut batch = Batch::new(workspace);
    let data = json!({ "record_type": record_type, "id": id, "text": text });
    let mut told = told(app, workspace, hand, "record.commented", data);
    if let Value::Object(data) = &mut told.data {
        data.insert("comment".into(), json!(told.id));
    }
    let event = told.id;
    batch.claims.extend(hand.once.iter().flat_map(|once| once.claims(event)));
    batch.events.push(told);
    match app.commit(batch).await {
        Ok(_) => Ok(event),
        Err(CommitError::Claimed { outcome: Some(first), .. }) => {
            refuse_other(app, workspace, hand).await.map(|()| first)
        }
        Err(error) => Err(RecordError::Commit(error)),
    }
}

/// Changes fields; gives those that differ, each with what it was and is.
fn apply(fields: &mut Map<String, Value>, set: &Map<String, Value>) -> Map<String, Value> {
    let mut changed = Map::new();
    for (name, value) in set {
        let before = if value.is_null() {
            fields.shift_remove(name)
        } else {
            fields.insert(name.clone(), value.clone())
        };
        let before = before.unwrap_or_default();
        if before != *value {
            changed.insert(name.clone(), json!({ "from": before, "to": value }));
        }
    }
    changed
}

fn claims(hand: &Hand<'_>, id: RecordId) -> impl Iterator<Item = Claim> {
    hand.once.iter().flat_map(move |once| once.claims(EventId::new(id.uuid())))
}

fn told(
    app: &App,
    workspace: WorkspaceId,
    hand: &Hand<'_>,
    event_type: &str,
    data: Value,
) -> Draft {
    let mut draft = crate::admin::told::told(app, workspace, Some(&hand.author), event_type, data);
    draft.visibility = Visibility::Agents;
    match hand.cause {
        Some(cause) => draft.caused_by(cause),
        None => draft,
    }
}

fn is_no_noun(record_type: &RecordType) -> Result<(), RecordError> {
    match NOUNS.iter().find(|(noun, _)| *noun == record_type.as_str()) {
        None => Ok(()),
        Some((noun, path)) => {
            let problem = format!("a {noun} is no record of its own kind: see {path}");
            Err(RecordError::invalid("/record", problem))
        }
    }
}

fn check(record: &Record) -> Result<(), RecordError> {
    if record.fields.len() > FIELDS_MAX {
        let problem = format!("a record has at most {FIELDS_MAX} fields");
        return Err(RecordError::invalid("/fields", problem));
    }
    let good = |name: &str| {
        !name.is_empty()
            && name.len() <= FIELD_NAME_BYTES_MAX
            && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
    };
    if let Some(name) = record.fields.keys().find(|name| !good(name)) {
        let name: String = name.chars().take(FIELD_NAME_BYTES_MAX).collect();
        // RFC 6901, 3: how a name stands in a pointer.
        let name = name.replace('~', "~0").replace('/', "~1");
        let problem = format!(
            "a field's name has letters, digits, _ and -, at most {FIELD_NAME_BYTES_MAX} bytes"
        );
        return Err(RecordError::invalid(format!("/fields/{name}"), problem));
    }
    let bytes = serde_json::to_vec(&record.fields).map_or(usize::MAX, |bytes| bytes.len());
    if bytes > RECORD_BYTES_MAX {
        let problem = format!("a record has at most {RECORD_BYTES_MAX} bytes as JSON");
        return Err(RecordError::invalid("/fields", problem));
    }
    Ok(())
}

/// The entries that a record is found by: its type, and each short plain field.
fn index(record: &Record) -> Vec<(&'static str, String)> {
    let mut index = vec![("type", record.record_type.to_string())];
    let fields = record.fields.iter().take(INDEXED_FIELDS_MAX);
    index.extend(fields.filter_map(|(name, value)| {
        Some(("field", field_entry(&record.record_type, name, value)?))
    }));
    index
}

/// The entry of a field; of a long or composed one there is none.
fn field_entry(record_type: &RecordType, name: &str, value: &Value) -> Option<String> {
    let text = match value {
        Value::String(_) | Value::Number(_) | Value::Bool(_) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (text.len() <= INDEXED_BYTES_MAX).then(|| format!("{record_type}/{name}={text}"))
}
