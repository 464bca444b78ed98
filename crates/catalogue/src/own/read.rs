//! A type as a workspace gives it, as JSON, and back. Called by `app` for what the API and files bring, and for what is
//! stored: what is stored was read once, so reading it again gives the same type.

use serde_json::{Map, Value, json};
use tidings_model::TypeName;

use super::check::{SCHEMA_BYTES_MAX, checked};
use super::given::Given;
use super::wrong::{Wrong, WrongCode, step};
use crate::catalogue::Catalogue;
use crate::describe::describe_alias;
use crate::entry::{self, VERSION_MAX};
use crate::error::Report;
use crate::event_type::{Alias, Audience, EventType, Kind, Origin, Status, System};
use crate::fields::Fields;
use crate::shape::{Shape, Violation};

/// The largest sample, in bytes of JSON.
pub const SAMPLE_BYTES_MAX: usize = 64 * 1_024;

/// The area of all types of a workspace, for people.
const AREA: &str = "Own types";

/// How one arises unless its maker says more.
const RAISED_BY: &str = "The API sends it, or a behavior.";

/// Reads a type, for a workspace that knows what is in the catalogue; or says all that is wrong with it. A type of the
/// workspace that has the same name is the one that is changed.
pub fn read(catalogue: &Catalogue, given: &Value) -> Result<EventType, Vec<Wrong>> {
    let mut given = Given::new(given);
    let name = name(&mut given, catalogue);
    let title = given.needed_words("title");
    let description = given.sentences("description");
    let group = given.words("group");
    kind(&mut given);
    let version = given.number("version", VERSION_MAX);
    let status = given.take("status");
    let status = status.and_then(|word| given.word("/status", &word, Status::ALL, Status::as_str));
    let raised_by = given.words("raised_by");
    let heard_by = heard_by(&mut given);
    let channels = channels(&mut given);
    let data = shape(&mut given);
    let aliases = aliases(&mut given, catalogue, name.as_ref());
    if let Some(name) = &name {
        let schema = data.as_ref().map(Shape::schema);
        check_aliases(&mut given, name, &aliases, (&heard_by, &channels), schema);
    }
    given.nothing_left();
    match (name, title, data) {
        (Some(name), Some(title), Some(data)) if given.wrongs.is_empty() => Ok(EventType {
            name,
            origin: Origin::Workspace,
            status: status.unwrap_or(Status::Stable),
            title,
            description,
            group: group.unwrap_or_else(|| AREA.to_owned()),
            area: AREA.to_owned(),
            kind: Kind::After,
            version: version.unwrap_or(1),
            heard_by,
            channels,
            raised_by: raised_by.unwrap_or_else(|| RAISED_BY.to_owned()),
            plugin: None,
            aliases,
            answer: None,
            data,
        }),
        _ => Err(given.wrongs.into_vec()),
    }
}

/// A type as it is given: reading it gives the type again.
pub fn written(event_type: &EventType) -> Value {
    json!({
        "name": event_type.name.as_str(),
        "title": event_type.title,
        "description": event_type.description,
        "group": event_type.group,
        "kind": event_type.kind.as_str(),
        "version": event_type.version,
        "status": event_type.status.as_str(),
        "raised_by": event_type.raised_by,
        "heard_by": event_type.heard_by.iter().map(|each| each.as_str()).collect::<Vec<_>>(),
        "channels": event_type.channels,
        "schema": event_type.schema(),
        "sample": event_type.sample(),
        "aliases": event_type.aliases.iter().map(describe_alias).collect::<Vec<_>>(),
    })
}

fn name(given: &mut Given, catalogue: &Catalogue) -> Option<TypeName> {
    let name = given.needed_words("name")?;
    let parsed = match name.parse::<TypeName>() {
        Ok(parsed) => parsed,
        Err(error) => {
            given.wrong("name", WrongCode::InvalidName, error.to_string());
            return None;
        }
    };
    if let Some(owner) = taken(catalogue, &name, &parsed) {
        given.wrong("name", WrongCode::NameTaken, format!("the name {name:?} is taken by {owner}"));
    }
    Some(parsed)
}

/// Who has a name already, if it is not the type that is read.
fn taken(catalogue: &Catalogue, name: &str, of: &TypeName) -> Option<TypeName> {
    let owner = catalogue.resolve(name)?.event_type;
    let is_itself = owner.origin == Origin::Workspace && owner.name == *of;
    (!is_itself).then(|| owner.name.clone())
}

/// Only facts: for a question, something of ours must wait for the answer.
fn kind(given: &mut Given) {
    let Some(value) = given.take("kind") else { return };
    let kind = given.word("/kind", &value, Kind::ALL, Kind::as_str);
    if kind.is_some_and(|kind| kind != Kind::After) {
        let message = "must be after: nobody here would wait for an answer";
        given.wrong("kind", WrongCode::KindNotSupported, message);
    }
}

fn heard_by(given: &mut Given) -> Vec<Audience> {
    let Some(words) = given.list("heard_by") else { return vec![Audience::App] };
    if words.is_empty() {
        given.wrong("heard_by", WrongCode::Missing, "somebody must hear it");
    }
    let mut heard_by = Vec::new();
    for (place, word) in words.iter().enumerate() {
        let pointer = format!("/heard_by/{place}");
        let audience = given.word(&pointer, word, Audience::ALL, Audience::as_str);
        heard_by.extend(audience.filter(|audience| !heard_by.contains(audience)));
    }
    heard_by
}

