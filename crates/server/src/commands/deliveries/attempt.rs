//! One try, in a line.

use serde_json::Value;

use super::list::{number, second, text};

/// The parts of a try, as the API and people call them.
const PHASES: [(&str, &str); 4] = [
    ("dns_ms", "DNS"),
    ("connect_ms", "connect"),
    ("tls_ms", "TLS"),
    ("first_byte_ms", "first byte"),
];

/// When it was, how it went, where it went, and how long each part took.
pub(super) fn line(attempt: &Value) -> String {
    let how = match (attempt.get("status").and_then(Value::as_u64), text(attempt, "error")) {
        (Some(status), _) => status.to_string(),
        (None, "") => "taken".to_owned(),
        (None, error) => error.to_owned(),
    };
    let (at, took) = (second(text(attempt, "at")), number(attempt, "duration_ms"));
    let mut line = format!("  {at}  {how}, {took} ms");
    let phases = attempt.get("phases").unwrap_or(&Value::Null);
    let parts: Vec<String> = (PHASES.iter())
        .filter_map(|(field, name)| {
            phases.get(field).and_then(Value::as_f64).map(|ms| format!("{name} {ms}"))
        })
        .collect();
    if !parts.is_empty() {
        line.push_str(&format!(" ({})", parts.join(", ")));
    }
    if let Some(ip) = attempt.get("ip").and_then(Value::as_str) {
        line.push_str(&format!(", {ip}"));
    }
    match (text(attempt, "code"), text(attempt, "failed_in")) {
        ("", _) => {}
        (code, "") => line.push_str(&format!(", {code}")),
        (code, part) => line.push_str(&format!(", {code} in {part}")),
    }
    line
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_try_tells_where_its_time_went() {
        let taken = json!({
            "at": "2026-11-22T09:12:31.5Z", "duration_ms": 42, "status": 204, "ip": "203.0.113.7",
            "phases": { "dns_ms": null, "connect_ms": 0.4, "first_byte_ms": 41.25, "total_ms": 42 },
        });
        assert_eq!(
            line(&taken),
            "  2026-11-22T09:12:31Z  204, 42 ms (connect 0.4, first byte 41.25), 203.0.113.7"
        );
        let failed = json!({
            "at": "2026-11-22T09:12:31.5Z", "duration_ms": 15000, "status": null, "ip": null,
            "error": "the deadline passed", "code": "timed_out", "failed_in": "tls", "phases": {},
        });
        assert_eq!(
            line(&failed),
            "  2026-11-22T09:12:31Z  the deadline passed, 15000 ms, timed_out in tls"
        );
    }
}
