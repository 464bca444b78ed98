//! Real servers for tests and chores: each an instance of its own, in a folder of its own, on a free port of this machine.
//!
//! Nothing outlives its test: a server is stopped when its handle is dropped, and a watchdog stops it when the process
//! that started it is gone, however that ended. A program that is not installed is an error that names its package.
//!
//! ```no_run
//! # async fn story() -> anyhow::Result<()> {
//! let database = tidings_services::database().await?; // empty, on a server that the whole run shares
//! let postgres = tidings_services::postgres().await?; // a server to stop and to restart
//! let proxy = tidings_services::Proxy::start(postgres.address()).await?; // and a way to it that can be cut
//! # Ok(())
//! # }
//! ```

mod mail;
mod names;
mod nats;
mod pgbouncer;
mod postgres;
mod process;
mod proxy;
mod rabbit;
mod redis;
mod s3;

pub use mail::{MailServer, MailSpeaks};
pub use names::free_address;
pub use nats::Nats;
pub use pgbouncer::PgBouncer;
pub use postgres::{Database, Postgres, PostgresSettings, Shutdown};
pub use process::Signal;
pub use proxy::Proxy;
pub use rabbit::Rabbit;
pub use redis::Redis;
pub use s3::S3;

/// An empty database on the server that all processes of a test run share. It is dropped with its handle.
///
/// # Errors
/// When PostgreSQL is not installed or does not start.
pub async fn database() -> anyhow::Result<Database> {
    postgres::shared::database().await
}

/// A PostgreSQL server of one's own, to stop and to restart.
///
/// # Errors
/// When PostgreSQL is not installed or does not start.
pub async fn postgres() -> anyhow::Result<Postgres> {
    Postgres::start(&PostgresSettings::default()).await
}

/// A NATS server of one's own.
///
/// # Errors
/// When NATS is not installed or does not start.
pub async fn nats() -> anyhow::Result<Nats> {
    Nats::start("").await
}
