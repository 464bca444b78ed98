//! The hub's reader: follows the log, and gives out what each event says to open connections.
//!
//! It keeps no cursor: it begins at the end of the log, and whoever comes back says what they heard last. While nobody is
//! connected it makes nothing.

use std::sync::Arc;

use serde_json::Value;
use tidings_model::{AgentId, ChatId, CustomerId, Event, WorkspaceId};
use tidings_store::{DocumentQuery, Follower, Kind, ReadError, Scan};
use tidings_wire::livechat::show;
use tokio::sync::{broadcast, watch};

use super::listener::{Cut, Listener};
use super::said::{Said, SaidPush};
use super::{Hub, PresenceChange, RequestMark};
use crate::App;
use crate::desk::customers::bans::key_of_customer;
use crate::desk::customers::there;
use crate::desk::push::{self, Agents, Push};
use crate::directory::Directory;
use crate::pipeline::reader::{chain, stopped};

/// How many events are given out before those who hear them are woken: what they get at once goes out in one write.
const EVENTS_AT_ONCE_MAX: usize = 64;

/// How long the reader waits after the store could not be read.
const AFTER_FAILURE: std::time::Duration = std::time::Duration::from_millis(200);

/// How often an event is tried before it is passed over; its hearers are then wrong, so they are cut and come back.
const TRIES_MAX: usize = 5;

/// Follows the log until it is stopped.
pub async fn run(app: Arc<App>, workspace: WorkspaceId, mut stop: watch::Receiver<bool>) {
    let (Some(hub), Some(directory)) = (app.hub(workspace), app.directory(workspace)) else {
        return;
    };
    let mut signals = hub.signals();
    let mut changes = hub.watch_presence();
    let place = loop {
        match app.store().last_seq(workspace).await {
            Ok(place) => break place,
            Err(error) => {
                tracing::error!("the hub could not read the log: {}", chain(&error));
                tokio::select! {
                    () = stopped(&mut stop) => return,
                    () = tokio::time::sleep(AFTER_FAILURE) => {}
                }
            }
        }
    };
    hub.room().open(place);
    hub.opened.notify_waiters();
    let mut follower = Follower::new(Arc::clone(app.store()), workspace, place);
    let mut woken = Vec::new();
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            signal = signals.recv() => match signal {
                Ok(signal) => {
                    let said = signalled(&app, &directory, &signal).await;
                    hub.room().give_out(&Arc::new(said), &directory, &mut woken);
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => break,
            },
            change = changes.recv() => match change {
                Ok(PresenceChange::CustomerWent { customer }) => {
                    there::went(&app, workspace, customer).await;
                }
                Ok(PresenceChange::CustomerCame { customer }) => {
                    there::came(&app, workspace, customer).await;
                }
                Ok(_) => {}
                // Agents who watch look at the list now and then.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => break,
            },
            events = follower.next(EVENTS_AT_ONCE_MAX) => match events {
                Ok(events) => {
                    for event in &events {
                        take(&app, &hub, &directory, event, &mut woken).await;
                    }
                }
                Err(error) => {
                    tracing::error!("the hub could not read the log: {}", chain(&error));
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            },
        }
        wake(&mut woken);
    }
    hub.room().close();
    hub.opened.notify_waiters();
}

fn wake(woken: &mut Vec<Arc<Listener>>) {
    for listener in woken.drain(..) {
        listener.wake();
    }
}

