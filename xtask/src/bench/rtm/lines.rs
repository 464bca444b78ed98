//! A line of somebody who says or hears, on each of the servers that are compared. What is said carries a mark: when.

use std::net::SocketAddr;

use anyhow::ensure;
use serde_json::json;

use super::TEXT_BYTES;
use super::nats::NatsLine;
use super::place::{log_in, request};
use crate::websocket::{TEXT, WebSocket};

/// Who fans out.
#[derive(Clone)]
pub(super) enum Kind {
    /// Tidings: to this chat.
    Tidings { token: String, chat: String },
    /// The bare broadcast.
    Bare,
    /// NATS.
    Nats,
}

/// A line to it.
pub(super) enum Line {
    Tidings(WebSocket),
    Bare(WebSocket),
    Nats(NatsLine),
}

impl Kind {
    /// A line to hear by.
    pub(super) async fn hears(&self, address: SocketAddr) -> anyhow::Result<Line> {
        Ok(match self {
            Self::Tidings { token, .. } => {
                Line::Tidings(log_in(address, token, json!({})).await?.0)
            }
            Self::Bare => Line::Bare(WebSocket::open(address, "/hear").await?),
            Self::Nats => Line::Nats(NatsLine::hears(address).await?),
        })
    }

    /// A line to speak by.
    pub(super) async fn says(&self, address: SocketAddr) -> anyhow::Result<Line> {
        Ok(match self {
            Self::Tidings { token, .. } => {
                Line::Tidings(log_in(address, token, json!({ "pushes": {} })).await?.0)
            }
            Self::Bare => Line::Bare(WebSocket::open(address, "/say").await?),
            Self::Nats => Line::Nats(NatsLine::open(address).await?),
        })
    }

    /// What is said: on all of them of about the size in which Tidings pushes it.
    pub(super) fn text(&self, mark: u128) -> String {
        let filler = "x".repeat(TEXT_BYTES);
        match self {
            Self::Tidings { chat, .. } => request(chat, &format!("at<{mark}>{filler}")),
            Self::Bare | Self::Nats => format!("at<{mark}>{filler}{}", "x".repeat(300)),
        }
    }
}

impl Line {
    pub(super) async fn say(&mut self, text: &str) -> anyhow::Result<()> {
        match self {
            Self::Tidings(socket) | Self::Bare(socket) => socket.send(text).await?,
            Self::Nats(line) => line.say(text).await?,
        }
        Ok(())
    }

    /// Waits for the answer to what was said, where there is one.
    pub(super) async fn is_answered(&mut self) -> anyhow::Result<()> {
        if let Self::Tidings(socket) = self {
            super::place::answered(socket).await?;
        }
        Ok(())
    }

    /// Waits until something was heard; gives its mark.
    pub(super) async fn hear(&mut self) -> anyhow::Result<u64> {
        let payload = match self {
            Self::Tidings(socket) | Self::Bare(socket) => {
                let frame = socket.next().await?;
                ensure!(frame.opcode == TEXT, "a listener was sent away");
                frame.payload
            }
            Self::Nats(line) => line.hear().await?,
        };
        Ok(mark_in(payload))
    }
}

/// What stands before a mark.
const MARK: &[u8] = b"at<";

fn mark_in(payload: &[u8]) -> u64 {
    number_after(MARK, payload).unwrap_or_default()
}

/// The number that stands behind something in a frame: reading all of its JSON would cost more than the server does.
pub(super) fn number_after(before: &[u8], payload: &[u8]) -> Option<u64> {
    let at = payload.windows(before.len()).position(|window| window == before)?;
    let digits = payload.get(at + before.len()..)?.iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_again() {
        let kind = Kind::Tidings { token: String::new(), chat: "c".into() };
        assert_eq!(mark_in(kind.text(123_456).as_bytes()), 123_456);
        assert_eq!(mark_in(Kind::Bare.text(7).as_bytes()), 7);
        assert_eq!(mark_in(b"nothing"), 0);
        assert_eq!(number_after(b"\"seq\":", b"{\"seq\":71,"), Some(71));
    }
}
