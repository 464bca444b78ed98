//! Sentences to train by and to measure with, read from `sentences/*.txt`: what the marks mean is said there.

/// One language's sentences.
pub(crate) struct Fixture {
    pub(crate) language: &'static str,
    pub(crate) intents: Vec<(String, Vec<String>)>,
    /// By which the constants were chosen, each with the intent that it means, or none.
    pub(crate) chosen_by: Vec<(String, Option<String>)>,
    /// That are only measured.
    pub(crate) measured: Vec<(String, Option<String>)>,
}

const FILES: [(&str, &str); 4] = [
    ("english", include_str!("sentences/english.txt")),
    ("german", include_str!("sentences/german.txt")),
    ("spanish", include_str!("sentences/spanish.txt")),
    ("russian", include_str!("sentences/russian.txt")),
];

/// All of them.
pub(crate) fn fixtures() -> Vec<Fixture> {
    FILES.iter().map(|(language, text)| read(language, text)).collect()
}

fn read(language: &'static str, text: &str) -> Fixture {
    let mut fixture = Fixture { language, intents: vec![], chosen_by: vec![], measured: vec![] };
    let mut meant: Option<String> = None;
    for line in text.lines() {
        let Some((mark, rest)) = line.split_once(' ') else { continue };
        match mark {
            "=" if rest == "-" => meant = None,
            "=" => {
                meant = Some(rest.to_owned());
                fixture.intents.push((rest.to_owned(), vec![]));
            }
            "+" => fixture.intents.last_mut().expect("an intent").1.push(rest.to_owned()),
            "?" => fixture.chosen_by.push((rest.to_owned(), meant.clone())),
            "!" => fixture.measured.push((rest.to_owned(), meant.clone())),
            _ => assert_eq!(mark, "#", "{line}"),
        }
    }
    fixture
}
