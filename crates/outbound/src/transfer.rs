//! Large bodies, piece by piece: no file is ever whole in memory, whichever way it goes.
//!
//! For the store of files, whose address the operator set. What [`Client`] promises holds here too, but for the time: a
//! body that is read takes as long as its reader, and each piece of it has a deadline.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::client::{Client, read_head};
use crate::error::{FailKind, SendError, of_exchange};

/// An answer whose body was not read yet.
#[derive(Debug)]
pub struct Opened {
    response: reqwest::Response,
}

impl Opened {
    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The next piece of the body, which must come within this time; `None` at its end.
    pub async fn piece(&mut self, deadline: Duration) -> Result<Option<Bytes>, SendError> {
        match tokio::time::timeout(deadline, self.response.chunk()).await {
            Ok(piece) => piece.map_err(of_exchange),
            Err(_elapsed) => Err(SendError::failed(FailKind::TimedOut)),
        }
    }

    /// The head of the body, at most so many bytes: for an answer that tells what went wrong.
    pub async fn head(mut self, bytes_max: usize, deadline: Duration) -> Result<Bytes, SendError> {
        match tokio::time::timeout(deadline, read_head(&mut self.response, bytes_max)).await {
            Ok(head) => head.map(|(head, _)| head),
            Err(_elapsed) => Err(SendError::failed(FailKind::TimedOut)),
        }
    }
}

impl Client {
    /// Makes a call without a body, and gives its answer before the body was read. The deadline is for the answer's head.
    pub async fn open(
        &self,
        method: Method,
        url: &str,
        mut headers: HeaderMap,
        deadline: Duration,
    ) -> Result<Opened, SendError> {
        // What is asked for is the bytes as they are: a packed answer has another length, and no parts.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let exchange = self.exchange(method, url, headers, Bytes::new());
        match tokio::time::timeout(deadline, exchange).await {
            Ok(response) => Ok(Opened { response: response? }),
            Err(_elapsed) => Err(SendError::failed(FailKind::TimedOut)),
        }
    }

    /// Puts a body of a known length, within one deadline.
    pub async fn put<S>(
        &self,
        url: &str,
        headers: HeaderMap,
        body: S,
        length: u64,
        deadline: Duration,
    ) -> Result<Opened, SendError>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        let body = reqwest::Body::wrap_stream(body);
        let exchange = async move {
            let mut request = self.request(Method::PUT, url, headers)?;
            // Who stores objects wants to know the length beforehand.
            request.parts.headers_mut().insert(CONTENT_LENGTH, length.into());
            *request.parts.body_mut() = Some(body);
            request.send().await
        };
        match tokio::time::timeout(deadline, exchange).await {
            Ok(response) => Ok(Opened { response: response? }),
            Err(_elapsed) => Err(SendError::failed(FailKind::TimedOut)),
        }
    }
}
