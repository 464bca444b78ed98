//! What numbers are together.

use minijinja::value::Kwargs;
use minijinja::{Error, Value};

use super::{failed, is_missing, items_of, number_of, number_value};

/// All that `stats` knows.
const KNOWN: [&str; 11] =
    ["count", "max", "mean", "median", "min", "mode", "stdev", "stdevp", "sum", "var", "varp"];

pub(super) fn stats(value: &Value, what: Option<&str>) -> Result<Value, Error> {
    let mut numbers = Vec::new();
    for item in items_of(value, "stats")? {
        numbers.push(number_of(&item, "stats")?);
    }
    numbers.sort_by(f64::total_cmp);
    match what {
        Some(what) if KNOWN.contains(&what) => Ok(one(&numbers, what)),
        Some(what) => Err(failed(format!("`stats` knows {}, not {what:?}", KNOWN.join(", ")))),
        None => Ok(Value::from_pairs(KNOWN.map(|what| (what, one(&numbers, what))))),
    }
}

/// One of them; null where there are too few numbers.
fn one(sorted: &[f64], what: &str) -> Value {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a list is far shorter than what a float counts"
    )]
    let count = sorted.len() as f64;
    let sum: f64 = sorted.iter().sum();
    let mean = sum / count;
    let squares: f64 = sorted.iter().map(|number| (number - mean).powi(2)).sum();
    let several = sorted.len() > 1;
    let number = match what {
        "count" => Some(count),
        "sum" => Some(sum),
        "max" => sorted.last().copied(),
        "min" => sorted.first().copied(),
        "mean" => Some(mean),
        "median" => median(sorted),
        "mode" => mode(sorted),
        "var" => several.then(|| squares / (count - 1.0)),
        "stdev" => several.then(|| (squares / (count - 1.0)).sqrt()),
        "varp" => Some(squares / count),
        _ => Some((squares / count).sqrt()),
    };
    number.filter(|number| number.is_finite()).map_or_else(|| Value::from(()), number_value)
}

fn median(sorted: &[f64]) -> Option<f64> {
    let upper = sorted.get(sorted.len() / 2)?;
    if sorted.len().is_multiple_of(2) {
        let lower = sorted.get(sorted.len() / 2 - 1)?;
        return Some(lower.midpoint(*upper));
    }
    Some(*upper)
}

/// The number that is there most often; of several the smallest.
fn mode(sorted: &[f64]) -> Option<f64> {
    let mut most: Option<(f64, usize)> = None;
    for run in sorted.chunk_by(f64::eq) {
        let longer = most.is_none_or(|(_, length)| run.len() > length);
        if let Some(number) = run.first().filter(|_| longer) {
            most = Some((*number, run.len()));
        }
    }
    most.map(|(number, _)| number)
}

/// Adds numbers up; nothing is 0.
pub(super) fn sum(value: &Value, options: Kwargs) -> Result<Value, Error> {
    let attribute: Option<String> = options.get("attribute")?;
    options.assert_all_used()?;
    if is_missing(value) {
        return Ok(Value::from(0));
    }
    let mut whole = Some(0_i64);
    let mut total = 0.0;
    for item in value.try_iter()?.checked() {
        let item = item?;
        let number = match &attribute {
            Some(name) => item.get_attr(name)?,
            None => item,
        };
        let amount =
            f64::try_from(number.clone()).map_err(|_| failed("only numbers are summed"))?;
        total += amount;
        whole = whole
            .and_then(|whole| whole.checked_add(number.as_i64().filter(|_| number.is_integer())?));
    }
    Ok(whole.map_or_else(|| Value::from(total), Value::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_numbers_have_less_to_tell() {
        let told = |numbers: &[f64]| {
            let value = numbers.iter().copied().collect::<Value>();
            super::super::json(&stats(&value, None).expect("numbers"), None).expect("JSON")
        };
        insta::assert_snapshot!([told(&[]), told(&[3.0]), told(&[1.0, 2.0, 2.0, 5.0])].join("\n"), @r#"
        {"count":0,"max":null,"mean":null,"median":null,"min":null,"mode":null,"stdev":null,"stdevp":null,"sum":0,"var":null,"varp":null}
        {"count":1,"max":3,"mean":3,"median":3,"min":3,"mode":3,"stdev":null,"stdevp":0,"sum":3,"var":null,"varp":0}
        {"count":4,"max":5,"mean":2.5,"median":2,"min":1,"mode":2,"stdev":1.73205080756888,"stdevp":1.5,"sum":10,"var":3,"varp":2.25}
        "#);
    }
}
