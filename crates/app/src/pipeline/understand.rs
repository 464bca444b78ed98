//! What a customer's text means to a bot that has intents: told as `nlu.match`, `nlu.no_match` and the limits, right after
//! the message, so that behaviors hear of it.
//!
//! Only bots that listen to such events, that may speak in the chat now, and that did not take the text for an answer are
//! asked. What makes a second time harmless: a claim of the bot and the message.

use std::time::Duration;

use serde_json::{Value, json};
use tidings_behaviors::WorkFailed;
use tidings_catalogue::Catalogue;
use tidings_model::{Author, BotName, Event, Visibility};
use tidings_nlu::{Candidate, Classifier, Outcome, TIME_LIMIT_MS};
use tidings_store::{Batch, Claim, CommitError};
use tokio::time::Instant;

use super::chat_change::ChatChange;
use super::reader::StepFailed;
use super::scene::Scene;
use crate::App;
use crate::directory::Directory;

/// What is told of a text.
const TOLD: [&str; 4] = ["nlu.match", "nlu.no_match", "nlu.time_limit", "nlu.length_limit"];

/// Tells what a message means to each bot that wants to know.
pub(super) async fn understand(
    app: &App,
    directory: &Directory,
    event: &Event,
    scene: &Scene,
    taken_by: Option<&BotName>,
) -> Result<(), StepFailed> {
    let Some(text) = event.data.get("text").and_then(Value::as_str) else { return Ok(()) };
    let bots = directory.bots();
    for bot in bots.bots() {
        let may_speak = scene.control.value.lets_speak(&Author::bot(&bot.name)).is_ok();
        if taken_by == Some(&bot.name) || !may_speak || !wants_to_know(app, directory, &bot.name) {
            continue;
        }
        let Some(classifier) = bots.classifier(&bot.name) else { continue };
        let (event_type, mut data) = told(&classifier, text);
        if let Value::Object(data) = &mut data {
            data.insert("bot".into(), json!(bot.name));
            data.insert("message".into(), json!(event.id));
        }
        let mut batch = Batch::new(event.workspace);
        let clock = app.clock.as_ref();
        let mut change =
            ChatChange::begin(event.workspace, scene, Author::system(), Some(event), clock);
        let told = change.raise(event_type, data);
        told.visibility = Visibility::Agents;
        let outcome = Some(told.id);
        change.finish(&mut batch);
        batch.claims.push(Claim { name: format!("nlu:{}:{}", bot.name, event.id), outcome });
        match app.commit(batch).await {
            Ok(_) | Err(CommitError::Claimed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Whether a behavior of a bot listens to what is told of texts.
fn wants_to_know(app: &App, directory: &Directory, bot: &BotName) -> bool {
    let bots = directory.bots();
    let catalogue: &Catalogue = &app.catalogue;
    let listens = |name: &&str| {
        let known = catalogue.get_str(name);
        known.is_some_and(|known| {
            bots.listeners(&known.name).iter().any(|listener| listener.bot.name == *bot)
        })
    };
    TOLD.iter().any(listens)
}

fn classified(classifier: &Classifier, text: &str) -> (Outcome, Duration) {
    let began = Instant::now();
    let limit = Duration::from_millis(TIME_LIMIT_MS);
    let outcome = classifier.classify(text, &mut || began.elapsed() > limit);
    (outcome, began.elapsed())
}

/// The type of what is told of a text, with its data.
fn told(classifier: &Classifier, text: &str) -> (&'static str, Value) {
    let (outcome, took) = classified(classifier, text);
    let elapsed_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    match outcome {
        Outcome::Match { intent, confidence, alternatives } => (
            "nlu.match",
            json!({
                "text": text, "intent": intent, "confidence": confidence,
                "alternatives": candidates(&alternatives),
            }),
        ),
        Outcome::NoMatch { alternatives } => {
            ("nlu.no_match", json!({ "text": text, "alternatives": candidates(&alternatives) }))
        }
        Outcome::TooLong { length, limit } => {
            ("nlu.length_limit", json!({ "length": length, "limit": limit }))
        }
        Outcome::TimeLimit => (
            "nlu.time_limit",
            json!({ "limit_ms": TIME_LIMIT_MS, "elapsed_ms": elapsed_ms, "text": text }),
        ),
    }
}

fn candidates(candidates: &[Candidate]) -> Vec<Value> {
    let shown = |candidate: &Candidate| json!({ "intent": candidate.intent, "confidence": candidate.confidence });
    candidates.iter().map(shown).collect()
}

/// The work of `classify`: the intent of a text, or null.
pub(super) fn classify(
    directory: &Directory,
    bot: &BotName,
    text: &str,
) -> Result<Value, WorkFailed> {
    let Some(classifier) = directory.bots().classifier(bot) else {
        return Err(WorkFailed::new("no_intents", "this bot has no `intents`"));
    };
    match classified(&classifier, text).0 {
        Outcome::Match { intent, confidence, alternatives } => Ok(json!({
            "intent": intent, "confidence": confidence, "alternatives": candidates(&alternatives),
        })),
        Outcome::NoMatch { .. } => Ok(Value::Null),
        Outcome::TooLong { length, limit } => {
            let message = format!("the text has {length} characters, at most {limit} are taken");
            Err(WorkFailed::new("length_limit", message))
        }
        Outcome::TimeLimit => Err(WorkFailed::new("time_limit", "it took too long")),
    }
}
