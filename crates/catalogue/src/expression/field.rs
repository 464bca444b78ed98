//! What can be asked of an event: its envelope, its channel, the teams of its chat, and its data.

use std::fmt;

use serde_json::Value;
use tidings_model::{AuthorKind, Draft, GroupNumber, Timestamp};

use super::parse::did_you_mean;
use super::word::error;
use super::{ExpressionError, STEPS_MAX};
use crate::catalogue::most_like;
use crate::constraint::DataPath;

/// An event, with what is known around it.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The event; it need not have a number yet.
    pub event: &'a Draft,
    /// The kind of its channel, as `telegram`.
    pub channel_kind: Option<&'a str>,
    /// The teams that have its chat; empty outside of a chat.
    pub groups: &'a [Group<'a>],
}

/// A team.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group<'a> {
    /// Its number.
    pub number: GroupNumber,
    /// Its name in settings.
    pub key: &'a str,
}

/// One thing that can be asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Field {
    Own(Own),
    /// In the data.
    Data(DataPath),
    /// In the properties.
    Properties(DataPath),
}

macro_rules! own {
    ($($case:ident = $name:literal,)*) => {
        /// A field of the envelope, or of what is around the event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Own {
            $($case,)*
        }

        impl Own {
            pub(super) const ALL: &[Self] = &[$(Self::$case),*];

            pub(super) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$case => $name,)*
                }
            }
        }
    };
}

own! {
    Type = "type",
    Id = "id",
    Version = "version",
    Time = "time",
    ReceivedAt = "received_at",
    ChannelId = "channel.id",
    ChannelKind = "channel.kind",
    Chat = "chat",
    Thread = "thread",
    AuthorKind = "author.kind",
    AuthorId = "author.id",
    GroupKey = "group.key",
    GroupNumber = "group.number",
    Visibility = "visibility",
    CustomId = "custom_id",
    Depth = "depth",
}

impl Field {
    pub(super) fn parse(name: &str, at: usize) -> Result<Self, ExpressionError> {
        if let Some(own) = Own::ALL.iter().find(|own| own.as_str() == name) {
            return Ok(Self::Own(*own));
        }
        let path = |path: &str| {
            DataPath::parse(path).ok_or_else(|| {
                let hint = Some("names joined by single dots, at most eight".to_owned());
                error(at, format!("{name:?} is no path"), hint)
            })
        };
        if let Some(rest) = name.strip_prefix("data.") {
            return path(rest).map(Self::Data);
        }
        if let Some(rest) = name.strip_prefix("properties.") {
            return path(rest).map(Self::Properties);
        }
        let known = most_like(name, Own::ALL.iter().map(|own| own.as_str()));
        let hint = known.map_or_else(
            || {
                format!(
                    "what belongs to the event's type is in its data: {:?}",
                    format!("data.{name}")
                )
            },
            did_you_mean,
        );
        Err(error(at, format!("there is no field {name:?}"), Some(hint)))
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(own) => f.write_str(own.as_str()),
            Self::Data(path) => write!(f, "data.{path}"),
            Self::Properties(path) => write!(f, "properties.{path}"),
        }
    }
}

/// A value of an event, as it is looked at.
#[derive(Clone, Copy)]
pub(super) enum Seen<'a> {
    Json(&'a Value),
    Text(&'a str),
    /// A UUID, written.
    Id([u8; ID_BYTES]),
    Number(u64),
    Time(Timestamp),
}

/// The bytes of a UUID as text.
const ID_BYTES: usize = 36;

impl Facts<'_> {
    /// Shows the values of a field until `ask` has seen enough and gives `true`. `false`: not all were shown, since there
    /// are more than [`STEPS_MAX`].
    pub(super) fn show(&self, field: &Field, ask: &mut dyn FnMut(Seen<'_>) -> bool) -> bool {
        let mut steps_left = STEPS_MAX;
        match field {
            Field::Own(own) => {
                self.show_own(*own, ask);
                true
            }
            Field::Data(path) => {
                path.show(&self.event.data, &mut steps_left, &mut |value| ask(Seen::Json(value)))
            }
            Field::Properties(path) => {
                path.show_in(&self.event.properties, &mut steps_left, &mut |value| {
                    ask(Seen::Json(value))
                })
            }
        }
    }

    fn show_own(&self, own: Own, ask: &mut dyn FnMut(Seen<'_>) -> bool) {
        let event = self.event;
        let id = |uuid: Option<uuid::Uuid>| {
            uuid.map(|uuid| {
                let mut bytes = [0; ID_BYTES];
                uuid.hyphenated().encode_lower(&mut bytes);
                Seen::Id(bytes)
            })
        };
        let seen = match own {
            Own::Type => Some(Seen::Text(event.event_type.as_str())),
            Own::Id => id(Some(event.id.uuid())),
            Own::Version => Some(Seen::Number(event.version.into())),
            Own::Time => Some(Seen::Time(event.time)),
            Own::ReceivedAt => Some(Seen::Time(event.received_at)),
            Own::ChannelId => id(event.channel.map(|channel| channel.uuid())),
            Own::ChannelKind => self.channel_kind.map(Seen::Text),
            Own::Chat => id(event.chat.map(|chat| chat.uuid())),
            Own::Thread => id(event.thread.map(|thread| thread.uuid())),
            Own::AuthorKind => Some(Seen::Text(AuthorKind::as_str(event.author.kind))),
            Own::AuthorId => Some(&*event.author.id).filter(|id| !id.is_empty()).map(Seen::Text),
            Own::Visibility => Some(Seen::Text(event.visibility.as_str())),
            Own::CustomId => event.custom_id.as_deref().map(Seen::Text),
            Own::Depth => Some(Seen::Number(event.depth.into())),
            Own::GroupKey => {
                let _enough = self.groups.iter().any(|group| ask(Seen::Text(group.key)));
                None
            }
            Own::GroupNumber => {
                let number = |group: &Group<'_>| Seen::Number(group.number.0.into());
                let _enough = self.groups.iter().any(|group| ask(number(group)));
                None
            }
        };
        if let Some(seen) = seen {
            ask(seen);
        }
    }
}
