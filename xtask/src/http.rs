//! A small HTTP/1.1 client for the chores: one connection, prepared bytes out, the answer's status and body in.
//!
//! The crash test and the benchmark both use it. It does as little as a client can, so that on a shared machine the
//! server is measured and not its client. It speaks to our own server only: answers have a `content-length`.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The longest head of an answer, in bytes; our server's heads are below 1 kB.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// The longest body of an answer, in bytes: a page of 1,000 events with room.
const BODY_BYTES_MAX: usize = 64 << 20;

/// How long an answer may take. A frozen server never answers; the connection ends when it is killed.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// What the server said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// Whether the same request may go through later: the server is starting, stopping or full.
    pub(crate) const fn is_passing(&self) -> bool {
        matches!(self.status, 408 | 425 | 429 | 500..=599)
    }

    /// The body as JSON; `null` when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The status and the beginning of the body, for messages of this chore.
    pub(crate) fn summary(&self) -> String {
        let text: String = String::from_utf8_lossy(&self.body).chars().take(300).collect();
        format!("{} {text}", self.status)
    }
}

/// A request, ready to be sent as often as one likes.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: tidings\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").expect("writing to memory cannot fail");
    }
    if !body.is_empty() {
        head.push_str("content-type: application/json\r\n");
    }
    write!(head, "content-length: {}\r\n\r\n", body.len()).expect("writing to memory cannot fail");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// One kept-alive connection. After an error it is of no use any more: drop it.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(8 << 10) })
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        tokio::time::timeout(ANSWER_WITHIN, self.exchange_untimed(request))
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no answer in time"))?
    }

    async fn exchange_untimed(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.write_all(request).await?;
        self.received.clear();
        let (head, head_bytes) = loop {
            if let Some(found) = head_in(&self.received)? {
                break found;
            }
            if self.received.len() > HEAD_BYTES_MAX {
                return Err(malformed("the head of an answer is too long"));
            }
            self.receive().await?;
        };
        let end = head_bytes + head.body_bytes;
        while self.received.len() < end {
            self.receive().await?;
        }
        let body = self.received.get(head_bytes..end).unwrap_or_default().to_vec();
        Ok(Answer { status: head.status, body })
    }

    async fn receive(&mut self) -> io::Result<()> {
        if self.stream.read_buf(&mut self.received).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// What the head of an answer says.
struct Head {
    status: u16,
    body_bytes: usize,
}

/// The head at the beginning of what was received, and its length; `None` while it is not all there.
fn head_in(received: &[u8]) -> io::Result<Option<(Head, usize)>> {
    let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = received.get(..end).and_then(|head| std::str::from_utf8(head).ok());
    let text = text.ok_or_else(|| malformed("the head of an answer is not text"))?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let status = status.ok_or_else(|| malformed("an answer begins without a status"))?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then_some(value.trim())
    });
    let body_bytes = match (length, status) {
        (_, 204 | 304) => 0,
        (Some(length), _) => {
            length.parse().map_err(|_| malformed("the length of a body is no number"))?
        }
        (None, _) => return Err(malformed("a body has no length")),
    };
    if body_bytes > BODY_BYTES_MAX {
        return Err(malformed("the body of an answer is too long"));
    }
    Ok(Some((Head { status, body_bytes }, end + 4)))
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// The addresses of an installation's nodes, and the one that is asked at the moment.
#[derive(Clone, Debug)]
pub(crate) struct Doors {
    addresses: Vec<SocketAddr>,
    at: usize,
}

impl Doors {
    /// All of them; the first to be asked is the one with a number.
    pub(crate) const fn new(addresses: Vec<SocketAddr>, at: usize) -> Self {
        Self { addresses, at }
    }

    pub(crate) fn current(&self) -> io::Result<SocketAddr> {
        let at = self.at.checked_rem(self.addresses.len()).unwrap_or_default();
        self.addresses.get(at).copied().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
    }

    /// Goes on to the next one.
    pub(crate) const fn turn(&mut self) {
        self.at = self.at.wrapping_add(1);
    }

    pub(crate) const fn are_many(&self) -> bool {
        self.addresses.len() > 1
    }
}

