//! Actions on records: created, changed, looked for, deleted; and notes, tasks and notifications, which are records, too.

use super::{Action, Done, Outcome, refused};
use crate::document::texts;
use crate::field::{sets_apart, with_sets};
use crate::records::{TYPES, can_be_found, is_list, is_noun, searched_field, type_name};
use crate::scope::place;
use crate::twig::Untranslatable;
use crate::write::Names as _;
use crate::yaml::{Step, Yaml};

/// How many records one search gives, as in Cerb.
const FOUND_MAX: i64 = 100;

impl Action<'_, '_, '_, '_> {
    pub(super) fn record(&mut self) -> Outcome {
        match self.name.strip_prefix("core.bot.action.record.") {
            Some("create") => self.create_record(),
            Some("update") => self.update_record(),
            Some("upsert") => self.upsert(),
            Some("delete") => {
                let id = self.id()?;
                let step = Step::new(
                    "delete",
                    Yaml::Map(vec![("record".to_owned(), self.context()?), ("id".to_owned(), id)]),
                );
                self.step(step);
                Ok(Done::Next)
            }
            Some("retrieve") => {
                let context = self.filled("context").unwrap_or_default();
                let (record, id) = (self.found_type(&context)?, self.id()?);
                let into = self.object_place();
                self.found(record, id, &format!("{into}_found"));
                let first = format!("{{{{ {into}_found | first }}}}");
                self.set(&into, Yaml::Text(first));
                Ok(Done::Next)
            }
            Some("search") => {
                let query = self.field("query").unwrap_or_default();
                let into = self.object_place();
                let context =
                    self.filled("context").ok_or_else(|| refused("it names no record type"))?;
                self.find(&context, &query, Some(FOUND_MAX), &into)?;
                // Cerb gives the records by their ids.
                self.set(
                    &into,
                    Yaml::Text(format!("{{{{ {into} | column('id') | combine({into}) }}}}")),
                );
                Ok(Done::Next)
            }
            Some(_) => Err(refused("no step of Tidings does this")),
            None => self.special(),
        }
    }

    fn special(&mut self) -> Outcome {
        match self.name.as_str() {
            "create_comment" | "create_message_note" => {
                let content =
                    self.filled("content").or_else(|| self.filled("comment")).unwrap_or_default();
                let text = self.text(&content)?;
                self.step(Step::new("note", text));
                Ok(Done::Next)
            }
            "create_task" => self.create(
                "task",
                &[
                    ("title", "title"),
                    ("due_date", "due"),
                    ("comment", "comment"),
                    ("worker_id", "owner"),
                ],
            ),
            "core.bot.action.create_reminder" => self.create(
                "reminder",
                &[
                    ("name", "name"),
                    ("title", "name"),
                    ("remind_at", "remind_at"),
                    ("worker_id", "worker"),
                ],
            ),
            "_create_calendar_event" => self.create(
                "calendar_event",
                &[
                    ("title", "name"),
                    ("name", "name"),
                    ("when", "date_start"),
                    ("until", "date_end"),
                    ("calendar_id", "calendar"),
                ],
            ),
            "create_ticket" => self.create(
                "chat",
                &[
                    ("subject", "subject"),
                    ("requesters", "customer"),
                    ("content", "text"),
                    ("group_id", "group"),
                ],
            ),
            "va.action.create_opportunity" => self.create(
                "opportunity",
                &[
                    ("title", "title"),
                    ("name", "title"),
                    ("amount", "amount"),
                    ("email", "email"),
                    ("status", "status"),
                ],
            ),
            "va.action.create_server" => self.create("server", &[("name", "name")]),
            "va.action.create_domain" => self.create("domain", &[("name", "name")]),
            "calls.event.action.post" => {
                self.create("call", &[("subject", "subject"), ("phone", "phone")])
            }
            "create_notification" | "copy_notification" => self.notify(),
            "mark_read" => Err(refused("a notification is read when its agent opens it")),
            "core.bot.action.data_query" => Err(refused("a data query: use `find`")),
            "_get_worklist_metric" => self.metric(),
            "core.va.action.create_attachment" => Err(refused("files are not made in steps")),
            "_get_links" | "set_links" | "add_watchers" => {
                Err(refused("records of Tidings have no links and no watchers"))
            }
            _ => Ok(Done::Unknown),
        }
    }

