//! A customer's way over a site: visits, pages, and what comes of a page (a group, a greeting).

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tidings_model::{
    Author, ChannelId, Customer, CustomerId, Geolocation, GroupNumber, Page, Timestamp, Visit,
    WorkspaceId,
};

use super::said::Said;
use super::{By, Chats, decide, goals, greet, know_by, there};
use crate::desk::find::unreadable;
use crate::desk::routing::status::of_groups;
use crate::desk::{Actor, ErrorType, Failure, auto_access};
use crate::{App, known};

/// How many pages of a visit are kept: those that agents look at.
pub const PAGES_KEPT_MAX: usize = 20;

/// A page after such a pause begins a new visit: as analysts of sites count.
pub const VISIT_PAUSE: Duration = Duration::from_secs(30 * 60);

/// The longest address and title of a page, in bytes: what browsers take.
const ADDRESS_BYTES_MAX: usize = 8_192;

/// The most that a browser keeps for us, in bytes of JSON: what cookies may have, and more than anybody needs.
const STORAGE_BYTES_MAX: usize = 4_096;

/// What is known of a customer's machine.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// Its address.
    pub ip: Option<IpAddr>,
    /// The browser, as it calls itself.
    pub user_agent: Option<String>,
    /// Where the customer came from.
    pub referrer: Option<String>,
}

/// A page that a customer opened.
#[derive(Clone, Debug, Deserialize)]
pub struct Opened {
    /// Its address.
    pub url: String,
    /// Its title.
    #[serde(default)]
    pub title: Option<String>,
}

/// A customer opened a page. Gives the groups that they are with now, where that changed.
pub async fn page(
    app: &App,
    actor: &Actor,
    channel: Option<ChannelId>,
    opened: &Opened,
    machine: &Machine,
) -> Result<Value, Failure> {
    opened.check()?;
    let arrival = Arrival { customer_page: Some(opened.clone()), ..Arrival::default() };
    let id = actor.needs_customer()?;
    let came = app.hub(actor.workspace).is_none_or(|hub| !hub.has_customer(id));
    let arrived = come(app, actor, channel, &arrival, machine, came).await?;
    let Some(group) = arrived.new_group else { return Ok(json!({})) };
    let statuses = of_groups(app, actor.workspace).await?;
    let status = statuses.get(&group).unwrap_or(&"offline");
    Ok(json!({ "groups": [{ "id": group, "status": status }] }))
}

impl Opened {
    fn check(&self) -> Result<(), Failure> {
        for (field, text) in [("url", Some(&self.url)), ("title", self.title.as_ref())] {
            if text.is_some_and(|text| text.len() > ADDRESS_BYTES_MAX) {
                let why = format!("must have at most {ADDRESS_BYTES_MAX} bytes");
                return Err(Failure::field(field, why));
            }
        }
        Ok(())
    }
}

/// The customer's page went to the background, or came back.
pub async fn set_active(app: &App, actor: &Actor, active: bool) -> Result<(), Failure> {
    let id = actor.needs_customer()?;
    let now = app.now();
    decide(app, &By::actor(actor), id, Chats::None, |change| {
        let Some(visit) = change.customer.visit.as_mut() else { return Ok(()) };
        if visit.inactive_since.is_none() == active {
            return Ok(());
        }
        visit.inactive_since = (!active).then_some(now);
        let data = json!({ "customer": id, "visit": visit.id, "active": active });
        change.raise("customer.page_activity_changed", data);
        Ok(())
    })
    .await
    .map(drop)
}

