//! Programs register what properties they use, publish them for others, and take them back.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tidings_model::{PropertyPlace, PropertyType};
use tidings_store::{Batch, CommitError, CountOf, Delete, DocKey, Kind, Put};

use super::{Definition, RegisteredProperty, Registry, Right};
use crate::App;
use crate::desk::change::unwritable;
use crate::desk::find::unreadable;
use crate::desk::{Actor, ErrorType, Failure};
use crate::pipeline::scene::{Seen, seen};

/// The longest name of a property and of a namespace, in bytes: they stand in every chat that has a value.
pub const NAME_BYTES_MAX: usize = 128;

/// The longest description, in bytes: a paragraph.
pub const DESCRIPTION_BYTES_MAX: usize = 2_048;

/// The most values of a domain: more are no list to choose from.
pub const DOMAIN_MAX: usize = 1_000;

/// The most properties that a workspace has registered: each may stand on every chat, thread and event.
pub const REGISTERED_MAX: u64 = 2_000;

/// Registers a property of a program.
pub async fn register(
    app: &App,
    actor: &Actor,
    owner: &str,
    name: &str,
    definition: Definition,
) -> Result<(), Failure> {
    may_own(actor, owner)?;
    good_name("owner_client_id", owner)?;
    good_name("name", name)?;
    if Registry::is_predefined(owner) {
        return Err(Failure::field("owner_client_id", "is a namespace of the system"));
    }
    check(&definition)?;
    let count = app.store.count(actor.workspace, Kind::Property, CountOf::All).await;
    if count.map_err(unreadable)? >= REGISTERED_MAX {
        return Err(Failure::new(
            ErrorType::LimitReached,
            format!("a workspace has at most {REGISTERED_MAX} registered properties"),
        ));
    }
    let stored = RegisteredProperty {
        owner: owner.into(),
        name: name.into(),
        definition,
        created_at: app.now(),
    };
    let mut batch = Batch::new(actor.workspace);
    batch.puts.push(put(&Seen::absent(stored)));
    batch.events.push(actor.tells(
        app,
        "property.registered",
        json!({ "owner": owner, "name": name }),
    ));
    match write(app, actor, batch).await {
        Err(Refused::Conflict) => Err(Failure::new(
            ErrorType::AlreadyExists,
            format!("{owner} has a property {name} already"),
        )),
        Err(Refused::Other(failure)) => Err(failure),
        Ok(()) => Ok(()),
    }
}

/// Takes a definition back. What stands somewhere already stays there, and can be read by agents.
pub async fn unregister(app: &App, actor: &Actor, owner: &str, name: &str) -> Result<(), Failure> {
    may_own(actor, owner)?;
    let known = find(app, actor, owner, name).await?;
    if !known.value.definition.public_access.is_empty() {
        return Err(Failure::field("name", "is published: others count on it, so it stays"));
    }
    let mut batch = Batch::new(actor.workspace);
    batch.deletes.push(Delete { key: key(owner, name), expected: Some(known.version) });
    batch.events.push(actor.tells(
        app,
        "property.unregistered",
        json!({ "owner": owner, "name": name }),
    ));
    write(app, actor, batch).await.map_err(Refused::into_failure)
}

/// Lets other programs use a property, for good.
pub async fn publish(
    app: &App,
    actor: &Actor,
    owner: &str,
    name: &str,
    access: BTreeSet<Right>,
) -> Result<(), Failure> {
    may_own(actor, owner)?;
    if access.is_empty() {
        return Err(Failure::field("access_type", "must have read, write or both"));
    }
    let mut known = find(app, actor, owner, name).await?;
    let stored = &mut known.value;
    let before = stored.definition.public_access.len();
    stored.definition.public_access.extend(access);
    if stored.definition.public_access.len() == before {
        return Ok(());
    }
    let data = json!({ "owner": owner, "name": name, "access": stored.definition.public_access });
    let mut batch = Batch::new(actor.workspace);
    batch.puts.push(put(&known));
    batch.events.push(actor.tells(app, "property.published", data));
    write(app, actor, batch).await.map_err(Refused::into_failure)
}

/// The definitions of a program that the actor may use.
pub fn list(app: &App, actor: &Actor, owner: &str) -> Result<Value, Failure> {
    let directory =
        app.directory(actor.workspace).ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
    let registry = directory.registry();
    let is_own = may_own(actor, owner).is_ok() || Registry::is_predefined(owner);
    let listed: BTreeMap<&str, &Definition> = registry
        .of_namespace(owner)
        .into_iter()
        .filter(|(_, definition)| is_own || !definition.public_access.is_empty())
        .collect();
    Ok(json!(listed))
}