    /// The type of a record that is made or changed.
    fn context(&mut self) -> Result<Yaml, Untranslatable> {
        let context = self.filled("context").ok_or_else(|| refused("it names no record type"))?;
        if crate::twig::has_code(&context) {
            return self.told_type(&context);
        }
        Ok(Yaml::Text(own_type(&context)?))
    }

    /// The type of what is looked for: what is no record can be found as well.
    fn found_type(&mut self, context: &str) -> Result<Yaml, Untranslatable> {
        if context.trim().is_empty() {
            return Err(refused("it names no record type"));
        }
        if crate::twig::has_code(context) {
            return self.told_type(context);
        }
        let name = type_name(context);
        if is_noun(&name) && !can_be_found(&name) {
            return Err(refused(format!("`{name}` is nothing that can be looked for")));
        }
        if name == "agent" || name == "chat" {
            self.note(&format!(
                "what is found of each {name} has the fields of Tidings, not those of Cerb"
            ));
        }
        Ok(Yaml::Text(name.into_owned()))
    }

    /// A type that is told when the step is taken, by Cerb's names or ours.
    fn told_type(&mut self, context: &str) -> Result<Yaml, Untranslatable> {
        self.note(
            "the record type is told when the step is taken, by Cerb's name or by that of Tidings",
        );
        let told = self.expression(context)?.operand();
        let place = self.tree.scope.fresh();
        let short = format!("{{{{ {told} | replace('cerberusweb.contexts.', '') }}}}");
        self.set(&place, Yaml::Text(short));
        Ok(Yaml::Text(format!("{{{{ {TYPES}[{place}] | default({place}) }}}}")))
    }

    /// A number of what is found: how many, or of one of their fields the sum, the mean, the least or the greatest.
    fn metric(&mut self) -> Outcome {
        let context = self.filled("context").ok_or_else(|| refused("it names no record type"))?;
        let query = self.field("query").unwrap_or_default();
        let var = self.filled("var").ok_or_else(|| refused("it names no placeholder"))?;
        let into = place(&var);
        let function = self.filled("metric_func").unwrap_or_else(|| "count".to_owned());
        let mut find = self.search(&context, &query, None)?;
        if function.trim() == "count" {
            find.push(("count".to_owned(), Yaml::Bare("true".to_owned())));
            self.step(Step::new("find", Yaml::Map(find)).with("into", Yaml::Text(into)));
            return Ok(Done::Next);
        }
        let field = self.filled("metric_field").ok_or_else(|| refused("it names no field"))?;
        let field = metric_field(&field)
            .ok_or_else(|| refused(format!("a field whose name is of Cerb's tables ({field})")))?;
        let found = format!("{into}_found");
        let of = match function.trim() {
            "sum" => format!("{found} | sum(attribute='{field}')"),
            "avg" | "average" => {
                format!("{found} | sum(attribute='{field}') / {found} | length if {found} else 0")
            }
            "min" => format!("{found} | map(attribute='{field}') | min"),
            "max" => format!("{found} | map(attribute='{field}') | max"),
            other => return Err(refused(format!("the function {other} of a worklist"))),
        };
        self.note(&format!("it is reckoned of the first {FOUND_MAX} that are found"));
        find.push(("limit".to_owned(), Yaml::Bare(FOUND_MAX.to_string())));
        self.step(Step::new("find", Yaml::Map(find)).with("into", Yaml::Text(found.clone())));
        self.set(&into, Yaml::Text(format!("{{{{ {of} }}}}")));
        Ok(Done::Next)
    }

    fn id(&mut self) -> Result<Yaml, Untranslatable> {
        let id = self.filled("id").ok_or_else(|| refused("it names no record"))?;
        self.kept(id.trim())
    }

    fn object_place(&self) -> String {
        place(&self.filled("object_placeholder").unwrap_or_else(|| "_record".to_owned()))
    }

    /// The fields that are set: a mapping, or what a template makes of JSON.
    fn changes(&mut self) -> Result<Yaml, Untranslatable> {
        let json = self.json_field("changeset_json").unwrap_or_else(|| "{}".to_owned());
        self.json(&json)
    }

    fn create_record(&mut self) -> Outcome {
        let (record, set) = (self.context()?, self.changes()?);
        let step = Step::new(
            "create",
            Yaml::Map(vec![("record".to_owned(), record), ("set".to_owned(), set)]),
        );
        let into = self.filled("object_placeholder").map(|into| place(&into));
        let step = match into {
            Some(into) => step.with("into", Yaml::Text(into)),
            None => step,
        };
        self.step(step);
        Ok(Done::Next)
    }

