//! What a behavior wants done. The interpreter only says so; `app` commits it, in the order given, or none of it.

use serde_json::{Map, Value};
use tidings_model::{AgentId, BotName, GroupName, Timestamp, TypeName};

use crate::wanted::Wanted;

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Say something to the customer; needs the control lease.
    Say(Say),
    /// Raise an event.
    Emit {
        /// Its type.
        event_type: TypeName,
        /// Its data, not yet validated against the catalogue.
        data: Value,
    },
    /// Show the customer a form: several questions at once; needs the control lease.
    Form {
        /// The data of a `chat.form`.
        data: Value,
    },
    /// Tell that the customer filled in a form, or answered a question that is one by itself.
    Filled {
        /// The data of a `chat.form_filled`.
        data: Value,
    },
    /// Answer who waits for it: the event that started the run is a question.
    Answer {
        /// The type of that event.
        event_type: String,
        /// The answer, not yet validated against the catalogue.
        value: Value,
    },
    /// Put labels on the chat and take others off.
    Label {
        /// To put on.
        add: Vec<String>,
        /// To take off.
        remove: Vec<String>,
    },
    /// Set a variable of the chat; null removes it.
    SetChatVariable {
        /// Its name.
        name: String,
        /// Its value.
        value: Value,
    },
    /// Write a note that only agents see.
    Note {
        /// Its text.
        text: String,
    },
    /// Close the chat.
    Close {
        /// Why, for people.
        reason: String,
    },
    /// Give the control lease to a queue or an agent.
    HandOver {
        /// To whom.
        to: HandOverTo,
        /// Why, for people.
        reason: String,
    },
    /// Take the control lease back to this bot, from the queue or from nobody; never from an agent.
    GiveBack,
    /// Give the control lease on to a bot, if another one has it: a public behavior talks in place of who called it.
    PassControl {
        /// The one who has it.
        from: BotName,
        /// The one who gets it.
        to: BotName,
    },
    /// Change what is about to happen: these fields have these values.
    Change {
        /// The fields.
        fields: Map<String, Value>,
    },
    /// Refuse what is about to happen.
    Refuse {
        /// Why, for who wanted it.
        reason: String,
    },
    /// Tell agents something.
    Notify(Notify),
    /// Make an agent the owner of the chat, or nobody.
    Assign {
        /// Who.
        agent: Option<AgentId>,
    },
    /// Give the chat to another group.
    Move {
        /// Which.
        group: GroupName,
    },
    /// Wake this run at a time; there is one such timer per run, and setting it again moves it.
    SetTimer {
        /// When.
        due: Timestamp,
    },
    /// Do not wake this run.
    CancelTimer,
}

impl Effect {
    /// Whether a behavior may have it that is asked before something happens: it decides, and waits for what it asked.
    pub(crate) const fn is_of_before(&self) -> bool {
        match self {
            Self::Change { .. }
            | Self::Refuse { .. }
            | Self::SetTimer { .. }
            | Self::CancelTimer => true,
            Self::Say(_)
            | Self::Emit { .. }
            | Self::Form { .. }
            | Self::Filled { .. }
            | Self::Answer { .. }
            | Self::Label { .. }
            | Self::SetChatVariable { .. }
            | Self::Note { .. }
            | Self::Close { .. }
            | Self::HandOver { .. }
            | Self::GiveBack
            | Self::PassControl { .. }
            | Self::Notify(_)
            | Self::Assign { .. }
            | Self::Move { .. } => false,
        }
    }
}

/// Something to say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Say {
    /// The text.
    pub text: String,
    /// Buttons below it.
    pub buttons: Vec<Button>,
    /// The address of an image beside it.
    pub image: Option<String>,
    /// The kind of answer that it asks for, where the bot's text says it.
    pub wanted: Option<Wanted>,
}

/// A button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    /// What it shows.
    pub text: String,
    /// What a press answers; the text, unless given.
    pub value: String,
    /// An address to open, for a link instead of an answer.
    pub url: Option<String>,
}

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// Who is told.
    pub to: NotifyTo,
    /// What.
    pub text: String,
    /// The address of what it is about.
    pub link: Option<String>,
}

/// Who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotifyTo {
    /// These agents.
    Agents(Vec<AgentId>),
    /// All of a team.
    Group(GroupName),
    /// The owner of the chat.
    Assignee,
}

/// To whom a chat is handed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandOverTo {
    /// Any agent.
    Anyone,
    /// A team.
    Group(GroupName),
    /// One agent.
    Agent(AgentId),
}
