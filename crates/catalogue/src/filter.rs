//! Which events somebody wants: the names in an endpoint's `events`, or in a stream's `type`.
//!
//! Made once, asked for every event: an event that it does not concern costs one look-up and a comparison for each
//! wildcard, and no allocation.

use std::collections::HashMap;

use serde_json::Value;
use tidings_model::{AuthorKind, TypeName};

use crate::catalogue::{Catalogue, most_like};
use crate::constraint::Constraint;
use crate::event_type::System;

/// What stands before a name that is not wanted.
const NOT: char = '!';

/// The events that somebody wants.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeFilter {
    wanted: Names,
    /// What of it is not wanted after all.
    unwanted: Names,
}

/// The events that some names stand for.
#[derive(Clone, Debug, Default, PartialEq)]
struct Names {
    /// Every event, whatever the others say.
    all: bool,
    /// By type: every event (no list), or those for which one of the lists holds.
    types: HashMap<Box<str>, Option<Vec<Vec<Constraint>>>>,
    /// What a type's name may begin with, with the dot.
    prefixes: Vec<Box<str>>,
}

/// Why names say nothing of what is wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// The name of no type, no alias, and no area.
    #[error("{name:?} names no event type{}", .nearest.as_ref().map(|nearest| format!(", did you mean {nearest:?}?")).unwrap_or_default())]
    UnknownName {
        /// The place of the name in the list, from 0.
        place: usize,
        /// The name, as it was given.
        name: String,
        /// The known name that is most like it.
        nearest: Option<String>,
    },
    /// All that is wanted is excluded.
    #[error("what is excluded leaves no event type of what is wanted")]
    NothingLeft,
}

impl FilterError {
    /// The place of the name that is at fault, where it is one.
    pub const fn place(&self) -> Option<usize> {
        match self {
            Self::UnknownName { place, .. } => Some(*place),
            Self::NothingLeft => None,
        }
    }
}

impl TypeFilter {
    /// Everything.
    pub fn all() -> Self {
        Self { wanted: Names { all: true, ..Names::default() }, unwanted: Names::default() }
    }

    /// Reads names:
    ///
    /// - a type, or an alias (with what it demands),
    /// - `chat.*` for an area, also for those types of it that come later; `*` for everything,
    /// - `wotnot:*` for all names that one of the four systems has, `vonage:*` or `event.mail.*` for the aliases that
    ///   begin so,
    /// - any of them behind a `!`: what it stands for is not wanted, whatever else includes it.
    ///
    /// No name at all means everything, and only such with a `!` mean all but those. Each must fit something that is
    /// known, and something known must be left.
    pub fn parse(catalogue: &Catalogue, names: &[String]) -> Result<Self, FilterError> {
        let (mut wanted, mut unwanted) = (Names::default(), Names::default());
        for (place, name) in names.iter().enumerate() {
            let (side, bare) = match name.strip_prefix(NOT) {
                Some(bare) => (&mut unwanted, bare),
                None => (&mut wanted, name.as_str()),
            };
            side.add(catalogue, bare).map_err(|nearest| FilterError::UnknownName {
                place,
                name: bare.to_owned(),
                nearest,
            })?;
        }
        wanted.all |= wanted == Names::default();
        if wanted.all {
            // It says it all.
            wanted = Names { all: true, ..Names::default() };
        }
        let filter = Self { wanted, unwanted };
        if !catalogue.types().any(|each| filter.includes(&each.name)) {
            return Err(FilterError::NothingLeft);
        }
        Ok(filter)
    }

    /// As [`TypeFilter::parse`], for names that were right once: what stands for nothing any more is passed over, and comes
    /// back. Where nothing wanted is left, nothing is.
    pub fn parse_known(catalogue: &Catalogue, names: &[String]) -> (Self, Vec<String>) {
        let (mut wanted, mut unwanted) = (Names::default(), Names::default());
        let mut gone = Vec::new();
        let mut wants_all = true;
        for name in names {
            let (side, bare) = match name.strip_prefix(NOT) {
                Some(bare) => (&mut unwanted, bare),
                None => {
                    wants_all = false;
                    (&mut wanted, name.as_str())
                }
            };
            if side.add(catalogue, bare).is_err() {
                gone.push(name.clone());
            }
        }
        if wants_all || wanted.all {
            wanted = Names { all: true, ..Names::default() };
        }
        (Self { wanted, unwanted }, gone)
    }