    fn update_record(&mut self) -> Outcome {
        let (record, id, set) = (self.context()?, self.id()?, self.changes()?);
        let update = Yaml::Map(vec![
            ("record".to_owned(), record),
            ("id".to_owned(), id),
            ("set".to_owned(), set),
        ]);
        let step = Step::new("update", update);
        let step = match self.filled("object_placeholder") {
            Some(into) => step.with("into", Yaml::Text(place(&into))),
            None => step,
        };
        self.step(step);
        Ok(Done::Next)
    }

    /// Changes the record that a query finds, or makes one.
    fn upsert(&mut self) -> Outcome {
        let (record, into) = (self.context()?, self.object_place());
        let context = self.filled("context").unwrap_or_default();
        let query = self.field("query").unwrap_or_default();
        let set = self.changes()?;
        let found = format!("{into}_found");
        self.find(&context, &query, Some(1), &found)?;
        let update = Step::new(
            "update",
            Yaml::Map(vec![
                ("record".to_owned(), record.clone()),
                ("id".to_owned(), Yaml::Text(format!("{{{{ ({found} | first).id }}}}"))),
                ("set".to_owned(), set.clone()),
            ]),
        )
        .with("into", Yaml::Text(into.clone()));
        let create = Step::new(
            "create",
            Yaml::Map(vec![("record".to_owned(), record), ("set".to_owned(), set)]),
        )
        .with("into", Yaml::Text(into));
        let branch = Yaml::Map(vec![
            ("when".to_owned(), Yaml::Text(format!("{found} is not empty"))),
            ("do".to_owned(), Yaml::Steps(vec![update])),
        ]);
        self.step(
            Step::new("choose", Yaml::List(vec![branch])).with("else", Yaml::Steps(vec![create])),
        );
        Ok(Done::Next)
    }

    /// Looks for records by Cerb's search words.
    pub(super) fn find(
        &mut self,
        context: &str,
        query: &str,
        limit: Option<i64>,
        into: &str,
    ) -> Result<(), Untranslatable> {
        let find = self.search(context, query, limit)?;
        self.step(Step::new("find", Yaml::Map(find)).with("into", Yaml::text(into)));
        Ok(())
    }

    /// The keys of a `find` for Cerb's search words; without a limit where none is given.
    fn search(
        &mut self,
        context: &str,
        query: &str,
        limit: Option<i64>,
    ) -> Result<Vec<(String, Yaml)>, Untranslatable> {
        let record = self.found_type(context)?;
        let name = type_name(context).into_owned();
        let (mut filters, mut sort, mut most) = (Vec::new(), None, limit);
        let (sets, query) = sets_apart(query);
        for (key, value) in words(&query)? {
            match key.as_str() {
                "limit" => most = value.trim().parse().ok().or(most),
                "page" | "subtotal" | "format" => {}
                "sort" => {
                    let fields = value.trim_matches(['[', ']', '"', ' ']).split(',');
                    sort = Some(Yaml::List(fields.map(|field| sorted_by(&name, field)).collect()));
                }
                _ => {
                    let value = if key == "status" { statuses(&value) } else { value };
                    let field = searched_field(&name, &key);
                    let mut wanted = match (name.as_str(), key.as_str()) {
                        // Whoever takes chats now is free.
                        ("agent", "isAvailable") => Yaml::text("accepting"),
                        ("agent", "isDisabled") => {
                            Yaml::Bare(value.starts_with(['y', 'Y', '1', 't']).to_string())
                        }
                        _ => self.wanted(&value, &sets)?,
                    };
                    if is_list(&name, &field) {
                        wanted = Yaml::Map(vec![("contains".to_owned(), wanted)]);
                    }
                    if !filters.iter().any(|(known, _)| *known == field) {
                        filters.push((field, wanted));
                    }
                }
            }
        }
        let mut find = vec![("record".to_owned(), record)];
        if !filters.is_empty() {
            find.push(("where".to_owned(), Yaml::Map(filters)));
        }
        find.extend(sort.map(|sort| ("sort".to_owned(), sort)));
        find.extend(most.map(|most| ("limit".to_owned(), limited(most))));
        Ok(find)
    }

