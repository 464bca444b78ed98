//! The front door: the whole vocabulary, read once at start and never changed. A workspace with types of its own has a
//! catalogue that lies over ours ([`Catalogue::with`]), and is made anew when they change.
//!
//! Everything is checked when it is read: keys, names, kinds, aliases, schemas, samples. All of ours together take ten
//! milliseconds, of which seven go into compiling schemas (`--example speed`), so nothing is put off to the first use.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use serde_json::Value;
use tidings_model::{AuthorKind, TypeName};

use crate::builtin;
use crate::constraint::Constraint;
use crate::entry;
use crate::error::{CatalogueError, Report};
use crate::event_type::{Alias, EventType};

/// How like an unknown name a known one must be to be offered, from 0 to 1: two wrong letters in six are too many.
const LIKENESS_MIN: f64 = 0.7;

/// Names longer than this are not compared: nobody misspells them.
const NEAREST_BYTES_MAX: usize = 200;

/// The whole vocabulary.
#[derive(Debug)]
pub struct Catalogue {
    /// What this one lies over; its names count first.
    base: Option<Arc<Self>>,
    /// All of them, those of the base first.
    types: Vec<Arc<EventType>>,
    /// Types and aliases by name, without those of the base.
    names: HashMap<Box<str>, Place>,
}

/// Where a name leads: to a type, and to one of its aliases.
#[derive(Clone, Copy, Debug)]
struct Place {
    event_type: usize,
    alias: Option<usize>,
}

impl Catalogue {
    /// The vocabulary that the binary carries.
    pub fn builtin() -> Result<Self, CatalogueError> {
        Self::builtin_with(std::iter::empty::<(&str, &str)>())
    }

    /// The same, with files from outside: of plugins or of an operator.
    pub fn builtin_with<N, T>(
        files: impl IntoIterator<Item = (N, T)>,
    ) -> Result<Self, CatalogueError>
    where
        N: AsRef<str>,
        T: AsRef<str>,
    {
        let mut loading = Loading::new();
        for (name, text) in builtin::FILES {
            loading.add(name, text);
        }
        for (name, text) in files {
            loading.add(name.as_ref(), text.as_ref());
        }
        loading.finish()
    }

    /// A vocabulary of these files only: a file's name (as `chat.toml`) with its text.
    pub fn from_files<N, T>(files: impl IntoIterator<Item = (N, T)>) -> Result<Self, CatalogueError>
    where
        N: AsRef<str>,
        T: AsRef<str>,
    {
        let mut loading = Loading::new();
        for (name, text) in files {
            loading.add(name.as_ref(), text.as_ref());
        }
        loading.finish()
    }

    /// A vocabulary with more types. One whose name, or an alias of it, is taken, is left out and comes back with the name:
    /// a newer release may know it by now.
    pub fn with(
        base: &Arc<Self>,
        more: impl IntoIterator<Item = Arc<EventType>>,
    ) -> (Self, Vec<(Arc<EventType>, String)>) {
        let (types, names) = (base.types.clone(), HashMap::new());
        let mut all = Self { base: Some(Arc::clone(base)), types, names };
        let mut left_out = Vec::new();
        for event_type in more {
            let aliases = event_type.aliases.iter().map(|alias| alias.name.as_str());
            let mut names = std::iter::once(event_type.name.as_str()).chain(aliases);
            if let Some(taken) = names.find(|name| all.resolve(name).is_some()) {
                let taken = taken.to_owned();
                left_out.push((event_type, taken));
                continue;
            }
            let place = all.types.len();
            let names = &mut all.names;
            names.insert(event_type.name.as_str().into(), Place { event_type: place, alias: None });
            for (alias, each) in event_type.aliases.iter().enumerate() {
                let place = Place { event_type: place, alias: Some(alias) };
                names.entry(each.name.as_str().into()).or_insert(place);
            }
            all.types.push(event_type);
        }
        (all, left_out)
    }

    /// A type by its name.
    pub fn get(&self, name: &TypeName) -> Option<&EventType> {
        self.get_str(name.as_str())
    }

    /// A type by its name as text; an alias is not one.
    pub fn get_str(&self, name: &str) -> Option<&EventType> {
        let resolved = self.resolve(name)?;
        if resolved.alias.is_some() { None } else { Some(resolved.event_type) }
    }

