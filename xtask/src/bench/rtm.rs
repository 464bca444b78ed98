//! Open connections: from a send to who hears it, one event to many, ten thousand that do nothing, slow ones among them,
//! and all of them coming back at once. Beside a bare broadcast over the web framework's WebSocket, and NATS, in one run.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, broadcast};
use tokio::task::JoinSet;

use super::Options;
use super::book::Book;
use super::ceilings::{raw_syncs, start_part};
use crate::building;
use crate::figures::{Times, microseconds, milliseconds};
use crate::installation::{Installation, Running, text_of};
use crate::process;
use crate::websocket::{TEXT, WebSocket};

/// How much is measured.
struct Plan {
    turns: usize,
    /// Sends one at a time.
    sends: usize,
    listeners: &'static [usize],
    /// Deliveries of one fan-out, in all.
    deliveries: usize,
    /// Events of one fan-out, at least and at most.
    events: (usize, usize),
    connections: usize,
    slow: usize,
    /// Events that those who come back have missed.
    missed: usize,
}

const FULL: Plan = Plan {
    turns: 5,
    sends: 500,
    listeners: &[1, 100, 1_000],
    deliveries: 400_000,
    events: (400, 20_000),
    connections: 10_000,
    slow: 100,
    missed: 20,
};

const QUICK: Plan = Plan {
    turns: 1,
    sends: 50,
    listeners: &[1, 50],
    deliveries: 10_000,
    events: (100, 500),
    connections: 2_000,
    slow: 10,
    missed: 5,
};

/// How many events of a fan-out are on their way at once, for each of the servers.
const IN_FLIGHT: usize = 64;

/// How many requests one connection has unanswered: less than the server's limit.
const PER_SENDER: usize = 8;

/// How long the text of a message is: with it, a frame has some 500 bytes.
const TEXT_BYTES: usize = 200;

/// How long anything may take before the benchmark gives up.
const WITHIN: Duration = Duration::from_secs(120);

/// How many connections are opened side by side.
const OPENING: usize = 256;

