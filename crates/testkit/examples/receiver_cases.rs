//! Prints the cases that receivers of webhooks are held to, as they are in `docs/receivers/cases.json`.

use std::io::Write;

use tidings_testkit::receiver_cases::{Case, cases, keys};

/// When the cases in the file are signed: 2026-01-01.
const NOW_S: i64 = 1_767_225_600;

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{{\n\"now\": {NOW_S},\n\"keys\": {},\n\"cases\": [", serde_json::json!(keys()))?;
    let lines: Vec<String> = cases(NOW_S).iter().map(line).collect();
    writeln!(out, "{}\n]\n}}", lines.join(",\n"))
}

/// One case, with its headers as an object.
fn line(case: &Case) -> String {
    let headers: serde_json::Map<String, serde_json::Value> =
        case.headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    serde_json::json!({ "name": case.name, "status": case.status, "headers": headers, "body": case.body }).to_string()
}
