//! The one loop of a connection: what comes in, what is answered, what is heard, and whether anybody is there.
//!
//! Requests are taken one after another, so the answers of a client's sends keep their order; pings and pushes pass them.
//! Pushes are taken from the queue only when what was written before has left, so a client that does not read keeps its
//! queue full, and the hub cuts it.

use std::collections::VecDeque;
use std::future::pending;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use hyper::upgrade::Upgraded;
use serde_json::json;
use tidings_app::desk::hub::Cut;
use tidings_wire::livechat::{ErrorType, Failure};
use tokio::time::{Instant, sleep_until, timeout};

use super::Door;
use super::frames::{self, Message};
use super::login::{Session, let_in_no_more};
use super::session::{Done, Signed, serve};
use super::socket::{Line, Moved, Socket, WRITE_BYTES};
use super::talk::{self, Request, answer};

/// How long a connection may be open without `login`; LiveChat's figure.
const LOGIN_WITHIN: Duration = Duration::from_secs(30);

/// How often the server asks whether the other side is there: proxies cut lines that are quiet for 30 to 60 seconds.
const PING_EVERY: Duration = Duration::from_secs(20);

/// How long nothing may be heard of the other side: three pings.
const SILENT_MAX: Duration = Duration::from_secs(60);

/// How many requests may be unanswered; LiveChat's figure.
const PENDING_MAX: usize = 10;

/// How many bytes of answers may wait before nothing more is read.
const UNREAD_BYTES_MAX: usize = 256 << 10;

/// How long the last words may take to leave.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// Every so many pings it is looked whether the token still lets in.
const PINGS_BETWEEN_CHECKS: u32 = 3;

/// What is done now.
type Working = Pin<Box<dyn Future<Output = Done> + Send>>;

/// Why a connection ends.
enum End {
    /// They closed, with this code.
    Theirs(Option<u16>),
    /// We close, with a reason.
    Ours(Cut),
    /// What they sent is not as it must be.
    Wrong(u16),
    /// The line is gone.
    Gone,
}

struct Connection {
    door: Arc<Door>,
    socket: Socket,
    session: Option<Box<Session>>,
    working: Option<Working>,
    waiting: VecDeque<Request>,
    opened_at: Instant,
    pinged_at: Instant,
    pings: u32,
}

/// Serves a connection to its end.
pub(super) async fn run(door: Door, upgraded: Upgraded) {
    let (line, read_already) = Line::of(upgraded);
    let now = Instant::now();
    let mut connection = Connection {
        socket: Socket::new(line, &read_already),
        door: Arc::new(door),
        session: None,
        working: None,
        waiting: VecDeque::new(),
        opened_at: now,
        pinged_at: now,
        pings: 0,
    };
    drop(read_already);
    let end = connection.serve().await;
    connection.close(end).await;
}

/// What happened.
enum Happened {
    Moved(Moved),
    Done(Done),
    Heard,
    Time,
    Stopping,
}

impl Connection {
    async fn serve(&mut self) -> End {
        let api = self.door.api.clone();
        let mut draining = pin!(api.readiness.draining());
        let mut timer = pin!(sleep_until(self.next_look()));
        loop {
            if let Some(cut) = self.hear() {
                return End::Ours(cut);
            }
            self.begin_next();
            let reads = self.socket.waiting() < UNREAD_BYTES_MAX;
            let happened = {
                let Self { socket, session, working, .. } = self;
                let work = async {
                    match working {
                        Some(working) => working.await,
                        None => pending().await,
                    }
                };
                let heard = async {
                    match session {
                        Some(session) => session.seat.listener().changed().await,
                        None => pending().await,
                    }
                };
                tokio::select! {
                    biased;
                    moved = socket.moved(reads) => Happened::Moved(moved),
                    done = work => Happened::Done(done),
                    () = heard => Happened::Heard,
                    () = timer.as_mut() => Happened::Time,
                    () = draining.as_mut() => Happened::Stopping,
                }
            };
            match happened {
                Happened::Moved(Moved::Came(message)) => {
                    if let Some(end) = self.take(message) {
                        return end;
                    }
                }
                Happened::Moved(Moved::Left) | Happened::Heard => {}
                Happened::Moved(Moved::Wrong(violation)) => return End::Wrong(violation.code()),
                Happened::Moved(Moved::Gone) => return End::Gone,
                Happened::Done(done) => self.finish(done),
                Happened::Stopping => return End::Ours(Cut::Stopping),
                Happened::Time => {
                    if let Some(end) = self.look().await {
                        return end;
                    }
                    timer.as_mut().reset(self.next_look());
                }
            }
        }
    }