    /// The one of an id.
    fn found(&mut self, record: Yaml, id: Yaml, into: &str) {
        let find = vec![
            ("record".to_owned(), record),
            ("where".to_owned(), Yaml::Map(vec![("id".to_owned(), id)])),
            ("limit".to_owned(), limited(1)),
        ];
        self.step(Step::new("find", Yaml::Map(find)).with("into", Yaml::text(into)));
    }

    /// What a field is to be: `x`, `!x`, `>=x`, `[a,b]`.
    fn wanted(&mut self, value: &str, sets: &str) -> Result<Yaml, Untranslatable> {
        let value = value.trim();
        if value == "null" {
            return Ok(Yaml::Bare("null".to_owned()));
        }
        for (sign, word) in [("!", "not"), (">=", "gte"), ("<=", "lte"), (">", "gt"), ("<", "lt")] {
            if let Some(rest) = value.strip_prefix(sign) {
                let inner = self.wanted(rest, sets)?;
                return Ok(Yaml::Map(vec![(word.to_owned(), inner)]));
            }
        }
        if let Some(list) = value.strip_prefix('[').and_then(|list| list.strip_suffix(']')) {
            if crate::twig::has_code(list) {
                let piece = self.expression(&with_sets(sets, list))?;
                let split = format!("{{{{ {} | split(',') | map('trim') }}}}", piece.operand());
                return Ok(Yaml::Map(vec![("in".to_owned(), Yaml::Text(split))]));
            }
            let items =
                list.split(',').map(|item| Yaml::text(item.trim().trim_matches('"'))).collect();
            return Ok(Yaml::Map(vec![("in".to_owned(), Yaml::List(items))]));
        }
        self.kept(&with_sets(sets, value.trim_matches('"')))
    }

    /// A record of fields that an older action names each.
    fn create(&mut self, record: &str, fields: &[(&str, &str)]) -> Outcome {
        let record = own_type(record)?;
        let mut set: Vec<(String, Yaml)> = Vec::new();
        for (from, to) in fields {
            let value = match self.fields.get(*from) {
                Some(serde_json::Value::Array(_)) => texts(self.fields.get(*from)).first().cloned(),
                _ => self.filled(from),
            };
            if let Some(value) = value.filter(|_| !set.iter().any(|(known, _)| known == to)) {
                let is_time = ["due", "remind_at", "date_start", "date_end"].contains(to);
                let value = if is_time { self.time(&value)? } else { self.kept(&value)? };
                set.push(((*to).to_owned(), value));
            }
        }
        let step = Step::new(
            "create",
            Yaml::Map(vec![
                ("record".to_owned(), Yaml::Text(record)),
                ("set".to_owned(), Yaml::Map(set)),
            ]),
        );
        let into = self.filled("object_placeholder").map(|into| place(&into));
        let step = match into {
            Some(into) => step.with("into", Yaml::Text(into)),
            None => step,
        };
        self.step(step);
        Ok(Done::Next)
    }

    fn notify(&mut self) -> Outcome {
        let mut agents = Vec::new();
        for id in texts(self.fields.get("notify_worker_id"))
            .into_iter()
            .chain(texts(self.fields.get("worker_id")))
        {
            // A placeholder's name may stand where an id would.
            let is_number = id.trim().parse::<i64>().is_ok();
            agents.push(if is_number || crate::twig::has_code(&id) {
                self.text(&id)?
            } else {
                let piece = self.tree.scope.placeholder(id.trim());
                Yaml::Text(format!("{{{{ {} }}}}", piece.as_str()))
            });
        }
        if agents.is_empty() {
            return Err(refused("a notification for nobody who is named"));
        }
        self.note("these workers' ids are of the site that it comes from");
        let content = self.filled("content").or_else(|| self.filled("message")).unwrap_or_default();
        let mut notify = vec![
            ("agent".to_owned(), Yaml::List(agents)),
            ("text".to_owned(), self.text(&content)?),
        ];
        if let Some(url) = self.filled("url") {
            notify.push(("link".to_owned(), self.text(&url)?));
        }
        self.step(Step::new("notify", Yaml::Map(notify)));
        Ok(Done::Next)
    }

