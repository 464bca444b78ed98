//! What is said, on a channel that cannot show all of it: the nearest thing that it can. Called by `app` when a bot's words
//! are written into the log, so that people, programs and the archive see what the customer sees.
//!
//! Where something is to be chosen and there are no buttons for it, the text has a list, and its numbers are answers.

use tidings_model::Shows;

use super::{Choice, Wanted};
use crate::{Button, Say};

/// The longest text above pictures, in characters: with it the pictures are as many messages as one event may become.
const ABOVE_PICTURES_CHARS_MAX: usize = 1_000;

/// What is said, as a channel shows it.
#[must_use]
pub fn nearest(mut say: Say, shows: Shows) -> Say {
    let mut lines = Vec::new();
    if let Some(wanted) = say.wanted.take() {
        let (choices, counted) = (wanted.choices(), wanted.is_counted());
        let fits = say.buttons.len() <= shows.buttons;
        let is_shown = match &wanted {
            Wanted::Checkboxes { .. } => false,
            Wanted::Images { .. } => fits && shows_pictures(&say, shows),
            Wanted::Choice { .. } | Wanted::Appointment { .. } => fits,
            Wanted::Text
            | Wanted::Number(_)
            | Wanted::Email
            | Wanted::Phone
            | Wanted::Date(_)
            | Wanted::Calendar(_)
            | Wanted::Rating { .. }
            | Wanted::Slider(_)
            | Wanted::File { .. }
            | Wanted::Location
            | Wanted::Contact
            | Wanted::Confirmation { .. } => true,
        };
        if !is_shown {
            let chosen = |button: &Button| choices.iter().any(|c| c.value == button.value);
            lines.extend(listed(choices, counted));
            say.buttons.retain(|button| !chosen(button));
        }
        if matches!(wanted, Wanted::Rating { .. }) && !fits {
            say.buttons.clear();
        }
        lines.extend(hint(&wanted, counted, say.buttons.is_empty()));
        say.wanted = Some(wanted);
    }
    if shows.buttons == 0 {
        lines.extend(say.buttons.iter().map(|button| match &button.url {
            Some(url) => format!("{}: {url}", button.text),
            None => format!("– {}", button.text),
        }));
        say.buttons.clear();
    }
    for line in lines {
        say.text.push('\n');
        say.text.push_str(&line);
    }
    say.text = say.text.trim_start_matches('\n').to_owned();
    say
}

fn shows_pictures(say: &Say, shows: Shows) -> bool {
    let is_short = say.text.chars().take(ABOVE_PICTURES_CHARS_MAX + 1).count();
    shows.pictures && shows.buttons > 0 && is_short <= ABOVE_PICTURES_CHARS_MAX
}

fn listed(choices: &[Choice], counted: bool) -> impl Iterator<Item = String> {
    choices.iter().enumerate().map(move |(place, choice)| {
        let text = &choice.text;
        let image = choice.image.as_ref().map(|image| format!(" {image}")).unwrap_or_default();
        if counted { format!("{}. {text}{image}", place + 1) } else { format!("– {text}{image}") }
    })
}

/// What a customer must know to write the answer, where nothing that is shown tells it.
fn hint(wanted: &Wanted, counted: bool, is_bare: bool) -> Option<String> {
    match wanted {
        Wanted::Checkboxes { choices, max, .. } if *max > 1 => {
            let samples = [choices.first(), choices.get(1)].into_iter().flatten();
            let sample: Vec<String> = if counted {
                vec!["1".to_owned(), "2".to_owned()]
            } else {
                samples.map(|choice| choice.text.clone()).collect()
            };
            Some(format!("(several, as {})", sample.join(", ")))
        }
        Wanted::Slider(bounds) => Some(format!("(a number{})", bounds.told())),
        Wanted::Rating { max } if is_bare => Some(format!("(1 to {max})")),
        Wanted::Calendar(days) if days.range => {
            Some("(two dates, as 2026-11-21 to 2026-11-24)".to_owned())
        }
        Wanted::Calendar(_) => Some("(a date, as 2026-11-21)".to_owned()),
        Wanted::Checkboxes { .. }
        | Wanted::Rating { .. }
        | Wanted::Text
        | Wanted::Number(_)
        | Wanted::Email
        | Wanted::Phone
        | Wanted::Date(_)
        | Wanted::Choice { .. }
        | Wanted::Images { .. }
        | Wanted::File { .. }
        | Wanted::Location
        | Wanted::Contact
        | Wanted::Confirmation { .. }
        | Wanted::Appointment { .. } => None,
    }
}
