//! From files of Cerb to files of bots. The front door, called by the command.

use std::collections::BTreeSet;

use tidings_model::BotName;

use crate::behavior::{self, Asked, event_of, keys_of, kind_of};
use crate::document::{self, BotDocument, Document, NodeDocument, text_of};
use crate::refusal::Refusal;
use crate::report::Report;
use crate::scope::{BotScope, Callable};

/// A file to import: its name for messages, and what is in it.
#[derive(Clone, Copy, Debug)]
pub struct CerbFile<'f> {
    /// Its name.
    pub name: &'f str,
    /// Its bytes.
    pub bytes: &'f [u8],
}

/// A file of a bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotFile {
    /// The bot: the name of its folder.
    pub bot: BotName,
    /// The name of the file in it, as `greet.yaml`.
    pub file: String,
    /// What is in it.
    pub text: String,
}

/// What an import gives.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// The files of bots, in the order of Cerb's.
    pub files: Vec<BotFile>,
    /// What became of it.
    pub report: Report,
    /// The files that are not Cerb's.
    pub refused: Vec<Refusal>,
}

/// The longest name of a bot or a file, in bytes, without what makes it unique.
const NAME_BYTES_MAX: usize = 60;

/// The longest name of a behavior, in bytes: its subroutines have theirs behind it.
const BEHAVIOR_NAME_BYTES_MAX: usize = 90;

/// Translates files of Cerb. Each is taken by itself: one that cannot be read does not keep the others.
pub fn cerb(files: &[CerbFile<'_>]) -> Imported {
    let mut imported = Imported::default();
    let mut taken = BTreeSet::new();
    for file in files {
        imported.report.files += 1;
        match document::read(file.name, file.bytes) {
            Ok(document) => translate(file.name, &document, &mut taken, &mut imported),
            Err(refusal) => imported.refused.push(refusal),
        }
    }
    imported
}

fn translate(
    file: &str,
    document: &Document,
    taken: &mut BTreeSet<String>,
    imported: &mut Imported,
) {
    for note in &document.notes {
        imported.report.note(note.clone());
    }
    for bot in &document.bots {
        let name = unique(&slug(&bot.name, "bot"), taken);
        let Ok(bot_name) = name.parse::<BotName>() else { continue };
        let mut scope = scope_of(&name, bot);
        scope.known.extend(document.open.iter().cloned());
        let asked = Asked { head: &document.head, open: &document.open };
        let mut files = BTreeSet::new();
        for (behavior, callable) in bot.behaviors.iter().zip(&scope.behaviors) {
            imported.report.behaviors += 1;
            let text = behavior::translate(
                file,
                &scope,
                callable,
                behavior,
                &bot.config,
                &asked,
                &mut imported.report,
            );
            let file = format!("{}.yaml", unique(&slug(&behavior.title, "behavior"), &mut files));
            imported.files.push(BotFile { bot: bot_name.clone(), file, text });
        }
    }
}

/// What the behaviors of a bot know of each other.
fn scope_of(name: &str, bot: &BotDocument) -> BotScope {
    let mut known = BTreeSet::new();
    let mut names = BTreeSet::new();
    let mut called = BTreeSet::new();
    for behavior in &bot.behaviors {
        known.extend(keys_of(behavior));
        behavior.nodes.iter().for_each(|node| calls_of(node, &mut called));
    }
    let behaviors = bot.behaviors.iter().map(|behavior| {
        let title: String = behavior.title.split_whitespace().collect::<Vec<_>>().join(" ");
        let inputs = behavior.variables.iter().filter(|variable| !variable.is_private);
        Callable {
            uid: behavior.uid.clone(),
            name: unique(&shortened(&title, BEHAVIOR_NAME_BYTES_MAX), &mut names),
            event: event_of(behavior),
            inputs: inputs.map(|variable| (variable.key.clone(), kind_of(variable))).collect(),
            is_called: !behavior.uid.is_empty() && called.contains(&behavior.uid),
            is_off: behavior.is_disabled,
        }
    });
    let behaviors = behaviors.collect();
    BotScope { name: name.to_owned(), known, behaviors }
}

/// The behaviors that a part of a tree runs.
fn calls_of(node: &NodeDocument, called: &mut BTreeSet<String>) {
    for action in
        node.params.get("actions").and_then(serde_json::Value::as_array).into_iter().flatten()
    {
        let name = text_of(action.get("action")).unwrap_or_default();
        if matches!(name.as_str(), "_run_behavior" | "switch_behavior") {
            called.extend(text_of(action.get("behavior_id")).map(|uid| uid.trim().to_owned()));
        }
    }
    node.nodes.iter().for_each(|inner| calls_of(inner, called));
}

/// A name for a folder or a file: small letters, digits and dashes.
fn slug(title: &str, usual: &str) -> String {
    let mut slug = String::new();
    for c in title.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            slug.push(c);
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    let slug = shortened(slug.trim_end_matches('-'), NAME_BYTES_MAX);
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { usual.to_owned() } else { slug.to_owned() }
}

fn shortened(text: &str, bytes_max: usize) -> String {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let short = text.get(..end).unwrap_or_default().trim();
    short.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The name, or the first one with a number behind it that is free.
fn unique(name: &str, taken: &mut BTreeSet<String>) -> String {
    let name = if name.is_empty() { "unnamed" } else { name };
    let mut free = name.to_owned();
    let mut number = 2;
    while !taken.insert(free.clone()) {
        free = format!("{name}-{number}");
        number += 1;
    }
    free
}
