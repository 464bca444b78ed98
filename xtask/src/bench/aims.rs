//! What we want to reach, what we reached, and by how much an aim was missed.
//!
//! Pure: it reads the book of figures. An aim is a ratio to a ceiling of the same run wherever it can be.

use serde_json::{Value, json};

use super::book::{Book, short};

/// Of the lower ceiling, what accepting shall reach at least.
const OF_THE_CEILING_LEAST: f64 = 0.6;

/// Disk syncs, what a reply on an idle server shall take at most: one before the thanks, one before the reply is seen,
/// and one for all the rest.
const SYNCS_MOST: f64 = 3.0;

/// What a figure may change by what it does not concern.
const UNCONCERNED_MOST: f64 = 0.1;

/// Memory of an idle server, and the binary, in megabytes.
const MEGABYTES_MOST: f64 = 40.0;

/// Milliseconds until the server is ready on an empty folder.
const READY_EMPTY_MOST: f64 = 500.0;

/// Milliseconds until the server is ready on a folder with a million events.
const READY_FULL_MOST: f64 = 3_000.0;

/// An aim and what came of it.
#[derive(Debug, PartialEq)]
pub(super) struct Aim {
    what: String,
    wanted: Wanted,
    reached: f64,
}

/// On which side of a figure we want to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wanted {
    AtLeast(f64),
    AtMost(f64),
}

impl Aim {
    /// An aim, if the figure was taken.
    pub(super) fn of(what: &str, wanted: Wanted, reached: Option<f64>) -> Option<Self> {
        reached.map(|reached| Self { what: what.to_owned(), wanted, reached })
    }

    /// By how much it was missed, as a part of what was wanted; `None` when it was reached.
    fn missed_by(&self) -> Option<f64> {
        let missed = match self.wanted {
            Wanted::AtLeast(least) => (least - self.reached) / least,
            Wanted::AtMost(most) => (self.reached - most) / most,
        };
        (missed > 0.0).then_some(missed)
    }
}

/// Judges a book. An aim whose figures were not taken is left out.
pub(super) fn judge(book: &Book, behaviors: &[usize], endpoints: &[usize]) -> Vec<Aim> {
    let mut aims = Vec::new();
    let mut aim = |what: &str, wanted, reached| aims.extend(Aim::of(what, wanted, reached));
    let ratio = |of: &str, to: &str| Some(book.median(of)? / book.median(to)?);
    let of_ceiling = |title: &str| {
        let web = ratio(title, "ceiling: web framework")?;
        let store = ratio(title, "ceiling: store")?;
        Some(web.max(store))
    };
    for title in ["accepted in chats", "accepted without a chat"] {
        aim(
            &format!("{title}, of the lower ceiling"),
            Wanted::AtLeast(OF_THE_CEILING_LEAST),
            of_ceiling(title),
        );
    }
    let syncs = ratio("reply, one at a time, p50", "disk sync, p50");
    aim("reply, one at a time, in disk syncs", Wanted::AtMost(SYNCS_MOST), syncs);
    let crowds = behaviors.iter().map(|count| format!("{count} behaviors"));
    for crowd in crowds.chain(endpoints.iter().map(|count| format!("{count} endpoints"))) {
        for (figure, alone) in [
            ("accepted with {}", "accepted in chats"),
            ("reply with {}, one at a time, p50", "reply, one at a time, p50"),
            ("reply with {}, the most", "reply, the most"),
        ] {
            let name = figure.replace("{}", &crowd);
            let worse = ratio(&name, alone)
                .map(|ratio| if name.ends_with("p50") { ratio - 1.0 } else { 1.0 - ratio });
            aim(&format!("{name}, worse by"), Wanted::AtMost(UNCONCERNED_MOST), worse);
        }
    }
    aim("memory, idle, MB", Wanted::AtMost(MEGABYTES_MOST), book.median("memory, idle"));
    aim(
        "ready, empty folder, ms",
        Wanted::AtMost(READY_EMPTY_MOST),
        book.median("ready, empty folder"),
    );
    aim(
        "ready, full folder, ms",
        Wanted::AtMost(READY_FULL_MOST),
        book.median("ready, full folder"),
    );
    aim("binary, MB", Wanted::AtMost(MEGABYTES_MOST), book.median("binary"));
    aims
}

/// One row for each aim, as `docs/performance.md` has them.
pub(super) fn table(aims: &[Aim]) -> String {
    let mut table = "| aim | wanted | reached | |\n| --- | --- | --- | --- |\n".to_owned();
    for aim in aims {
        let wanted = match aim.wanted {
            Wanted::AtLeast(least) => format!("at least {}", short(least)),
            Wanted::AtMost(most) => format!("at most {}", short(most)),
        };
        let verdict = aim
            .missed_by()
            .map_or("yes".to_owned(), |part| format!("missed by {:.0} %", part * 100.0));
        let (what, reached) = (&aim.what, short(aim.reached));
        table.push_str(&format!("| {what:<52} | {wanted:>14} | {reached:>8} | {verdict} |\n"));
    }
    table
}

/// The same for machines.
pub(super) fn json(aims: &[Aim]) -> Value {
    aims.iter()
        .map(|aim| {
            let wanted = match aim.wanted {
                Wanted::AtLeast(least) => json!({"least": least}),
                Wanted::AtMost(most) => json!({"most": most}),
            };
            json!({"what": aim.what, "wanted": wanted, "reached": aim.reached, "missed_by": aim.missed_by()})
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(figures: &[(&str, f64)]) -> Book {
        let mut book = Book::default();
        for (name, figure) in figures {
            book.note(name, "", *figure);
        }
        book
    }

    #[test]
    fn accepting_is_compared_with_the_lower_ceiling() {
        let book = book(&[
            ("accepted in chats", 5_000.0),
            ("ceiling: web framework", 50_000.0),
            ("ceiling: store", 10_000.0),
        ]);
        let aims = judge(&book, &[], &[]);
        assert_eq!(aims.len(), 1);
        assert_eq!(aims[0].reached, 0.5);
        let missed = aims[0].missed_by().expect("missed");
        assert!((missed - 1.0 / 6.0).abs() < 1e-9, "{missed}");
        assert!(table(&aims).contains("missed by 17 %"));
    }

    #[test]
    fn a_crowd_is_worse_when_it_is_slower() {
        let figures = [
            ("accepted in chats", 1_000.0),
            ("accepted with 100 behaviors", 800.0),
            ("reply, one at a time, p50", 1.0),
            ("reply with 100 behaviors, one at a time, p50", 0.5),
        ];
        let aims = judge(&book(&figures), &[100], &[]);
        let reached: Vec<(f64, bool)> =
            aims.iter().map(|aim| (aim.reached, aim.missed_by().is_none())).collect();
        assert_eq!(reached.len(), 2);
        assert!((reached[0].0 - 0.2).abs() < 1e-9 && !reached[0].1, "a fifth slower is too much");
        assert!((reached[1].0 + 0.5).abs() < 1e-9 && reached[1].1, "faster is well");
    }
}
