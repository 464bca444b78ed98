//! Functions of Twig and of Cerb, most of which are filters in Tidings.

use super::values::{Written, fixed};
use super::{Kind, Piece, Writer, filters, patterns, quoted};
use crate::twig::{Argument, Expression, Untranslatable};

/// Functions that only dress up what Cerb's own pages show: nothing stands in their place.
const DRESS: [&str; 5] = [
    "cerb_avatar_image",
    "cerb_avatar_url",
    "cerb_file_url",
    "cerb_url",
    "cerb_placeholders_list_html",
];

pub(super) fn call(writer: &mut Writer<'_>, name: &str, arguments: &[Argument]) -> Written {
    if DRESS.contains(&name) {
        writer
            .names
            .gap(&format!("{name}()"), "it points into Cerb's own pages, so nothing stands here");
        return Ok(Piece::literal(""));
    }
    match name {
        "date" => return date(writer, arguments),
        "range" => return of_range(writer, arguments),
        "random" => return random(writer, arguments),
        "cerb_placeholders_list" | "placeholders_list" => {
            return Ok(Piece::path("vars", Kind::Map));
        }
        _ => {}
    }
    if let Some(written) = of_sets(writer, name, arguments)? {
        return Ok(written);
    }
    if let Some(written) = of_texts(writer, name, arguments)? {
        return Ok(written);
    }
    Err(Untranslatable::new(format!("the function `{name}()` has no counterpart")))
}

/// The first argument as a value, and the others as they are written.
fn first_of(
    writer: &mut Writer<'_>,
    name: &str,
    arguments: &[Argument],
) -> Result<(Piece, Vec<String>), Untranslatable> {
    let (first, others) = arguments
        .split_first()
        .ok_or_else(|| Untranslatable::new(format!("`{name}()` is given nothing")))?;
    Ok((writer.value(&first.value)?, writer.written(others)?))
}

/// Functions over lists and mappings.
fn of_sets(
    writer: &mut Writer<'_>,
    name: &str,
    arguments: &[Argument],
) -> Result<Option<Piece>, Untranslatable> {
    const FILTERS: [(&str, &str, Kind); 14] = [
        ("array_column", "column", Kind::List),
        ("array_combine", "combine", Kind::Map),
        ("array_count_values", "count_values", Kind::Map),
        ("array_diff", "difference", Kind::List),
        ("array_intersect", "intersect", Kind::List),
        ("array_sum", "sum", Kind::Number),
        ("array_unique", "unique", Kind::List),
        ("array_values", "values", Kind::List),
        ("dict_set", "put", Kind::Map),
        ("dict_unset", "take_out", Kind::Map),
        ("jsonpath_set", "put", Kind::Map),
        ("shuffle", "shuffle", Kind::List),
        ("clamp_int", "clamp", Kind::Number),
        ("clamp_float", "clamp", Kind::Number),
    ];
    if let Some((_, filter, kind)) = FILTERS.into_iter().find(|(known, ..)| *known == name) {
        let (first, others) = first_of(writer, name, arguments)?;
        let first = match name {
            "clamp_int" => super::operators::number(first, true),
            "clamp_float" => super::operators::number(first, false),
            _ => first,
        };
        // A place in a mapping may be a number; a path is a text.
        let others: Vec<String> =
            if filter == "put" || filter == "take_out" { path_first(others) } else { others };
        let filter = if others.is_empty() {
            filter.to_owned()
        } else {
            format!("{filter}({})", others.join(", "))
        };
        return Ok(Some(first.filtered(filter, kind)));
    }
    match name {
        "max" | "min" if arguments.len() == 1 => {
            let (first, _) = first_of(writer, name, arguments)?;
            Ok(Some(first.filtered(name, Kind::Number)))
        }
        "max" | "min" => {
            let mut written = Vec::new();
            for argument in arguments {
                let value = writer.value(&argument.value)?;
                written.push(super::operators::number(value, false).alone());
            }
            Ok(Some(Piece::chain(format!("{name}({})", written.join(", ")), Kind::Number)))
        }
        "cycle" => {
            let (first, others) = first_of(writer, name, arguments)?;
            let place = others.first().cloned().unwrap_or_else(|| "0".to_owned());
            let list = first.operand();
            Ok(Some(Piece::path(format!("({list})[({place}) % ({list} | length)]"), Kind::Unknown)))
        }
        "attribute" => {
            let (first, others) = first_of(writer, name, arguments)?;
            let key = others.first().cloned().unwrap_or_default();
            Ok(Some(first.item(&Piece::chain(key, Kind::Unknown))))
        }
        "array_matches" | "array_extract_keys" => {
            let (first, _) = first_of(writer, name, arguments)?;
            let Some(Expression::List(items)) = arguments.get(1).map(|argument| &argument.value)
            else {
                return Err(Untranslatable::new(format!(
                    "`{name}()` with a list that is not fixed"
                )));
            };
            let items = writer.all(items)?.join(", ");
            let filter = if name == "array_matches" {
                format!("select('like', {items})")
            } else {
                format!("map('only', {items})")
            };
            Ok(Some(first.filtered(filter, Kind::List)))
        }
        _ => Ok(None),
    }
}

