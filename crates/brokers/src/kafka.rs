//! Kafka: a parcel is taken when all replicas that are in sync have it (`acks=all`).
//!
//! The record's key is the parcel's, so what has one key stays in one partition, which is chosen as Java's client does
//! (murmur2); the header `Tidings-Id` is its id. The producer is idempotent: what it sends again by itself is there once.
//! Topics are not made by sending to them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use krafka::auth::{AuthConfig, TlsConfig};
use krafka::error::{ErrorCode, KrafkaError};
use krafka::producer::{Acks, Producer};
use krafka::{Kafka as Client, Record};

use crate::address::Address;
use crate::broker::Broker;
use crate::connection::{Sasl, Target};
use crate::failed::{Failed, Taken, chain};
use crate::line::{CONNECT_WITHIN, Line};
use crate::parcel::{ID_HEADER, Parcel};

/// The largest body, in bytes: servers take a MiB with all that belongs to it, unless told otherwise.
const BODY_BYTES_MAX: usize = 1_000_000;

/// How long a server may take for one answer.
const REQUEST_WITHIN: Duration = Duration::from_secs(10);

/// How long it may take to learn where a topic is; one that is not there is asked for until then.
const TOPIC_WITHIN: Duration = Duration::from_secs(5);

/// How long the client itself tries to send a record again. Who waits no longer finds it twice at most.
const DELIVERY_WITHIN: Duration = Duration::from_secs(20);

/// A connection to a cluster of Kafka.
pub(crate) struct Kafka {
    target: Arc<Target>,
    line: Line<Open>,
}

#[derive(Clone)]
struct Open {
    producer: Arc<Producer>,
    /// Set when the producer can go on no more.
    is_over: Arc<AtomicBool>,
}

impl fmt::Debug for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kafka")
    }
}

impl Kafka {
    pub(crate) fn new(target: Arc<Target>) -> Self {
        Self { target, line: Line::new() }
    }

    async fn open(&self) -> Result<Open, Failed> {
        let is_good =
            |open: &Open| !open.is_over.load(Ordering::Acquire) && !open.producer.is_closed();
        self.line.get(is_good, connect(&self.target)).await
    }
}

async fn connect(target: &Target) -> Result<Open, String> {
    let client = Client::builder(target.hosts.join(","))
        .client_id("tidings")
        .security(security(target))
        .request_timeout(REQUEST_WITHIN)
        .connect_timeout(CONNECT_WITHIN)
        .allow_auto_create_topics(false)
        .connect()
        .await
        .map_err(|error| chain(&error))?;
    let producer = client
        .producer()
        .acks(Acks::All)
        .idempotent(true)
        .linger(Duration::ZERO)
        .delivery_timeout(DELIVERY_WITHIN)
        .max_block(TOPIC_WITHIN)
        .metrics_push(false)
        .build()
        .await
        .map_err(|error| chain(&error))?;
    Ok(Open { producer: Arc::new(producer), is_over: Arc::default() })
}

fn security(target: &Target) -> AuthConfig {
    let tls = target.is_tls.then(|| match &target.options.root_certificates {
        Some(certificates) => TlsConfig::new().with_ca_cert_pem(certificates.pem.clone()),
        None => TlsConfig::new().with_native_roots(),
    });
    let user = target.user.clone().zip(target.password.clone());
    let security = user.map(|(user, password)| match target.options.sasl {
        Sasl::Plain => AuthConfig::sasl_plain(user, password),
        Sasl::ScramSha256 => AuthConfig::sasl_scram_sha256(user, password),
        Sasl::ScramSha512 => AuthConfig::sasl_scram_sha512(user, password),
    });
    match (security, tls) {
        (Some(security), Some(tls)) => security.with_tls(tls),
        (Some(security), None) => security,
        (None, Some(tls)) => AuthConfig::ssl(tls),
        (None, None) => AuthConfig::plaintext(),
    }
}

#[async_trait]
impl Broker for Kafka {
    fn body_bytes_max(&self) -> usize {
        BODY_BYTES_MAX
    }

    async fn reach(&self) -> Result<(), Failed> {
        self.open().await.map(|_| ())
    }

    async fn send(&self, to: &Address, parcel: &Parcel) -> Result<Taken, Failed> {
        let Address::Kafka { topic } = to else {
            return Err(Failed::refused("the address is of no topic"));
        };
        let Open { producer, is_over } = self.open().await?;
        let mut record = Record::new(topic, parcel.body.clone())
            .key(parcel.key.clone())
            .header(ID_HEADER, parcel.id.clone());
        for (name, value) in &parcel.headers {
            record = record.header(name.clone(), value.clone());
        }
        match producer.send(record).await {
            Ok(place) => Ok(Taken::at(format!("{topic} {} {}", place.partition, place.offset))),
            Err(error) => {
                if error.is_fatal() {
                    is_over.store(true, Ordering::Release);
                }
                Err(failed(&error))
            }
        }
    }
}

fn failed(error: &KrafkaError) -> Failed {
    let text = chain(error);
    if let KrafkaError::Broker { code, .. } = error {
        let refusals = [
            ErrorCode::UnknownTopicOrPartition,
            ErrorCode::InvalidTopic,
            ErrorCode::TopicAuthorizationFailed,
            ErrorCode::PolicyViolation,
        ];
        if [ErrorCode::MessageTooLarge, ErrorCode::RecordListTooLarge].contains(code) {
            return Failed::unfit(format!("body: {text}"));
        }
        if refusals.contains(code) {
            return Failed::refused(format!("topic: {text}"));
        }
    }
    if let KrafkaError::DeliveryTimeout { possibly_written: false, .. } = error {
        return Failed::unreachable(text);
    }
    Failed::not_acknowledged(text)
}
