//! A mail to whom somebody names, with text, HTML or both. Sent by the operator's mail server, from the operator's address.

use lettre::message::{Mailbox, Message, MultiPart, SinglePart};

use crate::{NotMailed, RECIPIENTS_MAX};

/// The longest subject, in bytes: a line of a mail (RFC 5322, 2.1.1).
pub(crate) const SUBJECT_BYTES_MAX: usize = 998;

/// A mail to whom somebody names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Letter {
    /// What tells it from all others: one that is sent twice has the same, so that a mailbox can tell.
    pub id: String,
    /// To whom.
    pub to: Vec<String>,
    /// Who gets it as well, and is seen.
    pub cc: Vec<String>,
    /// Who gets it as well, and is not seen.
    pub bcc: Vec<String>,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// The subject, in a line.
    pub subject: String,
    /// The text.
    pub text: Option<String>,
    /// The same in HTML.
    pub html: Option<String>,
}

/// A letter cannot be sent as it is written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongLetter {
    /// An address is none.
    #[error("{field} holds what is not a mail address: {address:?}")]
    Address {
        /// Of which field.
        field: &'static str,
        /// As it was given.
        address: String,
    },
    /// There is nobody to write to, or there are too many.
    #[error("to, cc and bcc name 1 to {RECIPIENTS_MAX} addresses in all, to at least one")]
    Recipients,
    /// The subject is none.
    #[error("subject is one line of at most {SUBJECT_BYTES_MAX} bytes")]
    Subject,
    /// There is nothing in it.
    #[error("there is neither text nor html")]
    Empty,
}

impl Letter {
    /// The mail as it goes out.
    pub(crate) fn written(self, from: &Mailbox) -> Result<Message, NotMailed> {
        let count = self.to.len() + self.cc.len() + self.bcc.len();
        if self.to.is_empty() || count > RECIPIENTS_MAX {
            return Err(WrongLetter::Recipients.into());
        }
        if self.subject.len() > SUBJECT_BYTES_MAX || self.subject.contains(['\r', '\n']) {
            return Err(WrongLetter::Subject.into());
        }
        let id = format!("<{}@{}>", self.id, from.email.domain());
        let mut message =
            Message::builder().from(from.clone()).message_id(Some(id)).subject(self.subject);
        for to in mailboxes("to", self.to)? {
            message = message.to(to);
        }
        for cc in mailboxes("cc", self.cc)? {
            message = message.cc(cc);
        }
        for bcc in mailboxes("bcc", self.bcc)? {
            message = message.bcc(bcc);
        }
        for address in mailboxes("reply_to", self.reply_to)? {
            message = message.reply_to(address);
        }
        Ok(match (self.text, self.html) {
            (Some(text), Some(html)) => {
                message.multipart(MultiPart::alternative_plain_html(text, html))?
            }
            (Some(text), None) => message.singlepart(SinglePart::plain(text))?,
            (None, Some(html)) => message.singlepart(SinglePart::html(html))?,
            (None, None) => return Err(WrongLetter::Empty.into()),
        })
    }
}

fn mailboxes(
    field: &'static str,
    addresses: impl IntoIterator<Item = String>,
) -> Result<Vec<Mailbox>, WrongLetter> {
    let read = |address: String| {
        address.trim().parse().map_err(|_| WrongLetter::Address { field, address })
    };
    addresses.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(letter: Letter) -> String {
        let from = "Tidings <tidings@example.com>".parse().expect("an address");
        match letter.written(&from) {
            Ok(message) => String::from_utf8_lossy(&message.formatted()).replace("\r\n", "\n"),
            Err(error) => error.to_string(),
        }
    }

    fn letter() -> Letter {
        let to = vec!["Alice <alice@example.com>".to_owned()];
        let text = Some("In the oven.".to_owned());
        Letter { id: "1.2".into(), to, subject: "Your pizza".into(), text, ..Letter::default() }
    }

    #[test]
    fn a_letter_names_everybody_it_is_for() {
        let mail = written(Letter {
            cc: vec!["bob@example.com".into()],
            bcc: vec!["carol@example.com".into()],
            reply_to: Some("orders@example.com".into()),
            html: Some("<p>In the oven.</p>".into()),
            ..letter()
        });
        for line in [
            "Message-ID: <1.2@example.com>",
            "To: Alice <alice@example.com>",
            "Cc: bob@example.com",
            "Reply-To: orders@example.com",
            "Subject: Your pizza",
            "<p>In the oven.</p>",
        ] {
            assert!(mail.contains(line), "{line} is not in {mail}");
        }
        assert!(!mail.contains("carol"), "who is written to blindly is not seen: {mail}");
    }

    #[test]
    fn what_cannot_be_sent_is_told() {
        let told = |letter: Letter| written(letter);
        insta::assert_snapshot!([
            told(Letter { to: vec!["a b".into()], ..letter() }),
            told(Letter { to: Vec::new(), ..letter() }),
            told(Letter { subject: "a\nBcc: x@example.com".into(), ..letter() }),
            told(Letter { text: None, ..letter() }),
        ].join("\n"), @r#"
        to holds what is not a mail address: "a b"
        to, cc and bcc name 1 to 50 addresses in all, to at least one
        subject is one line of at most 998 bytes
        there is neither text nor html
        "#);
    }
}
