//! Where at a broker: checked when it is read, so that whoever has an [`Address`] may send there.
//!
//! As text it is the broker's word, a colon and the place: `nats:orders.created`, `rabbitmq:exchange/routing.key`,
//! `rabbitmq:/queue`, `redis:stream?max_len=10000`, `kafka:topic`, `file:name`.

use std::fmt;
use std::str::FromStr;

use crate::broker::Kind;

/// The longest subject of NATS, in bytes: its servers take a line of 4096 with all that stands in it.
const SUBJECT_BYTES_MAX: usize = 255;

/// The longest name in AMQP, in bytes: its short strings end there.
const AMQP_BYTES_MAX: usize = 255;

/// The longest name of a stream of Redis, in bytes.
const STREAM_BYTES_MAX: usize = 512;

/// The longest name of a topic, in bytes: Kafka's own limit, as files are named so.
const TOPIC_BYTES_MAX: usize = 249;

/// The longest name of a row of files, in bytes.
const FILE_BYTES_MAX: usize = 100;

/// Where at a broker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A subject to which a stream of JetStream listens.
    Nats {
        /// It, without wildcards.
        subject: String,
    },
    /// An exchange of RabbitMQ.
    Rabbit {
        /// Its name; empty for the one that leads to queues by their names.
        exchange: String,
        /// What it goes by.
        routing_key: String,
    },
    /// A stream of Redis.
    Redis {
        /// Its key.
        stream: String,
        /// About how many entries it keeps; unset, all.
        max_len: Option<u64>,
    },
    /// A topic of Kafka.
    Kafka {
        /// Its name.
        topic: String,
    },
    /// A row of files.
    File {
        /// What their names begin with.
        name: String,
    },
}

/// A text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct WrongAddress {
    /// Which part of it.
    pub field: &'static str,
    /// What is wrong with it.
    pub why: String,
}

fn wrong(field: &'static str, why: impl Into<String>) -> WrongAddress {
    WrongAddress { field, why: why.into() }
}

impl Address {
    /// What is spoken there.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Nats { .. } => Kind::Nats,
            Self::Rabbit { .. } => Kind::Rabbit,
            Self::Redis { .. } => Kind::Redis,
            Self::Kafka { .. } => Kind::Kafka,
            Self::File { .. } => Kind::File,
        }
    }

    /// Whether it may be sent there, for who made an address without reading one.
    ///
    /// # Errors
    /// With the field that is wrong.
    pub fn check(&self) -> Result<(), WrongAddress> {
        match self {
            Self::Nats { subject } => check_subject(subject),
            Self::Rabbit { exchange, routing_key } => {
                check_text("exchange", exchange, 0, AMQP_BYTES_MAX)?;
                if exchange.contains('/') {
                    return Err(wrong("exchange", "must not have a `/`"));
                }
                // By the exchange without a name, the routing key is a queue's name.
                check_text("routing_key", routing_key, exchange.is_empty().into(), AMQP_BYTES_MAX)
            }
            Self::Redis { stream, max_len } => {
                check_text("stream", stream, 1, STREAM_BYTES_MAX)?;
                if stream.contains('?') {
                    return Err(wrong("stream", "must not have a `?`"));
                }
                if *max_len == Some(0) {
                    return Err(wrong("max_len", "must be at least 1"));
                }
                Ok(())
            }
            Self::Kafka { topic } => check_topic(topic),
            Self::File { name } => {
                let is_good =
                    |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
                if !(1..=FILE_BYTES_MAX).contains(&name.len()) || !name.bytes().all(is_good) {
                    let why =
                        format!("must have 1 to {FILE_BYTES_MAX} letters, digits, `-` or `_`");
                    return Err(wrong("name", why));
                }
                Ok(())
            }
        }
    }
}

fn check_text(
    field: &'static str,
    text: &str,
    bytes_min: usize,
    bytes_max: usize,
) -> Result<(), WrongAddress> {
    if text.len() < bytes_min {
        return Err(wrong(field, "must not be empty"));
    }
    if text.len() > bytes_max {
        return Err(wrong(field, format!("must have at most {bytes_max} bytes")));
    }
    if text.chars().any(char::is_control) {
        return Err(wrong(field, "must not have control characters"));
    }
    Ok(())
}

fn check_topic(topic: &str) -> Result<(), WrongAddress> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let is_right_size = (1..=TOPIC_BYTES_MAX).contains(&topic.len());
    if !is_right_size || !topic.bytes().all(is_good) || matches!(topic, "." | "..") {
        let why = format!("must have 1 to {TOPIC_BYTES_MAX} letters, digits, `.`, `-` or `_`");
        return Err(wrong("topic", why));
    }
    Ok(())
}

