//! `tidings event-types`: what the catalogue knows, from the binary itself.

use std::process::ExitCode;

use tidings_catalogue::{Catalogue, EventType, describe};

use super::say;
use crate::cli::EventTypes;

pub(super) fn event_types(options: &EventTypes) -> anyhow::Result<ExitCode> {
    let catalogue = Catalogue::builtin()?;
    let chosen: Vec<&EventType> = match &options.name {
        None => catalogue.types().collect(),
        Some(name) => match catalogue.resolve(name) {
            Some(resolved) => vec![resolved.event_type],
            None => {
                let nearest =
                    catalogue.nearest(name).map(|near| format!(", did you mean {near:?}?"));
                anyhow::bail!("no event type or alias {name:?}{}", nearest.unwrap_or_default());
            }
        },
    };
    if options.json {
        let described: Vec<_> = chosen.into_iter().map(describe).collect();
        let shown = match (described.as_slice(), &options.name) {
            ([only], Some(_)) => serde_json::to_string_pretty(only)?,
            (all, _) => serde_json::to_string_pretty(all)?,
        };
        say(shown)?;
        return Ok(ExitCode::SUCCESS);
    }
    let width = chosen.iter().map(|each| each.name.as_str().len()).max().unwrap_or(0);
    for each in &chosen {
        say(format_args!(
            "{:width$}  {:11}  {}",
            each.name.as_str(),
            each.kind.as_str(),
            each.title
        ))?;
    }
    if let (Some(_), [only]) = (&options.name, chosen.as_slice()) {
        say(format_args!("\n{}\nRaised when: {}", only.description, only.raised_by))?;
        for alias in &only.aliases {
            say(format_args!("  also called {} ({})", alias.name, alias.system.as_str()))?;
        }
        say(format_args!("\nSample:\n{}", serde_json::to_string_pretty(only.sample())?))?;
    }
    Ok(ExitCode::SUCCESS)
}
