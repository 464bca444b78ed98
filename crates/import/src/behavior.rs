//! One of Cerb's behaviors as a file of a bot. Called by `translate` for each.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::actions;
use crate::document::{BehaviorDocument, NodeDocument, Variable, text_of, truth};
use crate::events::{self, Event, Root, Style};
use crate::records;
use crate::report::Report;
use crate::scope::{BotScope, Callable, Scope, place, word};
use crate::tree::{self, Tree};
use crate::yaml::{self, Step, Yaml, push_set};

/// The keys of actions that name a placeholder which is set.
const SETTING_KEYS: [&str; 4] =
    ["var", "response_placeholder", "object_placeholder", "behavior_var"];

/// What a file that was sent is known by, behind the prefix of its placeholder, and the field of ours.
pub(crate) const FILE_KEYS: [(&str, &str); 5] = [
    ("__label", "name"),
    ("_name", "name"),
    ("_size", "size"),
    ("_mime_type", "content_type"),
    ("_url", "url"),
];

/// The prefix of the placeholders of a file, of the one that holds its id.
pub(crate) fn file_prefix(var: &str) -> &str {
    let var = var.trim();
    var.strip_suffix("_id").unwrap_or(var)
}

/// The keys that a part of a tree sets.
pub(crate) fn set_by(node: &NodeDocument, known: &mut BTreeSet<String>) {
    for action in node.params.get("actions").and_then(Value::as_array).into_iter().flatten() {
        for key in SETTING_KEYS {
            known.extend(
                text_of(action.get(key))
                    .filter(|name| !name.trim().is_empty())
                    .map(|name| name.trim().to_owned()),
            );
        }
        let name = action.get("action").and_then(Value::as_str).unwrap_or_default();
        if name.starts_with("var_") {
            known.insert(name.to_owned());
        }
        if matches!(name, "prompt_file" | "prompt_files")
            && let Some(var) = text_of(action.get("var"))
        {
            known.extend(FILE_KEYS.iter().map(|(key, _)| format!("{}{key}", file_prefix(&var))));
        }
        if name == "switch_behavior" {
            known.insert("_behavior".to_owned());
        }
    }
    if let Some(name) = text_of(node.params.get("as_placeholder")) {
        for suffix in ["__key", "__counter", "__stack"] {
            known.insert(format!("{name}{suffix}"));
        }
        known.insert(name);
    }
    node.nodes.iter().for_each(|inner| set_by(inner, known));
}

/// All keys that a behavior sets or is given.
pub(crate) fn keys_of(behavior: &BehaviorDocument) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    behavior.nodes.iter().for_each(|node| set_by(node, &mut known));
    known.extend(behavior.variables.iter().map(|variable| variable.key.clone()));
    known
}

/// The kind of an input.
pub(crate) fn kind_of(variable: &Variable) -> String {
    match variable.kind.as_str() {
        "S" => "text",
        "N" => "number",
        "C" => "boolean",
        "D" => "choice",
        other if other.starts_with("ctx_") || other == "contexts" => other,
        _ => "any",
    }
    .to_owned()
}

/// The event of behaviors that are due by themselves.
const RECURRENT: &str = "event.behavior.recurrent";

/// The most cron lines of one behavior.
const CRON_LINES_MAX: usize = 20;

/// The events of actions on records of a workspace's own types, which the catalogue has no names for.
const CUSTOM_RECORD: &str = "event.macro.custom_record.";

/// The type that stands for those.
const RECORD_ACTION: &str = "record.action";

/// What is known of an event, also of one that Cerb's own releases do not have.
pub(crate) fn event_of(behavior: &BehaviorDocument) -> Event {
    let unknown =
        if behavior.is_branch && behavior.event.is_empty() { events::ANY } else { events::UNKNOWN };
    events::event(&behavior.event).unwrap_or(unknown)
}

