//! What a change of a type does to others: to who reads its events, and to who sends them.
//!
//! A reader relied on every event being as the old schema says. So whatever the new one lets through that the old one did
//! not breaks readers: a field that is promised no more, a wider type, another word in a list of choices. A sender relied
//! on what they send being taken, so whatever is refused now breaks senders: a new required field, a narrower type. A new
//! optional field breaks nobody: readers pass over what they do not know. Where two schemas cannot be told apart, both
//! count as broken: it is better to raise a version too often than to surprise somebody.

mod placed;
mod schemas;

use self::placed::placed;
use self::schemas::Changes;
use super::wrong::{WrongCode, step};
use crate::event_type::{EventType, Status};

/// How many changes one comparison tells of.
pub const CHANGES_MAX: usize = 100;

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where, as a JSON pointer into the type, with all parts of the schema in their places.
    pub pointer: String,
    /// What kind of change it is; it never changes its meaning.
    pub code: ChangeCode,
    /// Whether somebody who reads such events may meet what they did not expect.
    pub breaks_readers: bool,
    /// Whether somebody who sends such events may be refused.
    pub breaks_senders: bool,
    /// What differs, as a sentence.
    pub message: String,
}

impl Change {
    /// Whether it breaks anybody.
    pub const fn is_breaking(&self) -> bool {
        self.breaks_readers || self.breaks_senders
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// A kind of change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ChangeCode {
            $($(#[$doc])* $name,)*
        }

        impl ChangeCode {
            /// The code as it stands in answers.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

codes! {
    /// A field is described that was not.
    FieldAdded = "field_added",
    /// A field is described no more.
    FieldRemoved = "field_removed",
    /// A field must be there that need not.
    FieldRequired = "field_required",
    /// A field need not be there that had to.
    FieldOptional = "field_optional",
    /// The kinds of values that are allowed differ.
    TypeChanged = "type_changed",
    /// The choices differ.
    ChoicesChanged = "choices_changed",
    /// A limit is narrower or wider.
    LimitChanged = "limit_changed",
    /// The form that a text must have differs.
    FormChanged = "form_changed",
    /// Something else differs in what is allowed.
    RuleChanged = "rule_changed",
    /// A name that led to the type leads there no more, or under other conditions.
    AliasRemoved = "alias_removed",
    /// Another name leads to the type.
    AliasAdded = "alias_added",
    /// Behaviors that could hear it cannot.
    HeardByFewer = "heard_by_fewer",
    /// More behaviors can hear it.
    HeardByMore = "heard_by_more",
    /// What is said of it to people differs.
    WordsChanged = "words_changed",
}

/// What differs between a type as it was and as it is to be.
pub fn compare(old: &EventType, new: &EventType) -> Vec<Change> {
    let mut changes = Changes { found: Vec::new() };
    let (before, after) = (placed(old.schema()), placed(new.schema()));
    changes.schema("/schema", &before, &after);
    for alias in old.aliases.iter().filter(|alias| !new.aliases.contains(alias)) {
        let message = format!("{:?} does not stand for the same events any more", alias.name);
        changes.add("/aliases".into(), ChangeCode::AliasRemoved, (true, true), message);
    }
    for alias in new.aliases.iter().filter(|alias| !old.aliases.contains(alias)) {
        let message = format!("{:?} stands for it as well", alias.name);
        changes.add("/aliases".into(), ChangeCode::AliasAdded, (false, false), message);
    }
    for each in old.heard_by.iter().filter(|each| !new.heard_by.contains(each)) {
        let message = format!("{} does not hear it any more", each.as_str());
        changes.add("/heard_by".into(), ChangeCode::HeardByFewer, (true, false), message);
    }
    for each in new.heard_by.iter().filter(|each| !old.heard_by.contains(each)) {
        let message = format!("{} hears it as well", each.as_str());
        changes.add("/heard_by".into(), ChangeCode::HeardByMore, (false, false), message);
    }
    for (field, differs) in [
        ("title", old.title != new.title),
        ("description", old.description != new.description),
        ("group", old.group != new.group),
        ("raised_by", old.raised_by != new.raised_by),
        ("channels", old.channels != new.channels),
        ("sample", old.sample() != new.sample()),
    ] {
        if differs {
            let message = format!("the {field} differs");
            changes.add(step("", field), ChangeCode::WordsChanged, (false, false), message);
        }
    }
    changes.found
}

/// Why a type cannot become another one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct VersionFault {
    /// Which fault.
    pub code: WrongCode,
    /// The field that is at fault.
    pub pointer: &'static str,
    /// What to do.
    pub message: String,
    /// What differs.
    pub changes: Vec<Change>,
}

/// Whether a type may become another one, and what differs then. A draft may become anything; a stable type's version is
/// raised by one where somebody breaks, and stays where nobody does.
pub fn judge(old: &EventType, new: &EventType) -> Result<Vec<Change>, VersionFault> {
    let changes = compare(old, new);
    if old.status == Status::Draft {
        return Ok(changes);
    }
    if new.status == Status::Draft {
        return Err(VersionFault {
            code: WrongCode::NoDraftAgain,
            pointer: "/status",
            message: "must stay stable: others may rely on it".into(),
            changes,
        });
    }
    let breaks = changes.iter().any(Change::is_breaking);
    let wanted = if breaks { old.version.saturating_add(1) } else { old.version };
    if new.version == wanted {
        return Ok(changes);
    }
    let message = if breaks {
        format!("must be {wanted}: the change breaks who relies on version {}", old.version)
    } else {
        format!("must stay {wanted}: the change breaks nobody")
    };
    Err(VersionFault { code: WrongCode::WrongVersion, pointer: "/version", message, changes })
}
