//! A sandbox for a test, and short ways to ask it.

use std::time::Duration;

use serde_json::{Value, json};
use tidings_script::{Failed, Fault, Outcome, Request, Sandbox, Settings};

/// A child that is nothing else.
pub(crate) const CHILD: &str = env!("CARGO_BIN_EXE_tidings-script-child");

/// For scripts that end: longer than any of them takes on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// For scripts that don't.
pub(crate) const SHORT: Duration = Duration::from_millis(300);

pub(crate) fn settings() -> Settings {
    let mut settings = Settings::new(CHILD, &[]);
    settings.time_max = LONG;
    settings.wait_max = LONG;
    settings
}

pub(crate) fn sandbox() -> Sandbox {
    Sandbox::new(settings())
}

/// 2024-05-06 07:08:09.010 UTC.
pub(crate) const NOW_MS: i64 = 1_714_979_289_010;

pub(crate) fn request(code: &str) -> Request {
    Request { code: code.to_owned(), input: json!({"name": "Alice"}), now_ms: NOW_MS, seed: 7 }
}

pub(crate) async fn outcome(sandbox: &Sandbox, code: &str) -> Result<Outcome, Failed> {
    sandbox.run(request(code), LONG).await
}

/// The value of code that has one.
pub(crate) async fn value(sandbox: &Sandbox, code: &str) -> Value {
    outcome(sandbox, code).await.expect(code).value
}

/// Why code has no value.
pub(crate) async fn fault(sandbox: &Sandbox, code: &str) -> Fault {
    fault_within(sandbox, code, LONG).await
}

pub(crate) async fn fault_within(sandbox: &Sandbox, code: &str, time_max: Duration) -> Fault {
    sandbox.run(request(code), time_max).await.expect_err(code).fault
}

/// Faults as people read them, one a line.
pub(crate) async fn told(sandbox: &Sandbox, codes: &[&str]) -> String {
    let mut lines = String::new();
    for code in codes {
        let fault = fault(sandbox, code).await;
        lines.push_str(&format!("{}: {fault}\n", fault.kind()));
    }
    lines
}