/// Translates a behavior; gives the text of its file.
pub(crate) fn translate(
    file: &str,
    bot: &BotScope,
    callable: &Callable,
    behavior: &BehaviorDocument,
    config: &Value,
    asked: &Asked<'_>,
    report: &mut Report,
) -> String {
    let mut scope = Scope::new(file, bot, callable.event, report);
    scope.title.clone_from(&callable.name);
    scope.is_called = callable.is_called;
    scope.path = format!("{}.nodes", behavior.path);
    scope.asks = behavior.nodes.iter().any(asks);
    scope.is_branch = behavior.is_branch;
    if behavior.event == "event.record.changed" {
        scope.changed = text_of(behavior.event_params.get("context"));
    }
    let shared = tree::bounded(keys_of(behavior).into_iter().collect());
    let mut tree = Tree::new(scope, &behavior.nodes, shared);
    tree.kinds = behavior
        .variables
        .iter()
        .map(|variable| (variable.key.clone(), variable.kind.clone()))
        .collect();
    tree.ending = ending(callable, behavior);
    let mut steps = tree.nodes(&behavior.nodes);
    if !steps.last().is_some_and(tree::is_exit) {
        steps.append(&mut tree.ending.clone());
        if callable.is_called {
            push_set(&mut steps, "vars.result", Yaml::text("{{ vars }}"));
        }
    }
    let subroutines = tree.called_subroutines();
    let unused = tree.unused_subroutines();
    let reads_config = tree.scope.reads_config;
    let when = condition(&mut tree.scope, behavior);
    let notes = told(&mut tree.scope, behavior, unused);

    let mut whole = begin(callable, behavior, reads_config.then_some(config), asked.open);
    whole.append(&mut steps);
    if whole.is_empty() {
        whole.push(tree::nothing());
    }
    let mut out = String::new();
    yaml::comment(
        &mut out,
        0,
        &format!("Translated from Cerb: {} ({file}, {})", behavior.title, behavior.path),
    );
    for line in asked.head.iter().chain(&notes) {
        yaml::comment(&mut out, 0, line);
    }
    yaml::fields(&mut out, 0, &[("bot".to_owned(), Yaml::Text(bot.name.clone()))]);
    out.push_str("behaviors:\n");
    let mut fields = vec![("name".to_owned(), Yaml::Text(callable.name.clone()))];
    if callable.is_off {
        fields.push(("status".to_owned(), Yaml::text("off")));
    }
    if !behavior.is_branch
        && let Some((key, value)) = heard(behavior)
    {
        fields.push((key.to_owned(), value));
        fields.extend(when.map(|when| ("when".to_owned(), when)));
        let priority = 50_i64.saturating_sub(behavior.priority.clamp(-1_000, 1_000));
        if priority != 0 {
            fields.push(("priority".to_owned(), Yaml::Bare(priority.to_string())));
        }
    }
    let inputs = inputs(callable, behavior);
    if !inputs.is_empty() {
        fields.push(("inputs".to_owned(), Yaml::Map(inputs)));
    }
    fields.push(("do".to_owned(), Yaml::Steps(whole)));
    let mut behaviors = vec![Step { comments: Vec::new(), fields }];
    for (name, inputs, mut steps) in subroutines {
        if steps.is_empty() {
            steps.push(tree::nothing());
        }
        let any = |name: String| {
            let kind = Yaml::Map(vec![
                ("type".to_owned(), Yaml::text("any")),
                ("default".to_owned(), Yaml::null()),
            ]);
            (name, kind)
        };
        let mut fields = vec![("name".to_owned(), Yaml::Text(name))];
        if !inputs.is_empty() {
            fields.push(("inputs".to_owned(), Yaml::Map(inputs.into_iter().map(any).collect())));
        }
        fields.push(("do".to_owned(), Yaml::Steps(steps)));
        behaviors
            .push(Step { comments: vec!["a subroutine of the behavior above".to_owned()], fields });
    }
    yaml::steps(&mut out, 2, &behaviors);
    out
}

fn asks(node: &NodeDocument) -> bool {
    let actions = node.params.get("actions").and_then(Value::as_array).into_iter().flatten();
    actions.into_iter().any(actions::is_prompt) || node.nodes.iter().any(asks)
}

