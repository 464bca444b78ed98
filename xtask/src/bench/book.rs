//! The book of figures: each is taken several times, and told as a median with its range.

use serde_json::{Value, json};

use crate::figures::Spread;

/// All figures of a run, in the order in which they were first taken.
#[derive(Debug, Default)]
pub(super) struct Book {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    name: String,
    unit: &'static str,
    figures: Vec<f64>,
}

impl Book {
    /// Notes a figure once more.
    pub(super) fn note(&mut self, name: &str, unit: &'static str, figure: f64) {
        match self.rows.iter_mut().find(|row| row.name == name) {
            Some(row) => row.figures.push(figure),
            None => self.rows.push(Row { name: name.to_owned(), unit, figures: vec![figure] }),
        }
    }

    /// The median of a figure, if it was taken.
    pub(super) fn median(&self, name: &str) -> Option<f64> {
        let row = self.rows.iter().find(|row| row.name == name)?;
        Spread::of(&row.figures).map(|spread| spread.median)
    }

    /// The figure that `percent` of all do not exceed (nearest rank), if it was taken.
    pub(super) fn percentile(&self, name: &str, percent: usize) -> Option<f64> {
        let mut figures = self.rows.iter().find(|row| row.name == name)?.figures.clone();
        figures.sort_unstable_by(f64::total_cmp);
        figures.get((figures.len() * percent).div_ceil(100).checked_sub(1)?).copied()
    }

    /// One row for each figure, as `docs/performance.md` has them.
    pub(super) fn table(&self) -> String {
        let mut table = "| figure | median | range |\n| --- | --- | --- |\n".to_owned();
        for Row { name, unit, figures } in &self.rows {
            let Some(spread) = Spread::of(figures) else { continue };
            let Spread { least, median, most } = spread;
            let range = if figures.len() > 1 {
                format!("{} to {}", short(least), short(most))
            } else {
                String::new()
            };
            let median = format!("{} {unit}", short(median));
            table.push_str(&format!("| {name:<52} | {median:>18} | {range} |\n"));
        }
        table
    }

    /// The same for machines.
    pub(super) fn json(&self) -> Value {
        let rows = self.rows.iter().filter_map(|row| {
            let Spread { least, median, most } = Spread::of(&row.figures)?;
            let row = json!({"unit": row.unit, "median": median, "least": least, "most": most, "all": row.figures});
            Some(row)
        });
        let names = self.rows.iter().map(|row| row.name.clone());
        Value::Object(names.zip(rows).collect())
    }
}

/// A figure with three digits that matter, whole from a hundred on.
pub(super) fn short(figure: f64) -> String {
    match figure.abs() {
        size if size >= 100.0 => format!("{figure:.0}"),
        size if size >= 10.0 => format!("{figure:.1}"),
        size if size >= 1.0 => format!("{figure:.2}"),
        _ => format!("{figure:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_told_with_its_range() {
        let mut book = Book::default();
        for rate in [900.0, 1_100.0, 1_000.0] {
            book.note("accepted", "/s", rate);
        }
        book.note("binary", "MB", 12.34);
        assert_eq!(book.median("accepted"), Some(1_000.0));
        assert_eq!(book.median("unknown"), None);
        let expected = format!(
            "| figure | median | range |\n| --- | --- | --- |\n| {:<52} | {:>18} | 900 to 1100 |\n| {:<52} | {:>18} |  |\n",
            "accepted", "1000 /s", "binary", "12.3 MB"
        );
        assert_eq!(book.table(), expected);
        assert_eq!(book.json().pointer("/accepted/most"), Some(&json!(1_100.0)));
    }
}
