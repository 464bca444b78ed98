//! How many chats a list has: exactly, and without reading them.
//!
//! What the store counts as it writes is asked there. Filters, and teams that share chats, are counted by the archive,
//! where each chat stands by its last thread: each condition is a set of bits.

use tidings_model::{Chat, GroupNumber};
use tidings_store::archive::{ArchiveQuery, FacetFilter, Rule, facet};
use tidings_store::{CountOf, Kind};

use super::archives;
use super::list::{AskedChats, Filters};
use super::page::Read;
use crate::App;
use crate::desk::find::unreadable;
use crate::desk::{Actor, Failure};
use crate::pipeline::index::{CLOSED, LAST, OPEN, property_of_chat};

/// How many chats a list has of which this page was read.
pub(super) async fn count(
    app: &App,
    actor: &Actor,
    asked: &AskedChats,
    read: &Read<Chat>,
) -> Result<u64, Failure> {
    if !read.has_next && !read.has_previous {
        return Ok(read.rows.len().try_into().unwrap_or(u64::MAX));
    }
    let filters = &asked.filters;
    let only_by_status = filters.properties.is_empty() && filters.group_ids.is_none();
    if !(only_by_status && actor.sees_all_chats()) {
        return in_archive(app, actor, filters).await;
    }
    let of = async |of| app.store.count(actor.workspace, Kind::Chat, of).await.map_err(unreadable);
    let live = CountOf::Named { name: "live" };
    match filters.active {
        None => of(CountOf::All).await,
        Some(true) => of(live).await,
        Some(false) => Ok(of(CountOf::All).await?.saturating_sub(of(live).await?)),
    }
}

async fn in_archive(app: &App, actor: &Actor, filters: &Filters) -> Result<u64, Failure> {
    archives::catch_up(app, actor.workspace).await;
    let query = ArchiveQuery {
        facets: facets(filters),
        visible_groups: archives::visible(actor),
        limit: 1,
        ..ArchiveQuery::default()
    };
    let found = app.archive.search(actor.workspace, query).await;
    found.map(|page| page.total).map_err(archives::unsearchable)
}

fn facets(filters: &Filters) -> Vec<FacetFilter> {
    let status = match filters.active {
        None => Rule::Exists,
        Some(true) => Rule::AnyOf(vec![OPEN.into()]),
        Some(false) => Rule::AnyOf(vec![CLOSED.into()]),
    };
    let mut facets = vec![FacetFilter::new(LAST, status)];
    if let Some(groups) = &filters.group_ids {
        let groups = groups.iter().map(GroupNumber::to_string).collect();
        facets.push(FacetFilter::new(facet::GROUP, Rule::AnyOf(groups)));
    }
    for (namespace, names) in &filters.properties {
        for (name, asked) in names {
            let name = property_of_chat(namespace, name);
            facets.extend(asked.rules().map(|rule| FacetFilter::new(&name, rule)));
        }
    }
    facets
}
