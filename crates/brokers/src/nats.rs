//! NATS JetStream: a parcel is taken when a stream has acknowledged it.
//!
//! `Nats-Msg-Id` is the parcel's id, by which a stream knows again what comes twice within its window (two minutes unless
//! it was told otherwise); `Tidings-Key` is its key. The client connects again by itself, for ever.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_nats::header::{HeaderMap, HeaderName, HeaderValue, NATS_MESSAGE_ID};
use async_nats::jetstream;
use async_nats::jetstream::context::{Context, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::{ConnectOptions, Event};
use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;

use crate::address::Address;
use crate::broker::Broker;
use crate::brokers::DEADLINE_MAX;
use crate::connection::Target;
use crate::failed::{Failed, Taken, chain};
use crate::line::{CONNECT_WITHIN, Line, pause};
use crate::parcel::{KEY_HEADER, Parcel};

/// The largest body, in bytes. Servers take a MiB with headers unless told otherwise, and refuse what they do not take.
const BODY_BYTES_MAX: usize = 8 << 20;

/// How often the connection is tried while it is quiet: a dead line is found within twice of it.
const PING_EVERY: Duration = Duration::from_secs(5);

/// A connection to NATS.
pub(crate) struct Nats {
    target: Arc<Target>,
    line: Line<Open>,
}

#[derive(Clone)]
struct Open {
    context: Context,
    /// What keeps it away; `None` while it is connected.
    away: watch::Receiver<Option<String>>,
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nats")
    }
}

impl Nats {
    pub(crate) fn new(target: Arc<Target>) -> Self {
        Self { target, line: Line::new() }
    }

    async fn open(&self) -> Result<Open, Failed> {
        let open = self.line.get(|_| true, connect(&self.target)).await?;
        let away = open.away.borrow().clone();
        match away {
            Some(why) => Err(Failed::unreachable(format!("the connection is lost: {why}"))),
            None => Ok(open),
        }
    }
}

async fn connect(target: &Target) -> Result<Open, String> {
    let (tells, away) = watch::channel(None);
    let mut options = ConnectOptions::new()
        .name("tidings")
        .connection_timeout(CONNECT_WITHIN)
        .max_reconnects(None)
        .reconnect_delay_callback(|attempts| match u32::try_from(attempts) {
            Ok(0 | 1) => Duration::ZERO,
            attempts => pause(attempts.unwrap_or(u32::MAX) - 1),
        })
        .ping_interval(PING_EVERY)
        .event_callback(move |event| {
            hears(&tells, &event);
            std::future::ready(())
        });
    options = match (&target.user, &target.password) {
        (None, _) => options,
        (Some(token), None) => options.token(token.clone()),
        (Some(user), Some(password)) => options.user_and_password(user.clone(), password.clone()),
    };
    options = options.require_tls(target.is_tls);
    if let Some(certificates) = &target.options.root_certificates {
        options = options.add_root_certificates(certificates.file.clone());
    }
    let client = options.connect(target.hosts.clone()).await.map_err(|error| chain(&error))?;
    let mut context = jetstream::new(client);
    // Callers bring deadlines of their own.
    context.set_timeout(DEADLINE_MAX);
    Ok(Open { context, away })
}

fn hears(tells: &watch::Sender<Option<String>>, event: &Event) {
    match event {
        Event::Connected => {
            if tells.send_replace(None).is_some() {
                tracing::info!("NATS is connected again: deliveries go on");
            }
        }
        Event::Disconnected | Event::Closed => {
            tells.send_replace(Some("it is tried again".into()));
            tracing::warn!("the connection to NATS is lost: deliveries wait, it is tried again");
        }
        Event::ClientError(error) => {
            // A client that is connected may tell of errors as well.
            tells.send_if_modified(|away| {
                away.as_mut().map(|why| *why = error.to_string()).is_some()
            });
        }
        Event::ServerError(error) => tracing::warn!("NATS refuses something: {error}"),
        Event::LameDuckMode | Event::Draining | Event::SlowConsumer(_) => {
            tracing::debug!("NATS: {event}");
        }
    }
}

#[async_trait]
impl Broker for Nats {
    fn body_bytes_max(&self) -> usize {
        BODY_BYTES_MAX
    }

    async fn reach(&self) -> Result<(), Failed> {
        self.open().await.map(|_| ())
    }

    async fn send(&self, to: &Address, parcel: &Parcel) -> Result<Taken, Failed> {
        let Address::Nats { subject } = to else {
            return Err(Failed::refused("the address is of no subject"));
        };
        let Open { context, mut away } = self.open().await?;
        let message = message(parcel.body.clone(), headers(parcel)?);
        let published = async { context.send_publish(subject.clone(), message).await?.await };
        let lost = away.wait_for(Option::is_some);
        let acknowledged = tokio::select! {
            acknowledged = published => acknowledged,
            _ = lost => return Err(Failed::not_acknowledged("the connection was lost meanwhile")),
        };
        match acknowledged {
            Ok(ack) => Ok(Taken {
                place: format!("{} {}", ack.stream, ack.sequence),
                is_duplicate: ack.duplicate,
            }),
            Err(error) => Err(match error.kind() {
                PublishErrorKind::StreamNotFound => Failed::refused(format!(
                    "subject: no stream of JetStream listens to {subject:?}; make one, or correct the subject"
                )),
                PublishErrorKind::MaxPayloadExceeded => {
                    Failed::unfit(format!("body: {}", chain(&error)))
                }
                PublishErrorKind::WrongLastMessageId
                | PublishErrorKind::WrongLastSequence
                | PublishErrorKind::TimedOut
                | PublishErrorKind::BrokenPipe
                | PublishErrorKind::MaxAckPending
                | PublishErrorKind::Other => Failed::not_acknowledged(chain(&error)),
            }),
        }
    }
}

fn message(body: Bytes, headers: HeaderMap) -> PublishMessage {
    PublishMessage::build().payload(body).headers(headers)
}

fn headers(parcel: &Parcel) -> Result<HeaderMap, Failed> {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, value("id", &parcel.id)?);
    headers.insert(KEY_HEADER, value("key", &parcel.key)?);
    for (name, text) in &parcel.headers {
        let wrong = |error| Failed::unfit(format!("headers: {name}: {error}"));
        headers.insert(HeaderName::from_str(name).map_err(wrong)?, value(name, text)?);
    }
    Ok(headers)
}

fn value(name: &str, text: &str) -> Result<HeaderValue, Failed> {
    text.parse().map_err(|error| Failed::unfit(format!("{name}: {error}")))
}
