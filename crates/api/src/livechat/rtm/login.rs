//! `login`: who is there, what they hear, and what they begin with.
//!
//! The seat is taken before anything is read, so that nothing is missed between what the answer tells and the first push;
//! what is told twice comes to the same end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tidings_app::desk::customers::bans;
use tidings_app::desk::customers::there::{self, TOLD_MAX};
use tidings_app::desk::customers::visit::{self, Arrival};
use tidings_app::desk::find::unreadable;
use tidings_app::desk::hub::{
    Cut, Joining, Listener, Missed, Monitors, Seat, Wanted, WhoListens, frame,
};
use tidings_app::desk::look::login::{self, What};
use tidings_app::desk::{Actor, Who};
use tidings_model::Seq;
use tidings_wire::livechat::{self, ErrorType, Failure, Method, Side, Transport, Version};

use super::Door;
use super::talk::Request;
use crate::livechat::call::{needs_scope, read_args};
use crate::livechat::cors;
use crate::livechat::customer::customers::machine;
use crate::livechat::sign_in::{SignedIn, sign_in};

/// The pushes of a version that stand for all of them.
const ALL: &str = "all";

/// What a connection is after `login`.
pub(super) struct Session {
    /// Its place in the hub.
    pub(super) seat: Seat,
    /// What it signed in with.
    pub(super) token: Box<str>,
    /// What it hears before anything else.
    pub(super) first: VecDeque<Bytes>,
}

#[derive(Deserialize)]
struct Args {
    token: String,
    #[serde(default)]
    away: bool,
    #[serde(default)]
    customer_monitoring_level: Option<String>,
    #[serde(default)]
    pushes: Option<BTreeMap<String, Vec<String>>>,
    #[serde(default)]
    since: Option<u64>,
}

/// Logs in. Gives the session and the answer.
pub(super) async fn login(
    door: &Door,
    version: Version,
    request: &Request,
) -> Result<(Session, Value), Failure> {
    let method = livechat::find(door.side, version, Transport::Rtm, &request.action)?;
    let payload = request.payload.clone().unwrap_or_default();
    let payload = livechat::request(method, version, payload)?;
    let args: Args = serde_path_to_error::deserialize(&payload).map_err(|error| {
        Failure::field(&error.path().to_string(), format!("is not as expected: {}", error.inner()))
    })?;
    let wanted = wanted(args.pushes.as_ref(), version)?;
    let app = &door.api.app;
    let SignedIn { actor, channel, .. } =
        sign_in(app, door.side, &args.token, door.peer.ip).await?;
    door.organization.check(actor.workspace)?;
    if let (Some(origin), Some(channel)) = (&door.peer.origin, channel) {
        cors::check(app, actor.workspace, channel, origin).await?;
    }
    let level = args.customer_monitoring_level.as_deref().unwrap_or("my");
    let asked = Asked {
        wanted,
        away: args.away,
        present: true,
        monitors: monitors(level),
        catches_up: args.since.is_some(),
    };
    // Read before the seat is taken: the answer tells all that happened up to here, and the hub may be behind it.
    let told = app.store().tail(actor.workspace).head();
    let mut seat = take_seat(door, method, &actor, asked).await?;
    let mut first = VecDeque::new();
    if let Who::Customer(_) = &actor.who {
        // With the seat taken, so that a greeting for the page is heard.
        let arrival: Arrival = read_args(&payload)?;
        let machine = machine(&door.peer);
        let came = seat.came();
        let arrived = visit::arrive(app, &actor, channel, &arrival, &machine, came).await?;
        if let Some(kept) = arrived.side_storage {
            let told = json!({ "customer_side_storage": kept });
            first.extend(told_at_login(seat.listener(), "customer_side_storage_updated", &told));
        }
    }
    let mut missed = None;
    if let Some(since) = args.since {
        match self::missed(door, &actor, &mut seat, since).await? {
            Missed::Pushes(pushes) => {
                missed = Some(pushes.len());
                first.extend(pushes.into_iter().map(|push| push.bytes));
            }
            Missed::Gap => {}
        }
    }
    let what = if missed.is_some() { What::ButChats } else { What::All };
    let place = if what == What::All { seat.knows(told) } else { seat.joined_at() };
    let mut state = match &actor.who {
        Who::Agent(_) => {
            if what == What::All {
                let customers = there::list(app, &actor, &BTreeSet::new(), TOLD_MAX).await?;
                let told = json!({ "customer_monitoring_level": level, "customers": customers });
                first.extend(told_at_login(seat.listener(), "incoming_customers", &told));
            }
            login::agent(app, &actor, what).await?
        }
        Who::Customer(_) => login::customer(app, &actor, what).await?,
    };
    state.insert("seq".into(), place.0.into());
    if args.since.is_some() {
        state.insert("gap".into(), missed.is_none().into());
        state.insert("missed".into(), missed.unwrap_or_default().into());
    }
    let answer = livechat::answer(method, version, Value::Object(state));
    let session = Session { seat, token: args.token.into(), first };
    Ok((session, answer))
}

