//! Reads the body of an answer, piece by piece, unpacked where it came packed.
//!
//! We ask for bytes as they are; who packs all the same is understood, and every limit counts what was unpacked. Unpacking
//! happens as pieces are asked for, through a window of a fixed size, so a bomb costs no more memory than text does.

use std::io;
use std::pin::Pin;

use async_compression::tokio::bufread::{GzipDecoder, ZlibDecoder};
use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, Response, response};
use http_body::Body;
use http_body_util::{BodyDataStream, BodyExt};
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::io::StreamReader;

use crate::error::{FailKind, Fault};

/// How much is unpacked at a time, in bytes: what a socket gives at a time.
const UNPACKED_PIECE_BYTES: usize = 16 * 1024;

/// How much room for an answer's body is made before its length is known: most answers to a webhook are shorter.
const ANSWER_ROOM_BYTES: usize = 1_024;

/// The body of an answer.
pub(crate) enum Reading {
    Plain(Incoming),
    Packed(Pin<Box<dyn AsyncRead + Send>>),
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reading")
    }
}

/// How a body is packed, as far as we unpack. Others (`br`, `zstd`) come to nobody who did not ask for them, and stay as
/// they are.
enum Packing {
    Gzip,
    /// `deflate` means the format of zlib (RFC 9110, 8.4.1.2).
    Zlib,
}

impl Reading {
    /// Takes an answer apart. From the headers of a packed one goes what is no longer true.
    pub(crate) fn open(response: Response<Incoming>) -> (response::Parts, Self) {
        let (mut parts, body) = response.into_parts();
        let packing = packing(&parts.headers).filter(|_| !body.is_end_stream());
        let Some(packing) = packing else { return (parts, Self::Plain(body)) };
        parts.headers.remove(CONTENT_ENCODING);
        parts.headers.remove(CONTENT_LENGTH);
        let bytes = StreamReader::new(BodyDataStream::new(body).map_err(io::Error::other));
        let unpacked: Pin<Box<dyn AsyncRead + Send>> = match packing {
            Packing::Gzip => Box::pin(GzipDecoder::new(bytes)),
            Packing::Zlib => Box::pin(ZlibDecoder::new(bytes)),
        };
        (parts, Self::Packed(unpacked))
    }

    /// The next piece; `None` at the end. Dropping it in the middle closes the connection.
    pub(crate) async fn piece(&mut self) -> Result<Option<Bytes>, Fault> {
        match self {
            Self::Plain(body) => {
                while let Some(frame) = body.frame().await {
                    let frame = frame.map_err(|source| Fault::new(FailKind::Exchange, source))?;
                    // What is no data are trailers, which nobody asked for.
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
                Ok(None)
            }
            Self::Packed(unpacked) => {
                let mut piece = BytesMut::with_capacity(UNPACKED_PIECE_BYTES);
                let read = unpacked.read_buf(&mut piece).await;
                let count = read.map_err(|source| Fault::new(FailKind::Exchange, source))?;
                Ok((count > 0).then(|| piece.freeze()))
            }
        }
    }

    /// At most `bytes_max` bytes from the beginning; says whether there were more.
    pub(crate) async fn head(&mut self, bytes_max: usize) -> Result<(Bytes, bool), Fault> {
        let Some(first) = self.piece().await? else {
            return Ok((Bytes::new(), false));
        };
        if first.len() > bytes_max {
            // A copy, so that what is kept for the log does not keep the whole piece.
            return Ok((Bytes::copy_from_slice(&first.slice(..bytes_max)), true));
        }
        // Most answers are one piece, which is handed on without a copy.
        let Some(second) = self.piece().await? else {
            return Ok((first, false));
        };

        let mut head = BytesMut::with_capacity(
            bytes_max.min(ANSWER_ROOM_BYTES.max(first.len() + second.len())),
        );
        head.extend_from_slice(&first);
        let mut next = Some(second);
        while let Some(piece) = next {
            let room = bytes_max - head.len();
            if piece.len() > room {
                head.extend_from_slice(&piece.slice(..room));
                return Ok((head.freeze(), true));
            }
            head.extend_from_slice(&piece);
            next = self.piece().await?;
        }
        Ok((head.freeze(), false))
    }
}

fn packing(headers: &HeaderMap) -> Option<Packing> {
    let name = headers.get(CONTENT_ENCODING)?.to_str().ok()?.trim();
    if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
        Some(Packing::Gzip)
    } else if name.eq_ignore_ascii_case("deflate") {
        Some(Packing::Zlib)
    } else {
        None
    }
}
