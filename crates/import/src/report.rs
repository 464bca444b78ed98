//! What became of it, in numbers and in places. Printed by the command, looked at by tests.

/// How many parts of a kind were translated, and how many were marked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// They mean in Tidings what they meant in Cerb.
    pub translated: usize,
    /// They have no counterpart: a step stops the run there, or a name stands for nothing.
    pub marked: usize,
}

impl Count {
    /// All of them.
    pub fn all(self) -> usize {
        self.translated + self.marked
    }

    pub(crate) fn add(&mut self, is_translated: bool) {
        if is_translated {
            self.translated += 1;
        } else {
            self.marked += 1;
        }
    }
}

/// The report of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many files were read.
    pub files: usize,
    /// How many behaviors were found in them.
    pub behaviors: usize,
    /// The nodes of their trees. One is marked when one of its own actions or conditions is.
    pub nodes: Count,
    /// The actions.
    pub actions: Count,
    /// The conditions of outcomes.
    pub conditions: Count,
    /// The placeholders in templates, each time that one stands somewhere.
    pub placeholders: Count,
    /// What was marked.
    pub marked: Vec<Mark>,
    /// What was translated, and somebody should look at.
    pub notes: Vec<Mark>,
}

/// The most marks, and the most notes, that a report keeps: the numbers count on.
const MARKS_MAX: usize = 5_000;

/// A place that somebody should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The file.
    pub file: String,
    /// The place in it, as `bots[0].behaviors[2].nodes[1].params.actions[0]`.
    pub path: String,
    /// What stands there.
    pub what: String,
    /// Why it was marked, or what to look at.
    pub why: String,
}

impl Report {
    pub(crate) fn mark(&mut self, mark: Mark) {
        push(&mut self.marked, mark);
    }

    pub(crate) fn note(&mut self, note: Mark) {
        push(&mut self.notes, note);
    }
}

fn push(marks: &mut Vec<Mark>, mark: Mark) {
    if marks.len() < MARKS_MAX && !marks.contains(&mark) {
        marks.push(mark);
    }
}
