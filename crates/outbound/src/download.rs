//! Copies a file from elsewhere into a writer, piece by piece: no file is ever whole in memory.
//!
//! The writer may have got some bytes when the download fails; the caller throws away what was written then.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{Either, Full};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::body::Reading;
use crate::client::{Client, within};
use crate::course::Course;
use crate::error::{Fault, SendError};
use crate::target::Target;

/// How much of the body of an answer that is not a file is kept for people.
pub const ERROR_BODY_BYTES_MAX: usize = 4 * 1024;

/// A file that is there now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downloaded {
    /// How many bytes were written.
    pub bytes: u64,
    /// What the other side says it is.
    pub content_type: Option<String>,
}

/// A file that is not there.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// It is larger than the limit; told by the other side beforehand, or found while reading.
    #[error("the file is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
        /// Its size in bytes, where the other side told.
        announced: Option<u64>,
    },
    /// The answer was no success.
    #[error("the file was answered with status {status}")]
    Status {
        /// The HTTP status.
        status: StatusCode,
        /// The head of the answer.
        body_head: Bytes,
    },
    /// There was no whole answer.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The writer did not take it.
    #[error("writing the file failed")]
    Write {
        /// Why.
        source: io::Error,
    },
}

impl Client {
    /// Downloads a file with GET into a writer, at most `bytes_max` bytes, within one deadline. Flushes at the end.
    pub async fn download<W: AsyncWrite + Unpin>(
        &self,
        url: &str,
        to: &mut W,
        bytes_max: u64,
        deadline: Duration,
    ) -> Result<Downloaded, DownloadError> {
        let target = Target::parse(url).map_err(SendError::from)?;
        let body = Either::Left(Full::new(Bytes::new()));
        let request = self.request(&target, Method::GET, HeaderMap::new(), body)?;
        let course = Course::begin();
        // What the other side says, and what we make of it, are two things: the inner result is ours.
        let copied = within(&course, deadline, async {
            let (head, mut body) = Reading::open(self.exchange(&course, request).await?);
            if head.status != StatusCode::OK {
                let (body_head, _) = body.head(ERROR_BODY_BYTES_MAX).await?;
                return Ok(Err(DownloadError::Status { status: head.status, body_head }));
            }
            copy(&head.headers, body, to, bytes_max).await
        });
        copied.await?
    }
}

/// Writes the body of an answer.
async fn copy<W: AsyncWrite + Unpin>(
    headers: &HeaderMap,
    mut body: Reading,
    to: &mut W,
    bytes_max: u64,
) -> Result<Result<Downloaded, DownloadError>, Fault> {
    let told = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let announced: Option<u64> = told(CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let too_large = DownloadError::TooLarge { limit: bytes_max, announced };
    if announced.is_some_and(|bytes| bytes > bytes_max) {
        return Ok(Err(too_large));
    }
    let mut bytes: u64 = 0;
    while let Some(piece) = body.piece().await? {
        bytes = bytes.saturating_add(piece.len() as u64);
        if bytes > bytes_max {
            return Ok(Err(too_large));
        }
        if let Err(source) = to.write_all(&piece).await {
            return Ok(Err(DownloadError::Write { source }));
        }
    }
    if let Err(source) = to.flush().await {
        return Ok(Err(DownloadError::Write { source }));
    }
    Ok(Ok(Downloaded { bytes, content_type: told(CONTENT_TYPE).map(str::to_owned) }))
}
