//! From a bot's text to a bot. Called by `Bot::load`.
//!
//! Twice over the text: first the behaviors' names and inputs, so that a `call` may name one further down or in another
//! file; then everything. Loading has no effect, so it may be done again at any time.

use std::sync::Arc;

use serde_json::Value;
use tidings_model::AuthorKind;

use crate::bot::{Behavior, Bot, Intent, Status};
use crate::condition;
use crate::nearest::nearest;
use crate::parameter;
use crate::problem::{Problem, Severity};
use crate::program::{Program, Role};
use crate::reader::{Callable, Fields, Reader};
use crate::source::BotSource;
use crate::vocabulary::{Heard, Vocabulary};
use crate::yaml::{self, Kind, Node, Position};

/// The most files that a bot has.
pub(crate) const FILES_MAX: usize = 200;

/// The most behaviors that a bot has: twice as many as the benchmark's largest bot.
pub(crate) const BEHAVIORS_MAX: usize = 20_000;

/// The longest name of a behavior, in bytes: it is kept in every run.
pub(crate) const BEHAVIOR_NAME_BYTES_MAX: usize = 200;

/// A file's parts.
struct Page {
    file: String,
    root: Node,
}

pub(crate) fn load(
    source: &BotSource,
    vocabulary: &dyn Vocabulary,
) -> Result<(Bot, Vec<Problem>), Vec<Problem>> {
    let mut reader = Reader::new(vocabulary);
    let pages = parse_files(source, &mut reader);

    let mut intents = Vec::new();
    let mut written: Vec<(&str, &Node)> = Vec::new();
    for page in &pages {
        reader.file.clone_from(&page.file);
        let Some(fields) =
            reader.fields(&page.root, "a bot's file", &["bot", "intents", "behaviors"])
        else {
            continue;
        };
        check_name(source, &mut reader, fields);
        read_intents(&mut reader, fields, &mut intents);
        if let Some(node) = fields.get("behaviors") {
            match &node.kind {
                Kind::List(items) => {
                    written.extend(items.iter().map(|item| (page.file.as_str(), item)))
                }
                Kind::Scalar(_) if node.is_null() => {}
                Kind::Scalar(_) | Kind::Map(_) => {
                    reader.error(
                        node.at,
                        "wrong_kind",
                        format!("`behaviors` is a list, not {}", node.what()),
                    );
                }
            }
        }
    }
    if written.len() > BEHAVIORS_MAX {
        reader.error(
            Position::START,
            "too_many_behaviors",
            format!("a bot has at most {BEHAVIORS_MAX} behaviors"),
        );
        return Err(reader.problems);
    }

    announce(&mut reader, &written);
    let mut behaviors = Vec::with_capacity(written.len());
    for (index, (file, node)) in written.iter().enumerate() {
        (*file).clone_into(&mut reader.file);
        behaviors.extend(read_behavior(&mut reader, node, index));
    }
    if behaviors.is_empty() && reader.problems.is_empty() {
        reader.warning(
            Position::START,
            "no_behaviors",
            "this bot has no behaviors, so it does nothing",
        );
    }

    let mut problems = std::mem::take(&mut reader.problems);
    problems.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(problems);
    }
    let by_name = behaviors
        .iter()
        .enumerate()
        .map(|(index, behavior)| (behavior.name.clone(), index))
        .collect();
    let program = Program { templates: reader.templates, lists: reader.lists };
    let bot = Bot {
        name: source.name.clone(),
        version: source.version(),
        intents,
        behaviors,
        by_name,
        program,
    };
    Ok((bot, problems))
}

fn parse_files(source: &BotSource, reader: &mut Reader<'_>) -> Vec<Page> {
    let mut pages = Vec::new();
    if source.files.len() > FILES_MAX {
        reader.error(
            Position::START,
            "too_many_files",
            format!("a bot has at most {FILES_MAX} files"),
        );
        return pages;
    }
    for (file, text) in source.sorted() {
        reader.file.clone_from(file);
        match yaml::parse(text) {
            Ok(Some(root)) if !root.is_null() => pages.push(Page { file: file.clone(), root }),
            Ok(Some(_) | None) => {}
            Err(refusal) => reader.error(refusal.at, refusal.code, refusal.message),
        }
    }
    pages
}

fn check_name(source: &BotSource, reader: &mut Reader<'_>, fields: Fields<'_>) {
    let Some(node) = fields.get("bot") else { return };
    let Some(name) = reader.plain(node, "`bot`") else { return };
    if name != source.name.as_str() {
        let message = format!(
            "this says it is the bot {name:?}, and lies in the folder of {:?}",
            source.name.as_str()
        );
        reader.unknown(node.at, "wrong_bot", message, Some(source.name.to_string()));
    }
}

fn read_intents(reader: &mut Reader<'_>, fields: Fields<'_>, intents: &mut Vec<Intent>) {
    let Some(node) = fields.get("intents") else { return };
    let Kind::Map(entries) = &node.kind else {
        reader.error(
            node.at,
            "wrong_kind",
            "`intents` is a mapping of names to lists of sentences",
        );
        return;
    };
    for entry in entries {
        if intents.iter().any(|known| known.name == entry.key) {
            reader.error(
                entry.at,
                "duplicate_name",
                format!("there are two intents {:?}", entry.key),
            );
            continue;
        }
        let examples = reader
            .words(&entry.value, "a sentence of an intent")
            .into_iter()
            .map(|(text, _)| text)
            .collect();
        intents.push(Intent { name: entry.key.clone(), examples });
    }
}

