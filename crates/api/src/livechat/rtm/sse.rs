//! The pushes of a connection as server-sent events: the same frames as data, with the number of their event as id.
//!
//! `GET /v{version}/{side}/rtm/sse?token=&since=&pushes=`. Who comes back says `Last-Event-ID`, or `since`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::Stream;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use tidings_app::desk::Who;
use tidings_app::desk::customers::there;
use tidings_app::desk::hub::{Cut, Missed, Queued, Seat};
use tidings_wire::livechat::{self, ErrorType, Failure, Transport};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::Door;
use super::login::{Asked, let_in_no_more, missed, take_seat, wanted};
use super::talk::disconnected;
use crate::livechat::sign_in::sign_in;
use crate::livechat::web::refused;
use crate::state::Api;
use crate::stream::HEARTBEAT;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Tells nginx not to gather the stream.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// How many bytes of pushes are joined into one write, about.
const WRITE_BYTES: usize = 64 << 10;

/// Every so many signs of life it is looked whether the token still lets in: once a minute, as it is for sockets.
const HEARTBEATS_BETWEEN_CHECKS: u32 = 4;

/// What is asked for in the address.
#[derive(Deserialize)]
pub(super) struct Asking {
    /// The token; a browser's `EventSource` sends no header.
    #[serde(default)]
    pub(super) token: Option<String>,
    /// The number of what was heard last.
    #[serde(default)]
    pub(super) since: Option<u64>,
    /// The names of the pushes that are wanted, with commas between; all, unless it is given.
    #[serde(default)]
    pub(super) pushes: Option<String>,
    /// How many seconds a poll waits.
    #[serde(default)]
    pub(super) wait: Option<u64>,
}

pub(super) async fn stream(
    State(api): State<Api>,
    Path((version, side)): Path<(String, String)>,
    Query(asking): Query<Asking>,
    request: Request,
) -> Response {
    match begin(api, &version, &side, asking, request).await {
        Ok(response) => response,
        Err(failure) => refused(&failure),
    }
}

async fn begin(
    api: Api,
    version: &str,
    side: &str,
    mut asking: Asking,
    request: Request,
) -> Result<Response, Failure> {
    let permit = Arc::clone(&api.streams).try_acquire_owned().map_err(|_| {
        Failure::new(ErrorType::ServiceUnavailable, "too many streams are open; try again")
    })?;
    let (parts, _) = request.into_parts();
    let door = Door::of(api, version, side, &parts)?;
    if let Some(last) = parts.headers.get(LAST_EVENT_ID).filter(|last| !last.is_empty()) {
        let last = last.to_str().ok().and_then(|last| last.parse().ok());
        let last = last.ok_or_else(|| {
            Failure::new(ErrorType::Validation, "Last-Event-ID must be the number of an event")
        })?;
        asking.since = Some(last);
    }
    let token = token(&parts.headers, &asking)?.to_owned();
    let (seat, missed) = sit_down(&door, &token, &asking, true).await?;
    let mut begin = VecDeque::new();
    match missed {
        None => {}
        Some(Missed::Pushes(pushes)) => begin.extend(pushes),
        Some(Missed::Gap) => {
            let bytes = Bytes::from_static(b"{\"type\":\"gap\"}");
            begin.push_back(Queued { bytes, seq: Some(seat.joined_at()) });
        }
    }
    let mut heartbeat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let greeting = format!("id: {}\n: here\n\n", asking.since.unwrap_or(seat.joined_at().0));
    let reader = Reader {
        greeting: Some(greeting.into()),
        begin,
        seat,
        heartbeat,
        heartbeats: 0,
        has_ended: false,
        door,
        token,
        permit,
    };
    Ok(response(futures_util::stream::unfold(reader, |mut reader| async move {
        let bytes = reader.next().await?;
        Some((Ok(bytes), reader))
    })))
}

