//! A WebSocket client that costs little: frames are read as they come and not looked into unless one asks.

use std::io;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How much is read at once.
const READ_BYTES: usize = 64 << 10;

/// An open WebSocket.
#[derive(Debug)]
pub(crate) struct WebSocket {
    stream: TcpStream,
    received: Vec<u8>,
    at: usize,
}

/// A frame from the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) opcode: u8,
    pub(crate) payload: &'a [u8],
}

/// The opcode of a text.
pub(crate) const TEXT: u8 = 1;

const PING: u8 = 9;

impl WebSocket {
    pub(crate) async fn open(address: SocketAddr, path: &str) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut socket = Self { stream, received: Vec::new(), at: 0 };
        loop {
            if let Some(end) = socket.received.windows(4).position(|four| four == b"\r\n\r\n") {
                if !socket.received.starts_with(b"HTTP/1.1 101") {
                    let head = String::from_utf8_lossy(&socket.received).into_owned();
                    return Err(io::Error::other(format!("no WebSocket was opened: {head}")));
                }
                socket.at = end + 4;
                return Ok(socket);
            }
            socket.receive().await?;
        }
    }

    /// Sends a text.
    pub(crate) async fn send(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(&masked(0x80 | TEXT, text.as_bytes())).await
    }

    /// Waits for the next frame; pings are answered on the way.
    pub(crate) async fn next(&mut self) -> io::Result<Frame<'_>> {
        loop {
            if let Some((opcode, begin, end)) = self.whole() {
                self.at = end;
                if opcode == PING {
                    self.stream.write_all(&masked(0x80 | 0xA, &[])).await?;
                    continue;
                }
                let payload = self.received.get(begin..end).unwrap_or_default();
                return Ok(Frame { opcode, payload });
            }
            self.received.drain(..self.at);
            self.at = 0;
            self.receive().await?;
        }
    }

    /// Waits for the answer to a request; pushes before it are passed over.
    pub(crate) async fn answer(&mut self) -> io::Result<Value> {
        loop {
            let frame = self.next().await?;
            if frame.opcode != TEXT {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let value: Value = serde_json::from_slice(frame.payload).map_err(io::Error::other)?;
            if value.get("type").and_then(Value::as_str) == Some("response") {
                return Ok(value);
            }
        }
    }

    /// Where the next frame's payload begins and ends, if it is whole.
    fn whole(&self) -> Option<(u8, usize, usize)> {
        let rest = self.received.get(self.at..)?;
        let [first, second, more @ ..] = rest else { return None };
        let (length, head) = match second & 0x7F {
            126 => (usize::from(u16::from_be_bytes(*more.first_chunk::<2>()?)), 4),
            127 => (usize::try_from(u64::from_be_bytes(*more.first_chunk::<8>()?)).ok()?, 10),
            short => (usize::from(short), 2),
        };
        let begin = self.at + head;
        let end = begin.checked_add(length)?;
        (self.received.len() >= end).then_some((first & 0x0F, begin, end))
    }

    async fn receive(&mut self) -> io::Result<()> {
        self.received.reserve(READ_BYTES.min(self.received.capacity().max(1_024)));
        if self.stream.read_buf(&mut self.received).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// A client's frame; its mask is nothing, so the payload stays as it is.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.len() + 14);
    frame.push(first);
    match u16::try_from(payload.len()) {
        Ok(short @ 0..126) => frame.push(0x80 | short.to_le_bytes()[0]),
        Ok(middle) => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&middle.to_be_bytes());
        }
        Err(_) => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}
