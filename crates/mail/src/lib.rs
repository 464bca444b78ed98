//! Mail to those who run an installation, by a mail server of theirs: plain text, one mail to all of them.
//!
//! The server is named by the operator's own settings, so it may be anywhere; the guard of the way out is for addresses of
//! others. No text here holds the user or the password.

mod letter;

use std::fmt;
use std::time::Duration;

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use url::Url;

pub use letter::{Letter, WrongLetter};

/// How long the mail server may take with each command.
pub const COMMAND_TIME_MAX: Duration = Duration::from_secs(20);

/// The most people who are written to.
pub const RECIPIENTS_MAX: usize = 50;

/// Sends mail. A clone is cheap.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
}

/// A mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// What tells it from all others: one that is sent twice has the same, so that a mailbox can tell.
    pub id: String,
    /// The subject, in a line.
    pub subject: String,
    /// The text.
    pub text: String,
}

/// The settings of mail are wrong.
#[derive(Debug, thiserror::Error)]
pub enum WrongMailSettings {
    /// The URL names no server.
    #[error("url must be smtps://user:password@host, or smtp:// with ?tls=required")]
    Url,
    /// The authorities that are trusted beside the machine's are none.
    #[error("url cannot be called: the added authorities cannot be used")]
    Authorities,
    /// It would be sent by nobody.
    #[error("from is not a mail address")]
    From,
    /// A recipient is none.
    #[error("to holds what is not a mail address: {0}")]
    To(String),
    /// There is nobody to write to.
    #[error("to must name 1 to {RECIPIENTS_MAX} mail addresses")]
    Recipients,
}

/// A mail was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotMailed {
    /// It is not as a letter is.
    #[error(transparent)]
    Wrong(#[from] WrongLetter),
    /// It cannot be written.
    #[error("the mail cannot be written")]
    Unwritable(#[from] lettre::error::Error),
    /// The mail server did not take it.
    #[error("the mail server is away, or refused")]
    Server(#[from] lettre::transport::smtp::Error),
    /// It says that it takes none.
    #[error("the mail server answers, and takes no mail")]
    Unready,
}

impl NotMailed {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Wrong(_) | Self::Unwritable(_) => "wrong_mail",
            Self::Server(error) if error.is_permanent() => "mail_refused",
            Self::Server(_) | Self::Unready => "mail_server_away",
        }
    }
}

impl Mailer {
    /// A mailer by `smtps://user:password@host:port`, or `smtp://` with `?tls=required` or, to a server of this machine,
    /// without. The server's certificate may be of the machine's authorities, or of these, in PEM.
    ///
    /// # Errors
    /// When something of it is wrong.
    pub fn new(
        url: &str,
        from: &str,
        to: &[String],
        authorities: Option<&[u8]>,
    ) -> Result<Self, WrongMailSettings> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url);
        // What the library says of a URL may hold the password.
        let mut transport = transport.map_err(|_| WrongMailSettings::Url)?;
        if let Some(pem) = authorities
            && let Some(tls) = trusting(url, pem)?
        {
            transport = transport.tls(tls);
        }
        if !(1..=RECIPIENTS_MAX).contains(&to.len()) {
            return Err(WrongMailSettings::Recipients);
        }
        let recipient =
            |text: &String| text.parse().map_err(|_| WrongMailSettings::To(text.clone()));
        Ok(Self {
            transport: transport.timeout(Some(COMMAND_TIME_MAX)).build(),
            from: from.parse().map_err(|_| WrongMailSettings::From)?,
            to: to.iter().map(recipient).collect::<Result<_, _>>()?,
        })
    }

    /// Sends a mail. It is taken by the server when this returns.
    ///
    /// # Errors
    /// When the server is away or refuses it: it may be sent again later.
    pub async fn send(&self, mail: Mail) -> Result<(), NotMailed> {
        let Mail { id, subject, text } = mail;
        let message: MessageBuilder = Message::builder()
            .from(self.from.clone())
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .subject(subject)
            .header(ContentType::TEXT_PLAIN);
        let message = self.to.iter().cloned().fold(message, MessageBuilder::to).body(text)?;
        self.transport.send(message).await?;
        Ok(())
    }

    /// Sends a letter to whom it names. It is taken by the server when this returns.
    ///
    /// # Errors
    /// When it is not as a letter is, or the server is away or refuses it.
    pub async fn send_letter(&self, letter: Letter) -> Result<(), NotMailed> {
        self.transport.send(letter.written(&self.from)?).await?;
        Ok(())
    }

    /// Whether the mail server lets us in; nothing is sent.
    ///
    /// # Errors
    /// When it is away, or does not.
    pub async fn reaches_server(&self) -> Result<(), NotMailed> {
        if self.transport.test_connection().await? { Ok(()) } else { Err(NotMailed::Unready) }
    }
}

/// TLS as a URL asks for it, which trusts these authorities as well; none, where the URL asks for none. The library reads
/// the same from the URL, but with the machine's authorities only.
fn trusting(url: &str, pem: &[u8]) -> Result<Option<Tls>, WrongMailSettings> {
    let url = Url::parse(url).map_err(|_| WrongMailSettings::Url)?;
    let asked = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value);
    let tls = match (url.scheme(), asked.as_deref()) {
        ("smtps", _) => Tls::Wrapper,
        ("smtp", Some("required")) => Tls::Required,
        ("smtp", Some("opportunistic")) => Tls::Opportunistic,
        _ => return Ok(None),
    };
    let host = url.host_str().ok_or(WrongMailSettings::Url)?;
    let authorities = Certificate::from_pem(pem).map_err(|_| WrongMailSettings::Authorities)?;
    let parameters = TlsParameters::builder(host.to_owned()).add_root_certificate(authorities);
    let parameters = parameters.build_rustls().map_err(|_| WrongMailSettings::Authorities)?;
    Ok(Some(tls(parameters)))
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("to", &self.to.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_settings_are_told_apart_and_hold_no_password() {
        let to = vec!["Olga <olga@example.com>".to_owned()];
        let from = "Tidings <tidings@example.com>";
        let made =
            Mailer::new("smtps://me:SECRET@mail.example.com", from, &to, None).expect("good");
        assert!(!format!("{made:?}").contains("SECRET"));
        let wrong = |url: &str, from: &str, to: &[String]| {
            Mailer::new(url, from, to, None).expect_err("wrong").to_string()
        };
        for url in ["", "mail.example.com", "http://me:SECRET@mail.example.com", "smtps://"] {
            let told = wrong(url, from, &to);
            assert!(told.starts_with("url must be") && !told.contains("SECRET"), "{told}");
        }
        let url = "smtp://127.0.0.1:25";
        assert_eq!(wrong(url, "nobody", &to), "from is not a mail address");
        assert_eq!(wrong(url, from, &["a b".into()]), "to holds what is not a mail address: a b");
        assert!(wrong(url, from, &[]).starts_with("to must name"));
    }
}
