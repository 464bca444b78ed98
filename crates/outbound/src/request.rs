//! A call and its answer.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde::de::DeserializeOwned;

use crate::phases::Phases;
use crate::tls::Identity;

/// The longest URL, in bytes: what common servers accept at least (RFC 9110, 4.1).
pub const URL_BYTES_MAX: usize = 8_000;

/// One call. It is made once: no redirect is followed, nothing is tried again.
#[derive(Clone)]
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// Where to, `http` or `https`, without user and password.
    pub url: &'a str,
    /// Headers; those that the connection needs are set by the client itself.
    pub headers: HeaderMap,
    /// The body; a clone of `Bytes` copies nothing.
    pub body: Bytes,
    /// Over everything: name, connection, TLS, sending, the first and the last byte of the answer.
    pub deadline: Duration,
    /// How much of the answer's body is read, counted after decompression.
    pub answer_bytes_max: usize,
}

impl fmt::Debug for Request<'_> {
    /// Without URL, headers and body: each of them can hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("deadline", &self.deadline)
            .field("answer_bytes_max", &self.answer_bytes_max)
            .finish_non_exhaustive()
    }
}

/// One call to a [`Target`](crate::Target) that was read before: what a [`Request`] has beside its URL.
#[derive(Clone)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// Headers; those that the connection needs are set by the client itself.
    pub headers: HeaderMap,
    /// The body; a clone of `Bytes` copies nothing.
    pub body: Bytes,
    /// Over everything: name, connection, TLS, sending, the first and the last byte of the answer.
    pub deadline: Duration,
    /// How much of the answer's body is read, counted after decompression.
    pub answer_bytes_max: usize,
    /// Who we are to the receiver; `None` for nobody in particular.
    pub identity: Option<Identity>,
}

impl fmt::Debug for Call {
    /// Without headers and body: each of them can hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &self.method)
            .field("deadline", &self.deadline)
            .field("answer_bytes_max", &self.answer_bytes_max)
            .finish_non_exhaustive()
    }
}

/// What came back. Any status is an answer, also 302 and 500.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The first bytes of the body, at most as many as were asked for.
    pub body_head: Bytes,
    /// Whether the body had more.
    pub truncated: bool,
    /// From the call to the last byte that was read.
    pub duration: Duration,
    /// How long each part of the call took.
    pub phases: Phases,
    /// The address that answered; with a proxy, the proxy's. Not for logs.
    pub address: Option<SocketAddr>,
}

impl Answer {
    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_slice(&self.body_head)
    }

    /// The head of the body as text, for people: what is not UTF-8 is replaced, a letter cut in two is left out.
    pub fn text_head(&self) -> String {
        let mut text = String::with_capacity(self.body_head.len());
        let mut chunks = self.body_head.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            text.push_str(chunk.valid());
            let cut_off = self.truncated && chunks.peek().is_none();
            if !chunk.invalid().is_empty() && !cut_off {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        text
    }
}
