//! Properties: what there are, and those of the license and of groups.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};
use tidings_app::desk::properties::registry;
use tidings_app::desk::properties::shared::{self, Filter};
use tidings_app::desk::properties::{Definition, Range, Right, User};
use tidings_model::{GroupNumber, PropertyPlace, PropertyType};

use crate::livechat::both::properties::{Wish, wanted};
use crate::livechat::call::{Answer, Call};

#[derive(Deserialize)]
struct Register {
    name: String,
    owner_client_id: String,
    #[serde(rename = "type")]
    kind: PropertyType,
    access: BTreeMap<PropertyPlace, BTreeMap<User, BTreeSet<Right>>>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    domain: Option<Vec<Value>>,
    #[serde(default)]
    range: Option<Range>,
    #[serde(default)]
    default_value: Option<Value>,
}

/// `register_property`.
pub(super) async fn register(call: &Call) -> Answer {
    let args: Register = call.args()?;
    let definition = Definition {
        kind: args.kind,
        description: args.description,
        access: args.access,
        domain: args.domain,
        range: args.range,
        default_value: args.default_value,
        public_access: BTreeSet::new(),
    };
    let (owner, name) = (&args.owner_client_id, &args.name);
    registry::register(&call.app, &call.actor, owner, name, definition).await?;
    Ok(json!({}))
}

#[derive(Deserialize)]
struct Named {
    name: String,
    owner_client_id: String,
    #[serde(default)]
    access_type: BTreeSet<Right>,
}

/// `unregister_property`.
pub(super) async fn unregister(call: &Call) -> Answer {
    let args: Named = call.args()?;
    registry::unregister(&call.app, &call.actor, &args.owner_client_id, &args.name).await?;
    Ok(json!({}))
}

/// `publish_property`.
pub(super) async fn publish(call: &Call) -> Answer {
    let args: Named = call.args()?;
    let (owner, name) = (&args.owner_client_id, &args.name);
    registry::publish(&call.app, &call.actor, owner, name, args.access_type).await?;
    Ok(json!({}))
}

#[derive(Deserialize)]
struct Owner {
    owner_client_id: String,
}

/// `list_properties`.
pub(super) fn list(call: &Call) -> Answer {
    let args: Owner = call.args()?;
    registry::list(&call.app, &call.actor, &args.owner_client_id)
}

/// `update_license_properties` and `delete_license_properties`.
pub(super) async fn change_license(call: &Call, wish: Wish) -> Answer {
    shared::change_license(&call.app, &call.actor, &wanted(call, wish)?).await?;
    Ok(json!({}))
}

/// The one method calls the group `group_id`, the other `id`.
#[derive(Deserialize)]
struct OfGroup {
    #[serde(alias = "group_id")]
    id: u32,
}

/// `update_group_properties` and `delete_group_properties`.
pub(super) async fn change_group(call: &Call, wish: Wish) -> Answer {
    let args: OfGroup = call.args()?;
    let group = GroupNumber(args.id);
    shared::change_group(&call.app, &call.actor, group, &wanted(call, wish)?).await?;
    Ok(json!({}))
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    group_ids: BTreeSet<u32>,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    name_prefix: Option<String>,
}

impl List {
    fn filter(&self) -> Filter<'_> {
        Filter {
            namespace: self.namespace.as_deref(),
            name: None,
            name_prefix: self.name_prefix.as_deref(),
        }
    }
}

/// `list_license_properties`.
pub(super) fn of_license(call: &Call) -> Answer {
    let args: List = call.args()?;
    shared::of_license(&call.app, &call.actor, args.filter())
}

/// `list_groups_properties`.
pub(super) fn of_groups(call: &Call) -> Answer {
    let args: List = call.args()?;
    let of = |&id: &u32| {
        let properties = shared::of_group(&call.app, &call.actor, GroupNumber(id), args.filter())?;
        Ok(json!({ "id": id, "properties": properties }))
    };
    args.group_ids.iter().map(of).collect()
}
