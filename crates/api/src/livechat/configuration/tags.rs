//! Tags that threads may be marked with.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::json;
use tidings_app::desk::tags;
use tidings_model::GroupNumber;

use crate::livechat::call::{Answer, Call};

#[derive(Deserialize)]
struct OfTag {
    name: String,
    #[serde(default)]
    group_ids: Option<BTreeSet<GroupNumber>>,
}

/// `create_tag`.
pub(super) async fn create(call: &Call) -> Answer {
    let args: OfTag = call.args()?;
    tags::create(&call.app, &call.actor, &args.name, args.group_ids).await?;
    Ok(json!({}))
}

/// `update_tag`.
pub(super) async fn update(call: &Call) -> Answer {
    let args: OfTag = call.args()?;
    tags::update(&call.app, &call.actor, &args.name, args.group_ids).await?;
    Ok(json!({}))
}

/// `delete_tag`.
pub(super) async fn delete(call: &Call) -> Answer {
    let args: OfTag = call.args()?;
    tags::delete(&call.app, &call.actor, &args.name).await?;
    Ok(json!({}))
}

#[derive(Default, Deserialize)]
struct Filters {
    group_ids: BTreeSet<GroupNumber>,
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    filters: Option<Filters>,
}

/// `list_tags`.
pub(super) async fn list(call: &Call) -> Answer {
    let args: List = call.args()?;
    let groups = args.filters.map(|filters| filters.group_ids);
    let listed = tags::list(&call.app, &call.actor, groups.as_ref()).await?;
    Ok(listed.iter().map(tags::Tag::show).collect())
}
