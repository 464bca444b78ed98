//! Which events somebody wants: the names in an endpoint's `events`, or a behavior's `on`.
//!
//! Made once, asked for every event: an event that it does not concern costs one look-up and a comparison for each
//! wildcard, and no allocation.

use std::collections::HashMap;

use serde_json::Value;
use tidings_model::{AuthorKind, TypeName};

use crate::catalogue::{Catalogue, most_like};
use crate::constraint::Constraint;

/// The events that somebody wants.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeFilter(Wanted);

#[derive(Clone, Debug, PartialEq)]
enum Wanted {
    All,
    Some {
        /// By type: every event (no list), or those for which one of the lists holds.
        types: HashMap<Box<str>, Option<Vec<Vec<Constraint>>>>,
        /// What a type's name may begin with, with the dot.
        prefixes: Vec<Box<str>>,
    },
}

/// The name of no type, no alias, and no area.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} names no event type{}", .nearest.as_ref().map(|nearest| format!(", did you mean {nearest:?}?")).unwrap_or_default())]
pub struct UnknownName {
    /// The name, as it was given.
    pub name: String,
    /// The known name that is most like it.
    pub nearest: Option<String>,
}

impl TypeFilter {
    /// Everything.
    pub const fn all() -> Self {
        Self(Wanted::All)
    }

    /// Reads names: types, aliases (with what they demand), `chat.*` for an area, `*` for everything. No name at all
    /// means everything. A wildcard must fit a type that is known; it hears types that come later as well.
    pub fn parse(catalogue: &Catalogue, names: &[String]) -> Result<Self, UnknownName> {
        let mut types = HashMap::new();
        let mut prefixes: Vec<Box<str>> = Vec::new();
        let mut all = names.is_empty();
        for name in names {
            if name == "*" {
                all = true;
            } else if let Some(prefix) =
                name.strip_suffix('*').filter(|prefix| prefix.ends_with('.'))
            {
                if !catalogue.types().any(|each| each.name.as_str().starts_with(prefix)) {
                    return Err(unknown_area(catalogue, name));
                }
                if !prefixes.iter().any(|each| **each == *prefix) {
                    prefixes.push(prefix.into());
                }
            } else {
                let resolved = catalogue.resolve(name).ok_or_else(|| UnknownName {
                    name: name.clone(),
                    nearest: catalogue.nearest(name).map(str::to_owned),
                })?;
                want(&mut types, resolved.event_type.name.as_str(), resolved.constraints());
            }
        }
        Ok(if all { Self::all() } else { Self(Wanted::Some { types, prefixes }) })
    }

    /// Whether some events of a type are wanted: what an index over many filters is made of.
    pub fn includes(&self, event_type: &TypeName) -> bool {
        let Wanted::Some { types, prefixes } = &self.0 else { return true };
        let name = event_type.as_str();
        types.contains_key(name) || prefixes.iter().any(|prefix| name.starts_with(&**prefix))
    }

    /// Whether an event is wanted. Whose behavior listens is not asked here, see [`crate::Alias::scope`].
    pub fn matches(
        &self,
        event_type: &TypeName,
        channel_kind: Option<&str>,
        author: AuthorKind,
        data: &Value,
    ) -> bool {
        let Wanted::Some { types, prefixes } = &self.0 else { return true };
        let name = event_type.as_str();
        if prefixes.iter().any(|prefix| name.starts_with(&**prefix)) {
            return true;
        }
        match types.get(name) {
            None => false,
            Some(None) => true,
            Some(Some(any_of)) => any_of.iter().any(|constraints| {
                constraints.iter().all(|each| each.holds(channel_kind, author, data))
            }),
        }
    }
}

/// Adds a name's type: without a constraint every event of it is wanted, whatever other names say.
fn want(
    types: &mut HashMap<Box<str>, Option<Vec<Vec<Constraint>>>>,
    name: &str,
    constraints: &[Constraint],
) {
    let wanted = types.entry(name.into()).or_insert_with(|| Some(Vec::new()));
    if constraints.is_empty() {
        *wanted = None;
    }
    if let Some(any_of) = wanted
        && !any_of.iter().any(|each| each == constraints)
    {
        any_of.push(constraints.to_vec());
    }
}

fn unknown_area(catalogue: &Catalogue, name: &str) -> UnknownName {
    let areas: Vec<String> = catalogue
        .types()
        .filter_map(|each| each.name.as_str().split_once('.').map(|(area, _)| format!("{area}.*")))
        .collect();
    let nearest = most_like(name, areas.iter().map(String::as_str)).map(str::to_owned);
    UnknownName { name: name.to_owned(), nearest }
}
