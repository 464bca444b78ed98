//! One call to the Bot API, and what became of it. Called by send, poll, files and whoever answers a query.
//!
//! It is made once: who calls decides whether a second one is harmless. Addresses of calls hold the token, so none is
//! ever part of a text here.

use std::time::Duration;

use bytes::Bytes;
use tidings_channels::Call;
use tidings_channels::telegram::reply::REPLY_BYTES_MAX;
use tidings_channels::telegram::{Reply, Settings, methods, read_reply};

use crate::App;
use crate::nodes::hold;
use crate::pipeline::reader::chain;

/// How long a call may take. Telegram fetches the files of a message itself before it answers, and gives that up after
/// some 20 s.
pub(crate) const CALL_TIME_MAX: Duration = Duration::from_secs(30);

/// How long a call may take that answers somebody who waits.
pub(crate) const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

/// What became of a call.
#[derive(Debug)]
pub(crate) enum Called {
    /// There was an answer.
    Answered {
        /// What it says.
        reply: Reply,
        /// The HTTP status.
        status: u16,
        /// All of it, for the calls whose result is read.
        body: Bytes,
    },
    /// There was none.
    Failed {
        /// Why, with its causes.
        error: String,
    },
}

/// Calls, and reads the answer.
pub(crate) async fn call(
    app: &App,
    settings: &Settings,
    call: &Call,
    time_max: Duration,
) -> Called {
    call_for(app, settings, call, time_max, REPLY_BYTES_MAX).await
}

/// As [`call`], for an answer that may be longer.
pub(crate) async fn call_for(
    app: &App,
    settings: &Settings,
    call: &Call,
    time_max: Duration,
    answer_bytes_max: usize,
) -> Called {
    if let Err(fenced) = hold::may_go_out() {
        return Called::Failed { error: chain(&fenced) };
    }
    let url = methods::method_url(settings, call.method);
    let called = match app.providers.post_json(&url, &call.body, time_max, answer_bytes_max).await {
        Ok(answer) => {
            let status = answer.status.as_u16();
            let reply = read_reply(status, &answer.body_head);
            Called::Answered { reply, status, body: answer.body_head }
        }
        Err(error) => Called::Failed { error: chain(&error) },
    };
    metrics::counter!(
        "tidings_channel_calls_total", "method" => call.method, "outcome" => called.word()
    )
    .increment(1);
    called
}

impl Called {
    /// The body, where the call was done.
    pub(crate) fn done(&self) -> Option<&[u8]> {
        match self {
            Self::Answered { reply: Reply::Ok { .. }, body, .. } => Some(body),
            Self::Answered { .. } | Self::Failed { .. } => None,
        }
    }

    /// What went wrong, for people.
    pub(crate) fn problem(&self) -> String {
        match self {
            Self::Answered { reply, .. } => describe(reply),
            Self::Failed { error } => error.clone(),
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Answered { reply: Reply::Ok { .. }, .. } => "ok",
            Self::Answered { reply: Reply::RateLimited { .. }, .. } => "rate_limited",
            Self::Answered { reply: Reply::Migrated { .. }, .. } => "migrated",
            Self::Answered { reply: Reply::Refused { .. }, .. } => "refused",
            Self::Answered { reply: Reply::Unreadable { .. }, .. } => "unreadable",
            Self::Failed { .. } => "failed",
        }
    }
}

/// A reply in words.
pub(crate) fn describe(reply: &Reply) -> String {
    match reply {
        Reply::Ok { .. } => "done".into(),
        Reply::RateLimited { retry_after_s } => {
            format!("too many requests: retry after {retry_after_s}")
        }
        Reply::Migrated { .. } => "the group became a supergroup with another id".into(),
        Reply::Refused { description, .. } => description.clone(),
        Reply::Unreadable { status } => {
            format!("the answer (status {status}) is not one of the Bot API")
        }
    }
}