    pub(super) fn update(
        &mut self,
        record: &str,
        id: &str,
        set: Vec<(String, Yaml)>,
    ) -> Result<(), Untranslatable> {
        let update = vec![
            ("record".to_owned(), Yaml::Text(own_type(record)?)),
            ("id".to_owned(), Yaml::text(id)),
            ("set".to_owned(), Yaml::Map(set)),
        ];
        self.step(Step::new("update", Yaml::Map(update)));
        Ok(())
    }
}

/// What Tidings calls a type whose records can be made, found and changed.
fn own_type(context: &str) -> Result<String, Untranslatable> {
    let name = type_name(context);
    if is_noun(&name) {
        return Err(refused(format!(
            "`{name}` is no type of records: a run sees and changes the {name} that it is about, and no other"
        )));
    }
    Ok(name.into_owned())
}

fn limited(limit: i64) -> Yaml {
    Yaml::Bare(limit.clamp(1, FOUND_MAX).to_string())
}

/// A field to sort by, turned round where it has a `-`.
fn sorted_by(record_type: &str, field: &str) -> Yaml {
    let field = field.trim().trim_matches('"');
    let (turned, field) = field.strip_prefix('-').map_or(("", field), |field| ("-", field));
    let field = match field {
        "created" => "created_at".to_owned(),
        "updated" => "updated_at".to_owned(),
        other => searched_field(record_type, other),
    };
    Yaml::Text(format!("{turned}{field}"))
}

/// The field that a metric is of, as `cf_12` names a custom one; other names are of Cerb's tables: a letter, `_`, the field.
fn metric_field(name: &str) -> Option<String> {
    let name = name.trim();
    if let Some(number) = name.strip_prefix("cf_") {
        return Some(crate::scope::word(&format!("custom_{number}")));
    }
    let (table, field) = name.split_once('_')?;
    let is_word = field.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (table.len() <= 2 && is_word && !field.is_empty()).then(|| field.to_owned())
}

/// Cerb's letters for the status of a record, in words.
fn statuses(value: &str) -> String {
    let word = |part: &str| match part.trim() {
        "o" => "open".to_owned(),
        "w" => "waiting".to_owned(),
        "c" => "closed".to_owned(),
        "d" => "deleted".to_owned(),
        other => other.to_owned(),
    };
    match value.strip_prefix('[').and_then(|list| list.strip_suffix(']')) {
        Some(list) => format!("[{}]", list.split(',').map(word).collect::<Vec<_>>().join(",")),
        None => word(value),
    }
}

/// The words of a search: `status:[o,w] owner.id:me sort:-id`. Words without a field and brackets have no counterpart.
fn words(query: &str) -> Result<Vec<(String, String)>, Untranslatable> {
    let mut words = Vec::new();
    let mut rest = query.trim();
    while !rest.is_empty() {
        let Some((key, behind)) = rest.split_once(':') else {
            return Err(refused(format!("a search without fields ({rest:?})")));
        };
        let key = key.trim();
        let good =
            !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if !good {
            return Err(refused(format!("a search with such a part ({key:?})")));
        }
        let behind = behind.trim_start();
        let length = value_length(behind);
        let (value, after) = behind.split_at_checked(length).unwrap_or((behind, ""));
        let value = inner(key, value).unwrap_or(value);
        if value.trim().is_empty() || value.starts_with('(') {
            return Err(refused(format!("a search with such a value of {key:?}")));
        }
        words.push((key.to_owned(), value.to_owned()));
        rest = after.trim_start();
    }
    Ok(words)
}

/// What is wanted of a record that another leads to, where that is which one it is: `group:(id:3)`, `email:(email:x)`.
fn inner<'q>(key: &str, value: &'q str) -> Option<&'q str> {
    let inside = value.strip_prefix('(')?.strip_suffix(')')?.trim();
    let (name, value) = inside.split_once(':')?;
    let value = value.trim();
    (["id", key].contains(&name.trim()) && value_length(value) == value.len()).then_some(value)
}

/// Up to the next white space that stands in no quotes, brackets or code.
fn value_length(text: &str) -> usize {
    let (mut depth, mut in_quotes) = (0_usize, false);
    for (index, c) in text.char_indices() {
        match c {
            '"' if depth == 0 || in_quotes => in_quotes = !in_quotes,
            '(' | '[' | '{' if !in_quotes => depth += 1,
            ')' | ']' | '}' if !in_quotes => depth = depth.saturating_sub(1),
            c if c.is_whitespace() && depth == 0 && !in_quotes => return index,
            _ => {}
        }
    }
    text.len()
}
