//! What is different between two texts of a bot: file by file, as `diff -u` writes it. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use similar::TextDiff;

/// How long the smallest difference of one file is looked for; what is found by then is right, and may be longer.
const SEARCH_MAX: Duration = Duration::from_millis(100);

/// How many lines stand around what is different.
const CONTEXT_LINES: usize = 3;

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It says something else.
    Changed,
}

impl Became {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

/// A file that is not the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDiff {
    /// Its name.
    pub file: String,
    /// What became of it.
    pub became: Became,
    /// Line by line, in the unified form that `patch` takes.
    pub diff: String,
}

/// The files that are not the same, by name.
pub fn diff(before: &[(String, String)], after: &[(String, String)]) -> Vec<FileDiff> {
    let mut files: BTreeMap<&str, (Option<&str>, Option<&str>)> = BTreeMap::new();
    for (file, text) in before {
        files.entry(file).or_default().0 = Some(text);
    }
    for (file, text) in after {
        files.entry(file).or_default().1 = Some(text);
    }
    let mut different = Vec::new();
    for (file, texts) in files {
        let became = match texts {
            (None, _) => Became::Added,
            (_, None) => Became::Removed,
            (Some(before), Some(after)) if before == after => continue,
            (Some(_), Some(_)) => Became::Changed,
        };
        different.push(FileDiff { file: file.to_owned(), became, diff: unified(file, texts) });
    }
    different
}

fn unified(file: &str, (before, after): (Option<&str>, Option<&str>)) -> String {
    let name = |side: &str, text: Option<&str>| match text {
        Some(_) => format!("{side}/{file}"),
        None => "/dev/null".to_owned(),
    };
    let (from, to) = (name("a", before), name("b", after));
    TextDiff::configure()
        .timeout(SEARCH_MAX)
        .diff_lines(before.unwrap_or_default(), after.unwrap_or_default())
        .unified_diff()
        .context_radius(CONTEXT_LINES)
        .header(&from, &to)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> Vec<(String, String)> {
        files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn files_that_came_went_and_changed_are_told_line_by_line() {
        let before = files(&[
            ("p/a.yaml", "# Ours.\nbehaviors:\n  - name: one\n    do: [{say: Hello.}]\n"),
            ("p/b.yaml", "same\n"),
            ("p/c.yaml", "gone\n"),
        ]);
        let after = files(&[
            ("p/a.yaml", "# Ours.\nbehaviors:\n  - name: one\n    do: [{say: Good day.}]"),
            ("p/b.yaml", "same\n"),
            ("p/d.yaml", "new\n"),
        ]);
        let told: Vec<_> =
            diff(&before, &after).into_iter().map(|one| (one.became.as_str(), one.diff)).collect();
        assert_eq!(
            told,
            [
                (
                    "changed",
                    "--- a/p/a.yaml\n+++ b/p/a.yaml\n@@ -1,4 +1,4 @@\n # Ours.\n behaviors:\n   - name: one\n-    do: [{say: Hello.}]\n+    do: [{say: Good day.}]\n\\ No newline at end of file\n"
                        .to_owned()
                ),
                ("removed", "--- a/p/c.yaml\n+++ /dev/null\n@@ -1 +0,0 @@\n-gone\n".to_owned()),
                ("added", "--- /dev/null\n+++ b/p/d.yaml\n@@ -0,0 +1 @@\n+new\n".to_owned()),
            ]
        );
        assert_eq!(diff(&before, &before), []);
    }
}
