//! Reads one file of the vocabulary into its types. Called by `catalogue` for every file.
//!
//! It checks what one file can tell: keys, names, kinds, words, JSON, references, that schemas compile and samples fit.
//! That a name is there once is checked over all files, by the caller.

use serde_json::{Map, Value};
use tidings_model::{AuthorKind, TypeName};

use crate::constraint::{Constraint, DataPath};
use crate::error::Report;
use crate::event_type::{Alias, Answer, Audience, EventType, Kind, Origin, Status, System};
use crate::fields::Fields;
use crate::schema::standing_alone;
use crate::shape::{Shape, Violation};

/// The largest file, in bytes. The largest of ours has 40 kB.
pub(crate) const FILE_BYTES_MAX: usize = 1 << 20;

/// The longest wait for an answer, in milliseconds. HTTP clients give up after half a minute.
const WITHIN_MS_MAX: u32 = 30_000;

/// The highest version of a schema: a higher one is a mistake.
pub(crate) const VERSION_MAX: u32 = 1000;

/// The longest alias, in bytes.
const ALIAS_BYTES_MAX: usize = 200;

/// The types of a file, in its order. What is wrong goes into the report, and its type is left out.
pub(crate) fn read(file: &str, text: &str, report: &mut Report) -> Vec<EventType> {
    let Some(area) = area_of(file) else {
        report.add(
            file,
            None,
            None,
            "the file must be named after its area: lower-case words, then .toml".into(),
        );
        return Vec::new();
    };
    if text.len() > FILE_BYTES_MAX {
        report.add(file, None, None, format!("the file is larger than {FILE_BYTES_MAX} bytes"));
        return Vec::new();
    }
    let table = match toml::from_str::<Value>(text) {
        Ok(Value::Object(table)) => table,
        Ok(_) => Map::new(),
        Err(error) => {
            report.add(file, None, None, format!("is not TOML: {}", error.to_string().trim_end()));
            return Vec::new();
        }
    };

    let mut fields = Fields::new(file, None, String::new(), table);
    let title = fields.text(report, "title").unwrap_or_default();
    let plugin = fields.optional_text(report, "plugin");
    let defs = fields.optional_table(report, "defs").unwrap_or_default();
    let entries = fields.tables(report, "type");
    if entries.is_empty() {
        fields.wrong(report, "type", "the file has no type");
    }
    fields.nothing_left(report);

    let context = Context { file, area, title: &title, plugin: plugin.as_deref(), defs: &defs };
    entries.into_iter().filter_map(|entry| context.event_type(entry, report)).collect()
}

/// The area that a file is named after.
fn area_of(file: &str) -> Option<&str> {
    let area = file.strip_suffix(".toml")?;
    is_word(area).then_some(area)
}

pub(crate) fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// What all types of a file share.
struct Context<'a> {
    file: &'a str,
    area: &'a str,
    title: &'a str,
    plugin: Option<&'a str>,
    defs: &'a Map<String, Value>,
}