/// What is set before anything else: variables, the record of a macro, the bot's configuration.
fn begin(
    callable: &Callable,
    behavior: &BehaviorDocument,
    config: Option<&Value>,
    open: &[String],
) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut said: String = behavior.nodes.iter().map(tree::said).collect();
    if let Some(config) = config {
        said.push_str(&config.to_string());
    }
    for key in open.iter().filter(|key| said.contains(key.as_str())) {
        push_set(&mut steps, &place(key), Yaml::text(""));
    }
    if let Some(config) = config {
        let config = if config.is_object() {
            with_open(Yaml::of_json(config), open)
        } else {
            Yaml::Map(Vec::new())
        };
        push_set(&mut steps, "vars.bot_config", config);
    }
    if callable.event.style == Style::Macro && callable.is_called && !behavior.is_branch {
        for (_, root) in callable.event.roots {
            if let Root::Record { record_type, path: "event.record" } = root {
                let place = format!("vars.{}", word(record_type));
                push_set(
                    &mut steps,
                    &place,
                    Yaml::Text(format!("{{{{ {place} or event.record }}}}")),
                );
            }
        }
    }
    if !behavior.is_branch && !behavior.event.is_empty() {
        for variable in behavior.variables.iter().filter(|variable| !variable.is_private) {
            let place = place(&variable.key);
            let Some(given) = given(callable.event.style, &word(&variable.key)) else { continue };
            let given = format!(
                "{{{{ {given} if ({place} is undefined or {place} is none) else {place} }}}}"
            );
            push_set(&mut steps, &place, Yaml::Text(given));
        }
    }
    for variable in &behavior.variables {
        let place = place(&variable.key);
        let default = variable.kind == "C" && truth(variable.params.get("checkbox_default_on"));
        let is_list = variable.kind.starts_with("ctx_") || variable.kind == "contexts";
        if variable.is_private && default {
            push_set(&mut steps, &place, Yaml::Bare("true".to_owned()));
        } else if variable.is_private && is_list {
            push_set(&mut steps, &place, Yaml::List(Vec::new()));
        } else if !variable.is_private && default && given(callable.event.style, "x").is_none() {
            push_set(
                &mut steps,
                &place,
                Yaml::Text(format!("{{{{ true if {place} is undefined else {place} }}}}")),
            );
        }
    }
    steps
}

/// Where the event has what a public variable is given.
fn given(style: Style, key: &str) -> Option<String> {
    match style {
        Style::Macro | Style::Conversation | Style::Form => Some(format!("event.with.{key}")),
        Style::Api => Some(format!(
            "(event.body.{key} if event.body.{key} is defined else event.query.{key})"
        )),
        Style::Plain
        | Style::Handler
        | Style::Interactions
        | Style::Http
        | Style::Metric
        | Style::Widget
        | Style::Data
        | Style::Sending
        | Style::Accepting
        | Style::Schedule => None,
    }
}

/// What the package leaves open reads as a variable in the bot's configuration, too.
fn with_open(value: Yaml, open: &[String]) -> Yaml {
    match value {
        Yaml::Text(text) => Yaml::Text(open.iter().fold(text, |text, key| {
            text.replace(
                &format!("{{{{ '{{{{' }}}}{key}}}}}"),
                &format!("{{{{ {} }}}}", place(key)),
            )
        })),
        Yaml::List(items) => {
            Yaml::List(items.into_iter().map(|item| with_open(item, open)).collect())
        }
        Yaml::Map(fields) => Yaml::Map(
            fields.into_iter().map(|(key, value)| (key, with_open(value, open))).collect(),
        ),
        other @ (Yaml::Bare(_) | Yaml::Steps(_)) => other,
    }
}

/// What a file asks of whoever imports it.
pub(crate) struct Asked<'a> {
    /// For the head of each file.
    pub(crate) head: &'a [String],
    /// The keys of what stays open.
    pub(crate) open: &'a [String],
}

/// What a `call` gives it.
fn inputs(callable: &Callable, behavior: &BehaviorDocument) -> Vec<(String, Yaml)> {
    let mut inputs = Vec::new();
    if callable.event.style == Style::Macro && callable.is_called {
        for (_, root) in callable.event.roots {
            if let Root::Record { record_type, path: "event.record" } = root {
                inputs.push((word(record_type), taken("any", Yaml::null())));
            }
        }
    }
    for variable in behavior.variables.iter().filter(|variable| !variable.is_private).take(90) {
        let kind = kind_of(variable);
        let kind =
            if kind.starts_with("ctx_") || kind == "contexts" { "any" } else { kind.as_str() };
        let is_on = truth(variable.params.get("checkbox_default_on"));
        let default =
            if kind == "boolean" && is_on { Yaml::Bare("true".to_owned()) } else { Yaml::null() };
        let name = word(&variable.key);
        if inputs.iter().any(|(known, _)| *known == name) {
            continue;
        }
        if kind == "choice" {
            inputs.push((name, choice(variable)));
        } else {
            inputs.push((name, taken(kind, default)));
        }
    }
    inputs
}

fn taken(kind: &str, default: Yaml) -> Yaml {
    Yaml::Map(vec![("type".to_owned(), Yaml::text(kind)), ("default".to_owned(), default)])
}

