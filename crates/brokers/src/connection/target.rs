//! A connection's URL, taken apart and checked. No part of it is in an error's text, as any may be a secret in the wrong
//! place; but the names of options are.

use std::fmt;

use percent_encoding::percent_decode_str;
use url::Url;

use super::options::Options;
use crate::broker::Kind;

/// A connection's URL, taken apart and checked.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) kind: Kind,
    pub(crate) is_tls: bool,
    /// `host:port`; several only of NATS and Kafka.
    pub(crate) hosts: Vec<String>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    /// What follows the host: a virtual host, a database's number, a folder.
    pub(crate) path: String,
    pub(crate) options: Options,
    /// All of it but its options, for clients that take URLs.
    pub(crate) url: String,
    /// What must not be in a text, as it may come back in a library's error.
    secrets: Vec<String>,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Target {
    /// Reads a URL, and the files that it names.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or("must begin as `nats://` does")?;
        let (kind, is_tls, port) = kind_of(scheme)?;
        if rest.contains('#') {
            return Err("must not have a `#`; write %23 where it is part of a password".into());
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let (who, hosts) = match authority.rsplit_once('@') {
            Some((who, hosts)) => (Some(who), hosts),
            None => (None, authority),
        };
        let tail = Url::parse("none://none").and_then(|base| base.join(tail));
        let tail = tail.map_err(|_| "cannot be read after the host")?;
        let path = plain(tail.path())?;
        let (user, password) = user_and_password(kind, who)?;
        let hosts = match kind {
            Kind::File if !hosts.is_empty() || who.is_some() || path.len() < 2 => {
                return Err("write file:///and/a/folder, with three slashes".into());
            }
            Kind::File => Vec::new(),
            Kind::Nats | Kind::Kafka => read_hosts(hosts, port)?,
            Kind::Rabbit | Kind::Redis if hosts.contains(',') => {
                return Err("may name one host only".into());
            }
            Kind::Rabbit | Kind::Redis => read_hosts(hosts, port)?,
        };
        let options = Options::read(kind, is_tls, tail.query_pairs().into_owned().collect())?;
        let url = text.split_once('?').map_or(text, |(url, _)| url).to_owned();
        let secrets = secrets(kind, who)?;
        Ok(Self { kind, is_tls, hosts, user, password, path, options, url, secrets })
    }

    /// A text without what is secret.
    pub(crate) fn hide(&self, text: String) -> String {
        self.secrets.iter().fold(text, |text, secret| text.replace(secret, "…"))
    }
}

/// What a scheme says: the kind, whether there is TLS, and the usual port.
fn kind_of(scheme: &str) -> Result<(Kind, bool, u16), String> {
    Ok(match scheme {
        "nats" => (Kind::Nats, false, 4222),
        "tls" => (Kind::Nats, true, 4222),
        "amqp" => (Kind::Rabbit, false, 5672),
        "amqps" => (Kind::Rabbit, true, 5671),
        "redis" => (Kind::Redis, false, 6379),
        "rediss" => (Kind::Redis, true, 6379),
        "kafka" => (Kind::Kafka, false, 9092),
        "kafkas" => (Kind::Kafka, true, 9092),
        "file" => (Kind::File, false, 0),
        _ => {
            return Err("must begin with nats://, tls://, amqp://, amqps://, redis://, \
                        rediss://, kafka://, kafkas:// or file://"
                .into());
        }
    })
}

fn user_and_password(
    kind: Kind,
    who: Option<&str>,
) -> Result<(Option<String>, Option<String>), String> {
    let named = match who.map(|who| who.split_once(':').unwrap_or((who, ""))) {
        Some((user, "")) => (Some(plain(user)?), None),
        Some((user, password)) => (Some(plain(user)?), Some(plain(password)?)),
        None => (None, None),
    };
    if kind == Kind::Kafka && named.0.is_some() != named.1.is_some() {
        return Err("must have both a user and a password, or neither".into());
    }
    Ok(named)
}

/// The password as it is and as it was written; of NATS, a user alone is a token.
fn secrets(kind: Kind, who: Option<&str>) -> Result<Vec<String>, String> {
    let secret = match who.map(|who| who.split_once(':').ok_or(who)) {
        Some(Ok((_, password))) => password,
        Some(Err(token)) if kind == Kind::Nats => token,
        Some(Err(_)) | None => "",
    };
    let mut secrets = vec![secret.to_owned(), plain(secret)?];
    secrets.retain(|secret| !secret.is_empty());
    Ok(secrets)
}

fn plain(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    Ok(decoded.map_err(|_| "a part of it is no UTF-8")?.into_owned())
}

fn read_hosts(hosts: &str, port: u16) -> Result<Vec<String>, String> {
    let read = |host: &str| {
        let url =
            Url::parse(&format!("http://{host}")).map_err(|error| format!("host: {error}"))?;
        let name = url.host_str().filter(|name| !name.is_empty()).ok_or("names no host")?;
        // Port 80 is the one that a URL of HTTP does not tell.
        let is_80 = host.ends_with(":80");
        let port = url.port().unwrap_or(if is_80 { 80 } else { port });
        Ok(format!("{name}:{port}"))
    };
    hosts.split(',').map(read).collect()
}
