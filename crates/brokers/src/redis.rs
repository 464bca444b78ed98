//! Redis streams: a parcel is taken when `XADD` has answered with the entry's id.
//!
//! An entry has the fields `id`, `key`, `headers` (an object of JSON) and `body`. How durable an answer is, the server's
//! settings say: with `appendonly yes` and `appendfsync always` it is on disk. A server without an append-only file is
//! told of in the log. An entry that is sent twice is there twice, with one `id` in its fields.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use redis::aio::MultiplexedConnection;
use redis::streams::StreamMaxlen;
use redis::{AsyncConnectionConfig, Client, RedisError, TlsCertificates, ToRedisArgs};
use serde_json::{Map, Value};

use crate::address::Address;
use crate::broker::Broker;
use crate::connection::Target;
use crate::failed::{Failed, Taken, chain};
use crate::line::Line;
use crate::parcel::Parcel;

/// The largest body, in bytes. Servers take half a gigabyte, and keep it in memory.
const BODY_BYTES_MAX: usize = 16 << 20;

/// What a server says of a command that it will not take, however often it comes.
const REFUSALS: [&str; 5] = ["ERR", "WRONGTYPE", "NOPERM", "MOVED", "CROSSSLOT"];

/// A connection to Redis.
pub(crate) struct Redis {
    client: Client,
    line: Line<Open>,
}

#[derive(Clone)]
struct Open {
    connection: MultiplexedConnection,
    /// Set when it broke, or did not answer in time: a network that swallows packets tells nobody.
    is_broken: Arc<AtomicBool>,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redis")
    }
}

impl Redis {
    pub(crate) fn new(target: &Target) -> Result<Self, String> {
        let certificates = target.options.root_certificates.as_ref();
        let root_cert = certificates.map(|certificates| certificates.pem.clone().into_bytes());
        let certificates = TlsCertificates { client_tls: None, root_cert };
        let client = if target.is_tls {
            Client::build_with_tls(target.url.as_str(), certificates)
        } else {
            Client::open(target.url.as_str())
        };
        // What the client says of a URL may repeat it.
        let client = client.map_err(|_| "url: must be as redis://user:password@host:6379/0")?;
        Ok(Self { client, line: Line::new() })
    }

    async fn open(&self) -> Result<Open, Failed> {
        let is_good = |open: &Open| !open.is_broken.load(Ordering::Acquire);
        self.line.get(is_good, connect(&self.client)).await
    }
}

async fn connect(client: &Client) -> Result<Open, String> {
    // Callers bring deadlines of their own.
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let connected = client.get_multiplexed_async_connection_with_config(&config).await;
    let mut connection = connected.map_err(|error| chain(&error))?;
    let info: Result<String, _> =
        redis::cmd("INFO").arg("persistence").query_async(&mut connection).await;
    // Who may not ask is none the wiser.
    if info.is_ok_and(|info| info.lines().any(|line| line.trim() == "aof_enabled:0")) {
        tracing::warn!(
            "a Redis server keeps no append-only file: what it acknowledged is lost when it ends; \
             set `appendonly yes` and `appendfsync always`"
        );
    }
    Ok(Open { connection, is_broken: Arc::default() })
}

#[async_trait]
impl Broker for Redis {
    fn body_bytes_max(&self) -> usize {
        BODY_BYTES_MAX
    }

    async fn reach(&self) -> Result<(), Failed> {
        self.open().await.map(|_| ())
    }

    async fn send(&self, to: &Address, parcel: &Parcel) -> Result<Taken, Failed> {
        let Address::Redis { stream, max_len } = to else {
            return Err(Failed::refused("the address is of no stream"));
        };
        let Open { mut connection, is_broken } = self.open().await?;
        let headers = parcel.headers.iter().cloned().map(|(name, value)| (name, value.into()));
        let headers = Value::Object(Map::from_iter(headers)).to_string();
        let mut command = redis::cmd("XADD");
        command.arg(stream);
        if let Some(length) = max_len {
            let length = usize::try_from(*length).unwrap_or(usize::MAX);
            StreamMaxlen::Approx(length).write_redis_args(&mut command);
        }
        command.arg("*").arg("id").arg(&parcel.id).arg("key").arg(&parcel.key);
        command.arg("headers").arg(headers).arg("body").arg(parcel.body.as_ref());
        let mut unanswered = Unanswered { is_broken: &is_broken, is_answered: false };
        let answer: Result<String, RedisError> = command.query_async(&mut connection).await;
        unanswered.is_answered = true;
        answer.map(Taken::at).map_err(|error| {
            let code = error.code();
            if code.is_some_and(|code| REFUSALS.contains(&code)) {
                return Failed::refused(format!("stream: {error}"));
            }
            // Also a server that only reads now: after a failover its name leads to another one.
            if code.is_none() || code == Some("READONLY") {
                is_broken.store(true, Ordering::Release);
            }
            Failed::not_acknowledged(chain(&error))
        })
    }
}

/// Says of a connection that it is broken, when nobody waits for its answer any more.
struct Unanswered<'a> {
    is_broken: &'a AtomicBool,
    is_answered: bool,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.is_broken.store(true, Ordering::Release);
        }
    }
}
