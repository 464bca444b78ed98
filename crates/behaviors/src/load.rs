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
use crate::owner::{self, Owner};
use crate::parameter;
use crate::problem::{Problem, Severity};
use crate::program::{Program, Role};
use crate::reader::{Callable, Fields, Reader};
use crate::schedule;
use crate::source::BotSource;
use crate::steps::call;
use crate::vocabulary::{Heard, Vocabulary};
use crate::yaml::{self, Kind, Node, Position};

/// The most files that a bot has.
pub(crate) const FILES_MAX: usize = 200;

/// The most behaviors that a bot has: twice as many as the benchmark's largest bot.
pub(crate) const BEHAVIORS_MAX: usize = 20_000;

/// The longest name of a behavior, in bytes: it is kept in every run.
pub(crate) const BEHAVIOR_NAME_BYTES_MAX: usize = 200;

/// The events that are of one bot: calls of its own routes, and what texts mean to it. They name it.
const OWN: [&str; 5] =
    ["api.requested", "nlu.match", "nlu.no_match", "nlu.time_limit", "nlu.length_limit"];

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
    let mut owner = None;
    let mut written: Vec<(&str, &Node)> = Vec::new();
    for page in &pages {
        reader.file.clone_from(&page.file);
        let Some(fields) =
            reader.fields(&page.root, "a bot's file", &["bot", "owner", "intents", "behaviors"])
        else {
            continue;
        };
        check_name(source, &mut reader, fields);
        read_owner(&mut reader, fields, &mut owner);
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

    let owner = owner.unwrap_or_default();
    announce(&mut reader, &written);
    let mut behaviors = Vec::with_capacity(written.len());
    for (index, (file, node)) in written.iter().enumerate() {
        (*file).clone_into(&mut reader.file);
        behaviors.extend(read_behavior(&mut reader, node, (source.name.as_str(), index), &owner));
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
        owner,
        intents,
        behaviors,
        by_name,
        program,
        local_types: reader.local_types,
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

fn read_owner(reader: &mut Reader<'_>, fields: Fields<'_>, owner: &mut Option<Owner>) {
    let Some(node) = fields.get("owner") else { return };
    let Some(read) = owner::read(reader, node) else { return };
    if owner.as_ref().is_some_and(|known| *known != read) {
        reader.error(node.at, "two_owners", "another file of this bot names another owner");
    }
    *owner = Some(read);
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

fn read_behavior(
    reader: &mut Reader<'_>,
    node: &Node,
    (bot, index): (&str, usize),
    owner: &Owner,
) -> Option<Behavior> {
    reader.heard.clear();
    reader.loop_names.clear();
    let known = [
        "name", "status", "public", "on", "schedule", "when", "from", "priority", "aside",
        "inputs", "result", "do",
    ];
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
    let mut on = read_on(reader, fields, owner);
    let schedule = fields.get("schedule").map(|node| schedule::read(reader, node));
    hear_schedule(reader, node, schedule.is_some(), (bot, name.as_deref()), &mut on);
    let schedule = schedule.flatten();
    hear_own(bot, &mut on);
    reader.heard.clone_from(&on);
    let is_public = read_public(reader, fields);
    if is_public {
        hear_calls(reader, (bot, name.as_deref()), &mut on);
    }
    let when = fields.get("when").and_then(|node| condition::read(reader, node, "`when`"));
    let place = reader.place(fields.get("when").map_or(node.at, |node| node.at));
    let from = read_from(reader, fields);
    let priority = read_priority(reader, fields);
    let aside = read_aside(reader, fields)?;
    reader.is_aside = aside;
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
    Some(Behavior {
        name,
        on,
        from,
        schedule,
        priority,
        status,
        is_public,
        aside,
        inputs,
        result,
        when,
        place,
        steps,
    })
}

fn read_on(reader: &mut Reader<'_>, fields: Fields<'_>, owner: &Owner) -> Vec<Heard> {
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
        if heard.event_type.as_str() == call::CALLED {
            let message =
                "other bots call a behavior with `public: true`, and that one alone hears it";
            reader.error(at, "not_heard", message);
            continue;
        }
        // What is of this bot alone is heard whoever owns it.
        if !OWN.contains(&heard.event_type.as_str()) {
            owner::check(reader, owner, &heard, at);
        }
        on.push(heard);
    }
    on
}

/// What is due by a behavior's schedule, it alone hears; without one nothing is ever due.
fn hear_schedule(
    reader: &mut Reader<'_>,
    node: &Node,
    has_schedule: bool,
    (bot, behavior): (&str, Option<&str>),
    on: &mut Vec<Heard>,
) {
    let is_due = |heard: &Heard| heard.event_type.as_str() == schedule::DUE;
    match (has_schedule, on.iter().any(is_due)) {
        (true, false) => on.extend(reader.vocabulary.resolve(schedule::DUE)),
        (false, true) => {
            let message = "nothing is ever due without a `schedule`, as `schedule: 0 9 * * 1-5`";
            reader.error(node.at, "missing_schedule", message);
        }
        (true, true) | (false, false) => {}
    }
    for heard in on.iter_mut().filter(|heard| is_due(heard)) {
        heard.constraints.push(("data.bot".to_owned(), bot.into()));
        heard.constraints.push(("data.behavior".to_owned(), behavior.unwrap_or_default().into()));
    }
}

fn read_public(reader: &mut Reader<'_>, fields: Fields<'_>) -> bool {
    let Some(node) = fields.get("public") else { return false };
    let value = node.scalar().and_then(|scalar| scalar.value().as_bool());
    if value.is_none() {
        reader.error(node.at, "wrong_kind", "`public` is true or false");
    }
    value.unwrap_or_default()
}

/// A public behavior hears the calls of other bots, beside what it says that it hears.
fn hear_calls(reader: &Reader<'_>, (bot, behavior): (&str, Option<&str>), on: &mut Vec<Heard>) {
    let Some(mut heard) = reader.vocabulary.resolve(call::CALLED) else { return };
    heard.constraints.push(("data.bot".to_owned(), bot.into()));
    heard.constraints.push(("data.behavior".to_owned(), behavior.unwrap_or_default().into()));
    on.push(heard);
}

/// What is of one bot, that bot hears alone.
fn hear_own(bot: &str, on: &mut [Heard]) {
    for heard in on.iter_mut().filter(|heard| OWN.contains(&heard.event_type.as_str())) {
        heard.constraints.push(("data.bot".to_owned(), bot.into()));
    }
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

fn read_aside(reader: &mut Reader<'_>, fields: Fields<'_>) -> Option<bool> {
    let Some(node) = fields.get("aside") else { return Some(false) };
    let aside = node.scalar().map(yaml::Scalar::value).as_ref().and_then(Value::as_bool);
    if aside.is_none() {
        let message = format!("`aside` is true or false, not {}", node.what());
        reader.error(node.at, "wrong_kind", message);
    }
    aside
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
