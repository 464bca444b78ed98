//! The work of `mail`: a mail to whom the step names, by the operator's mail server.

use serde::Deserialize;
use serde_json::{Value, json};
use tidings_behaviors::WorkFailed;
use tidings_mail::Letter;

use super::{Job, Outcome, keys};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct With {
    to: Addresses,
    #[serde(default)]
    cc: Addresses,
    #[serde(default)]
    bcc: Addresses,
    #[serde(default)]
    reply_to: Option<String>,
    subject: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    html: Option<String>,
}

/// One address, or a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Addresses {
    One(String),
    Many(Vec<String>),
}

impl Default for Addresses {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl From<Addresses> for Vec<String> {
    fn from(addresses: Addresses) -> Self {
        match addresses {
            Addresses::One(list) => list.split(',').map(|one| one.trim().to_owned()).collect(),
            Addresses::Many(list) => list,
        }
    }
}

/// Sends a mail; a second time it has the same id.
pub(super) async fn send(job: &Job<'_>, with: &Value) -> Outcome {
    let with: With = keys(with)?;
    let Some(mailer) = &job.app.settings.mail else {
        let message = "the operator named no mail server: set `mail.url`";
        return Err(WorkFailed::new("no_mail_server", message));
    };
    let id = format!("{}.{}", job.run.id, job.run.steps_taken);
    let letter = Letter {
        id,
        to: with.to.into(),
        cc: with.cc.into(),
        bcc: with.bcc.into(),
        reply_to: with.reply_to,
        subject: with.subject,
        text: with.text,
        html: with.html,
    };
    let id = letter.id.clone();
    let Ok(_place) = job.app.mails.acquire().await else {
        return Err(WorkFailed::new("stopping", "the node stops"));
    };
    match mailer.send_letter(letter).await {
        Ok(()) => Ok(json!({ "id": id })),
        Err(error) => Err(WorkFailed::new(error.code(), error.to_string())),
    }
}