fn check_subject(subject: &str) -> Result<(), WrongAddress> {
    check_text("subject", subject, 1, SUBJECT_BYTES_MAX)?;
    if subject.contains(char::is_whitespace) || subject.contains(['*', '>']) {
        return Err(wrong("subject", "must not have blanks or the wildcards `*` and `>`"));
    }
    if subject.split('.').any(str::is_empty) {
        return Err(wrong("subject", "must have a word before and after each dot"));
    }
    if subject.starts_with(['$', '_']) {
        return Err(wrong("subject", "must not begin with `$` or `_`, which are NATS's own"));
    }
    Ok(())
}

impl FromStr for Address {
    type Err = WrongAddress;

    fn from_str(text: &str) -> Result<Self, WrongAddress> {
        let (kind, place) = text.split_once(':').unwrap_or((text, ""));
        let address = match kind {
            "nats" => Self::Nats { subject: place.into() },
            "rabbitmq" => {
                let parts = place.split_once('/').ok_or_else(|| {
                    wrong("exchange", "write `rabbitmq:exchange/routing.key`, or `rabbitmq:/queue`")
                })?;
                Self::Rabbit { exchange: parts.0.into(), routing_key: parts.1.into() }
            }
            "redis" => read_redis(place)?,
            "kafka" => Self::Kafka { topic: place.into() },
            "file" => Self::File { name: place.into() },
            _ => {
                let why = "must begin with `nats:`, `rabbitmq:`, `redis:`, `kafka:` or `file:`";
                return Err(wrong("address", why));
            }
        };
        address.check()?;
        Ok(address)
    }
}

fn read_redis(place: &str) -> Result<Address, WrongAddress> {
    let (stream, options) = place.split_once('?').unwrap_or((place, ""));
    let max_len = match options.strip_prefix("max_len=") {
        Some(number) => {
            let why = "must be a whole number, at least 1";
            Some(number.parse().map_err(|_| wrong("max_len", why))?)
        }
        None if place.contains('?') => {
            return Err(wrong("stream", "only `?max_len=` and a number may follow it"));
        }
        None => None,
    };
    Ok(Address::Redis { stream: stream.into(), max_len })
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.kind())?;
        match self {
            Self::Nats { subject } => f.write_str(subject),
            Self::Rabbit { exchange, routing_key } => write!(f, "{exchange}/{routing_key}"),
            Self::Redis { stream, max_len: None } => f.write_str(stream),
            Self::Redis { stream, max_len: Some(length) } => {
                write!(f, "{stream}?max_len={length}")
            }
            Self::Kafka { topic } => f.write_str(topic),
            Self::File { name } => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_is_shown() {
        for text in [
            "nats:orders.created",
            "rabbitmq:events/chat.message/new",
            "rabbitmq:/queue",
            "rabbitmq:fanout/",
            "redis:tidings:events",
            "redis:s?max_len=10000",
            "kafka:tidings.events-1_a",
            "file:events-1",
        ] {
            let address: Address = text.parse().unwrap_or_else(|wrong| panic!("{text}: {wrong}"));
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, told) in [
            ("", "address: must begin"),
            ("http://a", "address: must begin"),
            ("nats:", "subject: must not be empty"),
            ("nats:a..b", "subject: must have a word"),
            ("nats:a.>", "subject: must not have blanks"),
            ("nats:a b", "subject: must not have blanks"),
            ("nats:$JS.API", "subject: must not begin"),
            ("nats:_INBOX.x", "subject: must not begin"),
            ("rabbitmq:queue", "exchange: write"),
            ("rabbitmq:/", "routing_key: must not be empty"),
            ("rabbitmq:a\u{7}/b", "exchange: must not have control"),
            ("redis:?max_len=1", "stream: must not be empty"),
            ("redis:a?max_len=many", "max_len: must be"),
            ("redis:a?max_len=0", "max_len: must be"),
            ("redis:a?maxlen=1", "stream: only"),
            ("kafka:a/b", "topic: must have"),
            ("kafka:..", "topic: must have"),
            ("file:../secret", "name: must have"),
            ("file:", "name: must have"),
        ] {
            let wrong = text.parse::<Address>().expect_err(text).to_string();
            assert!(wrong.starts_with(told), "{text}: {wrong}");
        }
        let long = format!("rabbitmq:/{}", "q".repeat(256)).parse::<Address>();
        assert_eq!(long.expect_err("it is long").field, "routing_key");
    }
}
