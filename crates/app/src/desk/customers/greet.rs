//! Greetings on a customer's way: shown once a visit, taken up or waved away.

use serde_json::{Map, Value, json};
use tidings_model::{Customer, GroupNumber};

use super::greetings::{self, Greeting, Looker};
use super::{By, Chats, decide, find};
use crate::App;
use crate::desk::{Actor, ErrorType, Failure, widget};

/// The detail of a customer that holds the greetings that they were shown.
pub(super) const GREETINGS: &str = "greetings";

/// How many of them are kept.
const KEPT_MAX: usize = 50;

/// The greetings that a customer was shown: by unique id, with the greeting, the visit, and what became of it.
fn shown(customer: &Customer) -> Map<String, Value> {
    customer.details.get(GREETINGS).and_then(Value::as_object).cloned().unwrap_or_default()
}

fn keep(customer: &mut Customer, mut all: Map<String, Value>) {
    while all.len() > KEPT_MAX {
        let Some(oldest) = all.keys().next().cloned() else { break };
        all.shift_remove(&oldest);
    }
    customer.details.insert(GREETINGS.into(), Value::Object(all));
}

/// Chooses a greeting for the page that a customer is on, and tells of it. None while they chat.
pub(super) async fn choose(app: &App, actor: &Actor, customer: &Customer) -> Result<(), Failure> {
    let all = greetings::all(app, actor.workspace).await?;
    let Some(visit) = customer.visit.as_ref().filter(|_| !all.is_empty()) else { return Ok(()) };
    let Some(page) = visit.last_pages.last() else { return Ok(()) };
    let now = app.now();
    let seconds = now.as_second().saturating_sub(visit.started_at.as_second());
    let looker = Looker {
        url: &page.url,
        referrer: visit.referrer.as_deref().unwrap_or_default(),
        pages: visit.last_pages.iter().map(|page| page.url.as_str()).collect(),
        visits: customer.statistics.visits_count,
        seconds: u64::try_from(seconds).unwrap_or(0),
        session_fields: &customer.session_fields,
    };
    let group = customer.group.unwrap_or(GroupNumber::EVERYONE);
    let seen = shown(customer);
    let was_shown = |greeting: &Greeting| {
        seen.values().any(|one| {
            one.get("greeting") == Some(&json!(greeting.id))
                && one.get("visit") == Some(&json!(visit.id))
        })
    };
    let fits = |greeting: &&Greeting| {
        let is_theirs = greeting.group == group || greeting.group == GroupNumber::EVERYONE;
        // Our widget is told of those that it can choose by itself.
        let is_chosen_there = visit.greets_itself && widget::for_widget(greeting).is_some();
        is_theirs
            && greeting.is_on(now)
            && !is_chosen_there
            && !was_shown(greeting)
            && greeting.fits(&looker)
    };
    let Some(greeting) = all.iter().find(fits) else { return Ok(()) };
    if !super::active_chats_of(app, actor.workspace, customer.id).await?.is_empty() {
        return Ok(());
    }
    let unique = app.clock.next_id().to_string();
    let visit = visit.id;
    let data = json!({ "customer": customer.id, "greeting": greeting.id, "unique_id": unique });
    decide(app, &By::system(actor), customer.id, Chats::None, |change| {
        let customer = &mut change.customer;
        let mut all = shown(customer);
        all.insert(unique.clone(), json!({ "greeting": greeting.id, "visit": visit }));
        keep(customer, all);
        let count = &mut customer.statistics.greetings_shown_count;
        *count = count.saturating_add(1);
        change.raise("customer.greeting_shown", data.clone());
        Ok(())
    })
    .await?;
    Ok(())
}

/// What a customer does with a greeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// They take it up.
    Accept,
    /// They wave it away.
    Cancel,
}

impl Deed {
    const fn word(self) -> &'static str {
        match self {
            Self::Accept => "accepted",
            Self::Cancel => "canceled",
        }
    }

    const fn event_type(self) -> &'static str {
        match self {
            Self::Accept => "customer.greeting_accepted",
            Self::Cancel => "customer.greeting_canceled",
        }
    }
}

/// A customer does something with a greeting. Doing it again changes nothing.
///
/// A widget that chose a greeting by itself names it when it is taken up; that counts as shown.
pub async fn deed(
    app: &App,
    actor: &Actor,
    greeting: Option<u64>,
    unique: &str,
    deed: Deed,
) -> Result<Value, Failure> {
    let id = actor.needs_customer()?;
    let missing = || Failure::from(ErrorType::GreetingNotFound);
    let known = find(app, actor.workspace, id).await?;
    let known = known.map(|customer| shown(&customer.value)).unwrap_or_default();
    let of_it = known.get(unique).and_then(|one| one.get("greeting")).and_then(Value::as_u64);
    let number = match (of_it, greeting) {
        (Some(number), None) => number,
        (Some(number), Some(named)) if named == number => number,
        (None, Some(named)) => {
            let all = greetings::all(app, actor.workspace).await?;
            all.iter()
                .find(|greeting| greeting.id == named)
                .map(|one| one.id)
                .ok_or_else(missing)?
        }
        (Some(_), Some(_)) | (None, None) => return Err(missing()),
    };
    let data = json!({ "customer": id, "greeting": number, "unique_id": unique });
    decide(app, &By::actor(actor), id, Chats::None, |change| {
        let customer = &mut change.customer;
        let mut all = shown(customer);
        if all.get(unique).is_some_and(|one| one.get(deed.word()).is_some()) {
            return Ok(());
        }
        let statistics = &mut customer.statistics;
        let one = all.entry(unique.to_owned()).or_insert_with(|| {
            statistics.greetings_shown_count = statistics.greetings_shown_count.saturating_add(1);
            json!({ "greeting": number })
        });
        if let Some(one) = one.as_object_mut() {
            one.insert(deed.word().into(), true.into());
        }
        if deed == Deed::Accept {
            statistics.greetings_accepted_count =
                statistics.greetings_accepted_count.saturating_add(1);
        }
        keep(customer, all);
        change.raise(deed.event_type(), data.clone());
        Ok(())
    })
    .await?;
    Ok(json!({}))
}

/// A customer presses a button of a greeting.
pub async fn pressed(
    app: &App,
    actor: &Actor,
    unique: &str,
    button: &str,
) -> Result<Value, Failure> {
    let id = actor.needs_customer()?;
    decide(app, &By::actor(actor), id, Chats::None, |change| {
        let shown = shown(&change.customer);
        let number = shown.get(unique).and_then(|one| one.get("greeting")).and_then(Value::as_u64);
        let number = number.ok_or_else(|| Failure::from(ErrorType::GreetingNotFound))?;
        let data = json!({
            "customer": id, "greeting": number, "unique_id": unique, "button": button,
        });
        change.raise("customer.greeting_button_pressed", data);
        Ok(())
    })
    .await?;
    Ok(json!({}))
}
