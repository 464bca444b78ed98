//! An open WebSocket: one thing to wait for, which reads and writes as the other side lets it.
//!
//! It holds no buffer while nothing moves: bytes are read into the stack, and the buffer that they leave by is given back.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::frames::{self, Decoder, Message, Violation};

/// How many bytes one read takes at most.
const READ_BYTES: usize = 4_096;

/// How many bytes of answers and pushes are joined into one write, about.
pub(super) const WRITE_BYTES: usize = 64 << 10;

thread_local! {
    /// The buffer by which the last bytes of this thread left.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The connection below.
pub(super) enum Line {
    /// As it is served everywhere.
    Tcp(TcpStream),
    /// Any other.
    Other(TokioIo<Upgraded>),
}

impl Line {
    /// Takes over what HTTP leaves, with the bytes that it had read already.
    pub(super) fn of(upgraded: Upgraded) -> (Self, bytes::Bytes) {
        use hyper_util::server::conn::auto::upgrade::downcast;
        match downcast::<TokioIo<TcpStream>>(upgraded) {
            Ok(parts) => {
                let tcp = parts.io.into_inner();
                // Each write is whole: waiting for more to join it would only make it late.
                if let Err(error) = tcp.set_nodelay(true) {
                    tracing::debug!("a connection keeps its delay: {error}");
                }
                (Self::Tcp(tcp), parts.read_buf)
            }
            Err(upgraded) => (Self::Other(TokioIo::new(upgraded)), bytes::Bytes::new()),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(tcp) => Pin::new(tcp).poll_read(cx, into),
            Self::Other(other) => Pin::new(other).poll_read(cx, into),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Self::Other(other) => Pin::new(other).poll_write(cx, bytes),
        }
    }

    /// Makes the next close a break: what was not taken yet is thrown away.
    fn abort(&self) {
        if let Self::Tcp(tcp) = self
            && let Err(error) = tcp.set_zero_linger()
        {
            tracing::debug!("a connection keeps what was not taken: {error}");
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(_) => Poll::Ready(Ok(())),
            Self::Other(other) => Pin::new(other).poll_flush(cx),
        }
    }
}

/// An open WebSocket.
pub(super) struct Socket {
    line: Line,
    decoder: Decoder,
    out: Vec<u8>,
    /// How much of `out` has left.
    sent: usize,
    /// When something was heard of the other side.
    pub(super) heard_at: Instant,
}

/// What happened on the line.
#[derive(Debug)]
pub(super) enum Moved {
    /// A message came.
    Came(Message),
    /// All that was written has left.
    Left,
    /// What came is not as it must be.
    Wrong(Violation),
    /// The line is gone.
    Gone,
}

impl Socket {
    pub(super) fn new(line: Line, read_already: &[u8]) -> Self {
        let mut decoder = Decoder::default();
        if !read_already.is_empty() {
            decoder.feed(read_already);
        }
        Self { line, decoder, out: Vec::new(), sent: 0, heard_at: Instant::now() }
    }

    /// How many bytes wait to leave.
    pub(super) const fn waiting(&self) -> usize {
        self.out.len() - self.sent
    }

    /// Writes with one of [`frames`]' ways; it leaves by [`Socket::moved`].
    pub(super) fn write(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.out.capacity() == 0 {
            self.out = SPARE.take();
        }
        write(&mut self.out);
    }

    /// Writes a text.
    pub(super) fn write_text(&mut self, text: &[u8]) {
        self.write(|out| frames::write_text(out, text));
    }

    /// Gives up who does not read: the machine would hold megabytes for them for minutes, and they would learn as late
    /// that nothing comes any more. To be closed right after.
    pub(super) fn abort(&self) {
        self.line.abort();
    }

    /// Waits until something happens. Cancel-safe. Reads only if `reads`: who does not take our answers is not heard.
    pub(super) async fn moved(&mut self, reads: bool) -> Moved {
        poll_fn(|cx| self.poll_moved(cx, reads)).await
    }

    fn poll_moved(&mut self, cx: &mut Context<'_>, reads: bool) -> Poll<Moved> {
        if !self.out.is_empty() {
            match self.poll_out(cx) {
                Poll::Ready(Ok(())) => return Poll::Ready(Moved::Left),
                Poll::Ready(Err(_)) => return Poll::Ready(Moved::Gone),
                Poll::Pending => {}
            }
        }
        if reads { self.poll_in(cx) } else { Poll::Pending }
    }

    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.out.get(self.sent..).filter(|rest| !rest.is_empty()) {
            let written = ready!(self.line.poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += written;
        }
        ready!(self.line.poll_flush(cx))?;
        let mut spare = std::mem::take(&mut self.out);
        self.sent = 0;
        if spare.capacity() <= 4 * WRITE_BYTES {
            spare.clear();
            SPARE.set(spare);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_in(&mut self, cx: &mut Context<'_>) -> Poll<Moved> {
        loop {
            match self.decoder.next() {
                Ok(Some(message)) => return Poll::Ready(Moved::Came(message)),
                Ok(None) => {}
                Err(violation) => return Poll::Ready(Moved::Wrong(violation)),
            }
            let mut space = [MaybeUninit::uninit(); READ_BYTES];
            let mut read = ReadBuf::uninit(&mut space);
            match ready!(self.line.poll_read(cx, &mut read)) {
                Ok(()) if !read.filled().is_empty() => {
                    self.heard_at = Instant::now();
                    self.decoder.feed(read.filled());
                }
                Ok(()) | Err(_) => return Poll::Ready(Moved::Gone),
            }
        }
    }
}
