//! Numbers, addresses and days as people write them, and as they are kept. Called for answers of these kinds only.

use serde_json::Value;

use crate::template::round;

/// `3`, `-3.5`, `3,5`.
pub(crate) fn number(text: &str) -> Option<Value> {
    let text = text.trim().replace(',', ".");
    let digits = text.strip_prefix(['-', '+']).unwrap_or(&text);
    if !digits.starts_with(|c: char| c.is_ascii_digit())
        || !digits.chars().all(|c| c.is_ascii_digit() || c == '.')
    {
        return None;
    }
    match text.parse::<i64>() {
        Ok(whole) => Some(whole.into()),
        Err(_) => text
            .parse::<f64>()
            .ok()
            .map(round)
            .and_then(serde_json::Number::from_f64)
            .map(Value::Number),
    }
}

/// Something before an at-sign and a host with a dot behind it. Whether it is somebody's, only a mail tells.
pub(super) fn email(text: &str) -> Option<Value> {
    let text = text.trim();
    let (name, host) = text.rsplit_once('@')?;
    let good = |part: &str| {
        !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control())
    };
    let host_good = host.contains('.') && host.split('.').all(|label| !label.is_empty());
    (good(name) && good(host) && host_good && text.len() <= EMAIL_BYTES_MAX).then(|| text.into())
}

/// The longest mail address, from RFC 5321's path of 256 with its brackets.
const EMAIL_BYTES_MAX: usize = 254;

/// Seven to fifteen digits (ITU-T E.164), with a plus or without, and with what people write between them.
pub(super) fn phone(text: &str) -> Option<Value> {
    let text = text.trim();
    let (plus, number) = text.strip_prefix('+').map_or(("", text), |number| ("+", number));
    if !number.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-' | '.' | '/' | '(' | ')'))
    {
        return None;
    }
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    (7..=15).contains(&digits.len()).then(|| format!("{plus}{digits}").into())
}

/// `2026-11-21`, `21.11.2026`.
pub(crate) fn day(text: &str) -> Option<jiff::civil::Date> {
    let text = text.trim();
    text.parse::<jiff::civil::Date>().ok().or_else(|| {
        let mut parts = text.split('.').map(|part| part.trim().parse::<i16>().ok());
        let (day, month, year) = (parts.next()??, parts.next()??, parts.next()??);
        if parts.next().is_some() {
            return None;
        }
        jiff::civil::Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    })
}
