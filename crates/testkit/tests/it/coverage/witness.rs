//! The witness: bots with one behavior for each row of the table, named as the row is and listening to nothing else. What
//! only a group's or an agent's bot hears under that name has its behavior in such a bot.
//!
//! It takes one step that always works, so its runs say what it heard. To what asks it answers the catalogue's sample.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tidings_catalogue::Constraint;
use tidings_testkit::world::{World, answer};

use super::table::{Row, rows};

/// What is answered where the sample would keep other rows from being raised: here, a payment that is refused.
const ANSWERS: [(&str, &str); 1] = [("payment.precheckout", r#"{"ok": true}"#)];

/// The bots: the scope of the names that they hear, and whose they are.
const WITNESSES: [(&str, Option<&str>, &str); 3] = [
    ("witness", None, r#""app""#),
    ("witness-of-group", Some("group"), r#"{"group": "sales"}"#),
    ("witness-of-agent", Some("agent"), r#"{"agent": "bob@example.com"}"#),
];

/// A world with the witness in it.
pub(super) struct Stage {
    pub(super) world: World,
    raised: BTreeSet<&'static str>,
}

/// What came of an area.
pub(super) struct Seen {
    /// The rows that were raised by their cause and reacted to.
    pub(super) raised: BTreeSet<&'static str>,
    /// All rows that were reacted to, with how often.
    pub(super) heard: BTreeMap<String, usize>,
}

impl Stage {
    pub(super) async fn set() -> Self {
        let world = World::start().await;
        let intents =
            json!({ "order": ["I want a pizza", "can I order", "one margherita please"] });
        for (name, scope, owner) in WITNESSES {
            let rows = rows();
            let theirs = rows.iter().filter(|row| scope_of(&world, row).as_deref() == scope);
            let behaviors: Vec<Value> = theirs.map(|row| behavior(&world, row)).collect();
            let owner: Value = serde_json::from_str(owner).expect("JSON");
            let mut text = json!({ "owner": owner, "behaviors": behaviors });
            if scope.is_none() {
                text["intents"] = intents.clone();
            }
            world.publish_good(name, &text.to_string()).await;
        }
        Self { world, raised: BTreeSet::new() }
    }

    /// Something is done that raises these rows; goes on when the witness has reacted to each of them because of it.
    pub(super) async fn raises<T>(
        &mut self,
        rows: &[&'static str],
        cause: impl AsyncFnOnce(&World) -> T,
    ) -> T {
        let world = &self.world;
        world.settle().await;
        let before = heard(world).await;
        let done = cause(world).await;
        let count = |counts: &BTreeMap<String, usize>, row: &str| {
            counts.get(row).copied().unwrap_or_default()
        };
        world
            .until(&format!("reactions to {rows:?}"), async || {
                let now = heard(world).await;
                rows.iter().all(|row| count(&now, row) > count(&before, row)).then_some(())
            })
            .await;
        self.raised.extend(rows);
        done
    }

    /// Nothing is left to do, and all that was told is as the catalogue says.
    pub(super) async fn end(self) -> Seen {
        self.world.settle().await;
        let heard = heard(&self.world).await;
        self.world.finish().await;
        Seen { raised: self.raised, heard }
    }
}

/// The behavior of a row, as text: JSON is YAML as well.
fn behavior(world: &World, row: &Row) -> Value {
    let names = row.names();
    let step = match row.kind.as_str() {
        "interactive" | "computed" => json!({ "answer": answer_to(world, row) }),
        _ => json!({ "set": { "vars.seen": "{{ meta.type }}" } }),
    };
    let mut behavior = json!({ "name": row.name, "on": names, "do": [step] });
    if row.event_type == "schedule.due" {
        behavior["schedule"] = json!("0 * * * *");
    }
    behavior
}

/// Whose bots hear a row's name; those of the workspace, unless it says so. Who watches is an agent, too.
fn scope_of(world: &World, row: &Row) -> Option<String> {
    let resolved = world.app.catalogue().resolve(row.names().first()?)?;
    let scope = resolved.constraints().iter().map(Constraint::to_pair);
    let scope = scope.into_iter().find(|(name, _)| name == "scope")?.1;
    let scope = scope.as_str()?.to_owned();
    Some(if scope == "watcher" { "agent".to_owned() } else { scope })
}

fn answer_to(world: &World, row: &Row) -> Value {
    if let Some((_, own)) = ANSWERS.iter().find(|(event_type, _)| *event_type == row.event_type) {
        return serde_json::from_str(own).expect("JSON");
    }
    let known = world.app.catalogue().get_str(&row.event_type).expect("a type that is known");
    known.answer.as_ref().expect("it asks").sample().clone()
}

/// How often the witness reacted to each row, and came to its end.
async fn heard(world: &World) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut query = vec![("limit", "1000".to_owned())];
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let page = answer(world.call(http::Method::GET, "/api/v1/runs").query(&query)).await;
        assert_eq!(page.status, 200, "{page:?}");
        for run in page.items() {
            let is_ours = WITNESSES.iter().any(|(name, ..)| run["bot"] == *name);
            if is_ours && run["state"]["state"] == "done" {
                let behavior = run["behavior"].as_str().expect("a name").to_owned();
                *counts.entry(behavior).or_default() += 1;
            }
        }
        cursor = page.body["next"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return counts;
        }
    }
}
