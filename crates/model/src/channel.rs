//! One connection to an outside service: one Telegram bot, one mailbox, one chat page.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{BotName, ChannelId};

/// One connection to an outside service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    /// Its id; part of its address, `/channels/{id}`.
    pub id: ChannelId,
    /// Which service.
    pub kind: ChannelKind,
    /// Its name, for people.
    pub name: String,
    /// The bot that holds a new chat's control lease; without one, nobody does.
    #[serde(default)]
    pub bot: Option<BotName>,
    /// Whether it takes and sends.
    pub enabled: bool,
    /// The settings of its kind; each channel's folder says which. Secrets in it are sealed.
    #[serde(default)]
    pub settings: Map<String, Value>,
}

/// The setting of a channel by which its clients show no forms: `false`, for pages of one's own that draw none.
pub const FORMS: &str = "forms";

impl Channel {
    /// What it can show of a question: what its kind can, unless its settings say less.
    pub fn shows(&self) -> Shows {
        let shows = self.kind.shows();
        let has_forms = self.settings.get(FORMS) != Some(&Value::Bool(false));
        Shows { forms: shows.forms && has_forms, ..shows }
    }
}

/// The services that we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// The Telegram Bot API.
    Telegram,
    /// Our own chat page.
    Web,
}

impl ChannelKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Telegram, Self::Web];

    /// The word for it: in JSON, and in the catalogue's constraints.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Telegram => "telegram",
            Self::Web => "web",
        }
    }

    /// What it can show of a question. What it cannot becomes the nearest thing, never an error; so a kind that says
    /// [`Shows::TEXT`] has every question as a text.
    pub const fn shows(self) -> Shows {
        match self {
            Self::Telegram => Shows { buttons: 50, pictures: true, forms: false },
            // The most buttons of an element of a rich message (Chat API, "up to 13 buttons").
            Self::Web => Shows { buttons: 13, pictures: true, forms: true },
        }
    }
}

/// What a channel can show of a question; a plain text, unless said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shows {
    /// How many buttons below one message.
    pub buttons: usize,
    /// Whether a message may have several pictures, each with a button.
    pub pictures: bool,
    /// Whether several questions stand together, and are answered at once.
    pub forms: bool,
}

impl Shows {
    /// A channel of plain texts.
    pub const TEXT: Self = Self { buttons: 0, pictures: false, forms: false };
}
