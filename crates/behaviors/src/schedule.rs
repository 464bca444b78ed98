//! When a behavior is due by itself: cron lines in a time zone. Read by `load`; `app` asks for the next time and keeps it as
//! a timer.

use std::str::FromStr;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::nearest::nearest;
use crate::reader::Reader;
use crate::yaml::{Kind, Node};

/// The event type of what is due.
pub const DUE: &str = "schedule.due";

/// The most cron lines of one behavior.
pub(crate) const LINES_MAX: usize = 20;

/// How far ahead the next time is looked for by what the library does: a line without a time within years has none.
const NO_TIME: &str = "never comes";

/// When a behavior is due.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The cron lines, as they were written: minute, hour, day of the month, month, day of the week.
    pub cron: Vec<String>,
    /// The IANA name of the time zone that they are read in.
    pub zone: String,
    /// What becomes of times that were missed.
    pub missed: Missed,
    lines: Vec<Cron>,
    time_zone: TimeZone,
}

/// What becomes of times that were missed, as nothing ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missed {
    /// All of them become one, as soon as something runs again.
    #[default]
    Once,
    /// They are left out.
    Skip,
}

impl Missed {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Once, Self::Skip];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Skip => "skip",
        }
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        (&self.cron, &self.zone, self.missed) == (&other.cron, &other.zone, other.missed)
    }
}

impl Schedule {
    /// The first time after this one at which any of the lines is due; `None` where there is none any more.
    ///
    /// A time that a clock leaves out in spring is due when it goes on; one that comes twice in autumn is due once.
    pub fn next_after(&self, time: Timestamp) -> Option<Timestamp> {
        let here = time.to_zoned(self.time_zone.clone());
        let next = |line: &Cron| line.find_next_occurrence(&here, false).ok();
        self.lines.iter().filter_map(next).map(|next| next.timestamp()).min()
    }

    /// How many times are due after one and up to another, counted no further than `most`.
    pub fn count_between(&self, after: Timestamp, up_to: Timestamp, most: usize) -> usize {
        let mut count = 0;
        let mut last = after;
        while count < most
            && let Some(next) = self.next_after(last)
            && next <= up_to
        {
            count += 1;
            last = next;
        }
        count
    }
}

/// Reads `schedule`: a cron line, a list of them, or a mapping with `cron`, `zone` and `missed`.
pub(crate) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Schedule> {
    let (cron, zone, missed) = match &node.kind {
        Kind::Map(_) => {
            let fields = reader.fields(node, "`schedule`", &["cron", "zone", "missed"])?;
            let cron = reader.required(node.at, "`schedule`", fields, "cron")?;
            (cron, fields.get("zone"), fields.get("missed"))
        }
        Kind::Scalar(_) | Kind::List(_) => (node, None, None),
    };
    let (zone, time_zone) = match zone {
        Some(node) => read_zone(reader, node)?,
        None => ("UTC".to_owned(), TimeZone::UTC),
    };
    let missed = missed.map_or(Some(Missed::default()), |node| read_missed(reader, node))?;
    let written = reader.words(cron, "a cron line");
    if written.is_empty() || written.len() > LINES_MAX {
        reader.error(cron.at, "wrong_kind", format!("`cron` has 1 to {LINES_MAX} lines"));
        return None;
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let mut lines = Vec::with_capacity(written.len());
    for (text, at) in &written {
        let line = parser.parse(text).map_err(|error| error.to_string());
        let line = line.and_then(|line| {
            // 30 February is a line that nobody meant.
            let from = Timestamp::UNIX_EPOCH.to_zoned(time_zone.clone());
            let comes = line.find_next_occurrence(&from, false).is_ok();
            comes.then_some(line).ok_or_else(|| NO_TIME.to_owned())
        });
        match line {
            Ok(line) => lines.push(line),
            Err(why) => {
                let message = format!(
                    "{text:?} is no cron line ({why}): write minute, hour, day, month, weekday, as `0 9 * * 1-5`"
                );
                reader.error(*at, "wrong_cron", message);
            }
        }
    }
    let is_whole = lines.len() == written.len();
    let cron = written.into_iter().map(|(text, _)| text).collect();
    is_whole.then_some(Schedule { cron, zone, missed, lines, time_zone })
}

fn read_zone(reader: &mut Reader<'_>, node: &Node) -> Option<(String, TimeZone)> {
    let name = reader.plain(node, "`zone`")?;
    match TimeZone::get(&name) {
        Ok(zone) => Some((name, zone)),
        Err(_) => {
            let message = format!("there is no time zone {name:?}: write one as Europe/Berlin");
            reader.error(node.at, "unknown_zone", message);
            None
        }
    }
}

fn read_missed(reader: &mut Reader<'_>, node: &Node) -> Option<Missed> {
    let word = reader.plain(node, "`missed`")?;
    let known = Missed::from_str(&word);
    if known.is_err() {
        let words = Missed::ALL.map(Missed::as_str);
        let message = format!("`missed` is {}, not {word:?}", words.join(" or "));
        reader.unknown(node.at, "unknown_policy", message, nearest(&word, words));
    }
    known.ok()
}

impl FromStr for Missed {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|missed| missed.as_str() == word).ok_or(())
    }
}