/// What somebody asks for who wants a seat.
pub(super) struct Asked {
    pub(super) wanted: Wanted,
    pub(super) away: bool,
    pub(super) present: bool,
    pub(super) monitors: Monitors,
    pub(super) catches_up: bool,
}

/// Takes a seat in the hub.
pub(super) async fn take_seat(
    door: &Door,
    method: &Method,
    actor: &Actor,
    asked: Asked,
) -> Result<Seat, Failure> {
    needs_scope(door.side, actor, method)?;
    let who = match &actor.who {
        Who::Agent(agent) => WhoListens::Agent(agent.id.clone()),
        Who::Customer(id) => WhoListens::Customer(*id),
    };
    let joining = Joining {
        who,
        wanted: asked.wanted,
        may_see_all: actor.has_scope(&["chats--all:ro"]),
        away: asked.away,
        present: asked.present,
        monitors: asked.monitors,
        catches_up: asked.catches_up,
        ip: door.peer.ip,
        at: door.api.app.now(),
    };
    let app = &door.api.app;
    let hub = app.hub(actor.workspace);
    let hub = hub.ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
    let seat = hub.join(joining).await.ok_or_else(|| {
        Failure::new(ErrorType::ServiceUnavailable, "the server stops; try again in a moment")
    })?;
    if let Who::Customer(id) = &actor.who {
        // Whoever bans them from now on finds the seat; who did so before the seat was taken is found here.
        bans::check(app, actor.workspace, Some(*id), door.peer.ip).await?;
    }
    Ok(seat)
}

/// Why a token lets in no more, if so.
pub(super) async fn let_in_no_more(door: &Door, token: &str) -> Option<Cut> {
    let refused = sign_in(&door.api.app, door.side, token, door.peer.ip).await.err()?;
    match (refused.error_type, door.side) {
        // A store that cannot be read now says nothing about the token.
        (ErrorType::Internal, _) => None,
        (ErrorType::CustomerBanned, _) => Some(Cut::Banned),
        (_, Side::Customer) => Some(Cut::TokenExpired),
        (_, Side::Agent | Side::Configuration) => Some(Cut::TokenRevoked),
    }
}

/// What was missed after a number.
pub(super) async fn missed(
    door: &Door,
    actor: &Actor,
    seat: &mut Seat,
    since: u64,
) -> Result<Missed, Failure> {
    let app = &door.api.app;
    let directory = app.directory(actor.workspace);
    let directory = directory.ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
    seat.missed(app, &directory, Seq(since)).await.map_err(unreadable)
}

/// A push of 3.6 that is told to one connection only.
fn told_at_login(listener: &Listener, action: &str, payload: &Value) -> Vec<Bytes> {
    let side = listener.side();
    let wanted = listener.wanted();
    let told = wanted.iter().filter_map(|(version, names)| {
        let (name, payload) = livechat::push(side, *version, action, payload)?;
        let is_wanted = names.as_ref().is_none_or(|names| names.contains(name));
        is_wanted.then(|| frame(*version, name, &payload, None))
    });
    told.collect()
}

/// Which pushes are wanted: all of the version that is spoken, unless it is said. Names that a version does not have ask
/// for nothing: a client may know more than we do.
pub(super) fn wanted(
    pushes: Option<&BTreeMap<String, Vec<String>>>,
    version: Version,
) -> Result<Wanted, Failure> {
    let Some(pushes) = pushes else { return Ok(vec![(version, None)]) };
    let mut wanted = Vec::with_capacity(pushes.len());
    for (text, names) in pushes {
        let version: Version =
            text.parse().map_err(|error| Failure::field("pushes", format!("is wrong: {error}")))?;
        let all = names.iter().any(|name| name == ALL);
        let names: Option<BTreeSet<String>> = (!all).then(|| names.iter().cloned().collect());
        wanted.push((version, names));
    }
    Ok(wanted)
}

fn monitors(level: &str) -> Monitors {
    match level {
        "chatting" => Monitors::Chatting,
        "invited" | "online" | "highest_available" => Monitors::Online,
        _ => Monitors::My,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushes_are_chosen_by_version_and_name() {
        let read = |text: &str| serde_json::from_str::<BTreeMap<_, _>>(text).expect("a map");
        assert_eq!(wanted(None, Version::V3_5), Ok(vec![(Version::V3_5, None)]));
        assert_eq!(wanted(Some(&read("{}")), Version::V3_5), Ok(Vec::new()));
        assert_eq!(
            wanted(Some(&read(r#"{"3.5": ["all"], "3.6": ["incoming_chat"]}"#)), Version::V3_6),
            Ok(vec![
                (Version::V3_5, None),
                (Version::V3_6, Some(BTreeSet::from(["incoming_chat".to_owned()]))),
            ])
        );
        assert!(wanted(Some(&read(r#"{"9": ["all"]}"#)), Version::V3_6).is_err());
    }
}
