//! What keeps a simulation from going on for ever: a chain of causes is as deep as live, and what all of it may come to is
//! counted. What is one too much is stopped, and told. Who has a clock bounds the time as well.

use std::fmt;

use serde_json::json;

use super::{Simulator, Told};
use crate::Bot;
use crate::run::{RunState, StopReason, Turn};

/// How deep a chain of causes may be: as in the log.
const DEPTH_MAX: u32 = 8;

/// How many turns the runs of a simulation may have, orders and times that came among them: ten for each of the most events
/// that one is given. A few seconds.
const TURNS_MAX: usize = 10_000;

/// How many effects they may have, each of which may be an event that is heard in turn: as many as turns.
const EFFECTS_MAX: usize = 10_000;

/// What a simulation may still do. One that has several chats hands it on from chat to chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    turns: usize,
    effects: usize,
}

/// Asks whether the time of a simulation is up.
#[derive(Clone, Copy)]
pub struct Patience<'b>(pub &'b (dyn Fn() -> bool + Sync));

impl fmt::Debug for Patience<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Patience")
    }
}

/// What is said of a simulation whose time is up.
const TOOK_TOO_LONG: &str = "the simulation took too long, and ended here";

impl Default for Budget {
    fn default() -> Self {
        Self { turns: TURNS_MAX, effects: EFFECTS_MAX }
    }
}

impl Budget {
    /// Takes what a turn needs; where there is less, says why the turn is stopped.
    fn take(&mut self, turn: &Turn) -> Result<(), (StopReason, String)> {
        self.turns = self.turns.checked_sub(1).ok_or_else(|| {
            let message = format!("the runs of a simulation have at most {TURNS_MAX} turns");
            (StopReason::StepLimit, message)
        })?;
        self.effects = self.effects.checked_sub(turn.effects.len()).ok_or_else(|| {
            let message = format!(
                "the runs of a simulation do at most {EFFECTS_MAX} things: that looks like a loop"
            );
            (StopReason::LoopGuard, message)
        })?;
        Ok(())
    }
}

impl Simulator<'_> {
    /// Stops a turn that is too deep, or for which nothing is left. Then nothing more happens in this call.
    pub(super) fn guard(&mut self, turn: &mut Turn, depth: u32) {
        let deep = (depth >= DEPTH_MAX).then(|| {
            let message = format!(
                "{DEPTH_MAX} events led to this one, each by a behavior: that looks like a loop"
            );
            (StopReason::LoopGuard, message)
        });
        let late = self.patience.is_some_and(|Patience(is_over)| is_over());
        let late = late.then(|| (StopReason::StepLimit, TOOK_TOO_LONG.to_owned()));
        let spent = late.or_else(|| self.budget.take(turn).err());
        self.is_spent |= spent.is_some();
        if let Some((reason, message)) = spent.or(deep) {
            stop(turn, reason, message);
        }
    }
}

impl Simulator<'_> {
    /// Whether the time is up before a behavior is looked at: conditions take theirs, also where nothing starts.
    pub(super) fn is_over(&mut self, bot: &Bot, behavior: usize) -> bool {
        let is_over = self.patience.is_some_and(|Patience(is_over)| is_over());
        if is_over {
            self.is_spent = true;
            let behavior = bot.behaviors().get(behavior);
            let behavior = behavior.map(|behavior| behavior.name.clone()).unwrap_or_default();
            let (reason, message) = (StopReason::StepLimit, TOOK_TOO_LONG);
            let what = json!({ "stopped": { "reason": reason, "message": message } });
            self.told.push(Told { at: self.now, bot: bot.name.clone(), behavior, what });
        }
        is_over
    }
}

/// Stops a turn before anything of it is done.
pub(super) fn stop(turn: &mut Turn, reason: StopReason, message: String) {
    turn.effects.clear();
    turn.session = None;
    turn.client = None;
    turn.run.frames.clear();
    turn.run.state = RunState::Stopped { reason, message };
}
