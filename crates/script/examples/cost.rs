//! What scripts cost on this machine: `cargo run --release -p tidings-script --example cost`. It is its own child.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidings_script::{Request, Sandbox, Settings};

/// How often each script runs.
const ROUNDS: u32 = 2000;

/// How many children are started.
const STARTS: u32 = 50;

/// The longest that one may take.
const TIME_MAX: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("child") {
        return tidings_script::child();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(measure())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(std::io::stderr(), "{error}"));
            ExitCode::FAILURE
        }
    }
}

/// The program that is measured: another one with its arguments, or this one.
fn settings() -> Result<Settings, Box<dyn Error>> {
    let mut given = std::env::args().skip(1);
    let Some(program) = given.next() else {
        return Ok(Settings::new(std::env::current_exe()?, &["child"]));
    };
    let mut settings = Settings::new(program, &[]);
    settings.arguments = given.map(Into::into).collect();
    Ok(settings)
}

async fn measure() -> Result<(), Box<dyn Error>> {
    let event = json!({"text": "hello ".repeat(20), "tags": ["a", "b"], "n": 7});
    let scripts = [
        ("nothing", "return 1", Value::Null),
        (
            "a small one",
            "return {text: input.text.trim().toUpperCase(), tags: input.tags.map(t => t + '!'), at: Date.now()}",
            event,
        ),
        (
            "ten thousand turns",
            "let n = 0; for (let i = 0; i < 1e4; i++) n += i % 7; return n",
            Value::Null,
        ),
        ("60 kB in and out", "return input", json!(vec!["hello, world"; 4000])),
    ];
    let sandbox = Sandbox::new(settings()?);
    for (name, code, input) in scripts {
        let mut took = Vec::new();
        for _ in 0..ROUNDS {
            let request =
                Request { code: code.to_owned(), input: input.clone(), now_ms: 0, seed: 1 };
            let begun = Instant::now();
            sandbox.run(request, TIME_MAX).await?;
            took.push(begun.elapsed());
        }
        tell(&format!("{name}, warm"), took)?;
    }
    let mut took = Vec::new();
    for _ in 0..STARTS {
        let sandbox = Sandbox::new(settings()?);
        let request =
            Request { code: "return 1".to_owned(), input: Value::Null, now_ms: 0, seed: 1 };
        let begun = Instant::now();
        sandbox.run(request, TIME_MAX).await?;
        took.push(begun.elapsed());
    }
    tell("nothing, with the start of a child", took)
}

fn tell(name: &str, mut took: Vec<Duration>) -> Result<(), Box<dyn Error>> {
    took.sort();
    let at = |part: usize| took.get(took.len() * part / 100).copied().unwrap_or_default();
    writeln!(std::io::stdout(), "{name}: p50 {:?}, p99 {:?}", at(50), at(99))?;
    Ok(())
}