    /// Takes what is to be heard, when all before has left. Says why the connection is to be closed, if it is.
    fn hear(&mut self) -> Option<Cut> {
        let Self { socket, session, .. } = self;
        let session = session.as_mut()?;
        if socket.waiting() > 0 {
            return session.seat.listener().cut();
        }
        while socket.waiting() < WRITE_BYTES {
            let Some(frame) = session.first.pop_front() else { break };
            socket.write_text(&frame);
        }
        if session.first.is_empty() {
            session.first = VecDeque::new();
            if socket.waiting() < WRITE_BYTES {
                return session.seat.listener().take(|frame| {
                    socket.write_text(&frame.bytes);
                    socket.waiting() < WRITE_BYTES
                });
            }
        }
        session.seat.listener().cut()
    }

    fn begin_next(&mut self) {
        if self.working.is_some() {
            return;
        }
        if let Some(request) = self.waiting.pop_front() {
            let signed = self.session.as_deref().map(Signed::of);
            self.working = Some(Box::pin(serve(Arc::clone(&self.door), signed, request)));
        } else if self.waiting.capacity() > 0 {
            self.waiting = VecDeque::new();
        }
    }

    fn take(&mut self, message: Message) -> Option<End> {
        match message {
            Message::Text(text) => self.request(&text),
            Message::Ping(payload) => {
                self.socket.write(|out| frames::write_pong(out, &payload));
            }
            Message::Pong => {}
            Message::Close(code) => return Some(End::Theirs(code)),
        }
        None
    }

    fn request(&mut self, text: &str) {
        let request = match talk::read(text) {
            Ok(request) => request,
            Err(refusal) => return self.socket.write_text(&refusal),
        };
        if request.action == "ping" {
            let pong = answer(request.request_id.as_deref(), &request.action, Ok(json!({})));
            return self.socket.write_text(&pong);
        }
        let unanswered = self.waiting.len() + usize::from(self.working.is_some());
        if unanswered >= PENDING_MAX {
            let failure = Failure::new(
                ErrorType::PendingRequestsLimitReached,
                format!("{PENDING_MAX} requests wait for their answers; wait for some of them"),
            );
            let refusal = answer(request.request_id.as_deref(), &request.action, Err(failure));
            return self.socket.write_text(&refusal);
        }
        self.waiting.push_back(request);
    }

    fn finish(&mut self, done: Done) {
        self.working = None;
        match done {
            Done::Answer(answer) => self.socket.write_text(&answer),
            Done::LoggedIn(session, answer) => {
                self.socket.write_text(&answer);
                self.session = Some(session);
            }
            Done::Renewed(token, answer) => {
                self.socket.write_text(&answer);
                if let Some(session) = &mut self.session {
                    session.token = token;
                }
            }
        }
    }

    /// When the connection is looked at again without anything happening.
    fn next_look(&self) -> Instant {
        let ping = self.pinged_at + PING_EVERY;
        match self.session {
            Some(_) => ping,
            None => ping.min(self.opened_at + LOGIN_WITHIN),
        }
    }

    async fn look(&mut self) -> Option<End> {
        let now = Instant::now();
        if now - self.socket.heard_at >= SILENT_MAX {
            return Some(End::Ours(Cut::Silent));
        }
        if self.session.is_none() && now - self.opened_at >= LOGIN_WITHIN {
            return Some(End::Ours(Cut::Silent));
        }
        if now - self.pinged_at >= PING_EVERY {
            self.pinged_at = now;
            self.pings = self.pings.wrapping_add(1);
            if self.socket.waiting() == 0 {
                self.socket.write(frames::write_ping);
            }
            if self.pings.is_multiple_of(PINGS_BETWEEN_CHECKS) {
                let token = self.session.as_ref()?.token.clone();
                let door = Arc::clone(&self.door);
                return let_in_no_more(&door, &token).await.map(End::Ours);
            }
        }
        None
    }

    /// Says the last words, and waits a moment until they have left.
    async fn close(mut self, end: End) {
        if let (End::Ours(_), Some(working)) = (&end, &mut self.working)
            && let Ok(done) = timeout(CLOSE_WITHIN, working).await
        {
            self.finish(done);
        }
        // The place is free at once, whatever the line does.
        self.session = None;
        let code = match end {
            End::Gone => return,
            End::Theirs(code) => code.unwrap_or(NORMAL),
            End::Wrong(code) => code,
            End::Ours(cut) => {
                let told = talk::disconnected(self.door.side, self.door.version, cut);
                self.socket.write_text(&told);
                if cut == Cut::Stopping { SERVICE_RESTART } else { NORMAL }
            }
        };
        self.socket.write(|out| frames::write_close(out, code));
        let leaves = async {
            loop {
                if let Moved::Left | Moved::Gone = self.socket.moved(false).await {
                    return;
                }
            }
        };
        if timeout(CLOSE_WITHIN, leaves).await.is_err() {
            tracing::debug!("a connection was closed before its last words left");
            self.socket.abort();
        }
    }
}

/// The code of an end that is as it should be (RFC 6455, section 7.4.1).
const NORMAL: u16 = 1000;

/// The code of a server that will be back (the registry of section 11.7).
const SERVICE_RESTART: u16 = 1012;
