//! Thirty conditions: as the branches of a bot's `choose`, by `json-rules-engine`, and by hand.
//!
//! What Tidings takes is a whole turn, from facts to the run with its trace and what it wants done, as `app` asks for it;
//! beside it, the same and the run as the JSON that is stored. The others decide and keep nothing.

use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde_json::{Map, Value, json};
use tidings_behaviors::{Bot, Facts};
use tidings_model::Event;

use super::rules::{RULES, by_hand, facts};
use super::{Plan, best, bot, cause, seeds};
use crate::bench::book::Book;
use crate::building;

/// Where the rules engine of others lives.
const FOLDER: &str = "xtask/bench/json-rules-engine";

pub(super) const TURN: &str = "30 conditions, Tidings, a whole turn";
pub(super) const STORED: &str = "30 conditions, Tidings, with the run as JSON";
pub(super) const BY_HAND: &str = "30 conditions, by hand in Rust";
pub(super) const ENGINE: &str = "30 conditions, json-rules-engine";

/// The rules as a bot, beside facts.
pub(super) struct Tree {
    bot: Bot,
    cause: Event,
    pub(super) facts: Facts,
}

impl Tree {
    pub(super) fn new(facts: Facts) -> anyhow::Result<Self> {
        let branches = RULES.iter().enumerate().map(|(number, [first, second])| {
            let written = |(name, sign, value): &(_, _, _)| format!("{name} {sign} {value}");
            let (first, second) = (written(first), written(second));
            json!({ "when": format!("{first} and {second}"), "do": [{ "set": { "vars.rule": number } }] })
        });
        let steps = json!([{ "choose": branches.collect::<Value>() }]);
        Ok(Self { bot: bot(&[steps])?, cause: cause(), facts })
    }

    fn turn(&self) -> Option<tidings_behaviors::Turn> {
        tidings_behaviors::start(&self.bot, 0, black_box(&self.facts), &self.cause, seeds())
    }

    /// The number of the rule that held first.
    pub(super) fn decide(&self) -> Option<usize> {
        let rule = self.turn()?.run.variables.get("rule")?.as_u64()?;
        usize::try_from(rule).ok()
    }
}

pub(super) fn measure(book: &mut Book, plan: &Plan) -> anyhow::Result<()> {
    let tree = Tree::new(facts())?;
    let last = RULES.len() - 1;
    ensure!(tree.decide() == Some(last), "the bot decides otherwise than was thought");
    if let Some(nanoseconds) = by_engine(plan)? {
        book.note(ENGINE, "us", nanoseconds / 1e3);
    }
    let turn = best(plan, || drop(black_box(tree.turn())));
    let stored = best(plan, || {
        let run = tree.turn().map(|turn| serde_json::to_vec(&turn.run));
        drop(black_box(run));
    });
    let hand = best(plan, || _ = black_box(by_hand(black_box(&tree.facts))));
    for (name, nanoseconds) in [(TURN, turn), (STORED, stored), (BY_HAND, hand)] {
        book.note(name, "us", nanoseconds / 1e3);
    }
    Ok(())
}

/// Nanoseconds of one decision; `None` where there is no Node to run it.
fn by_engine(plan: &Plan) -> anyhow::Result<Option<f64>> {
    let folder = building::root().join(FOLDER);
    if !installed(&folder)? {
        return Ok(None);
    }
    let asked = json!({
        "rules": RULES.iter().enumerate().map(rule).collect::<Value>(),
        "facts": flat(&facts()), "rounds": plan.rounds, "decisions": plan.repeats / 10,
    });
    let mut node = Command::new("node")
        .arg(folder.join("decide.js"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start node")?;
    let mut input = node.stdin.take().context("node takes no input")?;
    input.write_all(asked.to_string().as_bytes()).context("node takes no input")?;
    drop(input);
    let output = node.wait_with_output().context("cannot wait for node")?;
    let told: Value = serde_json::from_slice(&output.stdout).context("node told no figures")?;
    let wanted = json!([(RULES.len() - 1).to_string()]);
    ensure!(told.get("decided") == Some(&wanted), "json-rules-engine decides otherwise: {told}");
    told.get("nanoseconds").and_then(Value::as_f64).context("node told no figure").map(Some)
}

/// Installs what the lock file names, once.
fn installed(folder: &Path) -> anyhow::Result<bool> {
    if folder.join("node_modules/.package-lock.json").is_file() {
        return Ok(true);
    }
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    let Ok(status) = Command::new("npm").args(arguments).current_dir(folder).status() else {
        eprintln!("there is no npm here: json-rules-engine is left out");
        return Ok(false);
    };
    ensure!(status.success(), "json-rules-engine cannot be installed");
    Ok(true)
}

/// A rule as `json-rules-engine` writes it.
fn rule((number, comparisons): (usize, &[(&str, &str, &str); 2])) -> Value {
    let condition = |(name, sign, value): &(&str, &str, &str)| {
        let operator = match *sign {
            "==" => "equal",
            "!=" => "notEqual",
            "<" => "lessThan",
            "<=" => "lessThanInclusive",
            ">" => "greaterThan",
            _ => "greaterThanInclusive",
        };
        let value: Value = serde_json::from_str(value).unwrap_or_default();
        json!({ "fact": name, "operator": operator, "value": value })
    };
    let all: Value = comparisons.iter().map(condition).collect();
    json!({ "conditions": { "all": all }, "event": { "type": number.to_string() } })
}

/// Facts by the names that conditions have for them.
fn flat(facts: &Facts) -> Map<String, Value> {
    let Facts { event, chat, customer, session, client, .. } = facts;
    let named = [("event", event.as_object()), ("chat", chat.as_object())];
    let kept =
        [("customer", customer.as_object()), ("session", Some(session)), ("client", Some(client))];
    let fields = |(root, fields): (&'static str, Option<&Map<String, Value>>)| {
        let fields = fields.cloned().unwrap_or_default();
        fields.into_iter().map(move |(name, value)| (format!("{root}.{name}"), value))
    };
    named.into_iter().chain(kept).flat_map(fields).collect()
}
