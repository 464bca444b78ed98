//! What a behavior's names mean: placeholders of Cerb, and the places of Tidings that they have. Asked by everything that
//! writes a template of a behavior.

use std::collections::BTreeSet;

use crate::events::{self, Event, Root, Style};
use crate::records;
use crate::report::{Mark, Report};
use crate::write::{Kind, Names, Piece};

/// What a bot's behaviors share.
#[derive(Debug)]
pub(crate) struct BotScope {
    pub(crate) name: String,
    /// The keys that any of its behaviors sets.
    pub(crate) known: BTreeSet<String>,
    pub(crate) behaviors: Vec<Callable>,
}

/// A behavior as others of its bot know it.
#[derive(Debug)]
pub(crate) struct Callable {
    pub(crate) uid: String,
    pub(crate) name: String,
    pub(crate) event: Event,
    /// Its public variables, with their kinds.
    pub(crate) inputs: Vec<(String, String)>,
    /// Whether another behavior of the bot calls it.
    pub(crate) is_called: bool,
    pub(crate) is_off: bool,
}

/// The root of what a changed record was before: each field is told with what it was, and those that stayed are not.
const CHANGED: &str = "event.changed";

/// The names of one behavior.
pub(crate) struct Scope<'b> {
    pub(crate) file: &'b str,
    pub(crate) bot: &'b BotScope,
    pub(crate) event: Event,
    /// The record type of a behavior on changed records.
    pub(crate) changed: Option<String>,
    /// The behavior's name.
    pub(crate) title: String,
    /// Whether others call it, so that its record comes by `vars`.
    pub(crate) is_called: bool,
    /// Whether it is a branch, whose behavior's variables are not told.
    pub(crate) is_branch: bool,
    /// Whether it asks, so that `message` is the last answer.
    pub(crate) asks: bool,
    /// The names that the loops around give, innermost last.
    pub(crate) loops: Vec<(String, String)>,
    /// Whether it reads the bot's configuration.
    pub(crate) reads_config: bool,
    /// The place in the file, for the report.
    pub(crate) path: String,
    pub(crate) report: &'b mut Report,
    fresh: usize,
}

impl<'b> Scope<'b> {
    pub(crate) fn new(
        file: &'b str,
        bot: &'b BotScope,
        event: Event,
        report: &'b mut Report,
    ) -> Self {
        Self {
            file,
            bot,
            event,
            changed: None,
            title: String::new(),
            is_called: false,
            is_branch: false,
            asks: false,
            loops: Vec::new(),
            reads_config: false,
            path: String::new(),
            report,
            fresh: 0,
        }
    }

    /// Notes what somebody should look at.
    pub(crate) fn note(&mut self, what: impl Into<String>, why: impl Into<String>) {
        let (file, path) = (self.file.to_owned(), self.path.clone());
        self.report.note(Mark { file, path, what: what.into(), why: why.into() });
    }

    /// Marks what has no counterpart.
    pub(crate) fn mark(&mut self, what: impl Into<String>, why: impl Into<String>) {
        let (file, path) = (self.file.to_owned(), self.path.clone());
        self.report.mark(Mark { file, path, what: what.into(), why: why.into() });
    }