/// A client that opens a new connection when it has none, to the next node when one failed.
#[derive(Debug)]
pub(crate) struct Client {
    doors: Doors,
    connection: Option<Connection>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self::through(Doors::new(vec![address], 0))
    }

    pub(crate) const fn through(doors: Doors) -> Self {
        Self { doors, connection: None }
    }

    /// Leaves the node that is asked at the moment.
    pub(crate) fn turn(&mut self) {
        self.connection = None;
        self.doors.turn();
    }

    /// Sends a request and waits for its answer. After a failure nobody knows whether it arrived.
    pub(crate) async fn send(&mut self, request: &[u8]) -> io::Result<Answer> {
        let connection = self.connection.take();
        match self.send_by(connection, request).await {
            Ok((connection, answer)) => {
                self.connection = Some(connection);
                Ok(answer)
            }
            Err(error) => {
                self.turn();
                Err(error)
            }
        }
    }

    async fn send_by(
        &self,
        connection: Option<Connection>,
        request: &[u8],
    ) -> io::Result<(Connection, Answer)> {
        let mut connection = match connection {
            Some(connection) => connection,
            None => Connection::open(self.doors.current()?).await?,
        };
        let answer = connection.exchange(request).await?;
        Ok((connection, answer))
    }
}

/// A live stream of server-sent events.
///
/// It asks in HTTP/1.0, so that the answer comes without chunks and ends with the connection.
#[derive(Debug)]
pub(crate) struct Stream {
    stream: TcpStream,
    received: Vec<u8>,
    /// How much of `received` was handed out.
    taken: usize,
}

impl Stream {
    /// Opens the stream, and waits until the server has answered 200.
    pub(crate) async fn open(
        address: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
    ) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut this = Self { stream, received: Vec::with_capacity(8 << 10), taken: 0 };
        let mut head =
            format!("GET {path} HTTP/1.0\r\nhost: tidings\r\naccept: text/event-stream\r\n");
        for (name, value) in headers {
            write!(head, "{name}: {value}\r\n").expect("writing to memory cannot fail");
        }
        head.push_str("\r\n");
        this.stream.write_all(head.as_bytes()).await?;
        let status = this.next_line().await?;
        if status.split(' ').nth(1) != Some("200") {
            return Err(io::Error::other(format!("the stream was refused: {status}")));
        }
        while !this.next_line().await?.is_empty() {}
        Ok(this)
    }

    /// The data of the next event. It waits as long as it takes.
    pub(crate) async fn next_data(&mut self) -> io::Result<String> {
        loop {
            let line = self.next_line().await?;
            if let Some(data) = line.strip_prefix("data:") {
                return Ok(data.trim_start().to_owned());
            }
        }
    }

    async fn next_line(&mut self) -> io::Result<String> {
        let mut searched = self.taken;
        loop {
            let rest = self.received.get(searched..).unwrap_or_default();
            if let Some(length) = rest.iter().position(|byte| *byte == b'\n') {
                let end = searched + length;
                let line = self.received.get(self.taken..end).unwrap_or_default();
                let line = String::from_utf8_lossy(line).trim_end_matches('\r').to_owned();
                self.taken = end + 1;
                return Ok(line);
            }
            self.received.drain(..self.taken);
            self.taken = 0;
            searched = self.received.len();
            if searched > BODY_BYTES_MAX {
                return Err(malformed("a line of a stream is too long"));
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_when_it_is_all_there() {
        assert!(head_in(b"HTTP/1.1 201 Created\r\ncontent-le").expect("so far so good").is_none());
        let whole = b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello";
        let (head, bytes) = head_in(whole).expect("well-formed").expect("all there");
        assert_eq!((head.status, head.body_bytes, bytes), (201, 5, 43));
        assert!(head_in(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        let (head, _) =
            head_in(b"HTTP/1.1 204 No Content\r\n\r\n").expect("well-formed").expect("all there");
        assert_eq!(head.body_bytes, 0);
    }

    #[test]
    fn a_request_says_how_long_it_is() {
        let bytes = request("POST", "/x", &[("authorization", "Bearer t")], b"{}");
        let text = "POST /x HTTP/1.1\r\nhost: tidings\r\nauthorization: Bearer t\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(String::from_utf8_lossy(&bytes), text);
    }

    #[tokio::test]
    async fn a_stream_gives_its_data_line_by_line() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a caller");
            // Closing before everything was read would reset the connection.
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut asked).await.expect("a request");
            }
            let text = "HTTP/1.0 200 OK\r\n\r\n: hello\n\nid: 1\nevent: chat.message\ndata: {\"a\":1}\n\nid: 2\nda";
            stream.write_all(text.as_bytes()).await.expect("sent");
            stream.write_all(b"ta: two\n\n").await.expect("sent");
        });
        let mut stream = Stream::open(address, "/stream", &[]).await.expect("open");
        assert_eq!(stream.next_data().await.expect("data"), "{\"a\":1}");
        assert_eq!(stream.next_data().await.expect("data"), "two");
        assert_eq!(
            stream.next_data().await.expect_err("the end").kind(),
            io::ErrorKind::UnexpectedEof
        );
    }
}
