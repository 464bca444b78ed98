//! Files to import, and a vocabulary that knows Cerb's aliases.

use std::sync::LazyLock;

use serde_json::Value;
use tidings_behaviors::{Bot, BotSource, Heard, Problem, Vocabulary};
use tidings_catalogue::{Catalogue, Constraint};
use tidings_import::{BotFile, CerbFile, Imported, cerb};

/// The fixtures: a file for each shape, and for what stands in them.
pub(crate) const FIXTURES: [(&str, &str); 12] = [
    ("behavior.json", include_str!("../../fixtures/behavior.json")),
    ("branch.json", include_str!("../../fixtures/branch.json")),
    ("package.json", include_str!("../../fixtures/package.json")),
    ("library-behavior.json", include_str!("../../fixtures/library-behavior.json")),
    ("library-nodes.json", include_str!("../../fixtures/library-nodes.json")),
    ("library-action.json", include_str!("../../fixtures/library-action.json")),
    ("templates.json", include_str!("../../fixtures/templates.json")),
    ("templates-marked.json", include_str!("../../fixtures/templates-marked.json")),
    ("records.json", include_str!("../../fixtures/records.json")),
    ("sheet.json", include_str!("../../fixtures/sheet.json")),
    ("every-action.json", include_str!("../../fixtures/every-action.json")),
    ("every-event.json", include_str!("../../fixtures/every-event.json")),
];

pub(crate) fn imported(name: &str) -> Imported {
    let text = FIXTURES.into_iter().find(|(known, _)| *known == name).expect("a fixture").1;
    cerb(&[CerbFile { name, bytes: text.as_bytes() }])
}

/// The vocabulary that a server has.
static CATALOGUE: LazyLock<Catalogue> =
    LazyLock::new(|| Catalogue::builtin().expect("the catalogue reads"));

/// Knows what a server knows.
pub(crate) struct Words {
    /// Whether every event asks, so that nothing is said against an `answer`.
    pub(crate) all_ask: bool,
}

impl Vocabulary for Words {
    fn resolve(&self, name: &str) -> Option<Heard> {
        let resolved = CATALOGUE.resolve(name)?;
        let known = resolved.event_type;
        Some(Heard {
            event_type: known.name.clone(),
            constraints: resolved.constraints().iter().map(Constraint::to_pair).collect(),
            kind: if self.all_ask { "interactive" } else { known.kind.as_str() }.into(),
            heard_by: Vec::new(),
            schema: if self.all_ask { Value::Null } else { known.schema().clone() },
            sample: known.sample().clone(),
            answer: match &known.answer {
                Some(answer) if !self.all_ask => answer.schema().clone(),
                Some(_) | None => Value::Null,
            },
        })
    }

    fn nearest(&self, name: &str) -> Option<String> {
        CATALOGUE.nearest(name).map(str::to_owned)
    }
}

/// The files of an import, bot by bot.
pub(crate) fn bots(files: &[BotFile]) -> Vec<BotSource> {
    let mut bots: Vec<BotSource> = Vec::new();
    for file in files {
        let one = (file.file.clone(), file.text.clone());
        match bots.iter_mut().find(|bot| bot.name == file.bot) {
            Some(bot) => bot.files.push(one),
            None => bots.push(BotSource { name: file.bot.clone(), files: vec![one] }),
        }
    }
    bots
}

/// What loading tells, errors and warnings alike.
pub(crate) fn problems(bot: &BotSource, words: &Words) -> Vec<Problem> {
    match Bot::load(bot, words) {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    }
}