fn choice(variable: &Variable) -> Yaml {
    let options = text_of(variable.params.get("options")).unwrap_or_default();
    let mut of: Vec<Yaml> = Vec::new();
    for line in options.lines().map(str::trim).filter(|line| !line.is_empty()).take(200) {
        let one = Yaml::text(line);
        if !of.contains(&one) {
            of.push(one);
        }
    }
    if of.is_empty() {
        return taken("text", Yaml::null());
    }
    Yaml::Map(vec![
        ("type".to_owned(), Yaml::text("choice")),
        ("of".to_owned(), Yaml::List(of)),
        ("default".to_owned(), Yaml::null()),
    ])
}

/// Which of the events it hears, by the parameters of the event.
fn condition(scope: &mut Scope<'_>, behavior: &BehaviorDocument) -> Option<Yaml> {
    let params = &behavior.event_params;
    let listed = |key: &str| {
        let text = text_of(params.get(key)).unwrap_or_default();
        let lines: Vec<String> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && *line != "*")
            .map(crate::write::quoted)
            .collect();
        (!lines.is_empty()).then(|| lines.join(", "))
    };
    match behavior.event.as_str() {
        "event.record.changed" => {
            let context = scope.changed.clone()?;
            let record_type = crate::write::quoted(&records::type_name(&context));
            Some(Yaml::Text(format!("event.record_type == {record_type}")))
        }
        name if name.starts_with(CUSTOM_RECORD) => {
            let record_type = name.rsplit_once("macro.").map_or(name, |(_, name)| name);
            let record_type = crate::write::quoted(&records::type_name(record_type));
            Some(Yaml::Text(format!("event.record_type == {record_type}")))
        }
        "event.message.chat.portal" | "event.message.chat.worker" => {
            // A turn is of one interaction, and its handler said who converses in it.
            let name = crate::write::quoted(&scope.title);
            Some(Yaml::Text(format!("event.behavior == {name}")))
        }
        "event.interactions.get.worker" => listed("listen_points")
            .map(|points| Yaml::Text(format!("event.point is like({points})"))),
        "event.ui.card.editor.opened.worker" => listed("listen_contexts")
            .map(|types| Yaml::Text(format!("event.record_type is like({types})"))),
        "event.data.query.datasource" => {
            let alias = text_of(params.get("alias")).filter(|alias| !alias.is_empty())?;
            Some(Yaml::Text(format!("event.source == {}", crate::write::quoted(&alias))))
        }
        _ => None,
    }
}

/// What it hears: an event, or its own times. Nothing for an event that is none of Cerb's own, and for one without times.
fn heard(behavior: &BehaviorDocument) -> Option<(&'static str, Yaml)> {
    events::event(&behavior.event)?;
    if behavior.event == RECURRENT {
        return schedule(behavior).map(|schedule| ("schedule", schedule));
    }
    let is_custom = behavior.event.starts_with(CUSTOM_RECORD);
    let name = if is_custom { RECORD_ACTION } else { behavior.event.as_str() };
    Some(("on", Yaml::text(name)))
}

/// The cron lines of a recurrent behavior.
fn cron_lines(behavior: &BehaviorDocument) -> Vec<String> {
    let patterns = text_of(behavior.event_params.get("repeat_patterns")).unwrap_or_default();
    let lines = patterns.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

/// When a recurrent behavior is due.
fn schedule(behavior: &BehaviorDocument) -> Option<Yaml> {
    let lines: Vec<Yaml> =
        cron_lines(behavior).into_iter().take(CRON_LINES_MAX).map(Yaml::Text).collect();
    if lines.is_empty() {
        return None;
    }
    let zone = text_of(behavior.event_params.get("timezone")).filter(|zone| !zone.is_empty());
    let mut fields = vec![("cron".to_owned(), Yaml::List(lines))];
    fields.extend(zone.map(|zone| ("zone".to_owned(), Yaml::Text(zone))));
    Some(Yaml::Map(fields))
}

/// What the head of the file tells.
fn told(scope: &mut Scope<'_>, behavior: &BehaviorDocument, unused: Vec<String>) -> Vec<String> {
    let mut told = Vec::new();
    scope.path.clone_from(&behavior.path);
    if behavior.event == RECURRENT {
        let lines = cron_lines(behavior).len();
        let line = match lines {
            0 => Some("it had no times at which it is due: give it a `schedule`".to_owned()),
            1..=CRON_LINES_MAX => None,
            _ => {
                Some(format!("of its {lines} cron lines only the first {CRON_LINES_MAX} are taken"))
            }
        };
        if let Some(line) = line {
            scope.note(RECURRENT, line.clone());
            told.push(line);
        }
    }
    if events::event(&behavior.event).is_none() && !behavior.event.is_empty() {
        scope.note(
            behavior.event.clone(),
            "an event that Cerb's own releases do not have: the behavior hears nothing, and can be called; its placeholders are unknown",
        );
        told.push(format!(
            "in Cerb it hears {}, which Tidings does not know: give it an `on`",
            behavior.event
        ));
    }
    if let Some(line) = unlike(behavior, scope.event.style).filter(|_| !behavior.event.is_empty()) {
        scope.note(behavior.event.clone(), line);
    }
    for title in unused {
        told.push(format!("left out, as nothing runs it: the subroutine {title}"));
    }
    told
}

/// How the event differs from Cerb's in what a behavior can do.
fn unlike(behavior: &BehaviorDocument, style: Style) -> Option<&'static str> {
    match style {
        Style::Macro
            if ["event.macro.ticket", "event.macro.message"].contains(&behavior.event.as_str()) =>
        {
            Some(
                "run on a chat by the API it sees the chat as `event.record` and has no chat to change: what it does to one is done where a behavior on a chat calls it",
            )
        }
        Style::Form => Some(
            "its pages are questions of a chat: a form of the console wants `answer: {elements: [...]}` for each page",
        ),
        Style::Conversation => Some(
            "what it says and asks is said and asked in a chat: an interaction beside a chat wants `answer: {messages: [...]}` for each turn",
        ),
        Style::Plain
        | Style::Handler
        | Style::Interactions
        | Style::Http
        | Style::Metric
        | Style::Widget
        | Style::Data
        | Style::Api
        | Style::Sending
        | Style::Accepting
        | Style::Macro
        | Style::Schedule => None,
    }
}