/// Notes a page in the customer's visit; a new one, where the last is over.
/// Says whether it is a new one; what was noted about the session of the last one goes with it.
fn look_at(
    customer: &mut Customer,
    opened: &Opened,
    machine: &Machine,
    place: Option<&Geolocation>,
    now: Timestamp,
) -> bool {
    let lasts = customer.visit.as_ref().is_some_and(|visit| {
        let last = visit.last_pages.last().map_or(visit.started_at, |page| page.opened_at);
        visit.ended_at.is_none() && now <= last + VISIT_PAUSE
    });
    if !lasts {
        if customer.visit.is_some() {
            customer.session_fields.clear();
        }
        let id = customer.visit.as_ref().map_or(1, |visit| visit.id.saturating_add(1));
        customer.statistics.visits_count = customer.statistics.visits_count.saturating_add(1);
        customer.visit = Some(Visit {
            id,
            started_at: now,
            ended_at: None,
            ip: machine.ip.map(|ip| ip.to_string()),
            user_agent: machine.user_agent.clone(),
            referrer: machine.referrer.clone(),
            geolocation: place.cloned(),
            pages_count: 0,
            goals: BTreeSet::new(),
            greets_itself: false,
            inactive_since: None,
            last_pages: Vec::new(),
        });
    }
    customer.statistics.page_views_count = customer.statistics.page_views_count.saturating_add(1);
    let Some(visit) = customer.visit.as_mut() else { return false };
    visit.inactive_since = None;
    visit.pages_count = visit.pages_count.saturating_add(1);
    visit.last_pages.push(Page {
        opened_at: now,
        url: opened.url.clone(),
        title: opened.title.clone(),
    });
    let surplus = visit.last_pages.len().saturating_sub(PAGES_KEPT_MAX);
    visit.last_pages.drain(..surplus);
    !lasts
}

/// What a customer says when they open a connection.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Arrival {
    customer: Option<Said>,
    customer_page: Option<Opened>,
    customer_side_storage: Option<Map<String, Value>>,
    group_id: Option<u32>,
    referrer: Option<String>,
    application: Option<Application>,
}

/// The program that a customer uses.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Application {
    name: Option<String>,
}

/// What our own widget calls itself.
const OWN_WIDGET: &str = "tidings-widget";

impl Arrival {
    fn greets_itself(&self) -> bool {
        let name = self.application.as_ref().and_then(|program| program.name.as_deref());
        name == Some(OWN_WIDGET)
    }
}

/// What came of an arrival.
#[derive(Clone, Debug, Default)]
pub struct Arrived {
    /// What their browser is to keep, where that is more than it told of.
    pub side_storage: Option<Map<String, Value>>,
    /// The group that they are with, where that is another.
    pub new_group: Option<GroupNumber>,
    /// Whether an event tells agents that they came.
    is_told: bool,
}

/// A customer opens a connection: what they say of themselves, the page that they are on, the group that they want. Who
/// says nothing is not written down. `came` says that they were not there before; agents are told of that once.
pub async fn arrive(
    app: &App,
    actor: &Actor,
    channel: Option<ChannelId>,
    arrival: &Arrival,
    machine: &Machine,
    came: bool,
) -> Result<Arrived, Failure> {
    if let Some(opened) = &arrival.customer_page {
        opened.check()?;
    }
    let says_nothing = arrival.customer.as_ref().is_none_or(Said::is_empty)
        && arrival.group_id.is_none()
        && arrival.customer_side_storage.as_ref().is_none_or(Map::is_empty)
        && arrival.customer_page.is_none();
    let arrived = if says_nothing {
        Arrived::default()
    } else {
        let referrer = arrival.referrer.clone().or_else(|| machine.referrer.clone());
        let machine = Machine { referrer, ..machine.clone() };
        come(app, actor, channel, arrival, &machine, came).await?
    };
    if came && !arrived.is_told {
        there::came(app, actor.workspace, actor.needs_customer()?).await;
    }
    Ok(arrived)
}

