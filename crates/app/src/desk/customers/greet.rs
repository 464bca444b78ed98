//! Greetings on a customer's way: shown once a visit, taken up or waved away.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tidings_model::{Author, ChannelId, Customer, CustomerId, GroupNumber};
use tidings_store::{Batch, CommitError, Timer, TimerChange, TimerName};

use super::greetings::{self, Greeting};
use super::rules::{self, Looker};
use super::{By, Chats, decide, find, not_written};
use crate::App;
use crate::desk::routing::predict;
use crate::desk::{Actor, ErrorType, Failure, widget};
use crate::pipeline::reader::StepFailed;

/// The detail of a customer that holds the greetings that they were shown.
pub(super) const GREETINGS: &str = "greetings";

/// How many of them are kept.
const KEPT_MAX: usize = 50;

/// The first word of the timers' names.
pub(crate) const TIMER: &str = "greeting";

/// The longest that a greeting waits for its time: after so long without a page the next one begins a new visit.
const WAIT_MAX: Duration = super::visit::VISIT_PAUSE;

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

/// Whether a customer was shown a greeting in a visit.
fn was_shown(customer: &Customer, greeting: u64, visit: u64) -> bool {
    let (greeting, visit) = (json!(greeting), json!(visit));
    shown(customer)
        .values()
        .any(|one| one.get("greeting") == Some(&greeting) && one.get("visit") == Some(&visit))
}

/// Holds the greetings against the page that a customer is on. The first whose rules hold is shown; where only time is
/// missing, it is looked again when it has passed. None is shown to who chats.
pub(super) async fn choose(
    app: &App,
    by: &By<'_>,
    channel: Option<ChannelId>,
    customer: &Customer,
) -> Result<(), Failure> {
    let all = greetings::all(app, by.workspace).await?;
    let now = app.now();
    let Some((visit, looker)) = Looker::of(customer, now).filter(|_| !all.is_empty()) else {
        return Ok(());
    };
    let group = customer.group.unwrap_or(GroupNumber::EVERYONE);
    let may_be_shown = |greeting: &&Greeting| {
        let is_theirs = greeting.group == group || greeting.group == GroupNumber::EVERYONE;
        // Our widget is told of those that it can choose by itself.
        let is_chosen_there = visit.greets_itself && widget::for_widget(greeting).is_some();
        let was_shown = was_shown(customer, greeting.id, visit.id);
        is_theirs && greeting.is_on(now) && !is_chosen_there && !was_shown
    };
    let mut waits: Option<u64> = None;
    let mut fits = None;
    for greeting in all.iter().filter(may_be_shown) {
        match rules::hold_in(&greeting.rules, &looker) {
            Some(0) => {
                fits = Some(greeting);
                break;
            }
            Some(seconds) => waits = Some(waits.map_or(seconds, |other| other.min(seconds))),
            None => {}
        }
    }
    let waits = waits.map(Duration::from_secs).filter(|wait| *wait <= WAIT_MAX);
    if (fits.is_none() && waits.is_none())
        || !super::active_chats_of(app, by.workspace, customer.id).await?.is_empty()
    {
        return Ok(());
    }
    match (fits, waits) {
        (Some(greeting), _) => show(app, by, channel, customer.id, visit.id, greeting).await,
        (None, Some(wait)) => {
            let mut batch = Batch::new(by.workspace);
            let page = visit.last_pages.last().map(|page| page.opened_at);
            let body = json!({ "customer": customer.id, "channel": channel, "page": page });
            let name = timer(customer.id);
            batch.timers.push(TimerChange::Set { name, due: now + wait, body });
            app.commit(batch).await.map(drop).map_err(|error| not_written(&error))
        }
        (None, None) => Ok(()),
    }
}

/// Shows a greeting in the name of whoever would answer; where a team has nobody, there is nobody to greet.
async fn show(
    app: &App,
    by: &By<'_>,
    channel: Option<ChannelId>,
    customer: CustomerId,
    visit: u64,
    greeting: &Greeting,
) -> Result<(), Failure> {
    let voice = predict::voice(app, by.workspace, channel, greeting.group).await?;
    let Some(voice) = voice else { return Ok(()) };
    let unique = app.clock.next_id().to_string();
    let data = json!({
        "customer": customer, "greeting": greeting.id, "unique_id": unique,
        "from": voice.participant(),
    });
    decide(app, by, customer, Chats::None, |change| {
        let customer = &mut change.customer;
        if was_shown(customer, greeting.id, visit) {
            return Ok(());
        }
        let mut all = shown(customer);
        all.insert(unique.clone(), json!({ "greeting": greeting.id, "visit": visit }));
        keep(customer, all);
        let count = &mut customer.statistics.greetings_shown_count;
        *count = count.saturating_add(1);
        change.raise("customer.greeting_shown", data.clone());
        Ok(())
    })
    .await
    .map(drop)
}

fn timer(customer: CustomerId) -> TimerName {
    TimerName(format!("{TIMER}:{customer}"))
}

/// Time has passed on a page. What makes a second call harmless: a greeting is shown once a visit, and the timer goes
/// only when that is done.
pub(crate) async fn ring(app: &App, timer: &Timer) -> Result<(), StepFailed> {
    if let Err(failure) = look_again(app, timer).await {
        tracing::warn!("a greeting that waited for its time is not shown: {failure}");
    }
    let mut batch = Batch::new(timer.workspace);
    batch.timers.push(TimerChange::Take { name: timer.name.clone(), due: timer.due });
    match app.commit(batch).await {
        // It was set anew meanwhile, for another page or a later greeting.
        Ok(_) | Err(CommitError::TimerGone { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn look_again(app: &App, timer: &Timer) -> Result<(), Failure> {
    let text = |name: &str| timer.body.get(name).and_then(Value::as_str);
    let Some(id) = text("customer").and_then(|id| id.parse::<CustomerId>().ok()) else {
        return Ok(());
    };
    let is_here = app.hub(timer.workspace).is_some_and(|hub| hub.has_customer(id));
    let found = find(app, timer.workspace, id).await?.filter(|_| is_here);
    let Some(customer) = found.map(|found| found.value) else { return Ok(()) };
    let page = customer.visit.as_ref().filter(|visit| visit.ended_at.is_none());
    let page = page.and_then(|visit| visit.last_pages.last()).map(|page| json!(page.opened_at));
    if page.as_ref() != timer.body.get("page") {
        return Ok(());
    }
    let channel = text("channel").and_then(|id| id.parse().ok());
    let by = By::author(timer.workspace, &Author::system());
    choose(app, &by, channel, &customer).await
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
