//! A bot as it is loaded: never changed, shared by whoever runs it. Made by [`Bot::load`], asked by `app`.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use tidings_model::{AuthorKind, BotName, TypeName};

use crate::condition::Condition;
use crate::owner::Owner;
use crate::parameter::{Parameter, ValueKind};
use crate::program::Program;
use crate::schedule::Schedule;
use crate::{BotSource, Heard, Problem, Vocabulary, load};

/// A bot, compiled: all that a run needs beside its facts.
#[derive(Debug)]
pub struct Bot {
    /// Its name.
    pub name: BotName,
    /// The version of its text, see [`BotSource::version`].
    pub version: String,
    /// Whose it is.
    pub owner: Owner,
    /// Its intents, for the one who finds them in messages.
    pub intents: Vec<Intent>,
    pub(crate) behaviors: Vec<Behavior>,
    pub(crate) by_name: HashMap<String, usize>,
    pub(crate) program: Program,
    /// What its questions handle themselves.
    pub(crate) local_types: HashSet<TypeName>,
}

/// Something that a customer may want, with sentences that say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Its name.
    pub name: String,
    /// Sentences.
    pub examples: Vec<String>,
}

/// Whether a behavior reacts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// It does.
    #[default]
    Live,
    /// In the simulator only.
    Simulator,
    /// Nowhere, and a call of it does nothing.
    Off,
}

impl Status {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Live, Self::Simulator, Self::Off];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Simulator => "simulator",
            Self::Off => "off",
        }
    }
}

/// One reaction: on which events, when, and what it does.
#[derive(Clone, Debug)]
pub struct Behavior {
    /// Its name, unique in the bot.
    pub name: String,
    /// What it hears, without schema and sample, which only loading needs; empty for one that is only called.
    pub on: Vec<Heard>,
    /// Whose events it hears; empty for everybody's. A bot never hears its own, which `app` sees to.
    pub from: Vec<AuthorKind>,
    /// When it is due by itself.
    pub schedule: Option<Schedule>,
    /// Of several behaviors on one event the higher goes first.
    pub priority: i32,
    /// Whether it reacts.
    pub status: Status,
    /// Whether other bots may call it.
    pub is_public: bool,
    /// Whether it answers beside a question that waits, which goes on waiting.
    pub aside: bool,
    /// What a `call` gives it.
    pub inputs: Vec<Parameter>,
    /// What it leaves in `vars.result`, if it says so.
    pub result: Option<ValueKind>,
    pub(crate) when: Option<Condition>,
    /// The place of its `when`, or of itself.
    pub(crate) place: String,
    /// The path of its steps.
    pub(crate) steps: String,
}

impl Bot {
    /// Reads a bot. Gives it with what somebody should look at, or all that is wrong with it.
    ///
    /// # Errors
    ///
    /// What is wrong, in the order of the files and of the lines; then there is no bot.
    pub fn load(
        source: &BotSource,
        vocabulary: &dyn Vocabulary,
    ) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
        load::load(source, vocabulary)
    }

    /// Whether one of its questions handles events of this type itself.
    pub fn handles_locally(&self, event_type: &TypeName) -> bool {
        self.local_types.contains(event_type)
    }

    /// Its behaviors, in the order of the text.
    pub fn behaviors(&self) -> &[Behavior] {
        &self.behaviors
    }
}

impl Behavior {
    /// Whether it hears an event, by its status, the event's type, channel, author and data; `when` is asked later, by
    /// [`start`](crate::start).
    pub fn concerns(
        &self,
        event_type: &TypeName,
        channel_kind: Option<&str>,
        author: AuthorKind,
        data: &Value,
    ) -> bool {
        let this = |heard: &Heard| {
            heard.event_type == *event_type && heard.matches(channel_kind, author, data)
        };
        self.status == Status::Live && self.hears_from(author) && self.on.iter().any(this)
    }

    /// Whether it hears events of such an author.
    pub(crate) fn hears_from(&self, author: AuthorKind) -> bool {
        self.from.is_empty() || self.from.contains(&author)
    }
}
