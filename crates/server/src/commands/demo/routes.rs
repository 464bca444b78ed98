//! What the demo's page asks for, beside the real API: which channel to chat on, the live events without a token (the demo
//! listens on this machine only), and what its receiver got.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::sse::{Event as Record, KeepAlive, Sse};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::{Stream, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use tidings_api::Readiness;
use tidings_app::App;
use tidings_app::pipeline::live::{Watch, Watcher};
use tidings_catalogue::TypeFilter;
use tidings_model::{ChannelId, Seq, WorkspaceId, envelope};

use super::super::bin::Receiver;

#[derive(Clone)]
struct Demo {
    app: Arc<App>,
    readiness: Arc<Readiness>,
    workspace: WorkspaceId,
    channel: ChannelId,
    receiver: Receiver,
}

pub(super) fn routes(
    app: Arc<App>,
    readiness: Arc<Readiness>,
    workspace: WorkspaceId,
    channel: ChannelId,
    receiver: Receiver,
) -> Router {
    Router::new()
        .route("/demo", get(tidings_api::pages::demo))
        .route("/demo/info", get(info))
        .route("/demo/events", get(events))
        .route("/demo/webhooks", get(webhooks))
        .with_state(Demo { app, readiness, workspace, channel, receiver })
}

async fn info(State(demo): State<Demo>) -> Json<Value> {
    Json(json!({ "channel": demo.channel, "workspace_name": "Pizzeria" }))
}

async fn webhooks(State(demo): State<Demo>) -> Json<Value> {
    Json(json!({ "items": demo.receiver.arrived_after(0) }))
}

#[derive(Deserialize)]
struct Since {
    #[serde(default)]
    since: u64,
}

async fn events(
    State(demo): State<Demo>,
    Query(since): Query<Since>,
) -> Sse<impl Stream<Item = Result<Record, Infallible>>> {
    let (workspace, since) = (demo.workspace, Seq(since.since));
    let watch =
        Watch::new(&demo.app, workspace, Watcher::Workspace, TypeFilter::all(), None, since);
    let records = futures_util::stream::unfold(watch, |mut watch| async move {
        let events = watch.next().await.ok()?;
        let records: Vec<_> = events
            .iter()
            .map(|event| {
                let envelope = String::from_utf8_lossy(&envelope::render(event)).into_owned();
                Ok(Record::default()
                    .id(event.seq.to_string())
                    .event(event.event_type.as_str())
                    .data(envelope))
            })
            .collect();
        Some((futures_util::stream::iter(records), watch))
    });
    // It ends with the server, which would wait for it otherwise.
    let readiness = Arc::clone(&demo.readiness);
    let ended = async move { readiness.draining().await };
    Sse::new(records.flatten().take_until(Box::pin(ended))).keep_alive(KeepAlive::default())
}