/// What somebody signs in with.
pub(super) fn token<'a>(headers: &'a HeaderMap, asking: &'a Asking) -> Result<&'a str, Failure> {
    let from_header = || headers.get(AUTHORIZATION)?.to_str().ok();
    asking.token.as_deref().or_else(from_header).ok_or_else(|| {
        Failure::new(ErrorType::Authentication, "there is neither `token` nor Authorization")
    })
}

/// Signs in and takes a seat; gives what was missed, where that is asked for.
pub(super) async fn sit_down(
    door: &Door,
    token: &str,
    asking: &Asking,
    present: bool,
) -> Result<(Seat, Option<Missed>), Failure> {
    let actor = sign_in(&door.api.app, door.side, token, door.peer.ip).await?.actor;
    door.organization.check(actor.workspace)?;
    let method = livechat::find(door.side, door.version, Transport::Rtm, "login")?;
    let pushes = asking.pushes.as_ref().map(|names| {
        let names = names.split(',').map(|name| name.trim().to_owned()).collect();
        std::collections::BTreeMap::from([(door.version.to_string(), names)])
    });
    let wanted = wanted(pushes.as_ref(), door.version)?;
    let catches_up = asking.since.is_some();
    let asked = Asked { wanted, away: false, present, monitors: Default::default(), catches_up };
    let mut seat = take_seat(door, method, &actor, asked).await?;
    if let (true, Who::Customer(id)) = (seat.came(), &actor.who) {
        there::came(&door.api.app, actor.workspace, *id).await;
    }
    let missed = match asking.since {
        Some(since) => Some(missed(door, &actor, &mut seat, since).await?),
        None => None,
    };
    Ok((seat, missed))
}

fn response(body: impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (X_ACCEL_BUFFERING, HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(body)).into_response()
}

struct Reader {
    greeting: Option<Bytes>,
    begin: VecDeque<Queued>,
    seat: Seat,
    heartbeat: Interval,
    heartbeats: u32,
    /// Whether the last words were said.
    has_ended: bool,
    door: Door,
    token: String,
    /// Held until the stream ends.
    #[expect(dead_code, reason = "it is held, not read")]
    permit: OwnedSemaphorePermit,
}

impl Reader {
    /// The next bytes; `None` when the stream ends: the reader comes back.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting);
        }
        if self.has_ended {
            return None;
        }
        loop {
            let mut out = Vec::new();
            while let Some(queued) = self.begin.pop_front() {
                write(&mut out, &queued);
                if out.len() >= WRITE_BYTES {
                    break;
                }
            }
            let mut cut = None;
            if self.begin.is_empty() && out.len() < WRITE_BYTES {
                cut = self.seat.listener().take(|queued| {
                    write(&mut out, &queued);
                    out.len() < WRITE_BYTES
                });
            }
            if !out.is_empty() {
                return Some(out.into());
            }
            if let Some(cut) = cut {
                return Some(self.end(cut));
            }
            tokio::select! {
                biased;
                () = self.seat.listener().changed() => {}
                () = self.door.api.readiness.draining() => return Some(self.end(Cut::Stopping)),
                _ = self.heartbeat.tick() => {
                    self.heartbeats = self.heartbeats.wrapping_add(1);
                    if self.heartbeats.is_multiple_of(HEARTBEATS_BETWEEN_CHECKS)
                        && let Some(cut) = let_in_no_more(&self.door, &self.token).await
                    {
                        return Some(self.end(cut));
                    }
                    return Some(Bytes::from_static(b": still here\n\n"));
                }
            }
        }
    }

    /// The last words.
    fn end(&mut self, cut: Cut) -> Bytes {
        self.has_ended = true;
        let mut out = Vec::new();
        let bytes = disconnected(self.door.side, self.door.version, cut);
        write(&mut out, &Queued { bytes, seq: None });
        out.into()
    }
}

fn write(out: &mut Vec<u8>, queued: &Queued) {
    if let Some(seq) = queued.seq {
        out.extend_from_slice(format!("id: {seq}\n").as_bytes());
    }
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(&queued.bytes);
    out.extend_from_slice(b"\n\n");
}
