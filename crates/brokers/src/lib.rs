//! Destinations beside HTTP: NATS JetStream, RabbitMQ, Redis streams, Kafka and files, behind one interface.
//!
//! [`Brokers`] is opened once, from the connections that the operator's settings name; nobody else can make the server
//! connect somewhere. Whoever delivers says the name of a connection, an [`Address`] there, and [`Parcel`]s. A parcel
//! counts as [`Taken`] only when the broker has said so. Parcels with one key arrive in their order: when one fails,
//! those after it are held.
//!
//! Each parcel may arrive more than once, as an answer may be lost; its id is always the same. Trying again is the
//! caller's: nothing is kept here, and a connection that broke is made anew with the next call.

mod address;
mod broker;
mod brokers;
mod connection;
mod failed;
mod file;
mod kafka;
mod lanes;
mod line;
mod nats;
mod parcel;
mod rabbit;
mod redis;

pub use address::{Address, WrongAddress};
pub use broker::Kind;
pub use brokers::{Brokers, CONNECTIONS_MAX, DEADLINE_MAX};
pub use connection::{Connection, WrongConnection};
pub use failed::{Failed, Taken, Why};
pub use lanes::{LANES_MAX, PARCELS_MAX};
pub use parcel::{HEADERS_MAX, ID_BYTES_MAX, KEY_BYTES_MAX, Parcel, check_header_name};
