//! The settings of one Telegram channel: one bot of Telegram. Read from the `settings` of the channel document, secrets
//! unsealed; called when a channel is made, changed or started. An unknown key is an error, and every error names its field.

use std::fmt;
use std::hint::black_box;

use serde::Deserialize;
use serde_json::{Map, Value};
use url::{Host, Url};

/// Where Telegram answers bots.
pub const API_BASE: &str = "https://api.telegram.org";

/// The largest file that `getFile` gives out, in bytes: "Maximum file size to download is 20 MB" (Bot API, getFile; the
/// server's source says `20 << 20`). A Bot API server of one's own has no such limit.
pub const FILE_SIZE_MAX: u64 = 20 << 20;

/// The largest file that a Bot API server of one's own handles, in bytes (Bot API, "Using a Local Bot API Server").
pub const LOCAL_FILE_SIZE_MAX: u64 = 2000 << 20;

/// How long an album may be quiet before it is whole, in milliseconds, unless set. The parts of one album leave Telegram
/// together, and arrive one after another: a second covers a slow network and is short for the one who waits.
pub const ALBUM_WINDOW_MS: u64 = 1_000;

/// The longest album window, in milliseconds: a person waits for the answer.
pub const ALBUM_WINDOW_MS_MAX: u64 = 10_000;

/// How long `getUpdates` waits for an update, in seconds, unless set. The server caps it at 50.
pub const POLLING_TIMEOUT_S: u64 = 50;

/// How many webhook requests Telegram may have open at once, unless set (Bot API, setWebhook).
pub const CONNECTIONS: u64 = 40;

/// The most that Telegram allows (Bot API, setWebhook).
pub const CONNECTIONS_MAX: u64 = 100;

/// The longest `secret_token`, in bytes (Bot API, setWebhook).
pub const SECRET_TOKEN_BYTES_MAX: usize = 256;

/// The longest error that a payer reads. The Bot API names no limit; 200 is that of a callback query's answer.
pub const REFUSAL_CHARS_MAX: usize = 200;

/// The settings, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The bot's token, as `@BotFather` gave it.
    pub token: Secret,
    /// How updates come.
    pub mode: Mode,
    /// What Telegram says in `X-Telegram-Bot-Api-Secret-Token`; always there in webhook mode.
    pub secret_token: Option<Secret>,
    /// Where the Bot API is, without a slash at the end.
    pub api_base: String,
    /// Larger files become `chat.file_too_big`; in bytes.
    pub file_size_max: u64,
    /// What a pre-checkout query is answered when no behavior did in time.
    pub precheckout_default: PrecheckoutDefault,
    /// How long an album may be quiet before it is whole, in milliseconds.
    pub album_window_ms: u64,
    /// How long one poll waits, in seconds.
    pub polling_timeout_s: u64,
    /// How many webhook requests Telegram may have open at once.
    pub max_connections: u64,
}

/// How updates come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Telegram calls us.
    Webhook,
    /// We ask.
    Polling,
}

/// What a pre-checkout query is answered when no behavior did in time: `"ok"` or `{"refuse": "a reason"}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrecheckoutDefault {
    /// The payment goes on.
    Ok,
    /// It does not; the payer reads the reason.
    Refuse(String),
}

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text, for the one call that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether this is the same text. Takes as long for a wrong text of the right length as for the right one.
    pub fn matches(&self, given: &[u8]) -> bool {
        let own = self.0.as_bytes();
        let mut difference = u8::from(own.len() != given.len());
        for (own, given) in own.iter().zip(given) {
            difference |= black_box(own ^ given);
        }
        black_box(difference) == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Settings {
    /// Reads and checks the settings of a channel document.
    pub fn read(settings: &Map<String, Value>) -> Result<Self, InvalidSettings> {
        if let Some(unknown) = settings.keys().find(|key| !FIELDS.contains(&key.as_str())) {
            return Err(InvalidSettings::Unknown {
                field: unknown.chars().take(FIELD_CHARS_SHOWN).collect(),
            });
        }
        let token: String = required(settings, "token", "text, as @BotFather gave it")?;
        if !is_token(&token) {
            return Err(invalid(
                "token",
                "a bot's number, a colon and a key, as 123456789:AAE... from @BotFather",
            ));
        }
        let mode: Mode = optional(settings, "mode", "webhook or polling")?.unwrap_or(Mode::Webhook);
        let secret_token: Option<String> = optional(settings, "secret_token", "text")?;
        if secret_token.as_deref().is_some_and(|secret| !is_secret_token(secret)) {
            return Err(invalid("secret_token", "1 to 256 characters of A-Z, a-z, 0-9, _ and -"));
        }
        if mode == Mode::Webhook && secret_token.is_none() {
            return Err(InvalidSettings::Missing {
                field: "secret_token",
                why: "a webhook without one takes updates from anybody",
            });
        }
        let api_base = read_api_base(optional(settings, "api_base", "an address")?)?;
        let ceiling = if api_base == API_BASE { FILE_SIZE_MAX } else { LOCAL_FILE_SIZE_MAX };
        let file_size_max = within(settings, "file_size_max", FILE_SIZE_MAX, 1, ceiling)?;
        let precheckout_default =
            optional(settings, "precheckout_default", "\"ok\" or {\"refuse\": \"a reason\"}")?
                .unwrap_or_else(|| PrecheckoutDefault::Refuse(REFUSAL.to_owned()));
        if let PrecheckoutDefault::Refuse(reason) = &precheckout_default
            && !(1..=REFUSAL_CHARS_MAX).contains(&reason.chars().count())
        {
            return Err(invalid("precheckout_default", "a reason of 1 to 200 characters"));
        }
        Ok(Self {
            token: Secret(token),
            mode,
            secret_token: secret_token.map(Secret),
            api_base,
            file_size_max,
            precheckout_default,
            album_window_ms: within(
                settings,
                "album_window_ms",
                ALBUM_WINDOW_MS,
                0,
                ALBUM_WINDOW_MS_MAX,
            )?,
            polling_timeout_s: within(
                settings,
                "polling_timeout_s",
                POLLING_TIMEOUT_S,
                0,
                POLLING_TIMEOUT_S,
            )?,
            max_connections: within(settings, "max_connections", CONNECTIONS, 1, CONNECTIONS_MAX)?,
        })
    }

    /// Whether the header `X-Telegram-Bot-Api-Secret-Token` is the one that was agreed. Without a secret nothing is let in.
    pub fn lets_in(&self, header: Option<&[u8]>) -> bool {
        match (&self.secret_token, header) {
            (Some(secret), Some(given)) => secret.matches(given),
            (Some(_) | None, _) => false,
        }
    }

    /// The bot's own number: the front of its token, which is no secret.
    pub fn bot_id(&self) -> Option<i64> {
        self.token.reveal().split_once(':').and_then(|(number, _)| number.parse().ok())
    }
}

/// What a payer reads when nothing was decided. Closed by default: nobody pays for what nobody promised.
const REFUSAL: &str = "Sorry, this order cannot be taken right now. Nothing was charged.";

const FIELDS: [&str; 9] = [
    "token",
    "mode",
    "secret_token",
    "api_base",
    "file_size_max",
    "precheckout_default",
    "album_window_ms",
    "polling_timeout_s",
    "max_connections",
];

/// How much of an unknown key an error repeats.
const FIELD_CHARS_SHOWN: usize = 64;

/// Settings that a channel cannot start with.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidSettings {
    /// A field that must be there is not.
    #[error("settings.{field} is missing: {why}")]
    Missing {
        /// Which.
        field: &'static str,
        /// What it is for.
        why: &'static str,
    },
    /// A field is not what it must be.
    #[error("settings.{field} must be {expected}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What it must be.
        expected: String,
    },
    /// There is no such field.
    #[error(
        "settings.{field} is not known here; there are token, mode, secret_token, api_base, file_size_max, precheckout_default, album_window_ms, polling_timeout_s, max_connections"
    )]
    Unknown {
        /// Which.
        field: String,
    },
}

