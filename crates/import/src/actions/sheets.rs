//! Sheets of forms: rows of records with columns, said as text.

use super::{Action, Done, Outcome, refused};
use crate::records::{self, type_name};
use crate::twig::Untranslatable;
use crate::write::Names as _;
use crate::yaml::{Step, Yaml};

/// How many rows are said.
const ROWS_MAX: i64 = 20;

/// A column, with what stands before its values.
#[derive(Debug, PartialEq)]
struct Column {
    key: String,
    label: Option<String>,
}

impl Action<'_, '_, '_, '_> {
    /// `respond_sheet`: the records that a query of data finds, a line for each column.
    pub(super) fn sheet(&mut self) -> Outcome {
        let data = self.filled("data_query").ok_or_else(|| refused("a sheet without a query"))?;
        let sheet = self.filled("sheet_kata").or_else(|| self.filled("sheet_yaml"));
        let columns = columns(&sheet.unwrap_or_default());
        if columns.is_empty() {
            return Err(refused("a sheet without columns"));
        }
        let (context, query) = records_wanted(&data)?;
        let found = self.tree.scope.fresh();
        self.find(&context, &query, Some(ROWS_MAX), &found)?;
        self.note(&format!("the sheet is said as text, at most {ROWS_MAX} rows of it"));
        let short = records::short_name(&context);
        let lines = columns.iter().map(|column| {
            let way = path(short, &column.key);
            match &column.label {
                Some(label) => format!("{label}: {{{{ row.{way} }}}}\n"),
                None => format!("{{{{ row.{way} }}}}\n"),
            }
        });
        let rows: String = lines.collect();
        let text =
            format!("{{% for row in {found} %}}{rows}{{% else %}}Nothing was found.{{% endfor %}}");
        self.step(Step::new("say", Yaml::Text(text)));
        Ok(Done::Next)
    }
}

/// Where a column's value is in a record.
fn path(record_type: &str, key: &str) -> String {
    let noun = type_name(record_type);
    if records::is_noun(&noun) {
        let key = key.trim_end_matches("_label").trim_end_matches('_');
        let key = if key.is_empty() { records::label(record_type) } else { key };
        return crate::scope::word(key);
    }
    match records::way(record_type, key) {
        Some((names, _)) if !names.is_empty() => names.join("."),
        Some(_) | None => crate::scope::word(key),
    }
}

/// The type and the search of a query of records; other queries of data have no counterpart.
fn records_wanted(data: &str) -> Result<(String, String), Untranslatable> {
    let (mut of, mut query) = (None, String::new());
    let mut kind = None;
    let mut rest = data.trim();
    while let Some((key, behind)) = rest.split_once(':') {
        let (value, after) = value(behind.trim_start());
        match key.trim() {
            "type" => kind = Some(value.to_owned()),
            "of" => of = Some(value.to_owned()),
            "query" | "query.required" => {
                let inner = value.trim_start_matches('(').trim_end_matches(')').trim();
                query = format!("{query} {inner}");
            }
            _ => {}
        }
        rest = after.trim_start();
    }
    match (kind.as_deref(), of) {
        (Some("worklist.records"), Some(of)) => Ok((of, query)),
        (kind, _) => Err(refused(format!("a query of data ({})", kind.unwrap_or("of no type")))),
    }
}

/// A word, or what stands in brackets, and what follows.
fn value(text: &str) -> (&str, &str) {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            c if c.is_whitespace() && depth == 0 => return text.split_at(at),
            _ => {}
        }
    }
    (text, "")
}

/// The columns of a sheet: below `columns:` a line `kind/key:` each, with a `label` below it.
fn columns(sheet: &str) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    let lines = sheet.lines().skip_while(|line| line.trim() != "columns:").skip(1);
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let depth = line.len() - line.trim_start().len();
        let line = line.trim();
        if depth == 0 {
            break;
        }
        if let Some((_, key)) = line.strip_suffix(':').and_then(|line| line.split_once('/')) {
            columns.push(Column { key: key.to_owned(), label: None });
        } else if let (Some(label), Some(column)) =
            (line.strip_prefix("label:"), columns.last_mut())
            && column.label.is_none()
        {
            column.label = Some(label.trim().to_owned());
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_of_a_sheet_are_read() {
        let sheet = "layout:\n  style: table\ncolumns:\n  card/_label:\n    label: Oven\n    params:\n      label: no\n\n  date/due:\n";
        let column = |key: &str, label: Option<&str>| Column {
            key: key.into(),
            label: label.map(Into::into),
        };
        assert_eq!(columns(sheet), [column("_label", Some("Oven")), column("due", None)]);
    }

    #[test]
    fn a_query_of_data_is_read() {
        let data = "type:worklist.records\nof:task\nquery.required:(\n  id:{{ a.b }}\n)\nquery:(\n)\nexpand:[]\n";
        let (of, query) = records_wanted(data).expect("records");
        assert_eq!((of.as_str(), query.trim()), ("task", "id:{{ a.b }}"));
        assert!(records_wanted("type:worklist.metrics of:task").is_err());
    }
}
