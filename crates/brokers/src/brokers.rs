//! All connections of an installation, by their names.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::address::Address;
use crate::broker::{Broker, Kind};
use crate::connection::{Connection, Target, WrongConnection};
use crate::failed::{Failed, Taken, Why};
use crate::file::File;
use crate::kafka::Kafka;
use crate::lanes;
use crate::nats::Nats;
use crate::parcel::Parcel;
use crate::rabbit::Rabbit;
use crate::redis::Redis;

/// How many connections there may be.
pub const CONNECTIONS_MAX: usize = 64;

/// The longest deadline of a call; one that is longer counts as this.
pub const DEADLINE_MAX: Duration = Duration::from_secs(60);

/// All connections that the operator named. Each is made when it is needed first, and again whenever it broke.
#[derive(Debug, Default)]
pub struct Brokers {
    connections: HashMap<String, Named>,
}

#[derive(Debug)]
struct Named {
    kind: Kind,
    target: Arc<Target>,
    broker: Box<dyn Broker>,
}

impl Brokers {
    /// Checks all that is said, and connects nowhere yet.
    ///
    /// # Errors
    /// With the first connection that is wrong, without what is secret of it.
    pub fn open(connections: &[Connection]) -> Result<Self, WrongConnection> {
        let mut named = HashMap::new();
        for connection in connections {
            let wrong =
                |why: &str| WrongConnection { name: connection.name.clone(), why: why.to_owned() };
            if named.len() == CONNECTIONS_MAX {
                return Err(wrong(&format!(
                    "there may be {CONNECTIONS_MAX}, and this is one more"
                )));
            }
            let target = Arc::new(connection.target()?);
            let broker: Box<dyn Broker> = match target.kind {
                Kind::Nats => Box::new(Nats::new(Arc::clone(&target))),
                Kind::Rabbit => Box::new(Rabbit::new(Arc::clone(&target))),
                Kind::Redis => Box::new(Redis::new(&target).map_err(|why| wrong(&why))?),
                Kind::Kafka => Box::new(Kafka::new(Arc::clone(&target))),
                Kind::File => Box::new(File::new(&target)),
            };
            match named.entry(connection.name.clone()) {
                Entry::Occupied(_) => return Err(wrong("name: there are two of this name")),
                Entry::Vacant(free) => {
                    free.insert(Named { kind: target.kind, target, broker });
                }
            }
        }
        Ok(Self { connections: named })
    }

    /// The names of all connections with what is spoken there, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<(&str, Kind)> {
        let names = self.connections.iter().map(|(name, named)| (name.as_str(), named.kind));
        let mut names: Vec<_> = names.collect();
        names.sort_unstable_by_key(|(name, _)| *name);
        names
    }

    /// Whether something may be sent to an address by a connection, as far as can be said without connecting.
    ///
    /// # Errors
    /// With why not: an unknown connection, one of another kind, or a wrong address.
    pub fn check(&self, connection: &str, to: &Address) -> Result<(), Failed> {
        self.find(connection, to).map(|_| ())
    }

    /// Connects, unless it is connected: for who looks after an installation.
    ///
    /// # Errors
    /// With why it cannot be reached.
    pub async fn reach(&self, connection: &str, deadline: Duration) -> Result<(), Failed> {
        let named = self.named(connection)?;
        let until = Instant::now() + deadline.min(DEADLINE_MAX);
        let reached = timeout_at(until, named.broker.reach()).await;
        let reached = reached.unwrap_or_else(|_| Err(Failed::unreachable("not reached in time")));
        reached.map_err(|failed| named.without_secrets(connection, failed))
    }

    /// Sends parcels, and answers for each in its place once the broker has it, or the deadline is over.
    ///
    /// Parcels with one key arrive in their order; after one that was not taken, those with its key are held.
    pub async fn publish(
        &self,
        connection: &str,
        to: &Address,
        parcels: &[Parcel],
        deadline: Duration,
    ) -> Vec<Result<Taken, Failed>> {
        let named = match self.find(connection, to) {
            Ok(named) => named,
            Err(failed) => return vec![Err(failed); parcels.len()],
        };
        let until = Instant::now() + deadline.min(DEADLINE_MAX);
        let mut answers = lanes::send(named.broker.as_ref(), to, parcels, until).await;
        for answer in &mut answers {
            if let Err(failed) = answer {
                *failed = named.without_secrets(connection, failed.clone());
            }
        }
        answers
    }

    fn named(&self, connection: &str) -> Result<&Named, Failed> {
        self.connections.get(connection).ok_or_else(|| {
            let text = format!("the settings name no connection {connection:?}");
            Failed::new(Why::UnknownConnection, text)
        })
    }

    fn find(&self, connection: &str, to: &Address) -> Result<&Named, Failed> {
        let named = self.named(connection)?;
        if named.kind != to.kind() {
            return Err(Failed::refused(format!(
                "the connection {connection:?} leads to {}, and the address is one of {}",
                named.kind,
                to.kind()
            )));
        }
        to.check().map_err(Failed::refused)?;
        Ok(named)
    }
}

impl Named {
    /// A failure with the connection's name, and without what a library may have repeated of its URL.
    fn without_secrets(&self, connection: &str, failed: Failed) -> Failed {
        let text = self.target.hide(failed.text);
        Failed { why: failed.why, text: format!("{connection}: {text}") }
    }
}
