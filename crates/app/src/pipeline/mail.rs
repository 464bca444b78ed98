//! Mail to those who run the installation, at each change of an endpoint's health.
//!
//! The commit that tells of the change in the log sets a timer as well, so none is lost: a crash, a mail server that is away
//! and another node only make it later. The endpoint has one such timer, and a place of its own in each minute at which it
//! rings: so at most one mail a minute is sent about it, which tells how it is by then. A mail that is sent twice, as the
//! process ended in between, has the same id.

mod text;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tidings_mail::Mailer;
use tidings_model::{Delivery, Endpoint, EndpointId, HealthState, Timestamp, WorkspaceId};
use tidings_store::{Batch, CommitError, DocKey, Kind, ReadError, Timer, TimerChange, TimerName};
use uuid::Uuid;

use super::deliver::log::{self, DeliveryQuery};
use super::reader::{StepFailed, chain};
use super::scene::seen;
use super::tries::later;
use crate::App;

/// The first word of the timers' names.
pub(crate) const TIMER: &str = "mail";

/// At most one mail about an endpoint in this time.
pub const MAIL_INTERVAL: Duration = Duration::from_secs(60);

/// How many mails are sent at once: a mail server takes them one after the other anyway.
pub(crate) const MAILS_AT_ONCE_MAX: usize = 4;

/// For how long a mail is tried: what it tells is of no use after that.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(24 * 3_600);

/// The longest pause between two tries, in intervals.
const PAUSE_INTERVALS_MAX: u32 = 15;

/// What is to be told of an endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Told {
    endpoint: EndpointId,
    state: HealthState,
    /// Why it was switched off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    since: Timestamp,
    /// The mail's.
    id: Uuid,
    #[serde(default)]
    tries: u32,
}

/// What a commit adds that tells of an endpoint's change: nothing, where nobody is to be written to.
pub(crate) fn about(
    app: &App,
    endpoint: EndpointId,
    state: HealthState,
    reason: Option<&str>,
) -> Option<TimerChange> {
    app.settings.mail.as_ref()?;
    let (since, id) = (app.now(), app.clock.next_id());
    let told = Told { endpoint, state, reason: reason.map(str::to_owned), since, id, tries: 0 };
    set(&told, since).ok()
}

fn set(told: &Told, after: Timestamp) -> serde_json::Result<TimerChange> {
    let name = TimerName(format!("{TIMER}:{}", told.endpoint));
    let due = next_place(told.endpoint, after);
    Ok(TimerChange::Set { name, due, body: serde_json::to_value(told)? })
}

/// The next place of an endpoint in a minute: they are spread, as many fail at the same moment.
fn next_place(endpoint: EndpointId, after: Timestamp) -> Timestamp {
    let interval = i64::try_from(MAIL_INTERVAL.as_secs()).unwrap_or(60);
    let place = i64::from(endpoint.uuid().as_fields().3[7]) % interval;
    let second = after.as_second();
    let ahead = (place - second - 1).rem_euclid(interval) + 1;
    Timestamp::from_second(second.saturating_add(ahead)).unwrap_or(Timestamp::MAX)
}

/// An endpoint's timer rang. A second call sends a mail of the same id.
pub(crate) async fn ring(app: &App, timer: &Timer) -> Result<(), StepFailed> {
    let told: Option<Told> = serde_json::from_value(timer.body.clone()).ok();
    let (Some(mailer), Some(told)) = (&app.settings.mail, told) else {
        return done(app, timer).await;
    };
    let Some(endpoint) = endpoint(app, timer.workspace, told.endpoint).await? else {
        return done(app, timer).await;
    };
    let Ok(_place) = app.mails.try_acquire() else {
        return again(app, timer, &told, app.now()).await;
    };
    let last = last_delivery(app, timer.workspace, told.endpoint).await?;
    send(app, mailer, timer, told, &endpoint, last.as_ref()).await
}

async fn send(
    app: &App,
    mailer: &Mailer,
    timer: &Timer,
    told: Told,
    endpoint: &Endpoint,
    last: Option<&Delivery>,
) -> Result<(), StepFailed> {
    let last = last.and_then(|delivery| delivery.attempts.last());
    let sent = mailer.send(text::mail(timer.workspace, endpoint, &told, last)).await;
    let outcome = if sent.is_ok() { "sent" } else { "failed" };
    metrics::counter!("tidings_mails_total", "outcome" => outcome).increment(1);
    let Err(error) = sent else { return done(app, timer).await };
    let now = app.now();
    let tried_for = Duration::try_from(now.duration_since(told.since)).unwrap_or_default();
    if tried_for >= GIVEN_UP_AFTER {
        tracing::error!(
            endpoint.id = %told.endpoint,
            "a mail about endpoint {} is given up, as no mail server took it for a day: {}",
            told.endpoint,
            chain(&error)
        );
        return done(app, timer).await;
    }
    tracing::warn!(
        endpoint.id = %told.endpoint,
        "a mail about endpoint {} will be tried again: {}",
        told.endpoint,
        chain(&error)
    );
    let pauses = 2_u32.saturating_pow(told.tries).min(PAUSE_INTERVALS_MAX) - 1;
    let told = Told { tries: told.tries.saturating_add(1), ..told };
    again(app, timer, &told, later(now, MAIL_INTERVAL * pauses)).await
}

async fn endpoint(
    app: &App,
    workspace: WorkspaceId,
    id: EndpointId,
) -> Result<Option<Endpoint>, ReadError> {
    let found = app.store.document(workspace, &DocKey::new(Kind::Endpoint, id)).await?;
    found.map(|found| Ok(seen(found)?.value)).transpose()
}

/// The newest delivery to an endpoint.
async fn last_delivery(
    app: &App,
    workspace: WorkspaceId,
    id: EndpointId,
) -> Result<Option<Delivery>, ReadError> {
    let query = DeliveryQuery { endpoint: Some(id), limit: 1, ..DeliveryQuery::default() };
    let (newest, _) = log::list(app, workspace, &query).await?;
    Ok(newest.into_iter().next())
}

/// Nothing is to be told any more.
async fn done(app: &App, timer: &Timer) -> Result<(), StepFailed> {
    change(app, timer, None).await
}

/// It is to be told later.
async fn again(app: &App, timer: &Timer, told: &Told, after: Timestamp) -> Result<(), StepFailed> {
    change(app, timer, set(told, after).ok()).await
}

async fn change(app: &App, timer: &Timer, set: Option<TimerChange>) -> Result<(), StepFailed> {
    let mut batch = Batch::new(timer.workspace);
    batch.timers.push(TimerChange::Take { name: timer.name.clone(), due: timer.due });
    batch.timers.extend(set);
    match app.commit(batch).await {
        // Something newer is to be told: that rings by itself.
        Ok(_) | Err(CommitError::TimerGone { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_has_one_place_in_each_minute() {
        let endpoint = EndpointId::new(Uuid::from_u128(77));
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).expect("a time");
        let first = next_place(endpoint, at(0));
        assert_eq!(first, at(17), "1 800 000 000 is a whole minute");
        assert_eq!(next_place(endpoint, at(16)), at(17));
        assert_eq!(next_place(endpoint, at(17)), at(77), "never twice in a minute");
        assert_eq!(next_place(endpoint, at(59)), at(77));
    }
}
