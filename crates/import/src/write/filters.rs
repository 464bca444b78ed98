//! Filters of Twig and of Cerb. One that is called otherwise in Tidings gets its name there, with its arguments in place.

use super::values::{Written, fixed};
use super::{Kind, Piece, Writer, dates, patterns, quoted};
use crate::twig::{Argument, Expression, Untranslatable};

pub(super) fn filter(
    writer: &mut Writer<'_>,
    of: &Expression,
    name: &str,
    arguments: &[Argument],
) -> Written {
    // A hash in raw bytes is only ever written on in base64.
    if matches!(name, "base64_encode" | "base64url_encode")
        && let Expression::Filter(inner, hash, hashed) = of
        && hash == "hash_hmac"
        && hashed.len() == 3
    {
        return hmac(
            writer,
            inner,
            hashed,
            if name == "base64_encode" { "base64" } else { "base64url" },
        );
    }
    if let Some(piece) = of_dates(writer, of, name, arguments)? {
        return Ok(piece);
    }
    let piece = writer.value(of)?;
    if let Some((word, kind)) = same(name) {
        let arguments = writer.written(arguments)?;
        let word = if arguments.is_empty() {
            word.to_owned()
        } else {
            format!("{word}({})", arguments.join(", "))
        };
        return Ok(piece.filtered(word, kind.unwrap_or(piece.kind)));
    }
    other(writer, piece, name, arguments)
}

/// Filters that are the same but for their names: the argument's places are the same, too.
fn same(name: &str) -> Option<(&'static str, Option<Kind>)> {
    const SAME: [(&str, &str, Option<Kind>); 41] = [
        ("abs", "abs", Some(Kind::Number)),
        ("alphanum", "alphanum", Some(Kind::Text)),
        ("base64_encode", "base64", Some(Kind::Text)),
        ("base64_decode", "unbase64", Some(Kind::Text)),
        ("base64url_encode", "base64url", Some(Kind::Text)),
        ("base64url_decode", "unbase64", Some(Kind::Text)),
        ("base_convert", "base_convert", Some(Kind::Text)),
        ("batch", "batch", Some(Kind::List)),
        ("bytes_pretty", "bytes", Some(Kind::Text)),
        ("capitalize", "capitalize", Some(Kind::Text)),
        ("column", "column", Some(Kind::List)),
        ("csv", "csv", Some(Kind::Text)),
        ("date_pretty", "ago", Some(Kind::Text)),
        ("format", "format", Some(Kind::Text)),
        ("html_to_text", "html_to_text", Some(Kind::Text)),
        ("indent", "indent", Some(Kind::Text)),
        ("keys", "keys", Some(Kind::List)),
        ("lower", "lower", Some(Kind::Text)),
        ("markdown_to_html", "markdown", Some(Kind::Text)),
        ("md5", "md5", Some(Kind::Text)),
        ("merge", "merge", None),
        ("nl2br", "nl2br", Some(Kind::Text)),
        ("parse_csv", "parse_csv", Some(Kind::List)),
        ("parse_url", "parse_url", Some(Kind::Map)),
        ("permalink", "slug", Some(Kind::Text)),
        ("quote", "quote", Some(Kind::Text)),
        ("repeat", "repeat", Some(Kind::Text)),
        ("reverse", "reverse", None),
        ("sha1", "sha1", Some(Kind::Text)),
        ("shuffle", "shuffle", None),
        ("slice", "part", None),
        ("split_crlf", "lines", Some(Kind::List)),
        ("str_pos", "position", Some(Kind::Number)),
        ("strip_lines", "strip_lines", Some(Kind::Text)),
        ("striptags", "striptags", Some(Kind::Text)),
        ("title", "title", Some(Kind::Text)),
        ("tokenize", "words", Some(Kind::List)),
        ("unescape", "unescape", Some(Kind::Text)),
        ("upper", "upper", Some(Kind::Text)),
        ("url_decode", "urldecode", Some(Kind::Text)),
        ("values", "values", Some(Kind::List)),
    ];
    SAME.into_iter().find(|(known, ..)| *known == name).map(|(_, word, kind)| (word, kind))
}