/// What goes out to whoever waits, at the end.
fn ending(callable: &Callable, behavior: &BehaviorDocument) -> Vec<Step> {
    let said: String = behavior.nodes.iter().map(tree::said).collect();
    let does = |name: &str| said.contains(&format!("\"{name}\""));
    let shown = |expression: &str| Yaml::Text(format!("{{{{ {expression} }}}}"));
    let answer: Vec<(&str, Yaml)> = match callable.event.style {
        Style::Http
            if does("set_http_status") || does("set_http_header") || does("set_http_body") =>
        {
            vec![
                ("status", shown("vars._http_status or 200")),
                ("headers", shown("vars._http_headers or {}")),
                ("body", shown("vars._http_body")),
            ]
        }
        Style::Interactions if does("return_interaction") => {
            vec![("interactions", shown("vars._interactions or []"))]
        }
        Style::Metric if does("return_value") => {
            vec![("value", shown("vars._value | replace(',', '') | float(0)"))]
        }
        Style::Widget if does("render_html") => vec![("html", shown("vars._html"))],
        Style::Data if does("return_data") => return rows(),
        Style::Api => vec![("response", shown("vars._response")), ("values", shown("vars"))],
        // One that others call leaves the answer to them.
        Style::Macro if !callable.is_called && !behavior.is_branch => {
            vec![("value", shown("vars"))]
        }
        Style::Http
        | Style::Interactions
        | Style::Metric
        | Style::Widget
        | Style::Data
        | Style::Plain
        | Style::Conversation
        | Style::Form
        | Style::Handler
        | Style::Sending
        | Style::Accepting
        | Style::Macro
        | Style::Schedule => Vec::new(),
    };
    if answer.is_empty() {
        return Vec::new();
    }
    let fields = answer.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    vec![Step::new("answer", Yaml::Map(fields))]
}

/// The rows of a data query. Cerb gives a list of any values, alone or as `data` or `rows`; a row of Tidings is a mapping.
fn rows() -> Vec<Step> {
    let mut steps = Vec::new();
    push_set(&mut steps, "vars._rows", Yaml::List(Vec::new()));
    let row = "{{ vars._rows | put('[]', row if row is mapping else {'value': row}) }}";
    let mut each = Vec::new();
    push_set(&mut each, "vars._rows", Yaml::text(row));
    let list =
        "((vars._data.data or vars._data.rows) if vars._data is mapping else vars._data) | values";
    let repeat = vec![
        ("for".to_owned(), Yaml::text("row")),
        ("in".to_owned(), Yaml::text(list)),
        ("do".to_owned(), Yaml::Steps(each)),
    ];
    steps.push(Step::new("repeat", Yaml::Map(repeat)));
    let fields = vec![("rows".to_owned(), Yaml::text("{{ vars._rows }}"))];
    steps.push(Step::new("answer", Yaml::Map(fields)));
    steps
}

/// The kinds of a behavior's variables, by their keys.
pub(crate) type Kinds = BTreeMap<String, String>;
