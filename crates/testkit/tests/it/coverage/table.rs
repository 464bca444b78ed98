//! The table of all events that the four systems name, `catalogue/seed-events.csv`.

/// How many there are.
pub(super) const ROWS: usize = 150;

/// The columns that the table has: system, name, type, kind, where, arises, answer.
const COLUMNS: usize = 7;

/// What Vonage calls its kinds of files, for its row: the service has no names of events.
const FILES_OF_VONAGE: [&str; 4] = ["vonage:audio", "vonage:image", "vonage:video", "vonage:file"];

/// An event of one of the systems.
#[derive(Debug)]
pub(super) struct Row {
    /// What it is called there.
    pub(super) name: String,
    /// What it is here.
    pub(super) event_type: String,
    /// Whether it asks: `after`, `before`, `interactive`, `computed`.
    pub(super) kind: String,
}

impl Row {
    /// The names that a behavior listens to for it.
    pub(super) fn names(&self) -> Vec<&str> {
        if self.name.starts_with("(Vonage") { FILES_OF_VONAGE.to_vec() } else { vec![&self.name] }
    }
}

/// All rows, in their order.
pub(super) fn rows() -> Vec<Row> {
    let text = include_str!("../../../../../catalogue/seed-events.csv");
    let rows: Vec<Row> = text
        .lines()
        .skip(1)
        .map(|line| {
            let columns: [String; COLUMNS] = columns(line).try_into().expect("seven columns");
            let [_, name, event_type, kind, _, _, _] = columns;
            Row { name, event_type, kind }
        })
        .collect();
    assert_eq!(rows.len(), ROWS, "the table was cut");
    rows
}

/// The columns of a line of CSV; one with a comma is quoted, and none holds a quote.
fn columns(line: &str) -> Vec<String> {
    let mut columns = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => columns.push(String::new()),
            _ => columns.last_mut().expect("a column").push(c),
        }
    }
    columns
}