    /// What the name of a type or an alias stands for. Costs one look-up or two, and no allocation.
    pub fn resolve(&self, name: &str) -> Option<Resolved<'_>> {
        if let Some(found) = self.base.as_ref().and_then(|base| base.resolve(name)) {
            return Some(found);
        }
        let place = self.names.get(name)?;
        let event_type = self.types.get(place.event_type)?;
        Some(Resolved {
            event_type,
            alias: place.alias.and_then(|alias| event_type.aliases.get(alias)),
        })
    }

    /// All types, by the order of the files and within a file; a workspace's own are the last.
    pub fn types(&self) -> impl ExactSizeIterator<Item = &EventType> {
        self.types.iter().map(Arc::as_ref)
    }

    /// The known name that is most like an unknown one, for "did you mean".
    pub fn nearest(&self, name: &str) -> Option<&str> {
        let types = self.types().map(|each| each.name.as_str());
        let aliases =
            self.types().flat_map(|each| each.aliases.iter().map(|alias| alias.name.as_str()));
        most_like(name, types.chain(aliases))
    }

    /// The known types that are most like an unknown name, the likest first; at most so many.
    pub fn nearest_few(&self, name: &str, most: usize) -> Vec<&str> {
        let types = self.types().map(|each| each.name.as_str());
        few_like(name, types, most)
    }
}

/// Those of these that are like a name, the likest first; at most so many.
fn few_like<'a>(name: &str, known: impl Iterator<Item = &'a str>, most: usize) -> Vec<&'a str> {
    if name.len() > NEAREST_BYTES_MAX {
        return Vec::new();
    }
    let name = name.to_lowercase();
    let likeness = |each: &str| strsim::normalized_damerau_levenshtein(&name, &each.to_lowercase());
    let mut like: Vec<(f64, &str)> = known.map(|each| (likeness(each), each)).collect();
    like.retain(|(likeness, _)| *likeness > LIKENESS_MIN);
    like.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    like.into_iter().take(most).map(|(_, each)| each).collect()
}

/// The one of these that is most like a name: the first of several, none where none is like it.
pub(crate) fn most_like<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > NEAREST_BYTES_MAX {
        return None;
    }
    let name = name.to_lowercase();
    let mut best = None;
    let mut likeness_of_best = LIKENESS_MIN;
    for each in known {
        let likeness = strsim::normalized_damerau_levenshtein(&name, &each.to_lowercase());
        if likeness > likeness_of_best {
            likeness_of_best = likeness;
            best = Some(each);
        }
    }
    best
}

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub struct Resolved<'a> {
    /// The type.
    pub event_type: &'a EventType,
    /// The alias, where the name is one.
    pub alias: Option<&'a Alias>,
}

impl<'a> Resolved<'a> {
    /// What must hold beside the type.
    pub fn constraints(&self) -> &'a [Constraint] {
        self.alias.map_or(&[], |alias| &alias.constraints)
    }

    /// Whether an event of this type is meant. Whose behavior listens is not asked here, see [`Alias::scope`].
    pub fn matches(&self, channel_kind: Option<&str>, author: AuthorKind, data: &Value) -> bool {
        self.constraints().iter().all(|constraint| constraint.holds(channel_kind, author, data))
    }
}

/// A catalogue that is being read.
struct Loading {
    catalogue: Catalogue,
    report: Report,
}

impl Loading {
    fn new() -> Self {
        let catalogue = Catalogue { base: None, types: Vec::new(), names: HashMap::new() };
        Self { catalogue, report: Report::default() }
    }

    fn add(&mut self, file: &str, text: &str) {
        for event_type in entry::read(file, text, &mut self.report) {
            let place = self.catalogue.types.len();
            self.claim(
                file,
                &event_type,
                event_type.name.as_str(),
                Place { event_type: place, alias: None },
                "name",
            );
            for (alias_place, alias) in event_type.aliases.iter().enumerate() {
                let field = format!("aliases.{alias_place}.name");
                self.claim(
                    file,
                    &event_type,
                    &alias.name,
                    Place { event_type: place, alias: Some(alias_place) },
                    &field,
                );
            }
            self.catalogue.types.push(Arc::new(event_type));
        }
    }

    /// Takes a name; each is there once in the whole catalogue.
    fn claim(&mut self, file: &str, event_type: &EventType, name: &str, place: Place, field: &str) {
        match self.catalogue.names.entry(name.into()) {
            Entry::Vacant(free) => {
                free.insert(place);
            }
            Entry::Occupied(taken) => {
                let types = &self.catalogue.types;
                let owner = types
                    .get(taken.get().event_type)
                    .map_or("this type", |owner| owner.name.as_str());
                let message = format!("the name {name:?} is taken by {owner}");
                self.report.add(file, Some(event_type.name.as_str()), Some(field), message);
            }
        }
    }

    fn finish(self) -> Result<Catalogue, CatalogueError> {
        self.report.into_result()?;
        Ok(self.catalogue)
    }
}