/// Notes which behaviors there are, and what they are given, for `call`.
fn announce(reader: &mut Reader<'_>, written: &[(&str, &Node)]) {
    for (file, node) in written {
        (*file).clone_into(&mut reader.file);
        let Kind::Map(entries) = &node.kind else { continue };
        let value =
            |key: &str| entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value);
        let Some(name) = value("name").and_then(Node::scalar).map(|scalar| scalar.text.clone())
        else {
            continue;
        };
        let inputs = value("inputs").map(|node| parameter::read(reader, node)).unwrap_or_default();
        let status = value("status").and_then(|node| read_status(reader, node)).unwrap_or_default();
        let callable = Callable { inputs, status };
        if reader.callable.insert(name.clone(), callable).is_some() {
            let at = value("name").map_or(node.at, |node| node.at);
            reader.error(at, "duplicate_name", format!("there are two behaviors {name:?}"));
        }
    }
}

fn read_status(reader: &mut Reader<'_>, node: &Node) -> Option<Status> {
    // A bare `off` is a text in YAML 1.2.
    let word = reader.plain(node, "`status`")?;
    let status = Status::ALL.into_iter().find(|status| status.as_str() == word);
    if status.is_none() {
        let known = Status::ALL.map(Status::as_str);
        let message = format!("`status` is {}, not {word:?}", known.join(", "));
        reader.unknown(node.at, "unknown_status", message, nearest(&word, known));
    }
    status
}

fn read_behavior(reader: &mut Reader<'_>, node: &Node, index: usize) -> Option<Behavior> {
    reader.heard.clear();
    reader.loop_names.clear();
    let known = ["name", "status", "on", "when", "from", "priority", "inputs", "result", "do"];
    let fields = reader.fields(node, "a behavior", &known)?;
    let name_node = reader.required(node.at, "a behavior", fields, "name");
    let name = name_node.and_then(|node| reader.plain(node, "a behavior's name"));
    if let (Some(node), Some(name)) = (name_node, &name)
        && name.len() > BEHAVIOR_NAME_BYTES_MAX
    {
        reader.error(
            node.at,
            "too_long",
            format!("a behavior's name has at most {BEHAVIOR_NAME_BYTES_MAX} bytes"),
        );
    }
    let on = read_on(reader, fields);
    reader.heard.clone_from(&on);
    let when = fields.get("when").and_then(|node| condition::read(reader, node, "`when`"));
    let place = reader.place(fields.get("when").map_or(node.at, |node| node.at));
    let from = read_from(reader, fields);
    let priority = read_priority(reader, fields);
    let result = fields.get("result").and_then(|node| parameter::read_result(reader, node));
    if let Some(node) = fields.get("when")
        && on.is_empty()
    {
        reader.warning(
            node.at,
            "when_without_on",
            "a behavior without `on` is only called, and `call` does not ask `when`",
        );
    }
    let body = reader.required(node.at, "a behavior", fields, "do")?;
    let steps = reader.list(body, format!("behaviors/{index}/do"), Role::Branch)?;
    // A thousand behaviors on one type would keep a thousand copies of what only the checking needs.
    let slim = Value::Null;
    let on = on.into_iter().map(|heard| Heard {
        schema: slim.clone(),
        sample: slim.clone(),
        answer: slim.clone(),
        ..heard
    });
    let name = name?;
    let Callable { inputs, status } = reader.callable.get(&name).cloned()?;
    let on = on.collect();
    Some(Behavior { name, on, from, priority, status, inputs, result, when, place, steps })
}

fn read_on(reader: &mut Reader<'_>, fields: Fields<'_>) -> Vec<Heard> {
    let Some(node) = fields.get("on") else { return Vec::new() };
    let mut on: Vec<Heard> = Vec::new();
    for (name, at) in reader.words(node, "`on`") {
        let Some(heard) = reader.vocabulary.resolve(&name) else {
            let near = reader.vocabulary.nearest(&name);
            reader.unknown(
                at,
                "unknown_event",
                format!("there is no event type or alias {name:?}"),
                near,
            );
            continue;
        };
        if heard.kind == "before" {
            let message = format!("steps that change or refuse {name:?} come with a later release");
            reader.warning(at, "no_change", message);
        }
        on.push(heard);
    }
    on
}

fn read_from(reader: &mut Reader<'_>, fields: Fields<'_>) -> Vec<AuthorKind> {
    let Some(node) = fields.get("from") else { return Vec::new() };
    let mut from = Vec::new();
    for (word, at) in reader.words(node, "`from`") {
        match AuthorKind::ALL.into_iter().find(|kind| kind.as_str() == word) {
            Some(kind) => from.push(kind),
            None => {
                let known = AuthorKind::ALL.map(AuthorKind::as_str);
                let message =
                    format!("{word:?} is no kind of author; there are {}", known.join(", "));
                reader.unknown(at, "unknown_author", message, nearest(&word, known));
            }
        }
    }
    from
}

fn read_priority(reader: &mut Reader<'_>, fields: Fields<'_>) -> i32 {
    let Some(node) = fields.get("priority") else { return 0 };
    let number = node
        .scalar()
        .and_then(|scalar| scalar.value().as_i64())
        .and_then(|number| i32::try_from(number).ok());
    if number.is_none() {
        reader.error(
            node.at,
            "wrong_kind",
            format!("`priority` is a whole number, not {}", node.what()),
        );
    }
    number.unwrap_or_default()
}

// A bot is shared by every lane that runs it; a part that could not be shared would be found here.
const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Arc<Bot>>();
};
