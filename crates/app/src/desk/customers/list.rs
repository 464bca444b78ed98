//! `list_customers` (until 3.5): customers a page at a time, with filters.
//!
//! By when they came it goes by an index, and costs as much as it looks at; by a figure, and to count those that fit, all
//! customers are looked at.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidings_model::{Customer, Timestamp, WorkspaceId};
use tidings_store::{CountOf, DocumentQuery, Kind, Place, Scan};

use super::chats_of;
use super::look::{LastSaid, in_short, last_said};
use crate::App;
use crate::desk::find::unreadable;
use crate::desk::look::page::{self, Asked, PageIds, Read};
use crate::desk::{Actor, ErrorType, Failure};
use crate::pipeline::scene::seen;
use crate::pipeline::written::sortable;

/// The name of the list, in its page ids.
pub const LIST: &str = "list_customers";

/// The most customers that one call looks at: a filter that hardly anybody fits must not read for minutes.
const LOOKED_AT_MAX: usize = 100_000;

/// How many customers one look takes.
const STEP: usize = 200;

/// Which customers are asked for, and by what they are sorted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Wanted {
    /// By name: texts one of which it must be (`values`), figures and times with bounds.
    #[serde(default)]
    pub filters: Map<String, Value>,
    /// By what they are sorted.
    #[serde(default)]
    pub sort_by: SortBy,
}

/// By what customers are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortBy {
    /// When they first came.
    #[default]
    CreatedAt,
    /// How many chats they have.
    ChatsCount,
    /// How many threads.
    ThreadsCount,
    /// How often they came.
    VisitsCount,
}

/// Where a customer stands in a list: by what it is sorted, and their id.
pub type CustomerPlace = (String, String);

/// A page of customers that was asked for.
pub type AskedCustomers = Asked<Wanted, CustomerPlace>;

/// A page of customers.
#[derive(Clone, Debug)]
pub struct CustomerPage {
    /// The customers.
    pub customers: Vec<Value>,
    /// How many fit on all pages.
    pub total: u64,
    /// The pages before and after.
    pub pages: PageIds,
}

/// The texts, figures and times that filters look at.
const TEXTS: [&str; 4] = ["country", "email", "name", "customer_id"];
const FIGURES: [&str; 3] = ["chats_count", "threads_count", "visits_count"];
const TIMES: [&str; 3] =
    ["created_at", "agent_last_event_created_at", "customer_last_event_created_at"];
const WITHOUT_CHATS: &str = "include_customers_without_chats";

/// Refuses filters that are not known, or not well written: one that is passed over would give too many.
pub fn check(filters: &Map<String, Value>) -> Result<(), Failure> {
    for (name, filter) in filters {
        let field = format!("filters.{name}");
        let wrong = |problem: &str| Err(Failure::field(&field, problem));
        let object = filter.as_object();
        let bounds: &[&str] = &["eq", "gt", "gte", "lt", "lte"];
        match name.as_str() {
            WITHOUT_CHATS if filter.is_boolean() => {}
            WITHOUT_CHATS => return wrong("must be true or false"),
            text if TEXTS.contains(&text) => {
                let texts = |value: &Value| {
                    value.as_array().is_some_and(|list| list.iter().all(Value::is_string))
                };
                let good = object.is_some_and(|object| {
                    object.iter().all(|(key, value)| {
                        matches!(key.as_str(), "values" | "exclude_values") && texts(value)
                    })
                });
                if !good {
                    return wrong("must have values or exclude_values, lists of texts");
                }
            }
            figure if FIGURES.contains(&figure) => {
                let good = object.is_some_and(|object| {
                    object
                        .iter()
                        .all(|(key, value)| bounds.contains(&key.as_str()) && value.is_u64())
                });
                if !good {
                    return wrong("must have eq, gt, gte, lt or lte, whole numbers");
                }
            }
            time if TIMES.contains(&time) => {
                let good = object.is_some_and(|object| {
                    object.iter().all(|(key, value)| {
                        bounds.contains(&key.as_str()) && time_of(value).is_some()
                    })
                });
                if !good {
                    return wrong(
                        "must have eq, gt, gte, lt or lte, times as RFC 3339 writes them",
                    );
                }
            }
            _ => return wrong("is not a filter of customers"),
        }
    }
    Ok(())
}

