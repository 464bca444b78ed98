//! A child and nothing else, for this crate's tests; `tidings script-sandbox` is the same.

use std::process::ExitCode;

fn main() -> ExitCode {
    tidings_script::child()
}
