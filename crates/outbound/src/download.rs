//! Copies a file from elsewhere into a writer, piece by piece: no file is ever whole in memory.
//!
//! The writer may have got some bytes when the download fails; the caller throws away what was written then.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Method, StatusCode};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::client::{Client, read_head};
use crate::error::{FailKind, SendError, of_exchange};

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
        match tokio::time::timeout(deadline, self.copy(url, to, bytes_max)).await {
            Ok(result) => result,
            Err(_elapsed) => Err(SendError::failed(FailKind::TimedOut).into()),
        }
    }

    async fn copy<W: AsyncWrite + Unpin>(
        &self,
        url: &str,
        to: &mut W,
        bytes_max: u64,
    ) -> Result<Downloaded, DownloadError> {
        let mut response = self.exchange(Method::GET, url, HeaderMap::new(), Bytes::new()).await?;
        if response.status() != StatusCode::OK {
            let (body_head, _) = read_head(&mut response, ERROR_BODY_BYTES_MAX).await?;
            return Err(DownloadError::Status { status: response.status(), body_head });
        }
        let announced: Option<u64> = response
            .headers()
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let too_large = DownloadError::TooLarge { limit: bytes_max, announced };
        if announced.is_some_and(|bytes| bytes > bytes_max) {
            return Err(too_large);
        }
        let content_type = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);

        let mut bytes: u64 = 0;
        while let Some(piece) = response.chunk().await.map_err(of_exchange)? {
            bytes = bytes.saturating_add(piece.len() as u64);
            if bytes > bytes_max {
                return Err(too_large);
            }
            to.write_all(&piece).await.map_err(|source| DownloadError::Write { source })?;
        }
        to.flush().await.map_err(|source| DownloadError::Write { source })?;
        Ok(Downloaded { bytes, content_type })
    }
}