    /// What a record placeholder's prefix stands for, and what is left behind it.
    fn root(&self, name: &str) -> Option<(Root, String)> {
        let of = |roots: &[(&'static str, Root)], name: &str| {
            let fit = roots.iter().filter_map(|(prefix, root)| {
                Some((prefix.len(), *root, name.strip_prefix(prefix)?))
            });
            fit.max_by_key(|(length, ..)| *length).map(|(_, root, rest)| (root, rest.to_owned()))
        };
        if let Some(record) = &self.changed
            && let Some((_, roots)) = events::macro_of(records::short_name(record))
        {
            let at = |root, path| match root {
                Root::Record { record_type, .. } => Root::Record { record_type, path },
                Root::Chat => Root::Record { record_type: "ticket", path },
                Root::Message => Root::Record { record_type: "message", path },
                Root::Bot => Root::Record { record_type: "bot", path },
                other @ (Root::Customer | Root::Author | Root::Agent) => other,
            };
            if let Some((root, rest)) = name.strip_prefix("old_").and_then(|name| of(roots, name)) {
                return Some((at(root, CHANGED), rest));
            }
            if let Some((root, rest)) = of(roots, name) {
                return Some((at(root, "event.record"), rest));
            }
        }
        of(self.event.roots, name)
    }

    /// The expression for a record's id. Only an action's record holds its own: elsewhere the event tells it.
    pub(crate) fn id_of(&self, id_name: &str) -> Option<String> {
        let record = self.record_of(id_name)?;
        Some(if self.tells_id(record.as_str()) {
            "event.id".to_owned()
        } else {
            format!("{}.id", record.as_str())
        })
    }

    fn tells_id(&self, record: &str) -> bool {
        self.event.style == Style::Plain && record == "event.record"
    }

    /// A record with its id, to be given to another behavior.
    pub(crate) fn whole_record_of(&self, id_name: &str) -> Option<String> {
        let record = self.record_of(id_name)?.alone();
        Some(if self.tells_id(&record) {
            format!("{record} | put('id', event.id)")
        } else {
            record
        })
    }

    /// The expression for a record that a placeholder's id is of: `task_id` is the task's.
    pub(crate) fn record_of(&self, id_name: &str) -> Option<Piece> {
        let prefix = id_name.strip_suffix("id")?;
        let (root, rest) =
            self.root(&format!("{prefix}_label")).or_else(|| self.root(&format!("{prefix}id")))?;
        match (root, rest.as_str()) {
            (Root::Record { record_type, path }, "_label" | "id") => {
                Some(Piece::path(self.record_path(record_type, path), Kind::Map))
            }
            _ => None,
        }
    }

    /// Where the record is: one that is called gets it from its caller.
    fn record_path(&self, record_type: &str, path: &str) -> String {
        if self.is_called && self.event.style == Style::Macro && path == "event.record" {
            return format!("vars.{}", word(record_type));
        }
        path.to_owned()
    }

    fn of_root(&mut self, root: Root, rest: &str) -> Option<Piece> {
        let written = |(path, kind): (&str, Kind)| {
            if path.contains(" | ") { Piece::chain(path, kind) } else { Piece::path(path, kind) }
        };
        match root {
            Root::Record { path: path @ ("chat.group" | "event.group"), .. } => {
                ["id", "name", "_label"].contains(&rest).then(|| Piece::path(path, Kind::Text))
            }
            Root::Record { path: "event.record" | CHANGED, .. } if rest == "_context" => {
                Some(Piece::path("event.record_type", Kind::Text))
            }
            Root::Record { path: path @ ("event.record" | CHANGED), .. }
                if rest == "id" && (path == CHANGED || self.tells_id(path)) =>
            {
                Some(Piece::path("event.id", Kind::Text))
            }
            Root::Record { record_type, path: CHANGED } => was(record_type, rest),
            Root::Record { record_type, path } => {
                let (way, kind) = records::way(record_type, rest)?;
                let base = Piece::path(self.record_path(record_type, path), Kind::Map);
                let mut piece = way.iter().fold(base, |piece, name| piece.member(name));
                piece.kind = kind;
                Some(piece)
            }
            Root::Chat => {
                if rest.starts_with("custom_") {
                    return Some(Piece::path(format!("chat.{}", word(rest)), Kind::Unknown));
                }
                for sender in [
                    "latest_message_sender_",
                    "initial_message_sender_",
                    "latest_message_sender_contact_",
                ] {
                    if let Some(rest) = rest.strip_prefix(sender) {
                        return events::customer_member(rest).map(written);
                    }
                }
                // A macro sees the record that it runs on, and no message that came.
                let in_message = self.event.style != Style::Macro
                    && self.event.roots.iter().any(|(_, root)| *root == Root::Message);
                events::chat_member(rest, in_message)
                    .map(written)
                    .or_else(|| self.acted_on("ticket", rest))
            }
            Root::Message if self.event.style == Style::Macro => self.acted_on("message", rest),
            Root::Message => events::message_member(rest).map(written),
            Root::Customer => events::customer_member(rest).map(written),
            Root::Author => events::author_member(rest).map(written),
            Root::Agent => events::agent_member(rest).map(written),
            Root::Bot => self.of_bot(rest),
        }
    }

    /// A field of the record that a macro runs on, where neither the chat nor the message has it.
    fn acted_on(&self, record_type: &str, rest: &str) -> Option<Piece> {
        if self.event.style != Style::Macro {
            return None;
        }
        let (way, kind) = records::way(record_type, rest)?;
        let base = Piece::path("event.record", Kind::Map);
        let mut piece = way.iter().fold(base, |piece, name| piece.member(name));
        piece.kind = kind;
        Some(piece)
    }

    fn of_bot(&mut self, rest: &str) -> Option<Piece> {
        match rest {
            "id" | "name" | "_label" | "mention_name" | "at_mention_name" => {
                Some(Piece::literal(&self.bot.name))
            }
            "config" => {
                self.reads_config = true;
                Some(Piece::path("vars.bot_config", Kind::Map))
            }
            _ => {
                let key = rest.strip_prefix("config_")?;
                self.reads_config = true;
                Some(Piece::path("vars.bot_config", Kind::Map).member(key))
            }
        }
    }

    /// What a name is, without counting it.
    fn find(&mut self, name: &str) -> Option<Piece> {
        if let Some((_, called)) = self.loops.iter().rev().find(|(known, _)| known == name) {
            return Some(Piece::path(called.clone(), Kind::Unknown));
        }
        let of_event = self.of_event(name);
        let is_known = self.bot.known.contains(name) || self.is_branch && name.starts_with("var_");
        if !is_known {
            return of_event;
        }
        let own = Piece::path(place(name), Kind::Unknown);
        match of_event {
            // A behavior may put a value of its own over one of the event's.
            Some(of_event) if !name.starts_with("var_") => Some(Piece::loose(
                format!(
                    "{} if {} is defined else {}",
                    own.as_str(),
                    own.as_str(),
                    of_event.operand()
                ),
                of_event.kind,
            )),
            Some(_) | None => Some(own),
        }
    }

    fn of_event(&mut self, name: &str) -> Option<Piece> {
        match name {
            "_current_time" | "timestamp" => return Some(Piece::path("now", Kind::Time)),
            "message" if self.event.style == Style::Conversation => {
                let path = if self.asks { "answer" } else { "event.message" };
                return Some(Piece::path(path, Kind::Text));
            }
            "behavior_name" | "behavior__label" | "behavior_id" => {
                return Some(Piece::literal(&self.title));
            }
            "_context" | "loop" => return None,
            _ => {}
        }
        if let Some((_, path, kind)) = self.event.names.iter().find(|(known, ..)| *known == name) {
            let is_loose = [" if ", " is ", " == ", " != "].iter().any(|sign| path.contains(sign));
            return Some(match (is_loose, path.contains(" | ")) {
                (true, _) => Piece::loose(*path, *kind),
                (false, true) => Piece::chain(*path, *kind),
                (false, false) => Piece::path(*path, *kind),
            });
        }
        if let Some(rest) = name.strip_prefix("behavior_bot_") {
            return self.of_bot(rest);
        }
        let (root, rest) = self.root(name)?;
        self.of_root(root, &rest)
    }

    /// The place of a value that the behavior sets, as seen from here: the name of a loop's item hides it.
    pub(crate) fn lexical(&self, name: &str) -> String {
        let called = self.loops.iter().rev().find(|(known, _)| known == name);
        called.map_or_else(|| place(name), |(_, called)| called.clone())
    }
}

impl Names for Scope<'_> {
    fn placeholder(&mut self, name: &str) -> Piece {
        let found = self.find(name);
        self.report.placeholders.add(found.is_some());
        found.unwrap_or_else(|| {
            self.mark(
                name.to_owned(),
                "a placeholder that nothing gives: it is kept under its name in `vars`",
            );
            Piece::path(place(name), Kind::Unknown)
        })
    }

