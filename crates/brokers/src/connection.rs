//! What the operator says of a connection: its name, and a URL that says all else.

mod options;
mod target;

use std::fmt;

pub(crate) use options::{Rotation, Sasl};
pub(crate) use target::Target;

/// The longest name of a connection, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// A connection that an operator named.
#[derive(Clone, PartialEq, Eq)]
pub struct Connection {
    /// What endpoints call it: letters, digits, `-` and `_`.
    pub name: String,
    /// Where it leads, and who we are there: `nats://`, `tls://` (NATS with TLS), `amqp://`, `amqps://`, `redis://`,
    /// `rediss://`, `kafka://`, `kafkas://` or `file:///folder`. It may have a user and a password, so nothing shows it.
    ///
    /// Options follow a `?`: with TLS `root_certificates`, a file in PEM of who signs the broker's certificate, instead of
    /// the machine's own list; of Kafka `sasl`; of files `file_bytes`, `file_s` and `files`.
    pub url: String,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A connection cannot be made as the operator says. Its text has no secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection {name:?}: {why}")]
pub struct WrongConnection {
    /// Its name.
    pub name: String,
    /// What is wrong.
    pub why: String,
}

impl Connection {
    /// Reads and checks all of it, the file of certificates too.
    pub(crate) fn target(&self) -> Result<Target, WrongConnection> {
        let wrong = |why: String| WrongConnection { name: self.name.clone(), why };
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !(1..=NAME_BYTES_MAX).contains(&self.name.len()) || !self.name.bytes().all(is_good) {
            return Err(wrong(format!(
                "name: must have 1 to {NAME_BYTES_MAX} letters, digits, `-` or `_`"
            )));
        }
        Target::read(&self.url).map_err(|why| wrong(format!("url: {why}")))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::broker::Kind;

    fn target(url: &str) -> Result<Target, WrongConnection> {
        Connection { name: "main".into(), url: url.into() }.target()
    }

    #[test]
    fn a_url_says_all() {
        let nats = target("tls://bob:p%40ss@one,two:4333").expect("good");
        assert_eq!((nats.kind, nats.is_tls), (Kind::Nats, true));
        assert_eq!(nats.hosts, ["one:4222", "two:4333"]);
        assert_eq!(nats.password.as_deref(), Some("p@ss"));
        let rabbit = target("amqp://guest:guest@[::1]/team%2Fa").expect("good");
        assert_eq!((rabbit.hosts, rabbit.path), (vec!["[::1]:5672".into()], "/team/a".into()));
        let redis = target("redis://:secret@cache:80/3").expect("good");
        assert_eq!((redis.hosts, redis.path), (vec!["cache:80".into()], "/3".into()));
        assert_eq!((redis.user.as_deref(), redis.password.as_deref()), (Some(""), Some("secret")));
        let kafka = target("kafkas://bob:secret@a,b:1?sasl=scram-sha-512").expect("good");
        assert_eq!((kafka.is_tls, kafka.options.sasl), (true, Sasl::ScramSha512));
        assert_eq!(kafka.hosts, ["a:9092", "b:1"]);
        let file = target("file:///var/out%20there?file_bytes=10&file_s=5&files=3").expect("good");
        assert_eq!(file.path, "/var/out there");
        let rotation = Rotation { bytes: 10, age: Duration::from_secs(5), files_max: 3 };
        assert_eq!(file.options.rotation, rotation);
    }

    #[test]
    fn what_is_wrong_is_said_without_the_secret() {
        for (url, told) in [
            ("bob:hidden@one", "url: must begin"),
            ("http://bob:hidden@one", "url: must begin"),
            ("nats://bob:hidden@", "url: host"),
            ("redis://bob:hidden@one:port", "url: host"),
            ("redis://bob:hidden@one,two", "one host only"),
            ("amqp://bob:hidden@one?heartbeats=1", "\"heartbeats\" is no option of rabbitmq"),
            ("amqp://bob:%ff@one", "UTF-8"),
            ("file://folder", "three slashes"),
            ("file:///folder?files=1", "files: must be"),
            ("kafka://hidden@one", "both a user and a password"),
            ("kafka://bob:hidden@one?sasl=gssapi", "sasl: must be"),
        ] {
            let error = target(url).expect_err(url).to_string();
            assert!(error.contains(told) && !error.contains("hidden"), "{url}: {error}");
        }
        let unread =
            target("tls://bob:hidden@one?root_certificates=/no/such.pem").expect_err("none");
        assert!(unread.to_string().contains("root_certificates: cannot read"), "{unread}");
        let plain = target("nats://one?root_certificates=/a.pem").expect_err("no TLS").to_string();
        assert!(plain.contains("without TLS"), "{plain}");
        let connection =
            |name: &str| Connection { name: name.into(), url: "nats://b:hidden@c".into() };
        let error = connection("a b").target().expect_err("a blank").to_string();
        assert!(error.contains("name: must"), "{error}");
        let shown = format!("{:?} {:?}", connection("a"), connection("a").target());
        assert!(!shown.contains("hidden"), "{shown}");
    }
}