impl Context<'_> {
    fn event_type(&self, mut entry: Map<String, Value>, report: &mut Report) -> Option<EventType> {
        let name = self.name(entry.shift_remove("name"), report)?;
        let mut fields = Fields::new(self.file, Some(name.as_str()), String::new(), entry);

        let title = fields.text(report, "title");
        let description = fields.text(report, "description");
        let group = fields.text(report, "group");
        let kind = fields.text(report, "kind");
        let kind =
            kind.and_then(|word| word_of(&fields, report, "kind", &word, Kind::ALL, Kind::as_str));
        let version = fields.number(report, "version", VERSION_MAX);
        let raised_by = fields.text(report, "raised_by");
        let heard_by = self.heard_by(&mut fields, report);
        let channels = fields.texts(report, "channels");
        for channel in channels.iter().filter(|channel| !is_word(channel)) {
            fields.wrong(
                report,
                "channels",
                format!("{channel:?} is not the word for a kind of channel"),
            );
        }
        let data = self.shape(&mut fields, report);

        let aliases = fields.tables(report, "aliases").into_iter().enumerate();
        let aliases = aliases
            .filter_map(|(place, alias)| {
                let alias =
                    Fields::new(self.file, Some(name.as_str()), format!("aliases.{place}."), alias);
                read_alias(alias, self.file, &name, place, report)
            })
            .collect::<Vec<_>>();
        for (place, alias) in aliases.iter().enumerate() {
            let schema = data.as_ref().map(Shape::schema);
            check_constraints(&fields, place, alias, &heard_by, &channels, schema, report);
        }

        let answer = fields.optional_table(report, "answer");
        let answer = match (kind, answer) {
            (Some(Kind::Before | Kind::Interactive | Kind::Computed), None) => {
                fields.wrong(report, "answer", "is missing: somebody waits for it");
                None
            }
            (Some(Kind::After), Some(_)) => {
                fields.wrong(report, "answer", "nobody waits for the answer to an after event");
                None
            }
            (_, Some(answer)) => {
                let answer = Fields::new(self.file, Some(name.as_str()), "answer.".into(), answer);
                self.answer(answer, report)
            }
            (Some(Kind::After) | None, None) => None,
        };
        fields.nothing_left(report);

        Some(EventType {
            origin: Origin::Builtin,
            status: Status::Stable,
            title: title?,
            description: description?,
            group: group?,
            area: self.title.to_owned(),
            kind: kind?,
            version: version?,
            heard_by,
            channels,
            raised_by: raised_by?,
            plugin: self.plugin.map(str::to_owned),
            aliases,
            answer,
            data: data?,
            name,
        })
    }

    fn name(&self, name: Option<Value>, report: &mut Report) -> Option<TypeName> {
        let Some(Value::String(name)) = name else {
            report.add(
                self.file,
                None,
                Some("type.name"),
                "every type needs a name, which is a text".into(),
            );
            return None;
        };
        let parsed = match name.parse::<TypeName>() {
            Ok(parsed) => parsed,
            Err(error) => {
                report.add(self.file, Some(&name), Some("name"), error.to_string());
                return None;
            }
        };
        if name.split('.').next() != Some(self.area) {
            let message = format!("types of this file begin with {:?}", format!("{}.", self.area));
            report.add(self.file, Some(&name), Some("name"), message);
        }
        Some(parsed)
    }

    fn heard_by(&self, fields: &mut Fields<'_>, report: &mut Report) -> Vec<Audience> {
        let words = fields.texts(report, "heard_by");
        if words.is_empty() {
            fields.wrong(report, "heard_by", "somebody must hear it");
        }
        words
            .iter()
            .filter_map(|word| {
                word_of(fields, report, "heard_by", word, Audience::ALL, Audience::as_str)
            })
            .collect()
    }

    fn shape(&self, fields: &mut Fields<'_>, report: &mut Report) -> Option<Shape> {
        let sample = fields.json(report, "sample");
        let schema = standing_alone(fields.table(report, "schema")?, self.defs);
        let sample = sample?;
        let compiled = |schema| {
            let told = |wrong: Violation| format!("{} at {}", wrong.message, wrong.pointer);
            Shape::new(schema, sample).map_err(told)
        };
        match schema.and_then(compiled) {
            Ok(shape) => {
                must_fit(&shape, shape.sample(), "sample", fields, report);
                Some(shape)
            }
            Err(message) => {
                fields.wrong(report, "schema", message);
                None
            }
        }
    }

    fn answer(&self, mut fields: Fields<'_>, report: &mut Report) -> Option<Answer> {
        let within_ms = fields.number(report, "within_ms", WITHIN_MS_MAX);
        let default = fields.json(report, "default");
        let shape = self.shape(&mut fields, report);
        fields.nothing_left(report);
        let (default, shape) = (default?, shape?);
        must_fit(&shape, &default, "default", &fields, report);
        Some(Answer { within_ms: within_ms?, default, shape })
    }
}

fn must_fit(shape: &Shape, value: &Value, field: &str, fields: &Fields<'_>, report: &mut Report) {
    for violation in shape.validate(value).err().into_iter().flatten() {
        fields.wrong(report, field, format!("does not fit the schema: {violation}"));
    }
}

