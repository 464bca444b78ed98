//! What keeps a simulation from going on for ever: a chain of causes is as deep as live, and what all of it may come to is
//! counted. What is one too much is stopped, and told.

use super::Simulator;
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
        let spent = self.budget.take(turn).err();
        self.is_spent |= spent.is_some();
        if let Some((reason, message)) = spent.or(deep) {
            stop(turn, reason, message);
        }
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
