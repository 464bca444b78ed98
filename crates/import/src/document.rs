//! Cerb's files, read into one shape, whichever of the four they have: an exported behavior, an exported branch, a package
//! with bots, a package for the library.
//!
//! What Cerb itself writes in more than one way (flags as `"0"`, `0` and `false`, an empty list for an empty mapping, no
//! status) is read in all of them.

use serde_json::{Map, Value};

use crate::package;
use crate::refusal::{BEHAVIORS_MAX, FILE_BYTES_MAX, NODE_DEPTH_MAX, NODES_MAX, Refusal};
use crate::report::Mark;

/// A file.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) bots: Vec<BotDocument>,
    /// What to look at: prompts, and what else the file asks of whoever imports it.
    pub(crate) notes: Vec<Mark>,
    /// The same in words, for the heads of the files.
    pub(crate) head: Vec<String>,
    /// The keys of prompts that have no default.
    pub(crate) open: Vec<String>,
}

/// A bot.
#[derive(Debug)]
pub(crate) struct BotDocument {
    pub(crate) name: String,
    pub(crate) config: Value,
    pub(crate) behaviors: Vec<BehaviorDocument>,
}

/// A behavior, or a branch of one.
#[derive(Debug)]
pub(crate) struct BehaviorDocument {
    pub(crate) uid: String,
    pub(crate) title: String,
    /// The event's id; empty for a branch whose event nothing tells.
    pub(crate) event: String,
    pub(crate) event_params: Map<String, Value>,
    pub(crate) variables: Vec<Variable>,
    pub(crate) is_disabled: bool,
    pub(crate) priority: i64,
    pub(crate) is_branch: bool,
    pub(crate) nodes: Vec<NodeDocument>,
    pub(crate) path: String,
}

/// A variable.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) key: String,
    pub(crate) kind: String,
    pub(crate) is_private: bool,
    pub(crate) params: Map<String, Value>,
}

/// A node.
#[derive(Debug)]
pub(crate) struct NodeDocument {
    pub(crate) kind: NodeKind,
    pub(crate) title: String,
    pub(crate) status: Status,
    pub(crate) params: Map<String, Value>,
    pub(crate) nodes: Vec<Self>,
    pub(crate) path: String,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeKind {
    Switch,
    Outcome,
    Action,
    Loop,
    Subroutine,
}

/// Whether a node is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Live,
    Disabled,
    Simulator,
}

/// Reads a file.
pub(crate) fn read(file: &str, bytes: &[u8]) -> Result<Document, Refusal> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(Refusal::TooLong { file: file.to_owned(), bytes: bytes.len() });
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut value: Value = serde_json::from_slice(bytes).map_err(|error| not_json(file, &error))?;
    let mut reader = Reader { file, nodes: 0, behaviors: 0 };
    let Value::Object(top) = &value else {
        return Err(reader.wrong("the file", "is not an object, as files of Cerb are"));
    };
    let (mut notes, mut head) = (Vec::new(), Vec::new());
    let mut open = Vec::new();
    if top.contains_key("package") {
        open = package::fill_in(file, &mut value, &mut notes, &mut head);
    }
    let Value::Object(top) = value else {
        return Err(reader.wrong("the file", "is not an object"));
    };
    let bots = reader.bots(&top)?;
    reader.configure(&top, &mut notes, &mut head);
    Ok(Document { bots, notes, head, open })
}

fn not_json(file: &str, error: &serde_json::Error) -> Refusal {
    let why = error.to_string();
    if why.contains("recursion limit") {
        let what = "at most 128 levels of JSON are read".to_owned();
        return Refusal::TooDeep { file: file.to_owned(), path: "the file".to_owned(), what };
    }
    let why = why.rsplit_once(" at line").map_or(why.clone(), |(why, _)| why.to_owned());
    Refusal::NotJson { file: file.to_owned(), line: error.line(), column: error.column(), why }
}

