//! What a run tells at its end: on the terminal, and in a file where it was asked to.

use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use serde_json::json;

use super::Options;
use super::aims::{self, Aim};
use super::book::Book;
use crate::process;

/// Measures, prints, and writes where it was asked to. What was measured before something failed is printed as well.
pub(super) async fn run(
    options: &Options,
    turns: usize,
    measure: impl AsyncFnOnce(&mut Book, &Path) -> anyhow::Result<()>,
    judge: impl FnOnce(&Book) -> Vec<Aim>,
) -> anyhow::Result<()> {
    let server = options.server.as_deref().context("it is told which server to measure")?;
    let mut book = Book::default();
    let (load_before, began) = (process::load_average(), Instant::now());
    let measured = measure(&mut book, server).await;
    Report { load_before, began, turns }.tell(options, &book, &judge(&book))?;
    measured
}

/// How a run went.
pub(super) struct Report {
    pub(super) load_before: String,
    pub(super) began: Instant,
    pub(super) turns: usize,
}

impl Report {
    /// Tells the figures and the aims.
    pub(super) fn tell(&self, options: &Options, book: &Book, aims: &[Aim]) -> anyhow::Result<()> {
        let Self { load_before, began, turns } = self;
        let load_after = process::load_average();
        println!("load average {load_before} before, {load_after} after");
        println!("{turns} turns, {:.0} s in all\n", began.elapsed().as_secs_f64());
        println!("{}", book.table());
        println!("{}", aims::table(aims));
        let Some(path) = &options.json else { return Ok(()) };
        let report = json!({
            "load_average": [load_before, load_after],
            "turns": turns,
            "quick": options.quick,
            "figures": book.json(),
            "aims": aims::json(aims),
        });
        std::fs::write(path, format!("{report:#}\n"))
            .with_context(|| format!("cannot write {}", path.display()))
    }
}