fn time_of(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// A page of customers.
pub async fn page(
    app: &App,
    actor: &Actor,
    asked: &AskedCustomers,
) -> Result<CustomerPage, Failure> {
    actor.needs_agent()?;
    let workspace = actor.workspace;
    let is_sorted_by_index = asked.filters.sort_by == SortBy::CreatedAt;
    let has_filters = !asked.filters.filters.is_empty();
    let (rows, total) = if is_sorted_by_index && !has_filters {
        let rows = by_index(app, workspace, asked, asked.place.as_ref(), asked.limit + 1).await?;
        let total = app.store().count(workspace, Kind::Customer, CountOf::All).await;
        (rows, total.map_err(unreadable)?)
    } else {
        let mut rows = by_index(app, workspace, asked, None, LOOKED_AT_MAX).await?;
        let total = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        rows.sort_by(|one, other| one.0.cmp(&other.0));
        if asked.order.newest_first(asked.back) {
            rows.reverse();
        }
        if let Some(place) = &asked.place {
            let newest_first = asked.order.newest_first(asked.back);
            rows.retain(|(at, _)| if newest_first { at < place } else { at > place });
        }
        rows.truncate(asked.limit + 1);
        (rows, total)
    };
    let read = Read::of(rows, asked.limit, asked.place.is_none(), asked.back);
    let pages = page::ids(app, workspace, LIST, asked, &read, |(place, _)| place.clone());
    let customers = read.rows.iter().map(|(_, customer)| in_short(app, actor, customer)).collect();
    Ok(CustomerPage { customers, total, pages })
}

/// Customers that fit, by when they came, up to so many.
async fn by_index(
    app: &App,
    workspace: WorkspaceId,
    asked: &AskedCustomers,
    place: Option<&CustomerPlace>,
    most: usize,
) -> Result<Vec<(CustomerPlace, Customer)>, Failure> {
    let newest_first = asked.order.newest_first(asked.back);
    let mut after =
        place.map(|(value, id)| Place { value: value.clone(), id: id.clone() }.to_string());
    let (mut rows, mut looked) = (Vec::new(), 0);
    while rows.len() < most && looked < LOOKED_AT_MAX {
        let scan = Scan::Range { name: "created", from: None, to: None, newest_first };
        let query = DocumentQuery { kind: Kind::Customer, scan, after, limit: STEP };
        let read = app.store().documents(workspace, query).await.map_err(unreadable)?;
        looked += read.documents.len();
        for document in read.documents {
            let customer: Customer = seen(document).map_err(unreadable)?.value;
            if fits(app, workspace, &customer, &asked.filters.filters).await? {
                rows.push((place_of(&customer, asked.filters.sort_by), customer));
            }
        }
        after = read.next;
        if after.is_none() {
            return Ok(rows);
        }
    }
    if looked >= LOOKED_AT_MAX {
        return Err(Failure::new(
            ErrorType::LimitReached,
            format!("this list looks at {LOOKED_AT_MAX} customers at most; ask without filters"),
        ));
    }
    Ok(rows)
}

fn place_of(customer: &Customer, by: SortBy) -> CustomerPlace {
    let figure = |figure: u64| format!("{figure:020}");
    let value = match by {
        SortBy::CreatedAt => sortable(customer.created_at),
        SortBy::ChatsCount => figure(customer.statistics.chats_count),
        SortBy::ThreadsCount => figure(customer.statistics.threads_count),
        SortBy::VisitsCount => figure(customer.statistics.visits_count),
    };
    (value, customer.id.to_string())
}

async fn fits(
    app: &App,
    workspace: WorkspaceId,
    customer: &Customer,
    filters: &Map<String, Value>,
) -> Result<bool, Failure> {
    if !filters.iter().all(|(name, filter)| fits_itself(customer, name, filter)) {
        return Ok(false);
    }
    let last_events = ["agent_last_event_created_at", "customer_last_event_created_at"];
    if !last_events.iter().any(|name| filters.contains_key(*name)) {
        return Ok(true);
    }
    let last = match chats_of(app, workspace, customer.id).await?.first() {
        Some(chat) => last_said(app, workspace, chat).await?,
        None => LastSaid::default(),
    };
    let [agent, theirs] = last_events.map(|name| filters.get(name));
    Ok(agent.is_none_or(|filter| lies(last.by_agents, filter))
        && theirs.is_none_or(|filter| lies(last.by_customer, filter)))
}

fn fits_itself(customer: &Customer, name: &str, filter: &Value) -> bool {
    let statistics = &customer.statistics;
    match name {
        "name" => is_of(customer.name.as_deref().as_slice(), filter),
        "email" => is_of(customer.email.as_deref().as_slice(), filter),
        "customer_id" => is_of(&[customer.id.to_string().as_str()], filter),
        "country" => {
            let address = customer.details.get("address");
            let told = address.and_then(|address| address.get("country")?.as_str());
            let place = customer.visit.as_ref().and_then(|visit| visit.geolocation.as_ref());
            let found =
                place.map(|place| [place.country_code.as_deref(), place.country.as_deref()]);
            let names: Vec<&str> =
                told.into_iter().chain(found.into_iter().flatten().flatten()).collect();
            is_of(&names, filter)
        }
        "chats_count" => lies(Some(statistics.chats_count), filter),
        "threads_count" => lies(Some(statistics.threads_count), filter),
        "visits_count" => lies(Some(statistics.visits_count), filter),
        "created_at" => lies(Some(customer.created_at), filter),
        WITHOUT_CHATS => filter == &Value::Bool(true) || statistics.chats_count > 0,
        _ => true,
    }
}

/// Whether something is in the list that is asked for, by one of its names.
fn is_of(names: &[&str], filter: &Value) -> bool {
    let is_in = |list: &str| {
        let list = filter.get(list).and_then(Value::as_array)?;
        Some(list.iter().filter_map(Value::as_str).any(|value| names.contains(&value)))
    };
    is_in("values").unwrap_or(true) && !is_in("exclude_values").unwrap_or(false)
}

/// What has bounds.
trait Bounded: PartialOrd + Sized {
    fn read(value: &Value) -> Option<Self>;
}

impl Bounded for u64 {
    fn read(value: &Value) -> Option<Self> {
        value.as_u64()
    }
}

impl Bounded for Timestamp {
    fn read(value: &Value) -> Option<Self> {
        time_of(value)
    }
}

/// Whether something lies in all the bounds that are given; what is not there lies in none.
fn lies<T: Bounded>(is: Option<T>, filter: &Value) -> bool {
    let Some(is) = is else { return false };
    let holds = |name: &str, compare: fn(&T, &T) -> bool| {
        filter.get(name).and_then(T::read).is_none_or(|bound| compare(&is, &bound))
    };
    holds("eq", |one, other| one == other)
        && holds("lt", |one, other| one < other)
        && holds("lte", |one, other| one <= other)
        && holds("gt", |one, other| one > other)
        && holds("gte", |one, other| one >= other)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidings_model::CustomerId;

    use super::*;

    #[test]
    fn bounds_and_lists_choose() {
        let id = CustomerId::new(uuid::Uuid::from_u128(1));
        let mut alice = Customer::new(id, "2026-06-12T10:00:00Z".parse().expect("a time"));
        alice.name = Some("Alice".into());
        alice.statistics.chats_count = 3;
        let fits = |name: &str, filter: Value| fits_itself(&alice, name, &filter);
        assert!(fits("name", json!({ "values": ["Bob", "Alice"] })));
        assert!(!fits("name", json!({ "exclude_values": ["Alice"] })));
        assert!(!fits("email", json!({ "values": ["alice@example.org"] })));
        assert!(fits("email", json!({ "exclude_values": ["alice@example.org"] })));
        assert!(fits("chats_count", json!({ "gte": 3, "lt": 4 })));
        assert!(!fits("chats_count", json!({ "gt": 3 })));
        assert!(fits("created_at", json!({ "gte": "2026-06-12T12:00:00+02:00" })));
        assert!(!fits("created_at", json!({ "lt": "2026-06-12T10:00:00Z" })));
    }

    #[test]
    fn unknown_filters_are_refused() {
        let refused = |filters: Value| {
            check(filters.as_object().expect("an object")).map_err(|failure| failure.message)
        };
        assert!(refused(json!({ "name": { "values": ["Alice"] } })).is_ok());
        for wrong in [
            json!({ "colour": { "values": ["red"] } }),
            json!({ "name": "Alice" }),
            json!({ "chats_count": { "gte": "3" } }),
            json!({ "created_at": { "gte": "yesterday" } }),
        ] {
            assert!(refused(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
