//! Large bodies, piece by piece: no file is ever whole in memory, whichever way it goes.
//!
//! For the store of files, whose address the operator set. What [`Client`] promises holds here too, but for the time: a
//! body that is read takes as long as its reader, and each piece of it has a deadline.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, StatusCode, response};
use http_body::Frame;
use http_body_util::{BodyExt, Either, Full, StreamBody};

use crate::body::Reading;
use crate::client::{Client, Outgoing, within};
use crate::course::Course;
use crate::error::SendError;
use crate::target::Target;

/// An answer whose body was not read yet.
pub struct Opened {
    head: response::Parts,
    body: Reading,
    course: Course,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("status", &self.head.status).finish_non_exhaustive()
    }
}

impl Opened {
    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.head.status
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The next piece of the body, which must come within this time; `None` at its end.
    pub async fn piece(&mut self, deadline: Duration) -> Result<Option<Bytes>, SendError> {
        within(&self.course, deadline, self.body.piece()).await
    }

    /// The head of the body, at most so many bytes: for an answer that tells what went wrong.
    pub async fn head(mut self, bytes_max: usize, deadline: Duration) -> Result<Bytes, SendError> {
        within(&self.course, deadline, self.body.head(bytes_max)).await.map(|(head, _)| head)
    }
}

impl Client {
    /// Makes a call without a body, and gives its answer before the body was read. The deadline is for the answer's head.
    pub async fn open(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        deadline: Duration,
    ) -> Result<Opened, SendError> {
        let body = Either::Left(Full::new(Bytes::new()));
        let request = self.request(&Target::parse(url)?, method, headers, body)?;
        self.opened(request, deadline).await
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
        let target = Target::parse(url)?;
        let body = Either::Right(StreamBody::new(body.map_ok(Frame::data)).boxed_unsync());
        let mut request = self.request(&target, Method::PUT, headers, body)?;
        // Who stores objects wants to know the length beforehand.
        request.headers_mut().insert(CONTENT_LENGTH, length.into());
        self.opened(request, deadline).await
    }

    async fn opened(
        &self,
        request: http::Request<Outgoing>,
        deadline: Duration,
    ) -> Result<Opened, SendError> {
        let course = Course::begin();
        let response = within(&course, deadline, self.exchange(&course, request)).await?;
        let (head, body) = Reading::open(response);
        Ok(Opened { head, body, course })
    }
}
