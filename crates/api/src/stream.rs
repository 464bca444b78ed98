//! Events as they come: server-sent events (the HTML standard, section 9.2) over a [`Watch`].
//!
//! A stream holds its own place and nothing else, so a slow reader slows nobody. Who comes back says `Last-Event-ID` and
//! misses nothing, nor sees anything twice; where events were removed meanwhile, a record `gap` says which numbers are
//! missing. Every [`HEARTBEAT`] an empty record tells the place, so that a reader whose filter passes little does not
//! begin far back.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::Stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use tidings_app::pipeline::live::Watch;
use tidings_model::{Event, Seq};
use tokio::time::{Instant, MissedTickBehavior};

use crate::params::wrong;
use crate::problem::{Code, Problem};
use crate::state::Api;

/// How often a quiet stream says that it is there. Proxies cut lines that are quiet for 30 to 60 seconds.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);

/// What a reader who comes back says.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Tells nginx not to gather the stream.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Where a stream begins: after the last event that the reader has, after `since`, or now.
pub(crate) async fn begin(
    api: &Api,
    workspace: tidings_model::WorkspaceId,
    headers: &HeaderMap,
    since: Option<Seq>,
) -> Result<Seq, Problem> {
    // A reader who comes back by itself repeats its first address, so what it saw last counts more.
    let last_seen = match headers.get(LAST_EVENT_ID).filter(|last| !last.is_empty()) {
        Some(last) => {
            let last = last.to_str().ok().and_then(|last| last.parse().ok());
            Some(Seq(last.ok_or_else(|| wrong("Last-Event-ID", "must be the number of an event"))?))
        }
        None => since,
    };
    let head = api.app.store().last_seq(workspace).await?;
    // A number that is not reached yet is one of a log that was restored: waiting for it would skip what comes.
    Ok(last_seen.map_or(head, |last_seen| last_seen.min(head)))
}

/// Whether a reader is told of events that are no longer kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gaps {
    /// By a record `gap`.
    Told,
    /// Not at all: the missing numbers are mostly of chats that the reader may not see.
    Silent,
}

/// Streams what a watch sees, each event as `write` gives it; what it does not write is left out.
pub(crate) fn events<W>(api: &Api, watch: Watch, gaps: Gaps, write: W) -> Result<Response, Problem>
where
    W: FnMut(&Event, &mut Vec<u8>) -> Written + Send + 'static,
{
    let permit = Arc::clone(&api.streams).try_acquire_owned();
    let Ok(permit) = permit else {
        return Err(
            Problem::new(Code::Overloaded, "too many streams are open").after(HEARTBEAT.as_secs())
        );
    };
    let api = api.clone();
    let mut heartbeat = tokio::time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let reader = Reader { watch, gaps, write, heartbeat, greeted: false };
    let body = futures_util::stream::unfold(
        (reader, api, permit),
        |(mut reader, api, permit)| async move {
            let bytes = tokio::select! {
                biased;
                () = api.readiness.draining() => None,
                bytes = reader.next() => bytes,
            };
            bytes.map(|bytes| (Ok(bytes), (reader, api, permit)))
        },
    );
    Ok(response(body))
}

fn response(
    body: impl Stream<Item = Result<Bytes, std::convert::Infallible>> + Send + 'static,
) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (X_ACCEL_BUFFERING, HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(body)).into_response()
}

/// Whether an event was written.
pub(crate) enum Written {
    /// It was.
    Whole,
    /// This reader may not see it.
    Nothing,
}

struct Reader<W> {
    watch: Watch,
    gaps: Gaps,
    write: W,
    heartbeat: tokio::time::Interval,
    greeted: bool,
}

impl<W: FnMut(&Event, &mut Vec<u8>) -> Written> Reader<W> {
    /// The next bytes: everything that is there at once, or a sign of life. `None` when the log cannot be read: the
    /// reader comes back, and is told why.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.greeted {
            self.greeted = true;
            return Some(Bytes::from_static(b": here\n\n"));
        }
        loop {
            tokio::select! {
                biased;
                events = self.watch.next() => {
                    let bytes = self.written(&events.ok()?);
                    if !bytes.is_empty() {
                        self.heartbeat.reset();
                        return Some(bytes.into());
                    }
                }
                _ = self.heartbeat.tick() => {
                    // A record without data is not shown to anybody, but its id is kept (section 9.2.6).
                    return Some(format!("id: {}\n: still here\n\n", self.watch.place()).into());
                }
            }
        }
    }

    fn written(&mut self, events: &[Arc<Event>]) -> Vec<u8> {
        let needed: usize = events.iter().map(|event| event.body().len() + 160).sum();
        let mut bytes = Vec::with_capacity(needed);
        if let Some(missed) = self.watch.take_missed().filter(|_| self.gaps == Gaps::Told) {
            let (from, to) = (missed.start(), missed.end());
            let gap =
                write!(bytes, "id: {to}\nevent: gap\ndata: {{\"from\":{from},\"to\":{to}}}\n\n");
            gap.expect("writing to memory cannot fail");
        }
        for event in events {
            let before = bytes.len();
            write!(bytes, "id: {}\nevent: {}\ndata: ", event.seq, event.event_type)
                .expect("writing to memory cannot fail");
            match (self.write)(event, &mut bytes) {
                Written::Whole => bytes.extend_from_slice(b"\n\n"),
                Written::Nothing => bytes.truncate(before),
            }
        }
        bytes
    }
}