struct Reader<'f> {
    file: &'f str,
    nodes: usize,
    behaviors: usize,
}

impl Reader<'_> {
    fn wrong(&self, path: &str, why: &str) -> Refusal {
        Refusal::WrongShape {
            file: self.file.to_owned(),
            path: path.to_owned(),
            why: why.to_owned(),
        }
    }

    fn bots(&mut self, top: &Map<String, Value>) -> Result<Vec<BotDocument>, Refusal> {
        let stem = self.file.rsplit(['/', '\\']).next().unwrap_or(self.file);
        let stem = stem.strip_suffix(".json").unwrap_or(stem);
        let package = top.get("package");
        let named =
            |key: &str| package.and_then(|package| package.get(key)).and_then(Value::as_str);
        let library = package.and_then(|package| package.get("library"));
        let own = named("name")
            .or_else(|| library.and_then(|library| library.get("name")).and_then(Value::as_str))
            .unwrap_or(stem)
            .to_owned();
        let mut bots = Vec::new();
        for (index, bot) in list(self, top.get("bots"), "bots")?.iter().enumerate() {
            bots.push(self.bot(bot, &format!("bots[{index}]"))?);
        }
        let mut loose = Vec::new();
        for (index, behavior) in list(self, top.get("behaviors"), "behaviors")?.iter().enumerate() {
            loose.extend(self.behavior(behavior, format!("behaviors[{index}]"), false)?);
        }
        if let Some(behavior) = top.get("behavior") {
            loose.extend(self.behavior(behavior, "behavior".to_owned(), false)?);
        }
        if let Some(branch) = top.get("behavior_fragment") {
            loose.extend(self.behavior(branch, "behavior_fragment".to_owned(), true)?);
        }
        let point = library.and_then(|library| library.get("point")).and_then(Value::as_str);
        let event = point.and_then(|point| point.split_once(':')).map_or("", |(_, event)| event);
        for (index, node) in
            list(self, top.get("behavior_nodes"), "behavior_nodes")?.iter().enumerate()
        {
            loose.extend(self.branch(node, &format!("behavior_nodes[{index}]"), &own, event)?);
        }
        if !loose.is_empty() {
            bots.push(BotDocument { name: own, config: Value::Null, behaviors: loose });
        }
        let known =
            ["bots", "behaviors", "behavior", "behavior_fragment", "behavior_nodes", "package"];
        if bots.is_empty() && !known.iter().any(|key| top.contains_key(*key)) {
            return Err(self.wrong(
                "the file",
                "has none of `behavior`, `behavior_fragment`, `bots`, `behaviors`, `behavior_nodes`",
            ));
        }
        Ok(bots)
    }

    fn bot(&mut self, value: &Value, path: &str) -> Result<BotDocument, Refusal> {
        let Some(bot) = value.as_object() else { return Err(self.wrong(path, "is not an object")) };
        let name = text_at(bot, "name")
            .or_else(|| text_at(bot, "uid"))
            .ok_or_else(|| self.wrong(path, "has no `name`"))?;
        let config =
            bot.get("params").and_then(|params| params.get("config")).cloned().unwrap_or_default();
        let mut behaviors = Vec::new();
        let at = format!("{path}.behaviors");
        for (index, behavior) in list(self, bot.get("behaviors"), &at)?.iter().enumerate() {
            behaviors.extend(self.behavior(behavior, format!("{at}[{index}]"), false)?);
        }
        Ok(BotDocument { name, config, behaviors })
    }

    fn behavior(
        &mut self,
        value: &Value,
        path: String,
        is_branch: bool,
    ) -> Result<Option<BehaviorDocument>, Refusal> {
        let Some(behavior) = value.as_object() else {
            return Err(self.wrong(&path, "is not an object"));
        };
        if truth(behavior.get("_exclude")) {
            return Ok(None);
        }
        self.count_behavior(&path)?;
        let title = text_at(behavior, "title").or_else(|| text_at(behavior, "uid"));
        let title = title.ok_or_else(|| self.wrong(&path, "has no `title`"))?;
        let event = behavior.get("event");
        let key = event.and_then(|event| event.get("key")).or(event).and_then(Value::as_str);
        let Some(key) = key.map(str::to_owned).or_else(|| is_branch.then(String::new)) else {
            return Err(self.wrong(&path, "has no `event.key`"));
        };
        let event_params = event.and_then(|event| event.get("params")).and_then(Value::as_object);
        let nodes_at = format!("{path}.nodes");
        let nodes = self.nodes(behavior.get("nodes"), &nodes_at, 1)?;
        Ok(Some(BehaviorDocument {
            uid: text_at(behavior, "uid").unwrap_or_default(),
            title,
            event: key,
            event_params: event_params.cloned().unwrap_or_default(),
            variables: self.variables(behavior.get("variables"), &path)?,
            is_disabled: truth(behavior.get("is_disabled")),
            priority: number(behavior.get("priority")).unwrap_or(50),
            is_branch,
            nodes,
            path,
        }))
    }

    /// A node of the library, as a behavior that is only called.
    fn branch(
        &mut self,
        value: &Value,
        path: &str,
        name: &str,
        event: &str,
    ) -> Result<Option<BehaviorDocument>, Refusal> {
        self.count_behavior(path)?;
        let Some(node) = self.node(value, path, 1)? else { return Ok(None) };
        Ok(Some(BehaviorDocument {
            uid: value.get("uid").and_then(Value::as_str).unwrap_or_default().to_owned(),
            title: if node.title.is_empty() { name.to_owned() } else { node.title.clone() },
            event: event.to_owned(),
            event_params: Map::new(),
            variables: Vec::new(),
            is_disabled: false,
            priority: 50,
            is_branch: true,
            nodes: vec![node],
            path: path.to_owned(),
        }))
    }

    fn count_behavior(&mut self, path: &str) -> Result<(), Refusal> {
        self.behaviors += 1;
        if self.behaviors > BEHAVIORS_MAX {
            return Err(self.too_many(path, BEHAVIORS_MAX, "behaviors"));
        }
        Ok(())
    }

    fn too_many(&self, path: &str, most: usize, what: &'static str) -> Refusal {
        Refusal::TooMany { file: self.file.to_owned(), path: path.to_owned(), most, what }
    }

    fn variables(&self, value: Option<&Value>, path: &str) -> Result<Vec<Variable>, Refusal> {
        let variables = match value {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(items)) if items.is_empty() => return Ok(Vec::new()),
            Some(Value::Object(variables)) => variables,
            Some(_) => return Err(self.wrong(&format!("{path}.variables"), "is not an object")),
        };
        let variable = |(key, value): (&String, &Value)| Variable {
            key: text_of(value.get("key")).unwrap_or_else(|| key.clone()),
            kind: text_of(value.get("type")).unwrap_or_else(|| "S".to_owned()),
            is_private: truth(value.get("is_private")),
            params: value.get("params").and_then(Value::as_object).cloned().unwrap_or_default(),
        };
        Ok(variables.iter().map(variable).collect())
    }

    fn nodes(
        &mut self,
        value: Option<&Value>,
        path: &str,
        depth: usize,
    ) -> Result<Vec<NodeDocument>, Refusal> {
        let mut nodes = Vec::new();
        for (index, node) in list(self, value, path)?.iter().enumerate() {
            nodes.extend(self.node(node, &format!("{path}[{index}]"), depth)?);
        }
        Ok(nodes)
    }

    fn node(
        &mut self,
        value: &Value,
        path: &str,
        depth: usize,
    ) -> Result<Option<NodeDocument>, Refusal> {
        let Some(node) = value.as_object() else {
            return Err(self.wrong(path, "is not an object"));
        };
        if truth(node.get("_exclude")) {
            return Ok(None);
        }
        if depth > NODE_DEPTH_MAX {
            let what = format!("at most {NODE_DEPTH_MAX} levels of nodes are read");
            return Err(Refusal::TooDeep {
                file: self.file.to_owned(),
                path: path.to_owned(),
                what,
            });
        }
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(self.too_many(path, NODES_MAX, "nodes"));
        }
        let kind = match node.get("type").and_then(Value::as_str) {
            Some("switch") => NodeKind::Switch,
            Some("outcome") => NodeKind::Outcome,
            Some("action") => NodeKind::Action,
            Some("loop") => NodeKind::Loop,
            Some("subroutine") => NodeKind::Subroutine,
            Some(other) => {
                return Err(self.wrong(
                    &format!("{path}.type"),
                    &format!("is {other:?}, which is no kind of node"),
                ));
            }
            None => return Err(self.wrong(path, "has no `type`")),
        };
        let status = match node.get("status") {
            Some(Value::String(word)) if word == "disabled" || word == "1" => Status::Disabled,
            Some(Value::String(word)) if word == "simulator" || word == "2" => Status::Simulator,
            Some(Value::Number(number)) if number.as_i64() == Some(1) => Status::Disabled,
            Some(Value::Number(number)) if number.as_i64() == Some(2) => Status::Simulator,
            Some(_) | None => Status::Live,
        };
        let params = node.get("params").and_then(Value::as_object).cloned().unwrap_or_default();
        let nodes = self.nodes(node.get("nodes"), &format!("{path}.nodes"), depth + 1)?;
        let title = text_at(node, "title").unwrap_or_default();
        Ok(Some(NodeDocument { kind, title, status, params, nodes, path: path.to_owned() }))
    }

    /// What an exported behavior asks of whoever imports it.
    fn configure(&self, top: &Map<String, Value>, notes: &mut Vec<Mark>, head: &mut Vec<String>) {
        let asked = top
            .get("configure")
            .or_else(|| top.get("behavior").and_then(|behavior| behavior.get("configure")));
        for one in asked.and_then(Value::as_array).into_iter().flatten() {
            let label = text_of(one.get("label")).unwrap_or_else(|| "a value".to_owned());
            let path = text_of(one.get("path")).unwrap_or_default();
            head.push(format!("{label} is to be set by hand (in Cerb at {path})"));
            notes.push(Mark {
                file: self.file.to_owned(),
                path,
                what: label,
                why: "Cerb asks for this value when the behavior is imported: set it by hand"
                    .to_owned(),
            });
        }
    }
}

