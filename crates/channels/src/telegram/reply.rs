//! How a call went. Every answer of the Bot API is one JSON object with `ok`; its HTTP status repeats `error_code`.

use serde::Deserialize;
use serde_json::Value;

use super::rates::RETRY_AFTER_S_MAX;

/// The longest answer to a call that is read, in bytes: a message with its keyboard. `getUpdates` has its own,
/// [`super::answers::UPDATES_BYTES_MAX`].
pub const REPLY_BYTES_MAX: usize = 1 << 20;

/// How much of a description is kept, in characters.
const DESCRIPTION_CHARS_MAX: usize = 500;

/// How a call went.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// It was done.
    Ok {
        /// The id of the message that was made, where one was.
        message_id: Option<String>,
    },
    /// Too many calls: wait, then the same again.
    RateLimited {
        /// How long, in seconds; at most [`RETRY_AFTER_S_MAX`].
        retry_after_s: u64,
    },
    /// The group became a supergroup and has another id: the same again, to there, and from now on.
    Migrated {
        /// The new id.
        to_chat: i64,
    },
    /// Telegram said no.
    Refused {
        /// As HTTP's: 400 wrong, 401 no such bot, 403 not allowed (blocked), 404 no such method, 409 two readers, 5xx
        /// Telegram's own trouble.
        error_code: i64,
        /// Why, in Telegram's words.
        description: String,
    },
    /// The answer is not one of the Bot API: a proxy's page, or half of it.
    Unreadable {
        /// The HTTP status.
        status: u16,
    },
}

/// What to do after a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Nothing: it is done.
    Done,
    /// The same call again, after at least this many seconds; the caller adds its own schedule.
    TryAgain {
        /// In seconds.
        after_s: u64,
    },
    /// The same call to this chat, at once.
    SendTo {
        /// Its id.
        chat: i64,
    },
    /// It fails the same way every time: raise `channel.request_failed`.
    GiveUp,
    /// The token is not valid: no call of this channel will pass until it is changed.
    StopChannel,
}

impl Reply {
    /// What to do next. A second try after an unreadable answer may make a second message; a lost one is worse.
    pub fn next_step(&self) -> NextStep {
        match self {
            Self::Ok { .. } => NextStep::Done,
            Self::RateLimited { retry_after_s } => NextStep::TryAgain { after_s: *retry_after_s },
            Self::Migrated { to_chat } => NextStep::SendTo { chat: *to_chat },
            Self::Refused { error_code: 401, .. } => NextStep::StopChannel,
            Self::Refused { error_code: 409 | 500..=599, .. } => NextStep::TryAgain { after_s: 1 },
            Self::Refused { .. } => NextStep::GiveUp,
            Self::Unreadable { status: 200..=299 | 408 | 425 | 429 | 500..=599 } => {
                NextStep::TryAgain { after_s: 1 }
            }
            Self::Unreadable { .. } => NextStep::GiveUp,
        }
    }

    /// Whether the person blocked the bot or left Telegram: nothing sent there will arrive (403).
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Refused { error_code: 403, .. })
    }
}

/// Reads the answer to a call.
pub fn read_reply(status: u16, body: &[u8]) -> Reply {
    let Ok(answer) = serde_json::from_slice::<Answer>(body) else {
        return Reply::Unreadable { status };
    };
    if answer.ok {
        return Reply::Ok { message_id: message_id(answer.result.as_ref()) };
    }
    let parameters = answer.parameters.unwrap_or_default();
    if let Some(to_chat) = parameters.migrate_to_chat_id {
        return Reply::Migrated { to_chat };
    }
    let error_code = answer.error_code.unwrap_or_else(|| i64::from(status));
    if error_code == 429 {
        return Reply::RateLimited {
            retry_after_s: parameters.retry_after.unwrap_or(1).min(RETRY_AFTER_S_MAX),
        };
    }
    let description =
        answer.description.unwrap_or_default().chars().take(DESCRIPTION_CHARS_MAX).collect();
    Reply::Refused { error_code, description }
}

#[derive(Deserialize)]
struct Answer {
    ok: bool,
    #[serde(default)]
    result: Option<Value>,
    #[serde(default)]
    error_code: Option<i64>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parameters: Option<Parameters>,
}

#[derive(Default, Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

/// A media group answers with a list: its first message stands for all.
fn message_id(result: Option<&Value>) -> Option<String> {
    let result = result?;
    let message = result.as_array().map_or(Some(result), |list| list.first())?;
    message.get("message_id").and_then(Value::as_i64).map(|id| id.to_string())
}
