//! Properties of the workspace (the license, in the API's words) and of teams: set, removed, listed.

use serde_json::{Value, json};
use tidings_model::{Group, GroupNumber, Properties, PropertyPlace, WorkspaceId};
use tidings_store::{Batch, DocKey, Kind};

use super::registry::{Refused, write};
use super::{Change, Registry, Right, Rights, User};
use crate::App;
use crate::admin::workspaces::Workspace;
use crate::desk::change::CONFLICT_TRIES_MAX;
use crate::desk::find::unreadable;
use crate::desk::{Actor, ErrorType, Failure};
use crate::directory::Directory;
use crate::pipeline::scene::{Seen, seen};

/// Which of the properties are listed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// Only those of this namespace.
    pub namespace: Option<&'a str>,
    /// Only those of this name.
    pub name: Option<&'a str>,
    /// Only those whose name begins so.
    pub name_prefix: Option<&'a str>,
}

impl Filter<'_> {
    fn wants(&self, namespace: &str, name: &str) -> bool {
        self.namespace.is_none_or(|wanted| wanted == namespace)
            && self.name.is_none_or(|wanted| wanted == name)
            && self.name_prefix.is_none_or(|prefix| name.starts_with(prefix))
    }
}

/// Sets and removes properties of the workspace.
pub async fn change_license(app: &App, actor: &Actor, change: &Change) -> Result<(), Failure> {
    check(app, actor, PropertyPlace::License, change, "properties.license.value--all:rw")?;
    for _ in 0..CONFLICT_TRIES_MAX {
        let key = DocKey::new(Kind::Workspace, actor.workspace);
        let document = app.store.document(actor.workspace, &key).await.map_err(unreadable)?;
        let document: Option<Seen<Workspace>> =
            document.map(seen).transpose().map_err(unreadable)?;
        let mut found = document.ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
        let workspace = &mut found.value;
        let real = change.against(&workspace.properties);
        if real.is_empty() {
            return Ok(());
        }
        real.apply(&mut workspace.properties);
        let mut batch = Batch::new(actor.workspace);
        batch.puts.push(found.put(key, Vec::new()));
        batch.events.push(actor.tells(app, "property.changed", real.data("license").into()));
        match write(app, actor, batch).await {
            Ok(()) => return Ok(()),
            Err(Refused::Conflict) => {}
            Err(Refused::Other(failure)) => return Err(failure),
        }
    }
    Err(Refused::Conflict.into_failure())
}

/// Sets and removes properties of a team.
pub async fn change_group(
    app: &App,
    actor: &Actor,
    group: GroupNumber,
    change: &Change,
) -> Result<(), Failure> {
    check(app, actor, PropertyPlace::Group, change, "properties.group.value--all:rw")?;
    for _ in 0..CONFLICT_TRIES_MAX {
        let key = DocKey::new(Kind::Group, group);
        let document = app.store.document(actor.workspace, &key).await.map_err(unreadable)?;
        let document: Option<Seen<Group>> = document.map(seen).transpose().map_err(unreadable)?;
        let mut found = match document {
            Some(found) => found,
            // The team of everyone is there without a document.
            None => Seen::absent(self::group(app, actor, group)?),
        };
        let known = &mut found.value;
        let real = change.against(&known.properties);
        if real.is_empty() {
            return Ok(());
        }
        real.apply(&mut known.properties);
        let mut batch = Batch::new(actor.workspace);
        batch.puts.push(found.put(key, Vec::new()));
        let mut data = real.data("group");
        data.insert("group".into(), json!(group));
        batch.events.push(actor.tells(app, "property.changed", data.into()));
        match write(app, actor, batch).await {
            Ok(()) => return Ok(()),
            Err(Refused::Conflict) => {}
            Err(Refused::Other(failure)) => return Err(failure),
        }
    }
    Err(Refused::Conflict.into_failure())
}

/// The properties of the workspace that the actor may read, with what stands where none is set.
pub fn of_license(app: &App, actor: &Actor, filter: Filter<'_>) -> Result<Value, Failure> {
    let directory = directory(app, actor)?;
    let properties = directory.license_properties();
    Ok(listed(&directory.registry(), actor.rights(), PropertyPlace::License, &properties, filter))
}

/// The same of a team.
pub fn of_group(
    app: &App,
    actor: &Actor,
    number: GroupNumber,
    filter: Filter<'_>,
) -> Result<Value, Failure> {
    let directory = directory(app, actor)?;
    let group = group(app, actor, number)?;
    Ok(listed(
        &directory.registry(),
        actor.rights(),
        PropertyPlace::Group,
        &group.properties,
        filter,
    ))
}

/// What customers read of the workspace's properties; they need not be anybody yet.
pub fn of_license_for_customers(
    app: &App,
    workspace: WorkspaceId,
    filter: Filter<'_>,
) -> Result<Value, Failure> {
    let directory =
        app.directory(workspace).ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
    let properties = directory.license_properties();
    Ok(listed(&directory.registry(), CUSTOMERS, PropertyPlace::License, &properties, filter))
}

/// The same of a team's.
pub fn of_group_for_customers(
    app: &App,
    workspace: WorkspaceId,
    number: GroupNumber,
    filter: Filter<'_>,
) -> Result<Value, Failure> {
    let directory =
        app.directory(workspace).ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
    let group = directory.group(number).ok_or_else(|| no_group(number))?;
    Ok(listed(&directory.registry(), CUSTOMERS, PropertyPlace::Group, &group.properties, filter))
}

/// Customers act by no program.
const CUSTOMERS: Rights<'static> = Rights { user: User::Customer, client: None };

fn no_group(number: GroupNumber) -> Failure {
    Failure::new(ErrorType::GroupNotFound, format!("there is no group {number}"))
}

fn directory(app: &App, actor: &Actor) -> Result<std::sync::Arc<Directory>, Failure> {
    app.directory(actor.workspace).ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))
}

fn group(app: &App, actor: &Actor, number: GroupNumber) -> Result<Group, Failure> {
    let group = directory(app, actor)?.group(number);
    let group = group.ok_or_else(|| no_group(number))?;
    Ok((*group).clone())
}

fn listed(
    registry: &Registry,
    rights: Rights<'_>,
    place: PropertyPlace,
    properties: &Properties,
    filter: Filter<'_>,
) -> Value {
    let mut listed = Properties::default();
    for (namespace, name, definition) in registry.all() {
        if !filter.wants(namespace, name)
            || !registry.allows(rights, place, namespace, name, Right::Read)
        {
            continue;
        }
        let value = properties.get(namespace, name).or(definition.default_value.as_ref());
        if let Some(value) = value {
            listed.set(namespace, name, value.clone());
        }
    }
    json!(listed)
}

/// Without the wider scope a program changes what is its own.
fn check(
    app: &App,
    actor: &Actor,
    place: PropertyPlace,
    change: &Change,
    scope_of_all: &str,
) -> Result<(), Failure> {
    if !actor.has_scope(&[scope_of_all]) {
        let mut namespaces = change.set.0.keys().chain(change.delete.keys());
        if let Some(foreign) = namespaces.find(|namespace| **namespace != actor.client_id) {
            return Err(Failure::new(
                ErrorType::Authorization,
                format!(
                    "to change properties of {foreign} the token needs the scope {scope_of_all}"
                ),
            ));
        }
    }
    let registry = directory(app, actor)?.registry();
    registry.check_set(actor.rights(), place, &change.set, "properties")?;
    registry.check_delete(actor.rights(), place, &change.delete, "properties")
}
