//! All filters, functions and tests of templates, as data. `filters` adds them to an environment, `guard` knows names by
//! it, the page of the reference is made of it, and every example in it is a test.

use minijinja::Environment;

use super::{any, chance, checks, codes, data, dates, functions, html, lists, mappings, numbers};
use super::{regexes, text, xml};

/// What is added to a template's language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::template) enum Kind {
    /// `{{ value | name }}`.
    Filter,
    /// `{{ name() }}`.
    Function,
    /// `{{ value is name }}`.
    Test,
}

/// Some entries that belong together.
pub(super) struct Group {
    /// The heading.
    pub(super) title: &'static str,
    /// What it is about, in a few sentences.
    pub(super) about: &'static str,
    /// In alphabetical order.
    pub(super) entries: &'static [Entry],
}

/// A filter, a function or a test.
pub(super) struct Entry {
    /// Which of them.
    pub(super) kind: Kind,
    /// How it is called: its name, then its arguments, with their values where they are left out.
    pub(super) call: &'static str,
    /// What it does, in a sentence or two.
    pub(super) about: &'static str,
    /// A template.
    pub(super) example: &'static str,
    /// What the template sees as `session`, as JSON; nothing if it needs none.
    pub(super) session: &'static str,
    /// What it writes.
    pub(super) gives: &'static str,
    /// Adds it to an environment, by its name.
    pub(super) add: Add,
}

type Add = fn(&mut Environment<'static>, &'static str);

impl Entry {
    /// The name, which a call begins with.
    pub(super) fn name(&self) -> &'static str {
        self.call.split('(').next().unwrap_or_default()
    }

    /// The same with something that the example sees as `session`.
    pub(super) const fn seeing(mut self, session: &'static str) -> Self {
        self.session = session;
        self
    }
}

/// The entry of a filter.
pub(super) const fn filter(
    call: &'static str,
    about: &'static str,
    example: &'static str,
    gives: &'static str,
    add: Add,
) -> Entry {
    Entry { kind: Kind::Filter, call, about, example, session: "", gives, add }
}

/// The entry of a function.
pub(super) const fn function(
    call: &'static str,
    about: &'static str,
    example: &'static str,
    gives: &'static str,
    add: Add,
) -> Entry {
    Entry { kind: Kind::Function, call, about, example, session: "", gives, add }
}

/// The entry of a test.
pub(super) const fn test(
    call: &'static str,
    about: &'static str,
    example: &'static str,
    gives: &'static str,
    add: Add,
) -> Entry {
    Entry { kind: Kind::Test, call, about, example, session: "", gives, add }
}

/// Everything, in the order of the page.
pub(super) const GROUPS: [Group; 14] = [
    Group {
        title: "Any value",
        about: "What is not there is empty: most filters make an empty text, or an empty list, of it.",
        entries: any::ENTRIES,
    },
    Group {
        title: "Text",
        about: "Lengths and positions are counted in characters.",
        entries: text::ENTRIES,
    },
    Group {
        title: "Patterns",
        about: "Regular expressions are those of Rust's `regex`: `\\d+`, `(?i)yes`, `(?<name>...)`, without back references \
                and looking around, so that none takes long. A backslash is written twice in a template's text, and each \
                of them twice again within double quotes of YAML. A pattern has at most 1,000 bytes.",
        entries: regexes::ENTRIES,
    },
    Group {
        title: "Numbers",
        about: "A text that reads as a number is taken for one.",
        entries: numbers::ENTRIES,
    },
    Group {
        title: "Dates and times",
        about: "A time is RFC 3339 (`2026-11-21T18:30:00Z`), a date with or without a time of day, or seconds since 1970. \
                The zone is UTC, unless given as `Europe/Berlin`; a time of day without a zone is one of the zone that is \
                given. The time of the turn is the name `now`.",
        entries: dates::ENTRIES,
    },
    Group { title: "Lists", about: "", entries: lists::ENTRIES },
    Group {
        title: "Mappings",
        about: "A path is `a.b.c`, where a number is a place in a list; at its end `[]` is a new place. None of these changes \
                the value that it is given: each makes a new one.",
        entries: mappings::ENTRIES,
    },
    Group {
        title: "Chance",
        about: "A turn that is made again draws the same; two draws of one turn differ. A webhook's payload has no chance in \
                it.",
        entries: chance::ENTRIES,
    },
    Group { title: "Data", about: "", entries: data::ENTRIES },
    Group { title: "Codes", about: "", entries: codes::ENTRIES },
    Group {
        title: "XML",
        about: "Without document types and entities of their own; at most 30 elements deep.",
        entries: xml::ENTRIES,
    },
    Group { title: "HTML and Markdown", about: "", entries: html::ENTRIES },
    Group { title: "Functions", about: "", entries: functions::ENTRIES },
    Group {
        title: "Tests",
        about: "They stand behind `is` or `is not`, and in `select`, `reject`, `selectattr`, `rejectattr` as a text.",
        entries: checks::ENTRIES,
    },
];

/// All entries of all groups.
pub(super) fn entries() -> impl Iterator<Item = &'static Entry> {
    GROUPS.iter().flat_map(|group| group.entries)
}

/// The names of a kind, for the one who checks them.
pub(in crate::template) fn names(kind: Kind) -> impl Iterator<Item = &'static str> + Clone {
    GROUPS
        .iter()
        .flat_map(|group| group.entries)
        .filter(move |entry| entry.kind == kind)
        .map(Entry::name)
}
