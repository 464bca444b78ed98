//! What the operator says of NATS: where it is, who we are there, and whom we trust.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use url::Url;

/// The longest name of an installation, in bytes.
const INSTALLATION_BYTES_MAX: usize = 64;

/// What the operator says of NATS.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The servers of the cluster, as `nats://host:4222` or `tls://host:4222`. A user and password, or a token, may stand
    /// before the host.
    pub urls: Vec<String>,
    /// What tells this installation from others on the same servers: a word of letters, digits, `-` and `_`.
    pub installation: String,
    /// A credentials file (`.creds`).
    pub credentials: Option<PathBuf>,
    /// Certificates of those who sign the servers' certificates, in PEM; the machine's own list otherwise.
    pub root_certificates: Option<PathBuf>,
    /// Our certificate and its key, in PEM, where the servers ask for one.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Whether a connection without TLS is refused, whatever the servers say.
    pub require_tls: bool,
}

/// Something that the operator says cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WrongSettings {
    /// There is no server.
    #[error("no address of a NATS server is given: name at least one, as nats://host:4222")]
    NoAddress,
    /// An address cannot be read.
    #[error("the address {address:?} of a NATS server is wrong: {why}")]
    Address {
        /// It, without what is secret.
        address: String,
        /// Why.
        why: String,
    },
    /// Two addresses name different users.
    #[error(
        "the addresses of NATS servers name different users: all servers of a cluster take the same"
    )]
    DifferentUsers,
    /// The installation's name cannot be part of a subject.
    #[error(
        "the installation's name {name:?} is wrong: it must have 1 to {INSTALLATION_BYTES_MAX} \
         letters, digits, `-` or `_`"
    )]
    Installation {
        /// It.
        name: String,
    },
    /// The credentials cannot be read.
    #[error("the credentials file {} cannot be used", path.display())]
    Credentials {
        /// Where it is.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file of certificates cannot be read.
    #[error("the file {} cannot be read", path.display())]
    Unreadable {
        /// Where it is.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The client takes none of it.
    #[error("the client for NATS does not take these settings")]
    Refused(#[from] async_nats::ConnectError),
}

/// Who we say that we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// Nobody in particular, or who the credentials file says.
    Unnamed,
    /// A user with a password.
    Named {
        /// The user.
        name: String,
        /// The password.
        password: String,
    },
    /// Who has this token.
    Token(String),
}

impl Settings {
    /// What all subjects begin with.
    pub(crate) fn prefix(&self) -> Result<String, WrongSettings> {
        let name = &self.installation;
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if name.is_empty() || name.len() > INSTALLATION_BYTES_MAX || !name.bytes().all(is_good) {
            return Err(WrongSettings::Installation { name: name.clone() });
        }
        Ok(format!("tidings.{name}"))
    }

    /// The addresses without secrets, and who we are at all of them.
    pub(crate) fn servers(&self) -> Result<(Vec<String>, User), WrongSettings> {
        let mut servers = Vec::new();
        let mut user = User::Unnamed;
        for text in &self.urls {
            let (server, named) = read(text)?;
            if named != User::Unnamed {
                if user != User::Unnamed && user != named {
                    return Err(WrongSettings::DifferentUsers);
                }
                user = named;
            }
            servers.push(server);
        }
        if servers.is_empty() {
            return Err(WrongSettings::NoAddress);
        }
        Ok((servers, user))
    }
}

fn read(text: &str) -> Result<(String, User), WrongSettings> {
    let text = text.trim();
    // The secret is what stands before the `@`.
    let shown = text.rsplit_once('@').map_or(text, |(_, host)| host);
    let wrong = |why: &str| WrongSettings::Address { address: shown.into(), why: why.into() };
    let whole = if text.contains("://") { text.to_owned() } else { format!("nats://{text}") };
    let mut url = Url::parse(&whole).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "nats" | "tls") {
        return Err(wrong("it must begin with nats:// or tls://"));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(wrong("it names no host"));
    }
    let plain = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    let user = match (url.username(), url.password()) {
        ("", None) => User::Unnamed,
        (token, None) => User::Token(plain(token)),
        (name, Some(password)) => User::Named { name: plain(name), password: plain(password) },
    };
    let cleared = url.set_username("").and_then(|()| url.set_password(None));
    cleared.map_err(|()| wrong("it cannot have a user"))?;
    Ok((url.into(), user))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(urls: &[&str]) -> Result<(Vec<String>, User), WrongSettings> {
        let urls = urls.iter().map(|&url| url.into()).collect();
        Settings { urls, ..Settings::default() }.servers()
    }

    #[test]
    fn an_address_may_name_a_user_or_a_token() {
        let named = User::Named { name: "bob".into(), password: "p@ss".into() };
        let read = servers(&["nats://bob:p%40ss@one:4222", "tls://two"]).expect("good addresses");
        assert_eq!(read, (vec!["nats://one:4222".into(), "tls://two".into()], named));
        let (_, token) = servers(&["s3cr3t@one"]).expect("a good address");
        assert_eq!(token, User::Token("s3cr3t".into()));
        assert_eq!(servers(&["one"]).expect("a good address").1, User::Unnamed);
    }

    #[test]
    fn what_is_wrong_is_said_without_the_secret() {
        for wrong in ["http://bob:hidden@one", "nats://bob:hidden@one:port", "nats://bob:hidden@"] {
            let told = servers(&[wrong]).expect_err("it is wrong").to_string();
            assert!(!told.contains("hidden") && told.contains("NATS server is wrong"), "{told}");
        }
        assert!(matches!(servers(&[]), Err(WrongSettings::NoAddress)));
        let two = servers(&["nats://bob:one@a", "nats://carol:two@b"]);
        assert!(matches!(two, Err(WrongSettings::DifferentUsers)));
    }

    #[test]
    fn an_installation_is_one_word_of_a_subject() {
        for (name, is_good) in [("a-1_B", true), ("", false), ("a.b", false), (">", false)] {
            let settings = Settings { installation: name.into(), ..Settings::default() };
            assert_eq!(settings.prefix().is_ok(), is_good, "{name}");
        }
    }
}
