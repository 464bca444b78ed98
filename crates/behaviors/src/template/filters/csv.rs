//! Rows as text, with commas between.

use csv::{ReaderBuilder, Terminator, WriterBuilder};
use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::{failed, fields_of, items_of, text_of};

pub(super) fn csv(value: &Value, delimiter: Option<&str>) -> Result<String, Error> {
    let mut writer = WriterBuilder::new()
        .delimiter(byte(delimiter)?)
        .flexible(true)
        .terminator(Terminator::Any(b'\n'))
        .from_writer(Vec::new());
    let broken = |error: csv::Error| failed(error.to_string());
    let rows = items_of(value, "csv")?;
    let keys = match rows.first() {
        Some(row) if row.kind() == ValueKind::Map => {
            let fields = fields_of(row, "csv")?;
            Some(fields.into_iter().map(|(key, _)| key).collect::<Vec<_>>())
        }
        Some(_) | None => None,
    };
    if let Some(keys) = &keys {
        writer.write_record(texts(keys)?).map_err(broken)?;
    }
    for row in &rows {
        let cells = match &keys {
            Some(keys) => keys.iter().map(|key| row.get_item(key).unwrap_or_default()).collect(),
            None if matches!(row.kind(), ValueKind::Seq | ValueKind::Iterable) => {
                items_of(row, "csv")?
            }
            None => vec![row.clone()],
        };
        writer.write_record(texts(&cells)?).map_err(broken)?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|error| failed(error.to_string()))?;
    Ok(text.trim_end_matches('\n').to_owned())
}

pub(super) fn parse_csv(
    value: &Value,
    delimiter: Option<&str>,
    header: Option<bool>,
) -> Result<Vec<Value>, Error> {
    let text = text_of(value)?;
    let mut reader = ReaderBuilder::new()
        .delimiter(byte(delimiter)?)
        .flexible(true)
        .has_headers(false)
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    let mut keys: Option<Vec<String>> = None;
    for record in reader.records() {
        let record = record.map_err(|error| failed(error.to_string()))?;
        match &keys {
            Some(keys) => {
                let cells = keys.iter().map(String::as_str).zip(record.iter().map(Value::from));
                rows.push(Value::from_pairs(cells));
            }
            None if header.unwrap_or_default() => {
                keys = Some(record.iter().map(str::to_owned).collect());
            }
            None => rows.push(record.iter().collect()),
        }
    }
    Ok(rows)
}

fn texts(values: &[Value]) -> Result<Vec<String>, Error> {
    values.iter().map(text_of).collect()
}

fn byte(delimiter: Option<&str>) -> Result<u8, Error> {
    match delimiter.unwrap_or(",").as_bytes() {
        [byte] if !matches!(byte, b'"' | b'\n' | b'\r') => Ok(*byte),
        _ => Err(failed("a delimiter of CSV is one plain character")),
    }
}
