//! The pushes of a connection by asking again and again: for networks that let nothing else through.
//!
//! `GET /v{version}/{side}/rtm/poll?token=&since=&wait=&pushes=` answers `{seq, gap, pushes}` as soon as there are pushes
//! after `since`, or after `wait` seconds without any. Without `since` it says at once where the log ends. What is not
//! kept (typing) is heard while a poll waits.

use std::time::Duration;

use axum::extract::{Path, Query, Request, State};
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json, value::RawValue};
use tidings_app::desk::hub::{Cut, Missed, Queued};
use tidings_model::Seq;
use tidings_wire::livechat::{ErrorType, Failure};
use tokio::time::{Instant, timeout_at};

use super::Door;
use super::sse::{Asking, sit_down, token};
use crate::livechat::web::{as_json, refused};
use crate::state::Api;

/// How long a poll waits at most: less than a request may take.
const WAIT_S_MAX: u64 = 25;

/// How many pushes one answer has at most; more come with the next.
const PUSHES_MAX: usize = 500;

pub(super) async fn poll(
    State(api): State<Api>,
    Path((version, side)): Path<(String, String)>,
    Query(asking): Query<Asking>,
    request: Request,
) -> Response {
    match answer(api, &version, &side, asking, request).await {
        Ok(answer) => as_json(StatusCode::OK, &answer),
        Err(failure) => refused(&failure),
    }
}

async fn answer(
    api: Api,
    version: &str,
    side: &str,
    asking: Asking,
    request: Request,
) -> Result<Value, Failure> {
    let (parts, _) = request.into_parts();
    let door = Door::of(api, version, side, &parts)?;
    let until = Instant::now() + Duration::from_secs(asking.wait.unwrap_or(0).min(WAIT_S_MAX));
    let token = token(&parts.headers, &asking)?;
    let (seat, missed) = sit_down(&door, token, &asking, false).await?;
    let mut queued = match missed {
        None => return written(seat.joined_at(), false, &[]),
        Some(Missed::Gap) => return written(seat.joined_at(), true, &[]),
        Some(Missed::Pushes(pushes)) => pushes,
    };
    // What is left out now comes with the next poll, so the place is that of the last push that is told. The pushes of
    // one event are told together.
    if let Some(last) = queued.get(PUSHES_MAX.saturating_sub(1)).and_then(|last| last.seq) {
        queued.retain(|queued| queued.seq.is_none_or(|seq| seq <= last));
        return written(last, false, &queued);
    }
    let since = Seq(asking.since.unwrap_or_default());
    let mut place = seat.joined_at().max(since);
    let listener = seat.listener();
    loop {
        // Read before the queue: what is given out later is in the next answer.
        let given_out = seat.hub().place();
        let cut = listener.take(|frame| {
            place = place.max(frame.seq.unwrap_or(place));
            queued.push(frame);
            true
        });
        place = place.max(given_out);
        match cut {
            None => {}
            Some(Cut::Banned) => return Err(Failure::from(ErrorType::CustomerBanned)),
            Some(_) => return Err(Failure::new(ErrorType::ServiceUnavailable, "ask again")),
        }
        if !queued.is_empty() {
            return written(place, false, &queued);
        }
        let waited = tokio::select! {
            waited = timeout_at(until, listener.changed()) => waited.is_ok(),
            () = door.api.readiness.draining() => false,
        };
        if !waited {
            return written(place, false, &[]);
        }
    }
}

fn written(seq: Seq, gap: bool, queued: &[Queued]) -> Result<Value, Failure> {
    let mut pushes = Vec::with_capacity(queued.len());
    for queued in queued {
        let push: Box<RawValue> = serde_json::from_slice(&queued.bytes).map_err(|error| {
            tracing::error!("a push is not JSON: {error}");
            Failure::from(ErrorType::Internal)
        })?;
        pushes.push(serde_json::to_value(&push).unwrap_or_default());
    }
    Ok(json!({ "seq": seq.0, "gap": gap, "pushes": pushes }))
}