    /// Whether some events of a type are wanted: what an index over many filters is made of.
    pub fn includes(&self, event_type: &TypeName) -> bool {
        self.wanted.have_some(event_type) && !self.unwanted.have_all(event_type)
    }

    /// Whether an event is wanted. Whose behavior listens is not asked here, see [`crate::Alias::scope`].
    pub fn matches(
        &self,
        event_type: &TypeName,
        channel_kind: Option<&str>,
        author: AuthorKind,
        data: &Value,
    ) -> bool {
        self.wanted.have(event_type, channel_kind, author, data)
            && !self.unwanted.have(event_type, channel_kind, author, data)
    }
}

impl Names {
    /// Adds what a name stands for; if it stands for nothing, gives the known name that is most like it.
    fn add(&mut self, catalogue: &Catalogue, name: &str) -> Result<(), Option<String>> {
        if name == "*" {
            self.all = true;
            return Ok(());
        }
        if let Some(prefix) = name.strip_suffix('*').filter(|prefix| prefix.ends_with(['.', ':'])) {
            return self.add_all(catalogue, name, prefix);
        }
        let resolved =
            catalogue.resolve(name).ok_or_else(|| catalogue.nearest(name).map(str::to_owned))?;
        want(&mut self.types, resolved.event_type.name.as_str(), resolved.constraints());
        Ok(())
    }

    /// Adds an area, and the aliases that begin so or are of the system that is named.
    fn add_all(
        &mut self,
        catalogue: &Catalogue,
        name: &str,
        prefix: &str,
    ) -> Result<(), Option<String>> {
        let system =
            System::ALL.iter().find(|each| prefix.strip_suffix(':') == Some(each.as_str()));
        let mut found = system.is_some();
        for event_type in catalogue.types() {
            let type_name = event_type.name.as_str();
            if type_name.starts_with(prefix) {
                found = true;
                if !self.prefixes.iter().any(|each| **each == *prefix) {
                    self.prefixes.push(prefix.into());
                }
            }
            for alias in &event_type.aliases {
                if system == Some(&alias.system) || alias.name.starts_with(prefix) {
                    found = true;
                    want(&mut self.types, type_name, &alias.constraints);
                }
            }
        }
        if found { Ok(()) } else { Err(nearest_of_many(catalogue, name)) }
    }

    /// Whether some events of a type are meant.
    fn have_some(&self, event_type: &TypeName) -> bool {
        self.have_area(event_type) || self.types.contains_key(event_type.as_str())
    }

    /// Whether every event of a type is meant.
    fn have_all(&self, event_type: &TypeName) -> bool {
        self.have_area(event_type) || self.types.get(event_type.as_str()) == Some(&None)
    }

    fn have_area(&self, event_type: &TypeName) -> bool {
        self.all || self.prefixes.iter().any(|prefix| event_type.as_str().starts_with(&**prefix))
    }

    fn have(
        &self,
        event_type: &TypeName,
        channel_kind: Option<&str>,
        author: AuthorKind,
        data: &Value,
    ) -> bool {
        if self.have_area(event_type) {
            return true;
        }
        match self.types.get(event_type.as_str()) {
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

/// The area, the system or the beginning of aliases that is most like an unknown one.
fn nearest_of_many(catalogue: &Catalogue, name: &str) -> Option<String> {
    let systems = System::ALL.iter().map(|system| format!("{}:*", system.as_str()));
    let areas = catalogue.types().flat_map(|each| {
        let aliases = each.aliases.iter().filter_map(|alias| alias.name.split_once(':'));
        let aliases = aliases.map(|(beginning, _)| format!("{beginning}:*"));
        let area = each.name.as_str().split_once('.').map(|(area, _)| format!("{area}.*"));
        area.into_iter().chain(aliases)
    });
    let known: Vec<String> = systems.chain(areas).collect();
    most_like(name, known.iter().map(String::as_str)).map(str::to_owned)
}
