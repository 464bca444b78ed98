//! What we want of the Chat API. Pure: it reads the book of figures.

use super::super::aims::{Aim, Wanted};
use super::super::book::Book;

/// Disk syncs that a send may take until it is heard.
const SYNCS_MOST: f64 = 2.0;

/// How much later than half of all the latest hundredth may come, at half of the most.
const TAIL_MOST: f64 = 5.0;

/// The CPU time of a delivery beside that of the bare broadcast, and where we want to be.
const OF_BARE_MOST: f64 = 1.0;
const OF_BARE_AIMED: f64 = 0.5;

/// Bytes of memory of an idle connection.
const IDLE_BYTES_MOST: f64 = 10_000.0;

/// How much later others may hear beside slow readers.
const BESIDE_SLOW_MOST: f64 = 1.2;

/// Megabytes by which the server may grow by slow readers: what is kept for those who come back, and a socket's buffer
/// for each.
const SLOW_MB_MOST: f64 = 64.0;

/// Seconds until all have come back.
const BACK_S_MOST: f64 = 10.0;

/// Milliseconds of the first page of a list.
const LIST_MS_MOST: f64 = 20.0;

/// Judges a book. An aim whose figures were not taken is left out.
pub(super) fn judge(book: &Book, listeners: &[usize]) -> Vec<Aim> {
    let mut aims = Vec::new();
    let mut aim =
        |what: &str, wanted, reached: Option<f64>| aims.extend(Aim::of(what, wanted, reached));
    let most = Wanted::AtMost;
    let ratio = |of: &str, to: &str| Some(book.median(of)? / book.median(to)?);
    aim(
        "send_event, heard, p50, in disk syncs",
        most(SYNCS_MOST),
        ratio("send_event, heard, p50", "disk sync, p50"),
    );
    let half = "send_event, half of the most, heard";
    let tail = ratio(&format!("{half}, p99"), &format!("{half}, p50"));
    aim(&format!("{half}, p99 beside p50"), most(TAIL_MOST), tail);
    for count in listeners {
        let title = format!("1 to {count}");
        let ours = format!("{title}, Tidings, CPU each");
        let of_bare = ratio(&ours, &format!("{title}, bare broadcast, CPU each"));
        // One listener pays alone for storing the event.
        if *count > 1 {
            aim(&format!("{title}, CPU beside the bare broadcast"), most(OF_BARE_MOST), of_bare);
            aim(&format!("{title}, CPU, stretched"), most(OF_BARE_AIMED), of_bare);
        }
    }
    let idle = "idle connections, memory each";
    aim(&format!("{idle}, bytes"), most(IDLE_BYTES_MOST), book.median(idle));
    for percentile in ["p50", "p99"] {
        let beside = |whom: &str| format!("long events beside {whom}, heard, {percentile}");
        let later = ratio(&beside("slow readers"), &beside("readers"));
        aim(&format!("heard beside slow readers, {percentile}"), most(BESIDE_SLOW_MOST), later);
    }
    let grown = "slow readers, memory grown in all";
    aim(&format!("{grown}, MB"), most(SLOW_MB_MOST), book.median(grown));
    let back = "all come back and have what they missed";
    aim(&format!("{back}, s"), most(BACK_S_MOST), book.median(back));
    for list in ["list_chats", "list_archives", "list_archives, by a word"] {
        for who in ["", ", by teams"] {
            let title = format!("{list}{who}, p50");
            aim(&format!("{title}, ms"), most(LIST_MS_MOST), book.median(&title));
        }
    }
    aims
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fan_out_is_compared_with_the_bare_one_of_its_size() {
        let mut book = Book::default();
        for (name, figure) in [
            ("1 to 100, Tidings, CPU each", 2.0),
            ("1 to 100, bare broadcast, CPU each", 4.0),
            ("1 to 1, Tidings, CPU each", 200.0),
            ("1 to 1, bare broadcast, CPU each", 8.0),
        ] {
            book.note(name, "us", figure);
        }
        let aims = judge(&book, &[1, 100]);
        let what = |what: &str, most| Aim::of(what, Wanted::AtMost(most), Some(0.5));
        let expected = [
            what("1 to 100, CPU beside the bare broadcast", 1.0),
            what("1 to 100, CPU, stretched", 0.5),
        ];
        assert_eq!(aims, expected.into_iter().flatten().collect::<Vec<_>>());
    }
}
