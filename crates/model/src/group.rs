//! A team of agents.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AgentId, GroupName, Properties};

/// The number of a team, as chat clients know it; 0 is everyone.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct GroupNumber(pub u32);

impl GroupNumber {
    /// Everyone: the team that is always there.
    pub const EVERYONE: Self = Self(0);

    /// The teams of an access by name: where none is named, it is everyone's.
    pub fn named_in(access: &BTreeSet<Self>) -> BTreeSet<Self> {
        if access.is_empty() { BTreeSet::from([Self::EVERYONE]) } else { access.clone() }
    }
}

impl fmt::Display for GroupNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A team of agents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Its number.
    pub number: GroupNumber,
    /// The name that behaviors and settings use: no spaces, unique.
    pub key: GroupName,
    /// Its name, for people.
    pub name: String,
    /// Its language, as a BCP 47 tag.
    pub language: String,
    /// Its agents and bots, each with the turn in which new chats come to them.
    #[serde(default)]
    pub priorities: BTreeMap<AgentId, Priority>,
    /// Its properties.
    #[serde(default)]
    pub properties: Properties,
}

/// In which turn new chats come to an agent of a team.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Before the others.
    First,
    /// With most.
    #[default]
    Normal,
    /// When the others are full.
    Last,
    /// Never by itself.
    Supervisor,
}
