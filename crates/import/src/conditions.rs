//! Cerb's conditions as expressions. Called for every outcome.
//!
//! Texts are compared without regard to case, as Cerb does; a negated operator is the same one turned round.

use serde_json::{Map, Value};

use crate::document::{NodeDocument, number, text_of, texts, truth};
use crate::field::as_expression;
use crate::scope::Scope;
use crate::twig::Untranslatable;
use crate::write::patterns;
use crate::write::{Kind, Names as _, Piece, quoted};
use crate::yaml::{Step, Yaml};

/// The most conditions of one list, as Tidings takes them.
const LIST_MAX: usize = 100;

/// What an outcome demands.
pub(crate) enum Demand {
    /// Nothing.
    Nothing,
    /// This holds.
    Condition(Yaml),
    /// A part of it has no counterpart; the rest holds.
    Marked { rest: Option<Yaml>, comments: Vec<String>, why: String },
}

/// What an outcome demands. What must be reckoned before goes into the steps.
pub(crate) fn demand(
    scope: &mut Scope<'_>,
    outcome: &NodeDocument,
    before: &mut Vec<Step>,
) -> Demand {
    let groups =
        outcome.params.get("groups").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let path = scope.path.clone();
    let mut all: Vec<Yaml> = Vec::new();
    let mut comments = Vec::new();
    let mut why = String::new();
    for (group_index, group) in groups.iter().enumerate() {
        let conditions =
            group.get("conditions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let mut held = Vec::new();
        let mut is_whole = true;
        for (index, condition) in conditions.iter().enumerate() {
            scope.path = format!("{path}.params.groups[{group_index}].conditions[{index}]");
            let steps = before.len();
            let empty = Map::new();
            let fields = condition.as_object().unwrap_or(&empty);
            match expression(scope, fields, before) {
                Ok(piece) => {
                    scope.report.conditions.add(true);
                    held.push(Yaml::Text(piece.alone()));
                }
                Err(Untranslatable(reason)) => {
                    before.truncate(steps);
                    scope.report.conditions.add(false);
                    let token = text_of(fields.get("condition")).unwrap_or_default();
                    scope.mark(format!("the condition {token}"), reason.clone());
                    comments.push(format!("in Cerb: {condition}"));
                    why = format!("the condition {token}: {reason}");
                    is_whole = false;
                }
            }
        }
        let is_any = truth(group.get("any"));
        match held.len() {
            0 => {}
            // Of `any`, what is left does not tell whether the group holds.
            _ if is_any && !is_whole => {}
            _ if is_any && held.len() > 1 => {
                all.push(Yaml::Map(vec![("any".to_owned(), list(held, "any"))]))
            }
            _ => all.extend(held),
        }
    }
    scope.path = path;
    let whole = match all.len() {
        0 => None,
        1 => all.pop(),
        _ => Some(list(all, "all")),
    };
    if !comments.is_empty() {
        return Demand::Marked { rest: whole, comments, why };
    }
    whole.map_or(Demand::Nothing, Demand::Condition)
}

/// A list of conditions; a longer one than Tidings takes is a list of lists.
fn list(items: Vec<Yaml>, word: &str) -> Yaml {
    if items.len() <= LIST_MAX {
        return Yaml::List(items);
    }
    let mut lists = Vec::new();
    let mut rest = items;
    while !rest.is_empty() {
        let left = rest.split_off(rest.len().min(LIST_MAX));
        lists.push(Yaml::Map(vec![(word.to_owned(), Yaml::List(rest))]));
        rest = left;
    }
    lists.truncate(LIST_MAX);
    Yaml::List(lists)
}

/// One condition.
fn expression(
    scope: &mut Scope<'_>,
    fields: &Map<String, Value>,
    before: &mut Vec<Step>,
) -> Result<Piece, Untranslatable> {
    let token = text_of(fields.get("condition")).unwrap_or_default();
    let written = text_of(fields.get("oper")).unwrap_or_default();
    let (oper, negated) = match written.strip_prefix('!') {
        Some(oper) => (oper.to_owned(), true),
        None => (written.clone(), false),
    };
    let mut condition = Condition { scope, fields, before, oper };
    let piece = condition.written(&token)?;
    let piece = if negated { piece.not() } else { piece };
    crate::write::unroll::fitting(piece.as_str().to_owned())?;
    Ok(piece)
}

struct Condition<'c, 'b> {
    scope: &'c mut Scope<'b>,
    fields: &'c Map<String, Value>,
    before: &'c mut Vec<Step>,
    oper: String,
}

type Written = Result<Piece, Untranslatable>;

fn refused(why: impl Into<String>) -> Untranslatable {
    Untranslatable::new(why)
}

impl Condition<'_, '_> {
    fn field(&self, key: &str) -> Option<String> {
        text_of(self.fields.get(key))
    }

    fn has(&self, key: &str) -> bool {
        self.fields.contains_key(key)
    }

    fn written(&mut self, token: &str) -> Written {
        match token {
            "" => return Err(refused("a condition without a name")),
            "_custom_script" => {
                let script = self.field("tpl").unwrap_or_default();
                let piece = as_expression(self.scope, &script, self.before)?;
                return self.text(piece);
            }
            "_day_of_week" => return Ok(self.part_of_now("weekday", "day")),
            "_month_of_year" => return Ok(self.part_of_now("month", "month")),
            "_day_of_month" => {
                let piece = Piece::chain("(now | date_parts).day", Kind::Number);
                return self.number(piece);
            }
            "_time_of_day" => return self.time_of_day(),
            "_calendar_availability" | "worker_calendar" => {
                return Err(refused("Tidings has no calendars of availability"));
            }
            "header" | "headers" | "http_header" | "http_param" => return self.named(token),
            "group_id" | "group_and_bucket" | "ticket_group_id" if self.has("group_id") => {
                return self.groups();
            }
            "attachment_name" | "attachment_mimetype" | "attachment_size" => {
                return self.attachments(token);
            }
            "recipients" if !self.has("context_objects") => {
                let piece = self.scope.placeholder("recipients").filtered("join(', ')", Kind::Text);
                return self.text(piece);
            }
            "comment_context" | "comment_owner_context" => {
                let piece = self.scope.placeholder(if token == "comment_context" {
                    "comment_target__context"
                } else {
                    "comment_author__context"
                });
                return Ok(self.one_of(&piece, "values"));
            }
            _ => {}
        }
        if token.ends_with("_headers") && self.has("header") {
            return self.named(token);
        }
        if token.ends_with("watcher_count") {
            return Err(refused("records of Tidings have no watchers"));
        }
        if self.has("context_objects") || token.ends_with("_link") && !self.has("value") {
            return Err(refused("records of Tidings have no links"));
        }
        self.of_placeholder(token)
    }

    fn of_placeholder(&mut self, token: &str) -> Written {
        // `scope.group_id` is a member of a placeholder.
        let mut names = token.split('.');
        let name = names.next().unwrap_or_default();
        let told = token.split_once('.').and_then(|(name, member)| self.scope.member(name, member));
        let piece = match told {
            Some(piece) => piece,
            None => names.fold(self.scope.placeholder(name), |piece, name| piece.member(name)),
        };
        if self.has("bool") {
            return Ok(if truth(self.fields.get("bool")) { piece } else { piece.not() });
        }
        if self.has("values") || self.oper == "in" && self.has("value") {
            let key = if self.has("values") { "values" } else { "value" };
            return Ok(self.one_of(&piece, key));
        }
        if self.has("worker_id") {
            let ids = texts(self.fields.get("worker_id"));
            self.scope.note(
                token.to_owned(),
                format!(
                    "these workers' ids are of the site that it comes from: {}",
                    ids.join(", ")
                ),
            );
            return Ok(self.one_of(&piece, "worker_id"));
        }
        if self.has("from") && self.has("to") {
            return self.between(&piece);
        }
        if matches!(self.oper.as_str(), "gt" | "lt") {
            return self.number(piece);
        }
        if token.ends_with("spam_score") {
            let percent = Piece::loose(
                format!("{} * 100", piece.filtered("float(0)", Kind::Number).as_str()),
                Kind::Number,
            );
            return self.number(percent);
        }
        if piece.kind == Kind::Number {
            return self.number(piece);
        }
        self.text(piece)
    }

    /// `is`, `contains`, `like`, `regexp`.
    fn text(&mut self, piece: Piece) -> Written {
        let value = self.field("value").unwrap_or_default();
        let fixed = (!crate::twig::has_code(&value)).then_some(value.trim());
        match self.oper.as_str() {
            "gt" | "lt" => return self.number(piece),
            "in" => {
                return Ok(self.one_of(&piece, if self.has("values") { "values" } else { "value" }));
            }
            "" | "is" | "=" | "like" | "contains" | "regexp" => {}
            other => return Err(refused(format!("the operator `{other}` is unknown"))),
        }
        if let (Some(fixed), "" | "is" | "=") = (fixed, self.oper.as_str()) {
            return Ok(equal(piece, fixed));
        }
        let lower = |piece: &Piece| piece.filtered("lower", Kind::Text);
        match (self.oper.as_str(), fixed) {
            ("like", Some(fixed)) if fixed.contains('?') || !fixed.is_ascii() => {
                Ok(piece.tested(format_args!("matching({})", quoted(&patterns::wildcard(fixed)))))
            }
            ("like", Some(fixed)) => Ok(piece.tested(format_args!("like({})", quoted(fixed)))),
            ("contains", Some(fixed)) => {
                let holds =
                    format!("{} in ({})", quoted(&fixed.to_lowercase()), lower(&piece).as_str());
                Ok(Piece::loose(holds, Kind::Truth))
            }
            ("regexp", Some(fixed)) => {
                let pattern = patterns::translated(fixed)?;
                Ok(piece.tested(format_args!("matching({})", quoted(&pattern))))
            }
            ("regexp", _) => Err(refused("a pattern that is not fixed")),
            (oper, _) => {
                let value = as_expression(self.scope, &value, self.before)?;
                Ok(match oper {
                    "like" => piece.tested(format_args!("like({})", value.as_str())),
                    "contains" => Piece::loose(
                        format!("({}) in ({})", lower(&value).as_str(), lower(&piece).as_str()),
                        Kind::Truth,
                    ),
                    _ => Piece::compared(lower(&piece).as_str(), false, &lower(&value).operand()),
                })
            }
        }
    }

    /// `is`, `gt`, `lt` of whole numbers.
    fn number(&mut self, piece: Piece) -> Written {
        let value = self.field("value").unwrap_or_default();
        let wanted = match value.trim().parse::<i64>() {
            Ok(number) => number.to_string(),
            Err(_) if crate::twig::has_code(&value) => {
                as_expression(self.scope, &value, self.before)?
                    .filtered("int(0)", Kind::Number)
                    .alone()
            }
            Err(_) => "0".to_owned(),
        };
        let sign = match self.oper.as_str() {
            "gt" => ">",
            "lt" => "<",
            "" | "is" | "=" => "==",
            other => return Err(refused(format!("the operator `{other}` is unknown"))),
        };
        // A list counts by its length.
        let piece = if piece.kind == Kind::List {
            piece.filtered("length", Kind::Number)
        } else {
            piece.filtered("int(0)", Kind::Number)
        };
        if sign == "==" {
            return Ok(Piece::compared(piece.as_str(), false, &wanted));
        }
        Ok(Piece::loose(format!("{} {sign} {wanted}", piece.as_str()), Kind::Truth))
    }

    fn one_of(&self, piece: &Piece, key: &str) -> Piece {
        let values: Vec<String> =
            texts(self.fields.get(key)).iter().map(|value| quoted(value)).collect();
        if values.is_empty() {
            return piece.tested("empty");
        }
        let piece = if piece.kind == Kind::Text {
            piece.clone()
        } else {
            piece.filtered("string", Kind::Text)
        };
        Piece::loose(format!("{} in [{}]", piece.as_str(), values.join(", ")), Kind::Truth)
    }

    fn between(&mut self, piece: &Piece) -> Written {
        let mut bound = |key: &str, usual: &str| -> Result<String, Untranslatable> {
            let text = text_of(self.fields.get(key))
                .filter(|text| !text.trim().is_empty())
                .unwrap_or_else(|| usual.to_owned());
            if text.trim() == "0" || text.trim() == "big bang" {
                return Ok("0".to_owned());
            }
            if text.trim() == "now" {
                return Ok("now | timestamp".to_owned());
            }
            let said = as_expression(self.scope, &text, self.before)?;
            Ok(format!("date({}) | timestamp", said.as_str()))
        };
        let (from, to) = (bound("from", "0")?, bound("to", "now")?);
        let time = piece.filtered("timestamp", Kind::Number);
        Ok(Piece::loose(format!("{0} >= {from} and {0} <= {to}", time.as_str()), Kind::Truth))
    }

    fn part_of_now(&self, part: &str, key: &str) -> Piece {
        let numbers: Vec<String> = texts(self.fields.get(key))
            .iter()
            .filter_map(|text| text.trim().parse::<i64>().ok())
            .map(|number| number.to_string())
            .collect();
        Piece::loose(format!("(now | date_parts).{part} in [{}]", numbers.join(", ")), Kind::Truth)
    }

    fn time_of_day(&mut self) -> Written {
        let read = |key: &str| {
            let text = text_of(self.fields.get(key)).unwrap_or_default();
            minutes(&text).ok_or_else(|| refused(format!("{text:?} is no time of day")))
        };
        let (from, to) = (read("from")?, read("to")?);
        let clock = |minutes: u32| quoted(&format!("{:02}:{:02}", minutes / 60, minutes % 60));
        let now = "now | date('%H:%M')";
        let join = if from > to { "or" } else { "and" };
        self.scope.note(
            "_time_of_day",
            "the time of day is that of UTC: give `date` a time zone where that matters",
        );
        Ok(Piece::loose(
            format!("{now} >= {} {join} {now} <= {}", clock(from), clock(to)),
            Kind::Truth,
        ))
    }

    /// A named header, or parameter.
    fn named(&mut self, token: &str) -> Written {
        let key = if token == "http_header" || token == "http_param" { "name" } else { "header" };
        let name = self
            .field(key)
            .or_else(|| self.field("header"))
            .or_else(|| self.field("name"))
            .unwrap_or_default();
        let of = match token {
            "http_param" => self.scope.placeholder("http_params"),
            "http_header" => self.scope.placeholder("http_headers"),
            "header" | "headers" => self.scope.placeholder("headers"),
            _ => Piece::path("meta.properties.mail.headers", Kind::Map),
        };
        let name = if token == "http_param" { name } else { name.to_lowercase() };
        let mut piece = of.member(name.trim());
        piece.kind = Kind::Text;
        self.text(piece)
    }

    fn groups(&mut self) -> Written {
        let groups = texts(self.fields.get("group_id"));
        self.scope.note(
            "group_id",
            format!("these groups' ids are of the site that it comes from: {}", groups.join(", ")),
        );
        let in_groups = self.one_of(&Piece::path("chat.group", Kind::Text), "group_id");
        let buckets = texts(self.fields.get("bucket_id"));
        if buckets.is_empty() {
            return Ok(in_groups);
        }
        let in_buckets = self.one_of(&Piece::path("chat.bucket", Kind::Text), "bucket_id");
        Ok(Piece::loose(format!("{} and {}", in_groups.as_str(), in_buckets.as_str()), Kind::Truth))
    }

    fn attachments(&mut self, token: &str) -> Written {
        let list = self.scope.placeholder("attachments");
        let value = self.field("value").unwrap_or_default();
        let test = if token == "attachment_size" {
            let bytes =
                number(self.fields.get("value")).unwrap_or_default().saturating_mul(1_048_576);
            let word = match self.oper.as_str() {
                "gt" => "gt",
                "lt" => "lt",
                _ => "eq",
            };
            format!("selectattr('size', '{word}', {bytes})")
        } else {
            if crate::twig::has_code(&value) {
                return Err(refused("a condition on attachments that is not fixed"));
            }
            let pattern = match self.oper.as_str() {
                "" | "is" => {
                    patterns::wildcard(&value.replace('*', "\u{1}")).replace('\u{1}', "\\*")
                }
                "like" => patterns::wildcard(&value),
                "contains" => patterns::wildcard(&format!("*{value}*")),
                "regexp" => patterns::translated(&value)?,
                other => return Err(refused(format!("the operator `{other}` is unknown"))),
            };
            let field = if token == "attachment_name" { "name" } else { "content_type" };
            format!("selectattr('{field}', 'matching', {})", quoted(&pattern))
        };
        let found = list
            .filtered(test, Kind::List)
            .filtered("list", Kind::List)
            .filtered("length", Kind::Number);
        Ok(Piece::loose(format!("{} > 0", found.as_str()), Kind::Truth))
    }
}

/// Whether a value is a fixed text, in any case.
fn equal(piece: Piece, wanted: &str) -> Piece {
    let is_number = wanted.parse::<i64>().is_ok();
    match (piece.kind, wanted) {
        // What Cerb writes for true and for false.
        (Kind::Truth, "1") => piece,
        (Kind::Truth, "" | "0") => piece.not(),
        (_, "") => piece.tested("empty"),
        (Kind::Number, _) if is_number => Piece::compared(&piece.operand(), false, wanted),
        _ if wanted.chars().any(char::is_alphabetic) => {
            let lower = piece.filtered("lower", Kind::Text);
            Piece::compared(lower.as_str(), false, &quoted(&wanted.to_lowercase()))
        }
        (Kind::Text, _) => Piece::compared(&piece.operand(), false, &quoted(wanted)),
        _ => {
            let text = piece.filtered("string", Kind::Text);
            Piece::compared(text.as_str(), false, &quoted(wanted))
        }
    }
}

/// A time of day in minutes: `8am`, `17:30`, `5:15 pm`.
fn minutes(text: &str) -> Option<u32> {
    let text = text.trim().to_lowercase();
    match text.as_str() {
        "noon" => return Some(720),
        "midnight" | "" => return Some(0),
        _ => {}
    }
    let (clock, half) = match (text.strip_suffix("am"), text.strip_suffix("pm")) {
        (Some(clock), _) => (clock.trim(), Some(0)),
        (_, Some(clock)) => (clock.trim(), Some(12)),
        (None, None) => (text.as_str(), None),
    };
    let mut parts = clock.split(':');
    let hours: u32 = parts.next()?.trim().parse().ok()?;
    let rest: u32 = parts.next().map_or(Some(0), |minutes| minutes.trim().parse().ok())?;
    let hours = half.map_or(hours, |half| hours % 12 + half);
    (hours <= 24 && rest < 60).then_some(hours * 60 + rest)
}
