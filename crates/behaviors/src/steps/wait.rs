//! `wait`: for a time, or until a time.

use jiff::Timestamp;
use serde_json::json;

use super::{Action, Written};
use crate::Effect;
use crate::duration::{self, WAIT_MAX};
use crate::pattern::Text;
use crate::reader::Reader;
use crate::run::{StopReason, Wait};
use crate::stage::{Flow, Halt, Stage};
use crate::template::Expression;
use crate::yaml::Kind;

/// A pause.
#[derive(Debug)]
pub(crate) enum Pause {
    /// So long.
    For(Text),
    /// Until a point in time, as RFC 3339, or a number of seconds since 1970.
    Until(Expression),
}

pub(super) fn read(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    if matches!(written.value.kind, Kind::Map(_)) {
        let fields = reader.fields(written.value, "`wait`", &["until"])?;
        let until = reader.required(written.at, "`wait`", fields, "until")?;
        return reader.expression(until, "`until`").map(|until| Action::Wait(Pause::Until(until)));
    }
    let text = reader.text(written.value, "`wait`")?;
    if let Text::Fixed(fixed) = &text
        && let Err(message) = duration::parse(fixed)
    {
        reader.error(written.value.at, "wrong_duration", message);
        return None;
    }
    Some(Action::Wait(Pause::For(text)))
}

impl Pause {
    pub(super) fn take(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        let failed = |message: String| Halt::new(StopReason::TemplateFailed, message);
        let now = stage.seeds.now;
        let until = match self {
            Self::For(text) => {
                let text = stage.render(text)?;
                let length = duration::parse(&text).map_err(failed)?;
                now.checked_add(length).map_err(|error| failed(error.to_string()))?
            }
            Self::Until(expression) => {
                let value = stage.evaluate(expression)?;
                let seconds = if value.is_number() { value.as_i64() } else { None };
                let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
                let time = time.or_else(|| value.as_str().and_then(|text| text.parse().ok()));
                time.ok_or_else(|| {
                    failed("`until` gives a point in time, as 2026-11-21T18:00:00Z".to_owned())
                })?
            }
        };
        if until > now.checked_add(WAIT_MAX).unwrap_or(Timestamp::MAX) {
            return Err(failed("`until` is more than 366 days away".to_owned()));
        }
        stage.trace(json!({ "until": until.to_string() }));
        if until <= now {
            return Ok(Flow::Next);
        }
        stage.effect(Effect::SetTimer { due: until })?;
        Ok(Flow::WaitThenNext(Wait::Time { until }))
    }
}
