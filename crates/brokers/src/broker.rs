//! What each kind of broker does for the rest of this crate.

use std::fmt::{self, Debug};

use async_trait::async_trait;

use crate::address::Address;
use crate::failed::{Failed, Taken};
use crate::parcel::Parcel;

/// What is spoken at a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// NATS with JetStream.
    Nats,
    /// AMQP 0.9.1 with the confirms of RabbitMQ.
    Rabbit,
    /// Redis, or what speaks as it does.
    Redis,
    /// Kafka, or what speaks as it does.
    Kafka,
    /// Files in a folder.
    File,
}

impl Kind {
    /// The word that an address of it begins with.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::Rabbit => "rabbitmq",
            Self::Redis => "redis",
            Self::Kafka => "kafka",
            Self::File => "file",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One connection. Whoever calls it sees to limits, deadlines and order.
#[async_trait]
pub(crate) trait Broker: Debug + Send + Sync {
    /// The largest body that it is given.
    fn body_bytes_max(&self) -> usize;

    /// Connects, unless it is connected.
    async fn reach(&self) -> Result<(), Failed>;

    /// Sends one parcel, and waits until the broker has it. When the future is dropped, the broker may have it.
    async fn send(&self, to: &Address, parcel: &Parcel) -> Result<Taken, Failed>;
}