/// A program owns what has its name; a person's own token may act for any.
fn may_own(actor: &Actor, owner: &str) -> Result<(), Failure> {
    if actor.rights().client.is_none_or(|client| client == owner) {
        return Ok(());
    }
    let mut failure = Failure::field("owner_client_id", "must be the client that the token is of");
    failure.error_type = ErrorType::Authorization;
    Err(failure)
}

fn good_name(field: &str, name: &str) -> Result<(), Failure> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.chars().all(allowed) {
        return Ok(());
    }
    Err(Failure::field(
        field,
        format!("must have 1 to {NAME_BYTES_MAX} letters, digits, dots, dashes and underscores"),
    ))
}

/// Whether a definition makes sense in itself.
fn check(definition: &Definition) -> Result<(), Failure> {
    if definition.access.is_empty() {
        return Err(Failure::field("access", "must name at least one location"));
    }
    if definition.description.as_ref().is_some_and(|text| text.len() > DESCRIPTION_BYTES_MAX) {
        return Err(Failure::field(
            "description",
            format!("must be at most {DESCRIPTION_BYTES_MAX} bytes"),
        ));
    }
    let bare = Definition { domain: None, range: None, default_value: None, ..definition.clone() };
    if let Some(domain) = &definition.domain {
        if definition.range.is_some() {
            return Err(Failure::field("range", "cannot be used together with `domain`"));
        }
        if domain.is_empty() || domain.len() > DOMAIN_MAX {
            return Err(Failure::field("domain", format!("must have 1 to {DOMAIN_MAX} values")));
        }
        if let Some(problem) = domain.iter().find_map(|value| bare.problem_of(value)) {
            return Err(Failure::field("domain", format!("has a value that {problem}")));
        }
    }
    if let Some(range) = definition.range {
        if definition.kind != PropertyType::Int {
            return Err(Failure::field("range", "is for properties of type int only"));
        }
        if matches!((range.from, range.to), (Some(from), Some(to)) if from > to) {
            return Err(Failure::field("range.to", "must not be less than `range.from`"));
        }
    }
    let Some(default) = &definition.default_value else { return Ok(()) };
    let is_shared =
        |place: &PropertyPlace| matches!(place, PropertyPlace::Group | PropertyPlace::License);
    if !definition.access.keys().all(is_shared) {
        return Err(Failure::field(
            "default_value",
            "is for properties of groups and the license only",
        ));
    }
    match definition.problem_of(default) {
        Some(problem) => Err(Failure::field("default_value", problem)),
        None => Ok(()),
    }
}

/// Names hold no slash, so the last one parts them.
fn key(owner: &str, name: &str) -> DocKey {
    DocKey::new(Kind::Property, format!("{owner}/{name}"))
}

fn put(seen: &Seen<RegisteredProperty>) -> Put {
    let property = &seen.value;
    seen.put(key(&property.owner, &property.name), vec![("owner", property.owner.clone())])
}

async fn find(
    app: &App,
    actor: &Actor,
    owner: &str,
    name: &str,
) -> Result<Seen<RegisteredProperty>, Failure> {
    let found = app.store.document(actor.workspace, &key(owner, name)).await.map_err(unreadable)?;
    let found = found.map(seen).transpose().map_err(unreadable)?;
    found.ok_or_else(|| Failure::field("name", format!("is no registered property of {owner}")))
}

/// Why something of the workspace was not written.
pub(in crate::desk) enum Refused {
    /// It moved meanwhile.
    Conflict,
    /// Something else.
    Other(Failure),
}

impl Refused {
    pub(in crate::desk) fn into_failure(self) -> Failure {
        match self {
            Self::Conflict => Failure::new(
                ErrorType::ServiceUnavailable,
                "somebody else changed it at the same time; try again",
            ),
            Self::Other(failure) => failure,
        }
    }
}

/// Writes a change of the workspace, and has it at hand at once.
pub(in crate::desk) async fn write(app: &App, actor: &Actor, batch: Batch) -> Result<(), Refused> {
    actor.mark(app, &batch);
    match app.commit(batch).await {
        Ok(_) => {}
        Err(CommitError::Conflict { .. }) => return Err(Refused::Conflict),
        Err(error) => return Err(Refused::Other(unwritable(app, actor, error).await)),
    }
    if let Some(directory) = app.directory(actor.workspace) {
        directory.refresh(app).await.map_err(|error| Refused::Other(unreadable(error)))?;
    }
    Ok(())
}