    fn member(&mut self, name: &str, member: &str) -> Option<Piece> {
        let is_of =
            |known: &str| known.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        let is_told = !self.bot.known.contains(name)
            && self.event.names.iter().any(|(known, ..)| is_of(known));
        is_told.then(|| self.placeholder(&format!("{name}.{member}")))
    }

    fn gap(&mut self, what: &str, why: &str) {
        self.report.placeholders.add(false);
        self.mark(what.to_owned(), why.to_owned());
    }

    fn local(&mut self, name: &str) -> String {
        let place = place(name);
        if self.bot.known.contains(name) || self.of_event(name).is_some() {
            format!("{place}_local")
        } else {
            place
        }
    }

    fn fresh(&mut self) -> String {
        self.fresh += 1;
        format!("vars.part_{}", self.fresh)
    }

    fn loop_name(&mut self, name: &str) -> String {
        const TAKEN: [&str; 11] = [
            "event", "meta", "chat", "customer", "session", "client", "vars", "answer", "now",
            "loop", "range",
        ];
        let clean = word(name);
        let clean = clean.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
        if clean.is_empty() {
            return "item".to_owned();
        }
        if TAKEN.contains(&clean) { format!("{clean}_item") } else { clean.to_owned() }
    }
}

/// What a field was before the change: it is told where it is another one now.
fn was(record_type: &str, rest: &str) -> Option<Piece> {
    let (way, kind) = records::way(record_type, rest)?;
    let (first, more) = way.split_first()?;
    let within = |piece: Piece| more.iter().fold(piece, |piece, name| piece.member(name));
    let change = Piece::path(CHANGED, Kind::Map).member(first);
    let before = within(change.member("from"));
    let now = within(Piece::path("event.record", Kind::Map).member(first));
    let text =
        format!("{} if {} is defined else {}", before.as_str(), change.as_str(), now.as_str());
    Some(Piece::loose(text, kind))
}

/// The place in `vars` of a key of Cerb. `vars.result` is what a behavior leaves for its caller.
pub(crate) fn place(name: &str) -> String {
    let word = word(name);
    if word == "result" { "vars.result_".to_owned() } else { format!("vars.{word}") }
}

/// A name of letters, digits and `_`.
pub(crate) fn word(name: &str) -> String {
    let mut word: String = name
        .trim()
        .chars()
        .take(100)
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    if word.is_empty() || word.starts_with(|c: char| c.is_ascii_digit()) {
        word.insert(0, '_');
    }
    word
}