/// Measures, prints, and writes where it was asked to.
pub(super) async fn run(options: &Options) -> anyhow::Result<()> {
    let server = options.server.as_deref().context("it is told which server to measure")?;
    let plan = if options.quick { &QUICK } else { &FULL };
    let folder = building::scratch("bench-rtm-")?;
    let mut book = Book::default();
    let load_before = process::load_average();
    for turn in 0..plan.turns {
        eprintln!("turn {} of {}, load average {}", turn + 1, plan.turns, process::load_average());
        let place = Place::build(server, &folder.path().join(format!("turn-{turn}"))).await?;
        let syncs = raw_syncs(folder.path())?;
        book.note("disk sync, p50", "ms", milliseconds(syncs.percentile(50)));
        sending(&mut book, &place, plan).await.context("one at a time")?;
        for listeners in plan.listeners.iter().copied() {
            let done = fanning_out(&mut book, &place, plan, listeners).await;
            done.with_context(|| format!("one to {listeners}"))?;
        }
        standing(&mut book, &place, plan).await.context("many that stand")?;
        place.running.stop().await?;
    }
    println!("load average {load_before} before, {} after", process::load_average());
    println!("{}", book.table());
    if let Some(path) = &options.json {
        let report = json!({
            "load_average": [load_before, process::load_average()],
            "turns": plan.turns, "quick": options.quick, "figures": book.json(),
        });
        std::fs::write(path, format!("{report:#}\n"))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// A server with one agent in one chat.
struct Place {
    installation: Installation,
    running: Running,
    token: String,
    chat: String,
}

impl Place {
    async fn build(server: &Path, folder: &Path) -> anyhow::Result<Self> {
        let installation = Installation::new(server, folder)?;
        let running = installation.start().await?;
        let channel = installation.make_web_channel(None).await?;
        let visitor = installation.make_visitor(&channel).await?;
        let request = super::site::message(&channel, &visitor, "hello");
        let said = crate::http::Client::new(installation.address()).send(&request).await?;
        ensure!(said.is_success(), "a message was answered {}", said.summary());
        let chat = text_of(&said.json(), "chat")?;
        let agent = "bench@example.com";
        let about = json!({ "name": "Bench", "role": "owner" });
        installation.call("PUT", &format!("/api/v1/agents/{agent}"), Some(&about)).await?;
        let asked = json!({ "name": "bench" });
        let path = format!("/api/v1/agents/{agent}/tokens");
        let made = installation.call("POST", &path, Some(&asked)).await?;
        let token = text_of(&made, "token")?;
        let held = json!({ "holder": { "kind": "agent", "id": agent }, "reason": "bench" });
        installation.call("PUT", &format!("/api/v1/chats/{chat}/control"), Some(&held)).await?;
        Ok(Self { installation, running, token, chat })
    }

    fn address(&self) -> SocketAddr {
        self.installation.address()
    }

    /// A connection that is logged in, with the number that its login was told.
    async fn comes(&self, more: Value) -> anyhow::Result<(WebSocket, u64)> {
        comes(self.address(), &self.token, more).await
    }

    fn request(&self, text: &str) -> String {
        json!({
            "request_id": "r", "action": "send_event",
            "payload": { "chat_id": self.chat, "event": { "type": "message", "text": text } },
        })
        .to_string()
    }
}

async fn comes(address: SocketAddr, token: &str, more: Value) -> anyhow::Result<(WebSocket, u64)> {
    let mut socket = WebSocket::open(address, "/v3.6/agent/rtm/ws").await?;
    let mut payload =
        json!({ "token": format!("Bearer {token}"), "pushes": { "3.6": ["incoming_event"] } });
    if let (Value::Object(payload), Value::Object(more)) = (&mut payload, more) {
        payload.extend(more);
    }
    let login = json!({ "request_id": "login", "action": "login", "payload": payload });
    socket.send(&login.to_string()).await?;
    let answer = tokio::time::timeout(WITHIN, socket.answer()).await.context("no login")??;
    let seq = answer.pointer("/payload/seq").and_then(Value::as_u64);
    let seq = seq.with_context(|| format!("a login was answered {answer}"))?;
    Ok((socket, seq))
}

/// From a send over one connection until another one hears it, one at a time.
async fn sending(book: &mut Book, place: &Place, plan: &Plan) -> anyhow::Result<()> {
    let (mut sends, _) = place.comes(json!({ "pushes": {} })).await?;
    let (mut hears, _) = place.comes(json!({})).await?;
    let text = "x".repeat(TEXT_BYTES);
    let request = place.request(&text);
    let (mut heard, mut answered) = (Vec::new(), Vec::new());
    for _ in 0..plan.sends {
        let began = Instant::now();
        sends.send(&request).await?;
        let answer = async {
            let answer = sends.answer().await?;
            ensure!(answer.get("success") == Some(&json!(true)), "a send was answered {answer}");
            Ok(began.elapsed())
        };
        let push = async { hears.next().await.map(|_| began.elapsed()).map_err(Into::into) };
        let both = async { tokio::try_join!(answer, push) };
        let (answer, push) = tokio::time::timeout(WITHIN, both).await.context("no push came")??;
        answered.push(answer);
        heard.push(push);
    }
    let (heard, answered) = (Times::new(heard), Times::new(answered));
    book.note("send_event, heard, p50", "ms", milliseconds(heard.percentile(50)));
    book.note("send_event, heard, p99", "ms", milliseconds(heard.percentile(99)));
    book.note("send_event, answered, p50", "ms", milliseconds(answered.percentile(50)));
    Ok(())
}

/// What one fan-out came to.
struct FannedOut {
    took: Duration,
    cpu: Duration,
    times: Times,
    deliveries: usize,
}

/// One event to so many listeners, on all three.
async fn fanning_out(
    book: &mut Book,
    place: &Place,
    plan: &Plan,
    listeners: usize,
) -> anyhow::Result<()> {
    let events = (plan.deliveries / listeners).clamp(plan.events.0, plan.events.1);
    let mut note = |name: &str, out: &FannedOut| {
        let title = format!("1 to {listeners}, {name}");
        let count = out.deliveries as f64;
        book.note(&title, "deliv/s", count / out.took.as_secs_f64());
        book.note(&format!("{title}, CPU each"), "us", microseconds(out.cpu) / count);
        book.note(&format!("{title}, p50"), "ms", milliseconds(out.times.percentile(50)));
        book.note(&format!("{title}, p99"), "ms", milliseconds(out.times.percentile(99)));
    };
    let ours = Kind::Ours { token: place.token.clone(), chat: place.chat.clone() };
    note(
        "Tidings",
        &fan_out(ours, place.address(), place.running.pid(), listeners, events)
            .await
            .context("Tidings")?,
    );
    let bare = start_part(&["broadcast"])?;
    note(
        "bare broadcast",
        &fan_out(Kind::Bare, bare.address, bare.pid(), listeners, events).await?,
    );
    drop(bare);
    if let Some(nats) = Nats::start().await? {
        note(
            "NATS",
            &fan_out(Kind::Nats, nats.address, nats.child.id(), listeners, events)
                .await
                .context("NATS")?,
        );
    } else {
        eprintln!("there is no nats-server here: it is left out");
    }
    Ok(())
}

/// Who fans out.
#[derive(Clone)]
enum Kind {
    Ours { token: String, chat: String },
    Bare,
    Nats,
}

/// A line of a listener or sender.
enum Line {
    Ours(WebSocket),
    Bare(WebSocket),
    Nats(NatsLine),
}

impl Kind {
    async fn open(&self, address: SocketAddr, hears: bool) -> anyhow::Result<Line> {
        Ok(match self {
            Self::Ours { token, .. } => {
                let more = if hears { json!({}) } else { json!({ "pushes": {} }) };
                Line::Ours(comes(address, token, more).await?.0)
            }
            Self::Bare => {
                let path = if hears { "/hear" } else { "/say" };
                Line::Bare(WebSocket::open(address, path).await?)
            }
            Self::Nats => Line::Nats(NatsLine::open(address, hears).await?),
        })
    }

    /// What is sent: for all three of about the size in which Tidings pushes it.
    fn text(&self, marked: &str) -> String {
        match self {
            Self::Ours { chat, .. } => json!({
                "request_id": "r", "action": "send_event",
                "payload": { "chat_id": chat, "event": { "type": "message",
                             "text": format!("{marked}{}", "x".repeat(TEXT_BYTES)) } },
            })
            .to_string(),
            Self::Bare | Self::Nats => format!("{marked}{}", "x".repeat(TEXT_BYTES + 300)),
        }
    }
}

impl Line {
    async fn say(&mut self, text: &str) -> anyhow::Result<()> {
        match self {
            Self::Ours(socket) | Self::Bare(socket) => socket.send(text).await?,
            Self::Nats(line) => line.say(text).await?,
        }
        Ok(())
    }

    /// Waits until something was heard; gives its mark: when it was said, in nanoseconds since the start.
    async fn hear(&mut self) -> anyhow::Result<u64> {
        let payload = match self {
            Self::Ours(socket) | Self::Bare(socket) => {
                let frame = socket.next().await?;
                ensure!(frame.opcode == TEXT, "a listener was sent away");
                frame.payload
            }
            Self::Nats(line) => line.hear().await?,
        };
        Ok(mark_in(payload))
    }
}

/// What stands before and after a mark in a text.
const MARK: &[u8] = b"at<";

fn mark_in(payload: &[u8]) -> u64 {
    let at = payload.windows(MARK.len()).position(|window| window == MARK);
    let digits = at.and_then(|at| payload.get(at + MARK.len()..)).unwrap_or_default();
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |mark, digit| mark * 10 + u64::from(digit - b'0'))
}

/// Says so many events with so many on their way, until all listeners have heard all.
async fn fan_out(
    kind: Kind,
    address: SocketAddr,
    pid: u32,
    listeners: usize,
    events: usize,
) -> anyhow::Result<FannedOut> {
    let mut lines = Vec::with_capacity(listeners);
    for _ in 0..listeners {
        lines.push(kind.open(address, true).await?);
    }
    let began = Instant::now();
    let heard = Arc::new(AtomicU64::new(0));
    let on_their_way = Arc::new(Semaphore::new(IN_FLIGHT));
    let mut hearing = JoinSet::new();
    for (number, mut line) in lines.into_iter().enumerate() {
        let on_their_way = Arc::clone(&on_their_way);
        let heard = Arc::clone(&heard);
        // The first one takes the times, and lets the next event go.
        let is_first = number == 0;
        hearing.spawn(async move {
            let mut times = Vec::new();
            for _ in 0..events {
                let mark = line.hear().await?;
                if is_first {
                    let now = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
                    times.push(Duration::from_nanos(now.saturating_sub(mark)));
                    on_their_way.add_permits(1);
                }
            }
            heard.fetch_add(events as u64, Ordering::Relaxed);
            anyhow::Ok(times)
        });
    }
    let cpu_before = process::cpu_time(pid)?;
    let senders = IN_FLIGHT / PER_SENDER;
    let mut saying = JoinSet::new();
    for number in 0..senders {
        let count = events / senders + usize::from(number < events % senders);
        let (kind, on_their_way) = (kind.clone(), Arc::clone(&on_their_way));
        let mut line = kind.open(address, false).await?;
        saying.spawn(async move {
            let mut unanswered = 0;
            for _ in 0..count {
                on_their_way.acquire().await?.forget();
                let at = began.elapsed().as_nanos();
                line.say(&kind.text(&format!("at<{at}>"))).await?;
                unanswered += 1;
                if let Line::Ours(socket) = &mut line
                    && unanswered >= PER_SENDER
                {
                    socket.answer().await?;
                    unanswered -= 1;
                }
            }
            if let Line::Ours(socket) = &mut line {
                for _ in 0..unanswered {
                    socket.answer().await?;
                }
            }
            anyhow::Ok(line)
        });
    }
    let mut all = Vec::new();
    let whole = async {
        while let Some(ended) = hearing.join_next().await {
            all.extend(ended.context("a listener broke")??);
        }
        anyhow::Ok(())
    };
    let done = tokio::time::timeout(WITHIN, whole).await;
    let took = began.elapsed();
    let cpu = process::cpu_time(pid)?.saturating_sub(cpu_before);
    if done.is_err() {
        bail!("only {} of {} were delivered", heard.load(Ordering::Relaxed), events * listeners);
    }
    done.context("too slow")??;
    while let Some(ended) = saying.join_next().await {
        ended.context("a sender broke")??;
    }
    Ok(FannedOut { took, cpu, times: Times::new(all), deliveries: events * listeners })
}

/// Many connections that do nothing, slow ones among them, and all of them coming back at once.
async fn standing(book: &mut Book, place: &Place, plan: &Plan) -> anyhow::Result<()> {
    let pid = place.running.pid();
    let before = process::memory(pid)?.own_bytes;
    let (lines, took) = come(place, plan.connections, None).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = process::memory(pid)?.own_bytes;
    let each = after.saturating_sub(before) as f64 / plan.connections as f64;
    book.note("idle connections, memory each", "bytes", each);
    book.note("connections opened", "/s", plan.connections as f64 / took.as_secs_f64());

    // Slow ones: they hear all, and read nothing.
    let mut slow = Vec::new();
    for _ in 0..plan.slow {
        slow.push(place.comes(json!({})).await?.0);
    }
    let (mut sends, _) = place.comes(json!({ "pushes": {} })).await?;
    let (mut hears, _) = place.comes(json!({})).await?;
    let long = place.request(&"x".repeat(15_000));
    let mut times = Vec::new();
    for _ in 0..plan.sends {
        let began = Instant::now();
        sends.send(&long).await?;
        sends.answer().await?;
        let push = tokio::time::timeout(WITHIN, hears.next()).await.context("no push came")?;
        push?;
        times.push(began.elapsed());
    }
    let beside = Times::new(times);
    book.note("beside slow readers, heard, p50", "ms", milliseconds(beside.percentile(50)));
    book.note("beside slow readers, heard, p99", "ms", milliseconds(beside.percentile(99)));
    let grown = process::memory(pid)?.own_bytes.saturating_sub(after) as f64;
    book.note("beside slow readers, memory grown", "MB", grown / 1_000_000.0);
    drop((slow, hears, lines));

    // All break off, miss something, and come back at once.
    let (_, since) = place.comes(json!({})).await?;
    for number in 0..plan.missed {
        sends.send(&place.request(&format!("missed {number}"))).await?;
        sends.answer().await?;
    }
    let (lines, took) = come(place, plan.connections, Some((since, plan.missed))).await?;
    book.note("all come back with what they missed", "s", took.as_secs_f64());
    drop(lines);
    Ok(())
}

/// Opens many connections side by side; with a number, each must hear exactly what it missed.
async fn come(
    place: &Place,
    count: usize,
    since: Option<(u64, usize)>,
) -> anyhow::Result<(Vec<WebSocket>, Duration)> {
    let began = Instant::now();
    let side_by_side = Arc::new(Semaphore::new(if since.is_some() { count } else { OPENING }));
    // Who goes on where they were is told no lists: what is measured is the connection, not the reading.
    let (_, now) = place.comes(json!({})).await?;
    let mut coming = JoinSet::new();
    for _ in 0..count {
        let (address, token) = (place.address(), place.token.clone());
        let side_by_side = Arc::clone(&side_by_side);
        coming.spawn(async move {
            let _permit = side_by_side.acquire().await?;
            let more = match since {
                Some((since, _)) => json!({ "since": since }),
                None => json!({ "since": now }),
            };
            let (mut socket, _) = comes(address, &token, more).await?;
            for number in 0..since.map_or(0, |(_, missed)| missed) {
                let frame = tokio::time::timeout(WITHIN, socket.next()).await??;
                let wanted = format!("\"missed {number}\"");
                let has = frame.payload.windows(wanted.len()).any(|at| at == wanted.as_bytes());
                ensure!(has, "something else came than {wanted}");
            }
            anyhow::Ok(socket)
        });
    }
    let mut lines = Vec::with_capacity(count);
    while let Some(came) = coming.join_next().await {
        lines.push(came.context("a connection broke")??);
    }
    Ok((lines, began.elapsed()))
}

/// The bare broadcast: what one says all hear, with nothing kept. Prints its address first; lives until it is killed.
pub(super) async fn run_broadcast() -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no free port")?;
    println!("{}", listener.local_addr().context("no free port")?);
    let said = broadcast::Sender::<Utf8Bytes>::new(4_096);
    let routes = Router::new().route("/say", get(say)).route("/hear", get(hear)).with_state(said);
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        // As Tidings does.
        drop(stream.set_nodelay(true));
    });
    axum::serve(listener, routes).await.context("the broadcast broke")
}