/// One event.
async fn take(
    app: &Arc<App>,
    hub: &Hub,
    directory: &Directory,
    event: &Arc<Event>,
    woken: &mut Vec<Arc<Listener>>,
) {
    if let Some(chat) = event.chat
        && show::kind_of(event).is_none()
    {
        // It may have changed the chat. Whoever committed forgets the scene too, but maybe a moment after us.
        app.forget_scene(event.workspace, chat);
    }
    if hub.has_other_nodes() {
        elsewhere_done(app, hub, event).await;
        if push::concerns_directory(event) {
            directory.is_stale();
        }
    }
    {
        let mut room = hub.room();
        if room.is_empty() {
            room.pass(event.seq);
            return;
        }
    }
    let request = hub.take_mark(event.id);
    let mut tries = 0;
    let said = loop {
        match said(app, directory, event, request.clone()).await {
            Ok(said) => break said,
            Err(error) => {
                tries += 1;
                tracing::error!(seq = %event.seq, "an event has no pushes: {}", chain(&error));
                if tries >= TRIES_MAX {
                    hub.room().evict_all();
                    hub.room().pass(event.seq);
                    return;
                }
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    };
    hub.room().give_out(&Arc::new(said), directory, woken);
}

/// What an event of another node means for what is kept and open here. That node told it as well, which may be lost; the
/// node that did it has done it already, and does it again.
async fn elsewhere_done(app: &App, hub: &Hub, event: &Event) {
    let agent = || event.data.get("agent")?.as_str()?.parse::<AgentId>().ok();
    let cut = match event.event_type.as_str() {
        "customer.banned" => return banned(app, hub, event).await,
        "agent.suspended" | "agent.deleted" => Cut::LoggedOutRemotely,
        "agent.updated" if has_other_role(event) => Cut::RoleChanged,
        "routing.status_changed" if has_signed_out(event) => Cut::LoggedOutRemotely,
        _ => return,
    };
    if let Some(agent) = agent() {
        // Who came back since is another one.
        hub.disconnect_agent_of(&agent, cut, event.received_at);
    }
}

fn has_other_role(event: &Event) -> bool {
    let changed = event.data.get("changed").and_then(Value::as_array);
    changed.is_some_and(|changed| changed.iter().any(|name| name == "role"))
}

fn has_signed_out(event: &Event) -> bool {
    let reason = event.data.get("reason").and_then(Value::as_str);
    matches!(reason, Some("signed_out" | "remotely_signed_out"))
}

/// Somebody was banned: they are looked up anew, and their connections closed if the ban still holds.
async fn banned(app: &App, hub: &Hub, event: &Event) {
    let customer = event.data.get("customer").and_then(Value::as_str);
    let Some(customer) = customer.and_then(|id| id.parse::<CustomerId>().ok()) else { return };
    app.passes().forget_customer(event.workspace, customer, None);
    let key = key_of_customer(customer);
    let found = app.passes().ban(&app.store, event.workspace, key).await;
    match found {
        Ok(Some(ban)) if ban.expires_at > app.now() => {
            let ip = ban.ip.as_deref().and_then(|ip| ip.parse().ok());
            app.passes().forget_customer(event.workspace, customer, ip);
            hub.disconnect_banned_here(customer, ip);
        }
        Ok(_) => {}
        // Connections look for themselves now and then.
        Err(error) => tracing::warn!("a ban could not be looked at: {}", chain(&error)),
    }
}

/// The newest chat of a customer.
async fn chat_of(
    app: &App,
    workspace: WorkspaceId,
    customer: CustomerId,
) -> Result<Option<ChatId>, ReadError> {
    let scan = Scan::EqualNewest { name: "customer", value: customer.to_string() };
    let query = DocumentQuery { kind: Kind::Chat, scan, after: None, limit: 1 };
    let page = app.store().documents(workspace, query).await?;
    Ok(page.documents.first().and_then(|document| document.key.id.parse().ok()))
}

/// What an event says.
pub(super) async fn said(
    app: &App,
    directory: &Directory,
    event: &Arc<Event>,
    request: Option<RequestMark>,
) -> Result<Said, ReadError> {
    let mut pushes = Vec::new();
    for push in push::of_event(app, event).await? {
        pushes.push(with_scene(app, directory, push).await?);
    }
    // The pushes hold what the event says about twice, for agents and the customer, and then the frames.
    let weight =
        size_of::<Said>() + pushes.len() * (size_of::<SaidPush>() + 4 * event.body().len());
    Ok(Said { seq: Some(event.seq), request, to_requester_only: false, pushes, weight })
}

async fn signalled(app: &App, directory: &Directory, signal: &super::Signal) -> Said {
    let pushes = match with_scene(app, directory, signal.push.clone()).await {
        Ok(push) => vec![push],
        Err(error) => {
            tracing::warn!("a signal was lost: {}", chain(&error));
            Vec::new()
        }
    };
    Said {
        seq: None,
        request: signal.request.clone(),
        to_requester_only: signal.to_requester_only,
        pushes,
        weight: 0,
    }
}

async fn with_scene(app: &App, directory: &Directory, push: Push) -> Result<SaidPush, ReadError> {
    let chat = match push.agents {
        Agents::Watching(customer) => chat_of(app, directory.workspace(), customer).await?,
        Agents::Nobody
        | Agents::All
        | Agents::OfPastThread(_)
        | Agents::These(_)
        | Agents::OfChat { .. } => SaidPush::chat(&push),
    };
    let scene = match chat {
        Some(chat) => app.recent_scene(directory.workspace(), chat).await?,
        None => None,
    };
    Ok(SaidPush::new(push, scene))
}
