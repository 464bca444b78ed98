//! The doors of a cluster that librdkafka plays. Real brokers refuse a version of `ApiVersions` that they don't know in
//! the form of its version 0, by which clients find the one to speak (KIP-511); librdkafka's answer to others than itself
//! cannot be read. So we come in by a door for each broker, which gives this one answer as a real broker does, and passes on
//! everything else, with the doors' ports in place of the brokers'.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// The number of `ApiVersions`.
const API_VERSIONS: i16 = 18;

/// The highest version of it that librdkafka's brokers know.
const VERSION_MAX: i16 = 2;

/// The error `UNSUPPORTED_VERSION`.
const UNSUPPORTED_VERSION: i16 = 35;

/// How many answers wait for a slow reader.
const FRAMES_MAX: usize = 64;

/// The doors; they close when they are dropped.
#[derive(Debug)]
pub(crate) struct Doors {
    /// Where they are, as clients are told.
    pub(crate) servers: String,
    /// Held while they are open.
    _open: JoinSet<()>,
}

impl Doors {
    /// Opens one for each broker.
    pub(crate) async fn open(bootstrap_servers: &str) -> Self {
        let mut ways = Vec::new();
        let mut listeners = Vec::new();
        for broker in bootstrap_servers.split(',') {
            let broker: SocketAddr = broker.parse().expect("an address");
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            ways.push((broker, listener.local_addr().expect("an address")));
            listeners.push(listener);
        }
        let servers: Vec<String> = ways.iter().map(|(_, door)| door.to_string()).collect();
        let all = Arc::new(ways.clone());
        let mut open = JoinSet::new();
        for (listener, (broker, _)) in listeners.into_iter().zip(ways) {
            open.spawn(listen(listener, broker, Arc::clone(&all)));
        }
        Self { servers: servers.join(","), _open: open }
    }
}

type Ways = Arc<Vec<(SocketAddr, SocketAddr)>>;

async fn listen(listener: TcpListener, broker: SocketAddr, ways: Ways) {
    let mut guests = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let ways = Arc::clone(&ways);
        guests.spawn(async move {
            // A broker that is down lets nobody in, and neither does its door.
            let Ok(server) = TcpStream::connect(broker).await else { return };
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            let (answers, answered) = mpsc::channel(FRAMES_MAX);
            tokio::select! {
                () = requests(from_client, to_server, answers.clone()) => {}
                () = responses(from_server, answers, &ways) => {}
                () = write(answered, to_client) => {}
            }
        });
    }
}

/// A frame without its length; `None` at the end.
async fn frame(from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let length = usize::try_from(from.read_i32().await.ok()?).ok()?;
    let mut frame = vec![0; length];
    from.read_exact(&mut frame).await.ok()?;
    Some(frame)
}

fn with_length(frame: &[u8]) -> Vec<u8> {
    let length = i32::try_from(frame.len()).expect("a frame is small").to_be_bytes();
    [length.as_slice(), frame].concat()
}

async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, answers: mpsc::Sender<Vec<u8>>) {
    while let Some(frame) = frame(&mut from).await {
        let number = |at: usize| {
            let bytes = frame.get(at..at + 2).and_then(|bytes| bytes.try_into().ok());
            i16::from_be_bytes(bytes.expect("a request has a header"))
        };
        if number(0) == API_VERSIONS && number(2) > VERSION_MAX {
            let mut answer = frame.get(4..8).expect("a correlation id").to_vec();
            answer.extend(UNSUPPORTED_VERSION.to_be_bytes());
            answer.extend(1_i32.to_be_bytes());
            for number in [API_VERSIONS, 0, VERSION_MAX] {
                answer.extend(number.to_be_bytes());
            }
            if answers.send(answer).await.is_err() {
                return;
            }
        } else if to.write_all(&with_length(&frame)).await.is_err() {
            return;
        }
    }
}

async fn responses(mut from: OwnedReadHalf, answers: mpsc::Sender<Vec<u8>>, ways: &Ways) {
    while let Some(mut frame) = frame(&mut from).await {
        for (broker, door) in ways.iter() {
            let (theirs, ours) = (named(*broker), named(*door));
            while let Some(at) = frame.windows(theirs.len()).position(|part| part == theirs) {
                frame.splice(at..at + theirs.len(), ours.iter().copied());
            }
        }
        if answers.send(frame).await.is_err() {
            return;
        }
    }
}

/// How metadata name a broker: its host, and its port in four bytes.
fn named(address: SocketAddr) -> Vec<u8> {
    [address.ip().to_string().as_bytes(), &u32::from(address.port()).to_be_bytes()].concat()
}

async fn write(mut answered: mpsc::Receiver<Vec<u8>>, mut to: OwnedWriteHalf) {
    while let Some(frame) = answered.recv().await {
        if to.write_all(&with_length(&frame)).await.is_err() {
            return;
        }
    }
}