async fn come(
    app: &App,
    actor: &Actor,
    channel: Option<ChannelId>,
    arrival: &Arrival,
    machine: &Machine,
    came: bool,
) -> Result<Arrived, Failure> {
    let id = actor.needs_customer()?;
    let named = arrival.group_id.map(GroupNumber);
    let sought = known::seek(app, actor.workspace, |directory| {
        named.is_none_or(|group| directory.group(group).is_some())
    });
    sought.await.map_err(unreadable)?;
    if let Some(group) = named
        && app.directory(actor.workspace).is_some_and(|known| known.group(group).is_none())
    {
        return Err(Failure::new(ErrorType::GroupNotFound, "there is no such group"));
    }
    let place = machine.ip.and_then(|ip| app.settings().places.find(ip));
    let by_rules = match &arrival.customer_page {
        Some(opened) => {
            let (page, place) = (Some(opened.url.as_str()), place.as_ref());
            let known = auto_access::groups_for(app, actor.workspace, page, place);
            known.await.map_err(unreadable)?.and_then(|groups| groups.first().copied())
        }
        None => None,
    };
    let group = named.or(by_rules);
    let goals = goals::of(app, actor.workspace, channel);
    let now = app.now();
    let decided = decide(app, &By::actor(actor), id, Chats::All, |change| {
        if let Some(channel) = channel {
            know_by(&mut change.customer, channel);
        }
        // Somebody new is told of as such.
        let mut is_told = change.before.is_none();
        if let Some(opened) = &arrival.customer_page {
            let lasted = change.before.and_then(|before| before.visit.as_ref());
            let lasted = lasted.is_some_and(|visit| visit.ended_at.is_none());
            let is_new = look_at(&mut change.customer, opened, machine, place.as_ref(), now);
            let visit = change.customer.visit.as_mut().map_or(1, |visit| {
                visit.greets_itself |= arrival.greets_itself();
                visit.id
            });
            if is_new {
                // After a long pause on one connection they come anew.
                let comes = !is_told && (came || lasted);
                is_told |= comes;
                let data = json!({ "customer": id, "visit": visit, "comes": comes });
                change.raise("customer.visit_started", data);
            }
            let data = json!({
                "customer": id, "visit": visit, "url": opened.url, "title": opened.title,
            });
            change.raise("customer.page_viewed", data);
        }
        let customer = &mut change.customer;
        if let Some(said) = &arrival.customer {
            said.apply(customer)?;
        }
        let given = arrival.customer_side_storage.clone().unwrap_or_default();
        customer.side_storage.extend(given.clone());
        if json!(customer.side_storage).to_string().len() > STORAGE_BYTES_MAX {
            return Err(Failure::field(
                "customer_side_storage",
                format!("must have at most {STORAGE_BYTES_MAX} bytes"),
            ));
        }
        if group.is_some() {
            customer.group = group;
        }
        if arrival.customer_page.is_some() {
            goals::note(change, &goals, now);
        }
        let customer = &change.customer;
        let before = change.before.and_then(|before| before.group);
        Ok(Arrived {
            side_storage: (customer.side_storage != given).then(|| customer.side_storage.clone()),
            new_group: customer.group.filter(|_| customer.group != before),
            is_told,
        })
    })
    .await?;
    if arrival.customer_page.is_some() {
        greet::choose(app, &By::system(actor), channel, &decided.customer).await?;
    }
    Ok(decided.value)
}

/// A customer went: their visit is over. Running it again changes nothing.
pub async fn left(app: &App, workspace: WorkspaceId, id: CustomerId) -> Result<(), Failure> {
    let now = app.now();
    let by = By::author(workspace, &Author::customer(id));
    decide(app, &by, id, Chats::None, |change| {
        let lasting = change.customer.visit.as_mut().filter(|visit| visit.ended_at.is_none());
        if let Some(visit) = lasting {
            visit.ended_at = Some(now);
            change.raise("customer.left", json!({ "customer": id }));
        }
        Ok(())
    })
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_begins_a_new_visit_and_old_pages_go() {
        let start = Timestamp::from_second(1_750_000_000).expect("a good time");
        let mut alice = Customer::new(CustomerId::new(uuid::Uuid::from_u128(1)), start);
        let open = |alice: &mut Customer, number: u32, at: Timestamp| {
            let opened = Opened { url: format!("https://shop.example/{number}"), title: None };
            look_at(alice, &opened, &Machine::default(), None, at);
        };
        for number in 0..25 {
            open(&mut alice, number, start + Duration::from_secs(u64::from(number)));
        }
        let visit = alice.visit.clone().expect("a visit");
        assert_eq!((visit.id, visit.last_pages.len()), (1, PAGES_KEPT_MAX));
        assert_eq!(visit.pages_count, 25, "also those that are not kept");
        assert_eq!(
            visit.last_pages.first().map(|page| page.url.as_str()),
            Some("https://shop.example/5")
        );
        open(&mut alice, 26, start + VISIT_PAUSE + Duration::from_secs(25));
        assert_eq!(alice.visit.as_ref().map(|visit| visit.id), Some(2));
        assert_eq!((alice.statistics.visits_count, alice.statistics.page_views_count), (2, 26));
    }
}
