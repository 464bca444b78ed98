//! Telegram's way in: the webhook's door, and what poll brings.
//!
//! Called by `api` with the raw request, and by [`super::poll`] with each update. It answers only when the update is
//! committed: as an event, or as a part of an album that is durable on its own. What makes a second copy harmless: the
//! update's number is a claim of that commit. An update that cannot be read is taken, counted and logged, since it would
//! read no better when Telegram sent it again for a day.
//!
//! In reading order: [`open`] (settings at hand), [`call`] (one call to the Bot API), [`albums`], [`press`] (buttons),
//! [`precheckout`] (payments), [`connect`] (webhooks and polling, as the channels say), [`rates`].

pub(crate) mod albums;
pub(crate) mod call;
pub(crate) mod connect;
pub mod open;
pub mod precheckout;
pub(crate) mod press;
pub(crate) mod rates;

use std::sync::Arc;

use serde_json::{Value, json};
use tidings_channels::Arrival;
use tidings_channels::telegram::read_update;
use tidings_model::{Channel, ChannelId, Draft, Event, EventId, WorkspaceId};
use tidings_store::{Batch, CommitError, Delete, DocKey, Timer, TimerChange};

use self::open::{OpenChannel, Unusable};
use super::accept::Accepted;
use super::reader::{StepFailed, chain};
use super::receive::{ReceiveError, receive_with};
use crate::{App, known};

pub use self::precheckout::{AnswerError, NoReason, PrecheckoutAnswer, answer_precheckout};

/// What became of an update. Telegram is answered 200 for each.
#[derive(Clone, Debug)]
pub enum WebhookTaken {
    /// It is an event; or was one before, if this is a second copy.
    Event(Accepted),
    /// It is a part of an album, which becomes an event when it is whole.
    AlbumPart,
    /// It was taken before, and its event is no longer kept.
    Before,
    /// It cannot be read, and never will be.
    Unreadable,
}

