//! RabbitMQ: a parcel is taken when the broker has confirmed it, which for a persistent message in a durable queue means
//! on disk; what no queue would get comes back (`mandatory`) and is refused.
//!
//! The message's id is the parcel's, its header `Tidings-Key` the key. RabbitMQ closes a channel with all that is under
//! way there when it refuses one message, so each exchange has a channel of its own.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::tcp::OwnedTLSConfig;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ErrorKind,
    ExchangeKind,
};
use tokio::sync::Mutex;

use crate::address::Address;
use crate::broker::Broker;
use crate::connection::Target;
use crate::failed::{Failed, Taken, chain};
use crate::line::Line;
use crate::parcel::{KEY_HEADER, Parcel};

/// The largest body, in bytes: what servers take since 4.0 unless told otherwise.
const BODY_BYTES_MAX: usize = 16 << 20;

/// How often both sides say that they are there, in seconds: a dead line is found within twice of it.
const HEARTBEAT_S: u64 = 10;

/// How many exchanges are sent to by one connection; servers take 2047 channels.
const CHANNELS_MAX: usize = 512;

/// The delivery mode of a message that is written to disk, in AMQP 0.9.1.
const PERSISTENT: u8 = 2;

/// A connection to RabbitMQ.
pub(crate) struct Rabbit {
    target: Arc<Target>,
    line: Line<Arc<Open>>,
}

struct Open {
    connection: Connection,
    /// By exchange.
    channels: Mutex<HashMap<String, Channel>>,
}

impl fmt::Debug for Rabbit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rabbit")
    }
}

impl Rabbit {
    pub(crate) fn new(target: Arc<Target>) -> Self {
        Self { target, line: Line::new() }
    }

    async fn open(&self) -> Result<Arc<Open>, Failed> {
        let is_good = |open: &Arc<Open>| open.connection.status().connected();
        self.line.get(is_good, connect(&self.target)).await
    }
}

async fn connect(target: &Target) -> Result<Arc<Open>, String> {
    let url = format!("{}?heartbeat={HEARTBEAT_S}", target.url);
    let properties = ConnectionProperties::default().with_connection_name("tidings".into());
    let certificates = target.options.root_certificates.as_ref();
    let cert_chain = certificates.map(|certificates| certificates.pem.clone());
    let tls = OwnedTLSConfig { identity: None, cert_chain };
    let runtime = lapin::runtime::default_runtime().map_err(|error| chain(&error))?;
    let connected = Connection::connect_with_config(&url, properties, tls, runtime).await;
    let connection = connected.map_err(|error| chain(&error))?;
    Ok(Arc::new(Open { connection, channels: Mutex::default() }))
}

impl Open {
    /// The channel of an exchange, which must be there.
    async fn channel(&self, exchange: &str) -> Result<Channel, Failed> {
        let mut channels = self.channels.lock().await;
        channels.retain(|_, channel| channel.status().connected());
        if let Some(channel) = channels.get(exchange) {
            return Ok(channel.clone());
        }
        if channels.len() == CHANNELS_MAX {
            return Err(Failed::refused(format!(
                "exchange: a connection may lead to {CHANNELS_MAX}, and this is one more"
            )));
        }
        let channel = self.begin(exchange).await.map_err(|error| failed(&error))?;
        channels.insert(exchange.to_owned(), channel.clone());
        Ok(channel)
    }

    async fn begin(&self, exchange: &str) -> lapin::Result<Channel> {
        let channel = self.connection.create_channel().await?;
        if !exchange.is_empty() {
            // The kind is not looked at when it is only asked whether there is one.
            let options = ExchangeDeclareOptions { passive: true, ..Default::default() };
            let (name, kind) = (exchange.into(), ExchangeKind::Direct);
            channel.exchange_declare(name, kind, options, FieldTable::default()).await?;
        }
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(channel)
    }
}

#[async_trait]
impl Broker for Rabbit {
    fn body_bytes_max(&self) -> usize {
        BODY_BYTES_MAX
    }

    async fn reach(&self) -> Result<(), Failed> {
        self.open().await.map(|_| ())
    }

    async fn send(&self, to: &Address, parcel: &Parcel) -> Result<Taken, Failed> {
        let Address::Rabbit { exchange, routing_key } = to else {
            return Err(Failed::refused("the address is of no exchange"));
        };
        let channel = self.open().await?.channel(exchange).await?;
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        let properties = properties(parcel)?;
        let published = channel
            .basic_publish(short(exchange)?, short(routing_key)?, options, &parcel.body, properties)
            .await
            .map_err(|error| failed(&error))?;
        let confirmation = published.await.map_err(|error| failed(&error))?;
        match confirmation {
            Confirmation::Ack(None) => Ok(Taken::at(format!("{exchange}/{routing_key}"))),
            Confirmation::Ack(Some(returned)) | Confirmation::Nack(Some(returned)) => {
                Err(Failed::refused(format!(
                    "routing_key: no queue would get it ({} {})",
                    returned.reply_code, returned.reply_text
                )))
            }
            Confirmation::Nack(None) => Err(Failed::not_acknowledged("RabbitMQ could not keep it")),
            Confirmation::NotRequested => {
                Err(Failed::not_acknowledged("RabbitMQ confirms nothing on this channel"))
            }
        }
    }
}

fn short(text: &str) -> Result<ShortString, Failed> {
    ShortString::try_new(text).map_err(Failed::refused)
}

fn properties(parcel: &Parcel) -> Result<BasicProperties, Failed> {
    let mut headers = FieldTable::default();
    let mut properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_message_id(short(&parcel.id)?);
    headers.insert(short(KEY_HEADER)?, AMQPValue::LongString(parcel.key.as_str().into()));
    for (name, value) in &parcel.headers {
        if name.eq_ignore_ascii_case("content-type") && value.len() <= u8::MAX.into() {
            properties = properties.with_content_type(short(value)?);
        }
        headers.insert(short(name)?, AMQPValue::LongString(value.as_str().into()));
    }
    Ok(properties.with_headers(headers))
}

/// An error of the client: what the broker refuses of an exchange, it refuses of all that is sent there.
fn failed(error: &lapin::Error) -> Failed {
    let text = chain(error);
    if let ErrorKind::ProtocolError(error) = error.kind() {
        let refusals = [AMQPSoftError::NOTFOUND, AMQPSoftError::ACCESSREFUSED];
        if refusals.iter().any(|refusal| *error.kind() == AMQPErrorKind::Soft(refusal.clone())) {
            return Failed::refused(format!("exchange: {}", error.get_message()));
        }
    }
    Failed::not_acknowledged(text)
}