/// Reads one alias. Also called for aliases that a workspace gives its types.
pub(crate) fn read_alias(
    mut fields: Fields<'_>,
    file: &str,
    event_type: &TypeName,
    place: usize,
    report: &mut Report,
) -> Option<Alias> {
    let name = fields.text(report, "name");
    let good = |c: char| !c.is_control() && !c.is_whitespace() && c != '*';
    if let Some(name) =
        name.as_ref().filter(|name| name.len() > ALIAS_BYTES_MAX || !name.chars().all(good))
    {
        fields.wrong(
            report,
            "name",
            format!("{name:?} is not a name: no white space, no star, not too long"),
        );
    }
    let system = fields.text(report, "system");
    let system = system
        .and_then(|word| word_of(&fields, report, "system", &word, System::ALL, System::as_str));
    let plugin = fields.optional_text(report, "plugin");
    let deprecated = fields.flag(report, "deprecated");
    let conditions = fields.optional_table(report, "where").unwrap_or_default();
    fields.nothing_left(report);

    let prefix = format!("aliases.{place}.where.");
    let mut conditions = Fields::new(file, Some(event_type.as_str()), prefix, conditions);
    let constraints = conditions.rest().into_iter();
    let constraints = constraints
        .filter_map(|(key, value)| read_constraint(&conditions, &key, value, report))
        .collect();
    Some(Alias { name: name?, system: system?, constraints, plugin, deprecated })
}

fn read_constraint(
    fields: &Fields<'_>,
    key: &str,
    value: Value,
    report: &mut Report,
) -> Option<Constraint> {
    if let Some(path) = key.strip_prefix("data.") {
        let path = DataPath::parse(path);
        if path.is_none() {
            fields.wrong(report, key, "is not a path: names joined by dots, not too many");
        }
        if matches!(value, Value::Array(_) | Value::Object(_)) {
            fields.wrong(report, key, "must be one value, not a list or a table");
        }
        return path.map(|path| Constraint::Data { path, value });
    }
    if !["channel", "author", "scope"].contains(&key) {
        fields.wrong(report, key, "is not a constraint: channel, author, scope and data.PATH are");
        return None;
    }
    let Value::String(word) = value else {
        fields.wrong(report, key, "must be a text");
        return None;
    };
    match key {
        "channel" if is_word(&word) => Some(Constraint::Channel(word)),
        "channel" => {
            fields.wrong(report, key, format!("{word:?} is not the word for a kind of channel"));
            None
        }
        "author" => word_of(fields, report, key, &word, &AuthorKind::ALL, AuthorKind::as_str)
            .map(Constraint::Author),
        _ => word_of(fields, report, key, &word, Audience::ALL, Audience::as_str)
            .map(Constraint::Scope),
    }
}

/// A constraint that can never hold makes an alias that nobody hears: it must agree with what the type says.
pub(crate) fn check_constraints(
    fields: &Fields<'_>,
    place: usize,
    alias: &Alias,
    heard_by: &[Audience],
    channels: &[String],
    schema: Option<&Value>,
    report: &mut Report,
) {
    for constraint in &alias.constraints {
        let message = match constraint {
            Constraint::Channel(kind) if !channels.is_empty() && !channels.contains(kind) => {
                format!(
                    "{:?} is for the channel {kind:?}, which is not among the type's channels",
                    alias.name
                )
            }
            Constraint::Scope(audience) if !heard_by.contains(audience) => {
                format!("{:?} is for {:?}, which is not in heard_by", alias.name, audience.as_str())
            }
            Constraint::Data { path, .. }
                if schema.is_some_and(|schema| {
                    schema.pointer(&format!("/properties/{}", path.first())).is_none()
                }) =>
            {
                format!(
                    "{:?} asks for the field {:?}, which is not in the schema",
                    alias.name,
                    path.first()
                )
            }
            Constraint::Channel(_)
            | Constraint::Author(_)
            | Constraint::Scope(_)
            | Constraint::Data { .. } => continue,
        };
        fields.wrong(report, &format!("aliases.{place}.where.{}", constraint.to_pair().0), message);
    }
}

fn word_of<T: Copy>(
    fields: &Fields<'_>,
    report: &mut Report,
    field: &str,
    word: &str,
    all: &[T],
    as_str: impl Fn(T) -> &'static str,
) -> Option<T> {
    let found = all.iter().copied().find(|each| as_str(*each) == word);
    if found.is_none() {
        let words = all.iter().map(|each| as_str(*each)).collect::<Vec<_>>().join(", ");
        fields.wrong(report, field, format!("{word:?} is none of {words}"));
    }
    found
}
