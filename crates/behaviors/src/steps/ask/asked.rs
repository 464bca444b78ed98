//! What an open question remembers, in the frame of its run: how often it was asked, which buttons it showed, what it
//! wants, until when.

use serde_json::{Value, json};

use crate::Button;
use crate::stage::Stage;
use crate::wanted::Wanted;

/// The key under which the frame keeps it.
const ASKED: &str = "asked";

/// An open question.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) answers: u64,
    /// What was asked, shortened.
    pub(super) label: String,
    pub(super) buttons: Vec<Button>,
    /// A question of an earlier release does not say.
    pub(super) wanted: Option<Wanted>,
    pub(super) until: Option<jiff::Timestamp>,
    /// Whether other steps are taken now, and what comes then: it is asked again, or waited on in silence.
    pub(super) back: Option<Back>,
}

/// What comes when the steps of a handler are through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Back {
    AskAgain,
    Wait,
}

impl Asked {
    pub(super) fn keep(&self, stage: &mut Stage<'_>) {
        let buttons: Vec<Value> = self
            .buttons
            .iter()
            .map(|button| json!({ "text": button.text, "value": button.value, "url": button.url }))
            .collect();
        let until = self.until.map(|until| until.to_string());
        let state = json!({
            "answers": self.answers, "label": self.label, "buttons": buttons, "until": until,
            "wanted": serde_json::to_value(&self.wanted).unwrap_or_default(),
            "back": self.back.map(|back| match back {
                Back::AskAgain => "ask_again",
                Back::Wait => "wait",
            }),
        });
        if let Some(frame) = stage.run.frames.last_mut() {
            frame.state.insert(ASKED.to_owned(), state);
        }
    }

    /// Takes it from the frame: the question is closed, unless it is kept again.
    pub(super) fn take(stage: &mut Stage<'_>) -> Option<Self> {
        let frame = stage.run.frames.last_mut()?;
        let kept = frame.state.shift_remove(ASKED)?;
        Some(Self::read(&kept))
    }

    fn read(kept: &Value) -> Self {
        let text =
            |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let buttons =
            kept.get("buttons").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let wanted = kept.get("wanted").cloned().map(serde_json::from_value);
        Self {
            answers: kept.get("answers").and_then(Value::as_u64).unwrap_or_default(),
            label: text(kept, "label").unwrap_or_default(),
            buttons: buttons
                .iter()
                .map(|button| Button {
                    text: text(button, "text").unwrap_or_default(),
                    value: text(button, "value").unwrap_or_default(),
                    url: text(button, "url"),
                })
                .collect(),
            wanted: wanted.and_then(Result::ok),
            until: text(kept, "until").and_then(|until| until.parse().ok()),
            back: match kept.get("back").and_then(Value::as_str) {
                Some("ask_again") => Some(Back::AskAgain),
                Some("wait") => Some(Back::Wait),
                Some(_) | None => None,
            },
        }
    }

    /// The button that an answer means.
    pub(super) fn pressed(&self, text: &str, value: &Value) -> Option<&Button> {
        let same = |a: &str, b: &str| {
            !a.trim().is_empty() && a.trim().to_lowercase() == b.trim().to_lowercase()
        };
        let pressed = value.as_str().unwrap_or_default();
        let answers = |button: &&Button| button.url.is_none();
        // The value of a press is exact; a text may be that of one button and the value of another.
        let by_value =
            self.buttons.iter().filter(answers).find(|button| same(&button.value, pressed));
        by_value.or_else(|| {
            self.buttons
                .iter()
                .filter(answers)
                .find(|button| same(&button.text, text) || same(&button.value, text))
        })
    }
}
