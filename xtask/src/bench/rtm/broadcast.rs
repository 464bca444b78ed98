//! The bare broadcast: the web framework's WebSocket over a broadcast channel. What one says all hear, and nothing is kept.

use std::net::Ipv4Addr;

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::broadcast;

/// How many messages wait for who hears.
const WAITING_MAX: usize = 4_096;

/// Serves. Prints its address first; lives until it is killed.
pub(in crate::bench) async fn run_broadcast() -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no free port")?;
    println!("{}", listener.local_addr().context("no free port")?);
    let said = broadcast::Sender::<Utf8Bytes>::new(WAITING_MAX);
    let routes = Router::new().route("/say", get(say)).route("/hear", get(hear)).with_state(said);
    let listener = listener.tap_io(|stream| {
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
