//! Every bot that comes out loads, and every template in it parses.

use tidings_behaviors::{BotSource, Problem, Severity};

use crate::world::{FIXTURES, Words, bots, imported, problems};

fn is_error(problem: &Problem) -> bool {
    problem.severity == Severity::Error
}

fn told(bot: &BotSource, problems: &[Problem]) -> String {
    let lines = problems.iter().map(|problem| {
        let text =
            bot.files.iter().find(|(file, _)| *file == problem.file).map_or("", |(_, text)| text);
        let line = text.lines().nth(problem.line.saturating_sub(1)).unwrap_or_default();
        format!("{problem}\n    {line}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_bot_loads() {
    let mut wrong = Vec::new();
    for (name, _) in FIXTURES {
        let imported = imported(name);
        assert!(imported.refused.is_empty(), "{:?}", imported.refused);
        assert!(!imported.files.is_empty(), "{name}");
        for bot in bots(&imported.files) {
            let errors: Vec<Problem> =
                problems(&bot, &Words { all_ask: false }).into_iter().filter(is_error).collect();
            if !errors.is_empty() {
                wrong.push(format!("{name}: {}", told(&bot, &errors)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