fn channels(given: &mut Given) -> Vec<String> {
    let mut channels = Vec::new();
    for (place, word) in given.list("channels").unwrap_or_default().into_iter().enumerate() {
        match word.as_str().filter(|word| entry::is_word(word)) {
            Some(word) => channels.push(word.to_owned()),
            None => given.wrongs.add(
                format!("/channels/{place}"),
                WrongCode::UnknownWord,
                "must be the word for a kind of channel, as telegram",
            ),
        }
    }
    channels
}

fn shape(given: &mut Given) -> Option<Shape> {
    let sample = given.needed("sample");
    let schema = given.needed("schema")?;
    if bytes_of(&schema) > SCHEMA_BYTES_MAX {
        let message = format!("must have at most {SCHEMA_BYTES_MAX} bytes of JSON");
        given.wrong("schema", WrongCode::TooLong, message);
        return None;
    }
    let faults = &mut super::wrong::Wrongs::default();
    let schema = checked(schema, faults);
    for wrong in std::mem::take(faults).into_vec() {
        given.wrongs.add(wrong.pointer, wrong.code, wrong.message);
    }
    let (schema, sample) = (schema?, sample?);
    if bytes_of(&sample) > SAMPLE_BYTES_MAX {
        let message = format!("must have at most {SAMPLE_BYTES_MAX} bytes of JSON");
        given.wrong("sample", WrongCode::TooLong, message);
        return None;
    }
    match Shape::new(schema, sample) {
        Ok(shape) => {
            for violation in shape.validate(shape.sample()).err().into_iter().flatten() {
                given.wrongs.add(
                    format!("/sample{}", violation.pointer),
                    WrongCode::SampleDoesNotFit,
                    format!("does not fit the schema: {}", violation.message),
                );
            }
            Some(shape)
        }
        Err(Violation { pointer, message }) => {
            let is_pattern = pointer.ends_with("/pattern");
            let code =
                if is_pattern { WrongCode::InvalidPattern } else { WrongCode::InvalidSchema };
            given.wrongs.add(format!("/schema{pointer}"), code, message);
            None
        }
    }
}

fn bytes_of(value: &Value) -> usize {
    value.to_string().len()
}

/// An alias is written as in the files, or as its name alone.
fn aliases(given: &mut Given, catalogue: &Catalogue, of: Option<&TypeName>) -> Vec<Alias> {
    let mut aliases: Vec<Alias> = Vec::new();
    for (place, alias) in given.list("aliases").unwrap_or_default().into_iter().enumerate() {
        let pointer = format!("/aliases/{place}");
        let table = match alias {
            Value::String(name) => Map::from_iter([("name".to_owned(), Value::String(name))]),
            Value::Object(table) => table,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
                let message = "must be a name, or an object with a name";
                given.wrongs.add(pointer, WrongCode::WrongKindOfValue, message);
                continue;
            }
        };
        let Some(of) = of else { continue };
        let Some(alias) = alias_of(given, of, place, table) else { continue };
        let pointer = step(&pointer, "name");
        let is_own = alias.name == of.as_str();
        if is_own || aliases.iter().any(|other| other.name == alias.name) {
            given.wrongs.add(pointer, WrongCode::NameTaken, "the type has this name already");
        } else if let Some(owner) = taken(catalogue, &alias.name, of) {
            let message = format!("the name {:?} is taken by {owner}", alias.name);
            given.wrongs.add(pointer, WrongCode::NameTaken, message);
        } else {
            aliases.push(alias);
        }
    }
    aliases
}

fn alias_of(
    given: &mut Given,
    of: &TypeName,
    place: usize,
    mut table: Map<String, Value>,
) -> Option<Alias> {
    table.entry("system").or_insert_with(|| System::Own.as_str().into());
    let fields = Fields::new("", Some(of.as_str()), format!("aliases.{place}."), table);
    let mut report = Report::default();
    let alias = entry::read_alias(fields, "", of, place, &mut report);
    take_over(given, report).then_some(alias).flatten()
}

fn check_aliases(
    given: &mut Given,
    of: &TypeName,
    aliases: &[Alias],
    (heard_by, channels): (&[Audience], &[String]),
    schema: Option<&Value>,
) {
    let mut report = Report::default();
    let fields = Fields::new("", Some(of.as_str()), String::new(), Map::new());
    for (place, alias) in aliases.iter().enumerate() {
        entry::check_constraints(&fields, place, alias, heard_by, channels, schema, &mut report);
    }
    take_over(given, report);
}

/// Takes over what the reader of files says of aliases; says whether it said nothing.
fn take_over(given: &mut Given, report: Report) -> bool {
    let Err(error) = report.into_result() else { return true };
    for wrong in error.wrong {
        let field = wrong.field.unwrap_or_default();
        // The name of a condition has dots of its own.
        let pointer = match field.split_once(".where.") {
            Some((before, key)) => step(&format!("/{}/where", before.replace('.', "/")), key),
            None => format!("/{}", field.replace('.', "/")),
        };
        given.wrongs.add(pointer, WrongCode::InvalidAlias, wrong.message);
    }
    false
}