fn other(writer: &mut Writer<'_>, piece: Piece, name: &str, arguments: &[Argument]) -> Written {
    let given = writer.written(arguments)?;
    let argument = |place: usize| arguments.get(place).map(|argument| &argument.value);
    Ok(match name {
        // These change nothing: Tidings escapes nothing by itself, and its texts are Unicode.
        "raw" | "convert_encoding" => piece,
        "escape" | "e" => match fixed(argument(0)).unwrap_or("html") {
            "html" | "html_attr" => piece.filtered("escape", Kind::Text),
            "url" => piece.filtered("urlencode", Kind::Text),
            other => return Err(refused(&format!("escaping for {other}"))),
        },
        "json_encode" => piece.filtered("json", Kind::Text),
        "json_pretty" => piece.filtered("json(4)", Kind::Text),
        "url_encode" | "urlencode" => piece.filtered("urlencode", Kind::Text),
        "default" => {
            let places = writer.in_places(name, arguments, &["default"])?;
            let other = match places.first().copied().flatten() {
                Some(other) => writer.value(other)?,
                None => Piece::literal(""),
            };
            let kind = if piece.kind == other.kind { piece.kind } else { Kind::Unknown };
            let text = format!(
                "{} if {} is not empty else {}",
                piece.operand(),
                piece.operand(),
                other.operand()
            );
            Piece::loose(text, kind)
        }
        // A mapping has its values here, not its keys.
        "first" | "last" | "join" => {
            let piece = match piece.kind {
                Kind::List | Kind::Text => piece,
                Kind::Unknown | Kind::Number | Kind::Truth | Kind::Map | Kind::Time => {
                    piece.filtered("values", Kind::List)
                }
            };
            if name != "join" {
                let kind = if piece.kind == Kind::Text { Kind::Text } else { Kind::Unknown };
                return Ok(piece.filtered(name, kind));
            }
            if given.len() > 1 {
                return Err(refused("`join` with a last separator of its own"));
            }
            piece.filtered(called("join", &given), Kind::Text)
        }
        "length" => {
            let piece = match piece.kind {
                Kind::Unknown => piece.filtered("default([], true)", Kind::Unknown),
                Kind::Text | Kind::Number | Kind::Truth | Kind::List | Kind::Map | Kind::Time => {
                    piece
                }
            };
            piece.filtered("length", Kind::Number)
        }
        "append" => {
            let (suffix, between) = (given.first(), given.get(1));
            let suffix = suffix.cloned().unwrap_or_else(|| "''".to_owned());
            let between = between.cloned().unwrap_or_else(|| "''".to_owned());
            let list = Piece::chain(format!("[{}, {suffix}]", piece.as_str()), Kind::List);
            list.filtered("select", Kind::List)
                .filtered(format_args!("join({between})"), Kind::Text)
        }
        "context_name" | "context_alias" => match crate::records::fixed_type(piece.as_str()) {
            Some(name) => Piece::literal(&name.replace('_', " ")),
            None => piece.filtered("replace('_', ' ')", Kind::Text),
        },
        "hash_hmac" => match argument(2) {
            None | Some(Expression::Truth(false)) => piece.filtered(
                called("hmac", given.get(..2.min(given.len())).unwrap_or_default()),
                Kind::Text,
            ),
            Some(_) => return Err(refused("`hash_hmac` that gives raw bytes")),
        },
        "number_format" => {
            let places =
                writer.in_places(name, arguments, &["decimal", "decimal_point", "thousand_sep"])?;
            let mut written = Vec::new();
            for (place, usual) in places.into_iter().zip(["0", "'.'", "','"]) {
                written.push(match place {
                    Some(value) => writer.value(value)?.alone(),
                    None => usual.to_owned(),
                });
            }
            piece.filtered(called("number", &written), Kind::Text)
        }
        "parse_emails" => piece.filtered("parse_emails", Kind::List),
        "regexp" => {
            let places = writer.in_places(name, arguments, &["pattern", "group"])?;
            let pattern = patterns::translated(
                fixed(places.first().copied().flatten())
                    .ok_or_else(|| refused("a pattern that is not fixed"))?,
            )?;
            let group = match places.get(1).copied().flatten() {
                Some(group) => format!(", {}", writer.value(group)?.as_str()),
                None => String::new(),
            };
            piece.filtered(format_args!("regex_find({}{group})", quoted(&pattern)), Kind::Text)
        }
        "replace" => {
            let places = writer.in_places(name, arguments, &["from", "to"])?;
            let mut written = Vec::new();
            for place in places.into_iter().flatten() {
                written.push(writer.value(place)?.alone());
            }
            piece.filtered(called("replace", &written), Kind::Text)
        }
        "round" => {
            super::operators::number(piece, false).filtered(called("round", &given), Kind::Number)
        }
        "secs_pretty" => piece.filtered("duration", Kind::Text),
        "sort" if given.is_empty() => piece.filtered("sort", Kind::List),
        "spaceless" => piece
            .filtered(r"regex_replace('>\\s+<', '><')", Kind::Text)
            .filtered("trim", Kind::Text),
        "split" => split(&piece, &given, argument(1))?,
        "split_csv" => piece.filtered("split(',')", Kind::List).filtered("map('trim')", Kind::List),
        "stat" => piece.filtered(called("stats", &given), Kind::Number),
        "str_sub" => {
            let (from, to) = (
                given.first().cloned().unwrap_or_default(),
                given.get(1).cloned().unwrap_or_default(),
            );
            piece.filtered(format_args!("part({from}, ({to}) - ({from}))"), Kind::Text)
        }
        "trim" => {
            let places = writer.in_places(name, arguments, &["character_mask", "side"])?;
            let side = fixed(places.get(1).copied().flatten()).unwrap_or("both").to_owned();
            let mask = match places.first().copied().flatten() {
                Some(Expression::Nothing) | None => None,
                Some(mask) => Some(writer.value(mask)?.alone()),
            };
            match (mask, side.as_str()) {
                (None, "both") => piece.filtered("trim", Kind::Text),
                (Some(mask), "both") => piece.filtered(format_args!("trim({mask})"), Kind::Text),
                (mask, side) => {
                    let mask = mask.unwrap_or_else(|| "' \\t\\n\\r'".to_owned());
                    piece.filtered(format_args!("trim({mask}, {})", quoted(side)), Kind::Text)
                }
            }
        }
        "truncate" => {
            let length = given.first().cloned().unwrap_or_else(|| "30".to_owned());
            piece.filtered(format_args!("truncate({length}, '...')"), Kind::Text)
        }
        other => return Err(refused(&format!("the filter `{other}`"))),
    })
}

