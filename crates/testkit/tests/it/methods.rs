//! Every method of the Chat API, called with right and with wrong arguments over every transport that it has.
//!
//! `methods/rows/*.json` hold the calls, one line each and a file for each room; a line with `fails` is a wrong call.
//! `$name` in a line is something that must be there first: `rows/setups.json` says which call makes it. What the table
//! of parameters tells by itself is not written down: `wrong.rs` takes each right call and leaves out, one after the
//! other, what is required, and puts in what the table forbids. Answers are held against the shapes of the table.
//!
//! The tests at the end fail when a method, an error, a parameter or a push of the table is in no line.

mod perform;
mod rows;
mod shape;
mod stage;
mod wrong;

use std::collections::BTreeSet;

use tidings_wire::livechat::{Method, Side, Version, methods, pushes};

use rows::{Row, all, room};
use stage::Stage;

/// Makes every call of a room, each with a customer and things of its own, and tells of all that went otherwise.
async fn holds(name: &str) {
    let stage = Stage::set().await;
    let mut otherwise = Vec::new();
    for row in room(name) {
        otherwise.extend(stage.play(&row).await);
    }
    assert!(otherwise.is_empty(), "{}\n{}", otherwise.len(), otherwise.join("\n"));
    stage.world.stop().await;
}

#[tokio::test]
async fn chats() {
    holds("chats").await;
}

#[tokio::test]
async fn lists() {
    holds("lists").await;
}

#[tokio::test]
async fn members() {
    holds("members").await;
}

#[tokio::test]
async fn events() {
    holds("events").await;
}

#[tokio::test]
async fn properties() {
    holds("properties").await;
}

#[tokio::test]
async fn customers() {
    holds("customers").await;
}

#[tokio::test]
async fn routing() {
    holds("routing").await;
}

#[tokio::test]
async fn sessions() {
    holds("sessions").await;
}

#[tokio::test]
async fn site() {
    holds("site").await;
}

#[tokio::test]
async fn team() {
    holds("team").await;
}

#[tokio::test]
async fn bots() {
    holds("bots").await;
}

#[tokio::test]
async fn workspace() {
    holds("workspace").await;
}

/// Methods that take nothing and that everybody may call: there is no wrong way.
const TAKES_NOTHING: [&str; 4] =
    ["ping", "get_customer", "activate_customer_page", "deactivate_customer_page"];

/// Version 3.0, which has names and shapes of its own.
#[tokio::test]
async fn oldest() {
    holds("oldest").await;
}

fn name(method: &Method) -> String {
    format!("{}/{}", method.side.as_str(), method.action)
}

/// The lines of a method, in whatever version.
fn of<'a>(rows: &'a [Row], method: &'a Method) -> impl Iterator<Item = &'a Row> {
    rows.iter().filter(move |row| row.method().is_some_and(|known| name(known) == name(method)))
}

fn nothing(what: &str, found: &BTreeSet<String>) {
    assert!(found.is_empty(), "{what}: {found:#?}");
}

#[test]
fn every_line_names_a_method() {
    let lost = all().into_iter().filter(|row| row.method().is_none()).map(|row| row.call);
    nothing("no such method", &lost.collect());
}

#[test]
fn every_method_has_a_right_and_a_wrong_line() {
    let rows = all();
    let mut missing = BTreeSet::new();
    for method in methods() {
        let name = name(method);
        let (right, wrong): (Vec<&Row>, Vec<&Row>) =
            of(&rows, method).partition(|row| row.fails.is_none());
        if right.is_empty() {
            missing.insert(format!("{name}: right"));
        }
        // Where nothing can be wrong but the caller, `wrong.rs` and the stage see to that.
        let goes_wrong =
            !wrong.is_empty() || !method.params.is_empty() || !method.scopes.is_empty();
        if !goes_wrong && !TAKES_NOTHING.contains(&method.action) {
            missing.insert(format!("{name}: wrong"));
        }
        if method.side != Side::Configuration
            && method.exists_in(Version::V3_0)
            && !of(&rows, method).any(|row| row.version.is_some())
        {
            missing.insert(format!("{name}: in 3.0, as {}", method.name_in(Version::V3_0)));
        }
    }
    nothing("lines are missing", &missing);
}

#[test]
fn every_error_of_a_method_is_provoked() {
    let rows = all();
    let never = rows::never();
    let mut missing = BTreeSet::new();
    for method in methods() {
        let provoked: BTreeSet<&str> =
            of(&rows, method).filter_map(|row| row.fails.as_deref()).collect();
        let errors = method.errors.iter().map(|kind| kind.as_str());
        let missed = errors.filter(|kind| !provoked.contains(kind));
        missing.extend(missed.map(|kind| format!("{} {kind}", name(method))));
    }
    let known: BTreeSet<String> = never.errors.into_keys().collect();
    assert_eq!(missing, known, "errors that no line provokes, and those of which it is known");
}

#[test]
fn every_parameter_is_given_in_a_right_line() {
    let rows = all();
    let never = rows::never();
    let mut missing = BTreeSet::new();
    for method in methods() {
        let right: Vec<&Row> =
            of(&rows, method).filter(|row| row.fails.is_none() && row.version.is_none()).collect();
        for param in &method.params {
            if !right.iter().any(|row| wrong::has(&row.with, param.path)) {
                missing.insert(format!("{} {}", name(method), param.path));
            }
        }
    }
    let known: BTreeSet<String> = never.parameters.into_keys().collect();
    assert_eq!(missing, known, "parameters in no right line, and those of which it is known");
}

#[test]
fn every_push_of_a_method_and_every_push_at_all_is_heard() {
    let rows = all();
    let never = rows::never();
    let mut missing = BTreeSet::new();
    let heard_by = |side: Side, row: &Row| -> Vec<String> {
        let of_side = row.heard.iter().filter(|(who, _)| stage::side_of(who) == side);
        of_side.flat_map(|(_, pushes)| pushes.iter().cloned()).collect()
    };
    for method in methods() {
        for (side, wanted) in
            [(Side::Agent, &method.pushes_to_agents), (Side::Customer, &method.pushes_to_customer)]
        {
            let heard: BTreeSet<String> =
                of(&rows, method).flat_map(|row| heard_by(side, row)).collect();
            let missed = wanted.iter().filter(|push| !heard.contains(**push));
            missing.extend(missed.map(|push| format!("{} {push} ({side})", name(method))));
        }
    }
    for side in [Side::Agent, Side::Customer] {
        let heard: BTreeSet<String> = rows.iter().flat_map(|row| heard_by(side, row)).collect();
        let newest = [Version::V3_5, Version::V3_6, Version::V3_7].into_iter();
        let known: BTreeSet<&str> = newest.flat_map(|version| pushes(side, version)).collect();
        missing.extend(
            known
                .iter()
                .filter(|push| !heard.contains(**push))
                .map(|push| format!("{push} ({side})")),
        );
    }
    let known: BTreeSet<String> = never.pushes.into_keys().collect();
    assert_eq!(missing, known, "pushes that no line provokes, and those of which it is known");
}
