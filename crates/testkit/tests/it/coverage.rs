//! The mission, counted: every event that the four systems name is raised here by its real cause, and a behavior that
//! listens to that name reacts.
//!
//! `catalogue/seed-events.csv` is the table. The bot `witness` has a behavior for each row, see `witness`; the other files
//! are areas, each with a world of its own, where people and outside services do what raises a row: a Telegram update, a
//! call of the Chat API, a press in the widget, an agent who closes a chat. Nothing is told by `POST /api/v1/events`.
//! What nothing raises yet stands in `later.toml`, with what it waits for. A row that is neither seen nor listed fails the
//! test, and so does one that is both.
//!
//! A name that is heard by the bots of a group or of an agent (the `scope` of an alias) has its behavior in such a bot.

mod bots;
mod chat_api;
mod outside;
mod table;
mod telegram;
mod witness;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// How many rows nothing raises yet: as many as `later.toml` lists. This number only goes down.
const LATER: usize = 58;

/// `later.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Later {
    later: Vec<Waiting>,
}

/// Rows that wait for the same thing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Waiting {
    reason: String,
    names: Vec<String>,
}

/// The listed rows, each with its reason, and what is wrong with the list itself.
fn listed() -> (BTreeMap<String, String>, Vec<String>) {
    let later: Later = toml::from_str(include_str!("coverage/later.toml")).expect("a good list");
    let (mut reasons, mut wrong) = (BTreeMap::new(), Vec::new());
    for Waiting { reason, names } in later.later {
        if reason.trim().is_empty() {
            wrong.push(format!("{names:?} wait for nothing: say for what"));
        }
        for name in names {
            if reasons.insert(name.clone(), reason.clone()).is_some() {
                wrong.push(format!("later.toml lists {name} twice"));
            }
        }
    }
    (reasons, wrong)
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stderr, reason = "how far we are is for who runs the test")]
async fn every_event_of_the_four_systems_is_raised_by_its_cause_or_listed() {
    let rows = table::rows();
    let names: BTreeSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let (telegram, chat_api, bots, outside) =
        tokio::join!(telegram::area(), chat_api::area(), bots::area(), outside::area());
    let areas = [telegram, chat_api, bots, outside];
    let raised: BTreeSet<&str> = areas.iter().flat_map(|area| area.raised.clone()).collect();
    let heard: BTreeSet<&str> =
        areas.iter().flat_map(|area| area.heard.keys()).map(String::as_str).collect();

    let (later, mut wrong) = listed();
    for name in &names {
        match (raised.contains(name), heard.contains(name), later.get(*name)) {
            (true, _, None) | (false, false, Some(_)) => {}
            (true, _, Some(_)) => {
                wrong.push(format!("{name} is alive: take it out of later.toml, and lower LATER"));
            }
            (false, true, Some(reason)) => {
                wrong.push(format!("{name} was heard by the way, though it {reason}"));
            }
            (false, _, None) => {
                wrong.push(format!("{name} is raised by no cause: raise it, or list it as later"));
            }
        }
    }
    for name in raised.iter().copied().chain(later.keys().map(String::as_str)) {
        if !names.contains(name) {
            wrong.push(format!("{name} is no row of the table"));
        }
    }
    let alive = raised.len();
    eprintln!("{alive} of {} alive", rows.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(later.len(), LATER, "LATER is not how many are listed");
    assert_eq!(alive + LATER, table::ROWS);
}