/// A path that is a bare number as a text.
fn path_first(mut written: Vec<String>) -> Vec<String> {
    if let Some(path) = written.first_mut() {
        if path.bytes().all(|c| c.is_ascii_digit()) {
            *path = format!("'{path}'");
        } else if !path.starts_with('\'') {
            *path = format!("({path}) | string");
        }
    }
    written
}

/// Functions over texts, JSON and XML.
fn of_texts(
    writer: &mut Writer<'_>,
    name: &str,
    arguments: &[Argument],
) -> Result<Option<Piece>, Untranslatable> {
    let piece = match name {
        "json_decode" => {
            first_of(writer, name, arguments)?.0.filtered("parse_json('')", Kind::Unknown)
        }
        "random_string" => {
            let length =
                writer.written(arguments)?.into_iter().next().unwrap_or_else(|| "8".to_owned());
            Piece::chain(format!("random_string({length})"), Kind::Text)
        }
        "regexp_match_all" => {
            let pattern =
                fixed(arguments.first().map(|argument| &argument.value)).ok_or_else(|| {
                    Untranslatable::new("a pattern that is not fixed has no counterpart")
                })?;
            let pattern = quoted(&patterns::translated(pattern)?);
            let (text, others) = first_of(writer, name, arguments.get(1..).unwrap_or_default())?;
            let group = others.first().map(|group| format!(", {group}")).unwrap_or_default();
            text.filtered(format_args!("regex_find_all({pattern}{group})"), Kind::List)
        }
        "validate_email" => first_of(writer, name, arguments)?
            .0
            .tested(r"matching('^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$')"),
        "validate_number" => first_of(writer, name, arguments)?.0.tested("numeric"),
        // XML stays a text here, and what is looked for in it is found by its path.
        "xml_decode" | "xml_encode" => first_of(writer, name, arguments)?.0,
        "xml_xpath" => {
            let (xml, others) = first_of(writer, name, arguments)?;
            let path = others.first().cloned().unwrap_or_default();
            xml.filtered(format_args!("xpath({path})"), Kind::List)
        }
        "xml_tag" => first_of(writer, name, arguments)?.0.member("name"),
        "xml_attrs" => first_of(writer, name, arguments)?.0.member("attributes"),
        "xml_attr" => {
            let key = fixed(arguments.get(1).map(|argument| &argument.value))
                .ok_or_else(|| Untranslatable::new("`xml_attr()` with a name that is not fixed"))?;
            first_of(writer, name, arguments)?.0.member("attributes").member(key)
        }
        _ => return Ok(None),
    };
    Ok(Some(piece))
}

fn date(writer: &mut Writer<'_>, arguments: &[Argument]) -> Written {
    let places = writer.in_places("date", arguments, &["date", "timezone"])?;
    let zone = match places.get(1).copied().flatten() {
        Some(zone) => Some(writer.value(zone)?.alone()),
        None => None,
    };
    match places.first().copied().flatten() {
        None => Ok(Piece::path("now", Kind::Time)),
        Some(of @ Expression::Text(_)) => filters::time(writer, of, zone.as_deref()),
        Some(of) => {
            let zone = zone.map(|zone| format!(", {zone}")).unwrap_or_default();
            let of = writer.value(of)?;
            Ok(Piece::chain(format!("date({}{zone})", of.as_str()), Kind::Time))
        }
    }
}

fn of_range(writer: &mut Writer<'_>, arguments: &[Argument]) -> Written {
    let [from, to] = arguments else {
        return Err(Untranslatable::new("`range()` with a step has no counterpart"));
    };
    let (a, b) = (writer.value(&from.value)?, writer.value(&to.value)?);
    let (a, b) = (super::operators::number(a, true), super::operators::number(b, true));
    Ok(range(&a, &b, &to.value))
}

/// Twig's range has its end in it.
pub(super) fn range(from: &Piece, to: &Piece, end: &Expression) -> Piece {
    let fixed = fixed(Some(end)).and_then(|number| number.parse::<i64>().ok());
    let end = fixed.map(|number| number.saturating_add(1).to_string());
    let end = end.unwrap_or_else(|| format!("{} + 1", to.operand()));
    Piece::chain(format!("range({}, {end})", from.as_str()), Kind::List)
}

fn random(writer: &mut Writer<'_>, arguments: &[Argument]) -> Written {
    let written = writer.written(arguments)?;
    Ok(match arguments.first().map(|argument| &argument.value) {
        None => Piece::chain("random(2147483647)", Kind::Number),
        Some(Expression::Number(_)) => {
            Piece::chain(format!("random({})", written.join(", ")), Kind::Number)
        }
        Some(_) => Piece::chain(format!("random({})", written.join(", ")), Kind::Unknown),
    })
}