fn split(piece: &Piece, given: &[String], times: Option<&Expression>) -> Written {
    let separator = given.first().cloned().unwrap_or_else(|| "''".to_owned());
    let split = match times {
        None => format!("split({separator})"),
        // Twig says how many parts there are, Tidings how often it is split.
        Some(Expression::Number(parts)) => {
            let parts: usize = parts.parse().map_err(|_| refused("`split` with such a limit"))?;
            format!("split({separator}, {})", parts.saturating_sub(1))
        }
        Some(_) => return Err(refused("`split` with a limit that is not fixed")),
    };
    Ok(piece.filtered(split, Kind::List))
}

fn of_dates(
    writer: &mut Writer<'_>,
    of: &Expression,
    name: &str,
    arguments: &[Argument],
) -> Result<Option<Piece>, Untranslatable> {
    match name {
        "date" => {
            let places = writer.in_places(name, arguments, &["format", "timezone"])?;
            let format = match places.first().copied().flatten() {
                None | Some(Expression::Nothing) => dates::USUAL,
                Some(Expression::Text(format)) => format,
                Some(_) => return Err(refused("a format of a date that is not fixed")),
            };
            let format = quoted(&dates::format(format)?);
            let zone = match places.get(1).copied().flatten() {
                None | Some(Expression::Nothing | Expression::Truth(_)) => None,
                Some(zone) => Some(writer.value(zone)?.alone()),
            };
            let zone_argument = zone.as_ref().map(|zone| format!(", {zone}")).unwrap_or_default();
            let time = time(writer, of, zone.as_deref())?;
            Ok(Some(time.filtered(format_args!("date({format}{zone_argument})"), Kind::Text)))
        }
        "date_modify" => {
            let change =
                arguments.first().ok_or_else(|| refused("`date_modify` without a change"))?;
            let change = writer.value(&change.value)?.alone();
            let time = time(writer, of, None)?;
            Ok(Some(time.filtered(format_args!("date_modify({change})"), Kind::Time)))
        }
        _ => Ok(None),
    }
}

/// A point in time: a text that is fixed is read as Cerb reads it, from the time of the run.
pub(super) fn time(writer: &mut Writer<'_>, of: &Expression, zone: Option<&str>) -> Written {
    let Expression::Text(text) = of else { return writer.value(of) };
    if text.is_empty() || text == "now" {
        return Ok(Piece::path("now", Kind::Time));
    }
    if text.bytes().all(|c| c.is_ascii_digit()) {
        return Ok(Piece::chain(text.clone(), Kind::Number));
    }
    let zone = zone.map(|zone| format!(", {zone}")).unwrap_or_default();
    Ok(Piece::chain(format!("date({}{zone})", quoted(text)), Kind::Time))
}

fn hmac(writer: &mut Writer<'_>, of: &Expression, arguments: &[Argument], output: &str) -> Written {
    let piece = writer.value(of)?;
    let given = writer.written(arguments.get(..2).unwrap_or_default())?;
    Ok(piece.filtered(format_args!("hmac({}, '{output}')", given.join(", ")), Kind::Text))
}

fn called(name: &str, arguments: &[String]) -> String {
    if arguments.is_empty() { name.to_owned() } else { format!("{name}({})", arguments.join(", ")) }
}

fn refused(what: &str) -> Untranslatable {
    Untranslatable::new(format!("{what} has no counterpart"))
}