async fn say(State(said): State<broadcast::Sender<Utf8Bytes>>, up: WebSocketUpgrade) -> Response {
    up.on_upgrade(async move |mut socket| {
        while let Some(Ok(message)) = socket.recv().await {
            if let Message::Text(text) = message {
                // Nobody listens: nobody minds.
                drop(said.send(text));
            }
        }
    })
}

async fn hear(State(said): State<broadcast::Sender<Utf8Bytes>>, up: WebSocketUpgrade) -> Response {
    let mut said = said.subscribe();
    up.on_upgrade(async move |mut socket| {
        while let Ok(text) = said.recv().await {
            if socket.send(Message::Text(text)).await.is_err() {
                return;
            }
        }
    })
}

/// A NATS server of this machine; it ends when this is dropped.
struct Nats {
    child: Child,
    address: SocketAddr,
}

impl Drop for Nats {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Nats {
    /// `None` where there is none on this machine.
    async fn start() -> anyhow::Result<Option<Self>> {
        let free = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = free.local_addr()?;
        drop(free);
        let started = Command::new("nats-server")
            .args(["-a", "127.0.0.1", "-p", &address.port().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = started else { return Ok(None) };
        let server = Self { child, address };
        let began = Instant::now();
        while TcpStream::connect(address).await.is_err() {
            ensure!(began.elapsed() < WITHIN, "the NATS server does not start");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(Some(server))
    }
}

/// A line to a NATS server.
struct NatsLine {
    stream: TcpStream,
    received: Vec<u8>,
    at: usize,
}

impl NatsLine {
    async fn open(address: SocketAddr, hears: bool) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        stream.write_all(b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\n").await?;
        let mut line = Self { stream, received: Vec::new(), at: 0 };
        if hears {
            line.stream.write_all(b"SUB x 1\r\n").await?;
        }
        // Everything before was taken when the pong comes.
        line.stream.write_all(b"PING\r\n").await?;
        while !line.received.windows(6).any(|window| window == b"PONG\r\n") {
            line.receive().await?;
        }
        line.received.clear();
        Ok(line)
    }

    async fn say(&mut self, text: &str) -> anyhow::Result<()> {
        self.stream.write_all(format!("PUB x {}\r\n{text}\r\n", text.len()).as_bytes()).await?;
        Ok(())
    }

    async fn hear(&mut self) -> anyhow::Result<&[u8]> {
        loop {
            if let Some((begin, end)) = self.whole()? {
                self.at = end + 2;
                return Ok(self.received.get(begin..end).unwrap_or_default());
            }
            self.received.drain(..self.at);
            self.at = 0;
            self.receive().await?;
        }
    }

    /// Where the next message begins and ends, if it is whole: `MSG x 1 LENGTH`, and then it.
    fn whole(&mut self) -> anyhow::Result<Option<(usize, usize)>> {
        let rest = self.received.get(self.at..).unwrap_or_default();
        let Some(end) = rest.windows(2).position(|window| window == b"\r\n") else {
            return Ok(None);
        };
        let head = std::str::from_utf8(rest.get(..end).unwrap_or_default())?;
        let length = head.strip_prefix("MSG ").and_then(|head| head.rsplit(' ').next());
        let length: usize =
            length.with_context(|| format!("NATS said {head:?}"))?.parse().context("a length")?;
        let begin = self.at + end + 2;
        Ok((self.received.len() >= begin + length + 2).then_some((begin, begin + length)))
    }

    async fn receive(&mut self) -> anyhow::Result<()> {
        self.received.reserve(1_024.max(self.received.capacity().min(64 << 10)));
        ensure!(self.stream.read_buf(&mut self.received).await? > 0, "NATS is gone");
        Ok(())
    }
}