fn list<'v>(
    reader: &Reader<'_>,
    value: Option<&'v Value>,
    path: &str,
) -> Result<&'v [Value], Refusal> {
    match value {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(Value::Object(fields)) if fields.is_empty() => Ok(&[]),
        Some(_) => Err(reader.wrong(path, "is not a list")),
    }
}

/// A flag, in any of the ways in which Cerb writes one.
pub(crate) fn truth(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(truth)) => *truth,
        Some(Value::Number(number)) => number.as_f64().is_some_and(|number| number != 0.0),
        Some(Value::String(text)) => !matches!(text.trim(), "" | "0" | "false"),
        Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => false,
    }
}

/// A whole number, also as a text.
pub(crate) fn number(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A text, also where a number or a flag stands.
pub(crate) fn text_of(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(if *truth { "1" } else { "0" }.to_owned()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn text_at(map: &Map<String, Value>, key: &str) -> Option<String> {
    text_of(map.get(key)).filter(|text| !text.trim().is_empty())
}

/// Several texts: of a list, of a mapping's values, or one.
pub(crate) fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items.iter().filter_map(|item| text_of(Some(item))).collect(),
        Some(Value::Object(fields)) => {
            fields.values().filter_map(|item| text_of(Some(item))).collect()
        }
        other => text_of(other).filter(|text| !text.is_empty()).into_iter().collect(),
    }
}
