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
use tidings_app::desk::hub::{Missed, Queued, Seat};
use tidings_wire::livechat::{self, ErrorType, Failure, Transport};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::Door;
use super::login::{Asked, missed, take_seat, wanted};
use crate::livechat::sign_in::sign_in;
use crate::livechat::web::refused;
use crate::state::Api;
use crate::stream::HEARTBEAT;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Tells nginx not to gather the stream.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// How many bytes of pushes are joined into one write, about.
const WRITE_BYTES: usize = 64 << 10;

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
    let (seat, missed) = sit_down(&door, &parts.headers, &asking, true).await?;
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
    let reader =
        Reader { greeting: Some(greeting.into()), begin, seat, heartbeat, api: door.api, permit };
    Ok(response(futures_util::stream::unfold(reader, |mut reader| async move {
        let bytes = reader.next().await?;
        Some((Ok(bytes), reader))
    })))
}

/// Signs in and takes a seat; gives what was missed, where that is asked for.
pub(super) async fn sit_down(
    door: &Door,
    headers: &HeaderMap,
    asking: &Asking,
    present: bool,
) -> Result<(Seat, Option<Missed>), Failure> {
    let from_header = || headers.get(AUTHORIZATION)?.to_str().ok();
    let token = asking.token.as_deref().or_else(from_header).ok_or_else(|| {
        Failure::new(ErrorType::Authentication, "there is neither `token` nor Authorization")
    })?;
    let actor = sign_in(&door.api.app, door.side, token).await?.actor;
    door.organization.check(actor.workspace)?;
    let method = livechat::find(door.side, door.version, Transport::Rtm, "login")?;
    let pushes = asking.pushes.as_ref().map(|names| {
        let names = names.split(',').map(|name| name.trim().to_owned()).collect();
        std::collections::BTreeMap::from([(door.version.to_string(), names)])
    });
    let wanted = wanted(pushes.as_ref(), door.version)?;
    let asked = Asked { wanted, away: false, present, monitors: Default::default() };
    let seat = take_seat(door, method, &actor, asked).await?;
    let missed = match asking.since {
        Some(since) => Some(missed(door, &actor, &seat, since).await?),
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
    api: Api,
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
            if cut.is_some() {
                return None;
            }
            tokio::select! {
                biased;
                () = self.seat.listener().changed() => {}
                () = self.api.readiness.draining() => return None,
                _ = self.heartbeat.tick() => return Some(Bytes::from_static(b": still here\n\n")),
            }
        }
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
