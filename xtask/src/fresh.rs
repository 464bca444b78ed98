//! Generated files are committed, so that a reader finds them, and proved fresh, so that they tell the truth.
//!
//! Each file has a command that prints it. Without `--write` nothing is written; writing twice gives the same.

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, ensure};

use crate::building;

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Write what is not fresh.
    #[arg(long)]
    write: bool,
}

impl Options {
    /// The options of `cargo xtask test`.
    pub(crate) const fn compare() -> Self {
        Self { write: false }
    }
}

/// A file that a program of ours prints.
struct Generated {
    /// Where it lies in the repository.
    path: &'static str,
    /// The program, as `cargo run` is told of it.
    program: &'static [&'static str],
    /// What the program is called with.
    arguments: &'static [&'static str],
}

/// The server itself.
const TIDINGS: &[&str] = &["--package", "tidings-server", "--bin", "tidings"];

/// All generated files.
const GENERATED: &[Generated] = &[
    Generated {
        path: "docs/reference/event-types.md",
        program: &["--package", "tidings-catalogue", "--example", "reference"],
        arguments: &[],
    },
    Generated {
        path: "docs/reference/asyncapi.json",
        program: &["--package", "tidings-catalogue", "--example", "asyncapi"],
        arguments: &[],
    },
    Generated {
        path: "docs/reference/templates.md",
        program: &["--package", "tidings-behaviors", "--example", "templates"],
        arguments: &[],
    },
    Generated { path: "docs/reference/openapi.json", program: TIDINGS, arguments: &["openapi"] },
    Generated {
        path: "docs/reference/errors.md",
        program: TIDINGS,
        arguments: &["reference", "errors"],
    },
    Generated {
        path: "docs/reference/settings.md",
        program: TIDINGS,
        arguments: &["reference", "settings"],
    },
    Generated {
        path: "docs/receivers/cases.json",
        program: &["--package", "tidings-testkit", "--example", "receiver_cases"],
        arguments: &[],
    },
    Generated {
        path: "docs/reference/chat-api.md",
        program: TIDINGS,
        arguments: &["reference", "chat-api"],
    },
];

/// Compares every generated file with what the code says now.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let mut stale = 0;
    for Generated { path, program, arguments } in GENERATED {
        let call = [&["run", "--quiet"], *program, &["--"], *arguments].concat();
        let output = building::cargo().args(&call).output().context("cannot start cargo")?;
        ensure!(
            output.status.success(),
            "`cargo {}` failed: {}",
            call.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
        let committed = building::root().join(path);
        if fs::read(&committed).is_ok_and(|bytes| bytes == output.stdout) {
            println!("fresh    {path}");
        } else if options.write {
            if let Some(folder) = committed.parent() {
                fs::create_dir_all(folder)
                    .with_context(|| format!("cannot make the folder of {path}"))?;
            }
            fs::write(&committed, &output.stdout)
                .with_context(|| format!("cannot write {path}"))?;
            println!("written  {path}");
        } else {
            println!("stale    {path}");
            stale += 1;
        }
    }
    if stale == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{stale} generated files do not say what the code says: run `cargo xtask fresh --write`"
    );
    Ok(ExitCode::FAILURE)
}