impl InvalidSettings {
    /// The field, for the `pointer` of a problem.
    pub fn field(&self) -> &str {
        match self {
            Self::Missing { field, .. } | Self::Invalid { field, .. } => field,
            Self::Unknown { field } => field,
        }
    }
}

fn invalid(field: &'static str, expected: impl Into<String>) -> InvalidSettings {
    InvalidSettings::Invalid { field, expected: expected.into() }
}

/// The value itself is never repeated: it may be a secret in the wrong place.
fn optional<'a, T: Deserialize<'a>>(
    settings: &'a Map<String, Value>,
    field: &'static str,
    expected: &'static str,
) -> Result<Option<T>, InvalidSettings> {
    match settings.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => T::deserialize(value).map(Some).map_err(|_| invalid(field, expected)),
    }
}

fn required<'a, T: Deserialize<'a>>(
    settings: &'a Map<String, Value>,
    field: &'static str,
    expected: &'static str,
) -> Result<T, InvalidSettings> {
    optional(settings, field, expected)?.ok_or(InvalidSettings::Missing { field, why: expected })
}

fn within(
    settings: &Map<String, Value>,
    field: &'static str,
    default: u64,
    min: u64,
    max: u64,
) -> Result<u64, InvalidSettings> {
    match settings.get(field) {
        None | Some(Value::Null) => Ok(default),
        Some(value) => match value.as_u64() {
            Some(number) if (min..=max).contains(&number) => Ok(number),
            Some(_) | None => Err(invalid(field, format!("a whole number from {min} to {max}"))),
        },
    }
}

/// A number, a colon and a key. Telegram's keys have 35 characters today; nothing promises it.
fn is_token(token: &str) -> bool {
    let Some((number, key)) = token.split_once(':') else { return false };
    let number_fits =
        (1..=16).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    number_fits && (30..=64).contains(&key.len()) && key.bytes().all(is_secret_byte)
}

fn is_secret_token(secret: &str) -> bool {
    (1..=SECRET_TOKEN_BYTES_MAX).contains(&secret.len()) && secret.bytes().all(is_secret_byte)
}

fn is_secret_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// The token is part of every path, so it travels in the open only where nobody else listens.
fn read_api_base(given: Option<String>) -> Result<String, InvalidSettings> {
    const EXPECTED: &str =
        "an address as https://api.telegram.org, or http:// to a server on a private network";
    let Some(given) = given else { return Ok(API_BASE.to_owned()) };
    let url = Url::parse(&given).map_err(|_| invalid("api_base", EXPECTED))?;
    let plain_is_safe = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || !name.contains('.'),
        Some(Host::Ipv4(ip)) => ip.is_loopback() || ip.is_private(),
        Some(Host::Ipv6(ip)) => ip.is_loopback() || ip.is_unique_local(),
        None => false,
    };
    let scheme_fits = url.scheme() == "https" || (url.scheme() == "http" && plain_is_safe);
    let bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !scheme_fits || !bare {
        return Err(invalid("api_base", EXPECTED));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}