/// Why an update was not taken.
#[derive(Debug, thiserror::Error)]
pub enum WebhookRefused {
    /// There is no such channel, or it is not one of Telegram, or it is switched off: 404, code `channel_unknown`.
    #[error("there is no channel {channel} that takes updates of Telegram")]
    UnknownChannel {
        /// Which one.
        channel: ChannelId,
    },
    /// The secret header is missing or wrong: 401.
    #[error("the secret token is missing or wrong")]
    WrongSecret,
    /// The channel's settings do not open or are wrong: 503, so that Telegram sends it again.
    #[error("the channel cannot be used now")]
    Unusable(#[source] Unusable),
    /// It could not be committed: 503, so that Telegram sends it again.
    #[error("the update could not be taken")]
    Receive(#[source] ReceiveError),
}

/// Takes the body of a webhook request, after its secret was compared.
pub async fn webhook(
    app: &Arc<App>,
    channel: ChannelId,
    secret_header: Option<&[u8]>,
    body: &[u8],
) -> Result<WebhookTaken, WebhookRefused> {
    let unknown = || WebhookRefused::UnknownChannel { channel };
    let found = known::channel(app, channel).await.map_err(ReceiveError::Read);
    let (workspace, channel) = found.map_err(WebhookRefused::Receive)?.ok_or_else(unknown)?;
    let open = match app.telegram.open(app, &channel) {
        Ok(open) => open,
        Err(Unusable::NotTelegram) => return Err(unknown()),
        Err(unusable) => {
            warn_unusable(channel.id, &unusable);
            return Err(WebhookRefused::Unusable(unusable));
        }
    };
    if !open.settings.lets_in(secret_header) {
        return Err(WebhookRefused::WrongSecret);
    }
    take(app, workspace, &open, body).await.map_err(WebhookRefused::Receive)
}

/// Takes one update. On return it is durable.
pub(crate) async fn take(
    app: &Arc<App>,
    workspace: WorkspaceId,
    open: &Arc<OpenChannel>,
    body: &[u8],
) -> Result<WebhookTaken, ReceiveError> {
    let now = app.now();
    let read = || read_update(body, now, &open.settings, open.username());
    let mut arrival = match read() {
        Ok(arrival) => arrival,
        Err(error) => {
            metrics::counter!("tidings_updates_unreadable_total").increment(1);
            let channel = open.channel.id;
            tracing::warn!(channel.id = %channel, "an update is left out: {}", chain(&error));
            return Ok(WebhookTaken::Unreadable);
        }
    };
    albums::finish_before(app, workspace, open, &arrival).await?;
    if let Some(group) = arrival.album.clone() {
        albums::keep_part(app, workspace, open, &arrival, &group).await?;
        return Ok(WebhookTaken::AlbumPart);
    }
    let is_press = arrival.event_type.as_str() == "chat.postback";
    if is_press {
        press::resolve(app, workspace, open, &mut arrival).await?;
    }
    let beside = |draft: &Draft, batch: &mut Batch| {
        if draft.event_type.as_str() == precheckout::PRECHECKOUT {
            precheckout::expect_answer(app, workspace, &open.settings, draft, batch);
        }
    };
    let mut first = Some(arrival);
    let again = || first.take().or_else(|| read().ok());
    let accepted = match received(app, workspace, &open.channel, again, &beside).await {
        Err(ReceiveError::Commit(CommitError::Claimed { .. })) => return Ok(WebhookTaken::Before),
        result => result?,
    };
    let query_id = accepted.event.data.get("query_id").and_then(Value::as_str);
    if let Some(query_id) = query_id.filter(|_| is_press) {
        press::answer(app, open, query_id.to_owned());
    }
    Ok(WebhookTaken::Event(accepted))
}

/// Receives an arrival; when its data is not what its type's schema says, as `chat.unknown_message` instead: that is a
/// fault of our translation, and a second copy would read no better. `read` gives the same arrival each time.
async fn received(
    app: &App,
    workspace: WorkspaceId,
    channel: &Channel,
    mut read: impl FnMut() -> Option<Arrival>,
    beside: &(dyn Fn(&Draft, &mut Batch) + Sync),
) -> Result<Accepted, ReceiveError> {
    let nothing = || ReceiveError::Commit(CommitError::Malformed { problem: "holds no update" });
    let arrival = read().ok_or_else(nothing)?;
    count_unknown(&arrival);
    match receive_with(app, workspace, channel, arrival, None, beside).await {
        Err(ReceiveError::Invalid { event_type, violations }) => {
            let first = violations.first().map(|violation| violation.pointer.clone());
            tracing::error!(
                channel.id = %channel.id,
                "an update does not fit the schema of {event_type} at {:?}: it is kept as unknown",
                first.unwrap_or_default()
            );
            let arrival = unread(read().ok_or_else(nothing)?);
            count_unknown(&arrival);
            receive_with(app, workspace, channel, arrival, None, beside).await
        }
        result => result,
    }
}

/// The same arrival, as something that we have no word for.
fn unread(mut arrival: Arrival) -> Arrival {
    arrival.data = json!({ "kind": arrival.event_type.as_str(), "raw": arrival.raw });
    arrival.event_type = UNKNOWN.parse().expect("a good name");
    arrival.files.clear();
    arrival
}

const UNKNOWN: &str = "chat.unknown_message";

fn count_unknown(arrival: &Arrival) {
    if arrival.event_type.as_str() == UNKNOWN {
        let kind = arrival.data.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        metrics::counter!("tidings_updates_unknown_total", "kind" => kind).increment(1);
    }
}

pub(crate) fn warn_unusable(channel: ChannelId, unusable: &Unusable) {
    tracing::warn!(channel.id = %channel, "channel {channel}: {}", chain(unusable));
}

/// An event that follows from another, by the system.
pub(crate) fn consequence(app: &App, cause: &Event, event_type: &str, data: Value) -> Draft {
    let event_type = event_type.parse().expect("the types raised here are good names");
    let id = EventId::new(app.clock.next_id());
    Draft::new(id, event_type, cause.workspace, app.now(), data).caused_by(cause)
}

/// Ends a timer that has nothing more to do, and the document that it stood for. One that was set anew stays.
pub(crate) async fn drop_timer(
    app: &App,
    timer: &Timer,
    document: Option<DocKey>,
) -> Result<(), StepFailed> {
    let mut batch = Batch::new(timer.workspace);
    batch.timers.push(TimerChange::Take { name: timer.name.clone(), due: timer.due });
    batch.deletes.extend(document.map(|key| Delete { key, expected: None }));
    match app.commit(batch).await {
        Ok(_) | Err(CommitError::TimerGone { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
