//! `tidings check`: what is wrong with bots' texts, before anything runs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use tidings_app::admin::bots::CatalogueVocabulary;
use tidings_behaviors::simulate::trial;
use tidings_behaviors::{Bot, Problem, Severity};
use tidings_catalogue::Catalogue;

use super::say;
use crate::bots_folder::{bots_in, read_bot, read_tests};
use crate::cli::Check;
use crate::types_folder::catalogue_with;

pub(super) fn check(options: &Check) -> anyhow::Result<ExitCode> {
    let catalogue = catalogue_with(Catalogue::builtin()?, &options.types)?;
    let (mut bots, mut behaviors, mut errors, mut warnings) = (0, 0, 0, 0);
    let mut tested = Tested::default();
    for folder in folders(&options.paths)? {
        let name =
            folder.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
        let name = name
            .with_context(|| format!("{} is not a name that a bot can have", folder.display()))?;
        let source = read_bot(&folder, &name)?;
        bots += 1;
        let problems = match Bot::load(&source, &CatalogueVocabulary(&catalogue)) {
            Ok((bot, mut problems)) => {
                behaviors += bot.behaviors().len();
                if options.test {
                    problems.extend(test(&bot, &folder, &catalogue, &mut tested)?);
                }
                problems
            }
            Err(problems) => problems,
        };
        for problem in &problems {
            match problem.severity {
                Severity::Error => errors += 1,
                Severity::Warning => warnings += 1,
            }
            say(at_its_place(problem, &folder))?;
        }
    }
    say(format_args!("{bots} bots, {behaviors} behaviors: {errors} errors, {warnings} warnings"))?;
    if options.test {
        let Tested { passed, failed } = tested;
        say(format_args!("{} tests: {passed} passed, {failed} failed", passed + failed))?;
    }
    Ok(if errors == 0 && tested.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How the bots' own tests went.
#[derive(Clone, Copy, Default)]
struct Tested {
    passed: usize,
    failed: usize,
}

/// Runs a bot's own tests; gives what is wrong with their text.
fn test(
    bot: &Bot,
    folder: &Path,
    catalogue: &Catalogue,
    tested: &mut Tested,
) -> anyhow::Result<Vec<Problem>> {
    let trials = match trial::read(&read_tests(folder)?, &CatalogueVocabulary(catalogue)) {
        Ok(trials) => trials,
        Err(problems) => return Ok(problems),
    };
    for one in trials {
        match trial::run(bot, &one) {
            Ok(()) => tested.passed += 1,
            Err(broken) => {
                tested.failed += 1;
                say(format_args!("{}: the test {:?} fails", broken.place, one.name))?;
                say(format_args!("  expected: {}", broken.expected))?;
                say(format_args!("  came:     {}", broken.came))?;
            }
        }
    }
    Ok(Vec::new())
}

/// A problem names its file from the folder of bots on; a person wants to open it from where they are.
fn at_its_place(problem: &Problem, folder: &Path) -> Problem {
    let mut problem = problem.clone();
    if let Some(parent) = folder.parent() {
        problem.file = parent.join(&problem.file).display().to_string();
    }
    problem
}

/// A path is a bot's folder when it holds YAML itself, else a folder of bots.
fn folders(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for path in paths {
        anyhow::ensure!(path.is_dir(), "there is no folder {}", path.display());
        let path = path.canonicalize()?;
        if has_yaml(&path)? {
            folders.push(path);
        } else {
            let bots = bots_in(&path)?;
            anyhow::ensure!(!bots.is_empty(), "there is no bot in {}", path.display());
            folders.extend(bots.iter().map(|name| path.join(name.as_str())));
        }
    }
    let here = std::env::current_dir()?;
    Ok(folders
        .into_iter()
        .map(|path| path.strip_prefix(&here).map(Path::to_path_buf).unwrap_or(path))
        .collect())
}

fn has_yaml(folder: &Path) -> anyhow::Result<bool> {
    for entry in
        std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            return Ok(true);
        }
    }
    Ok(false)
}
