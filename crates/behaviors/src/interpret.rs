//! The interpreter: starts a run, resumes one, and takes its steps until it waits or ends. Called by `app`.
//!
//! Pure: the same bot, run, input, facts and seeds give the same turn, so a turn that was lost before its commit is made
//! again without harm. A run keeps its place as paths of the bot's step lists, in plain data: it resumes on another
//! machine, on the same version of the bot. Whatever a bot's text says, a turn comes to an end: steps, loop turns, calls,
//! effects and template fuel are bounded.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tidings_model::{Event, RunId};

use crate::facts::{Facts, Seeds};
use crate::program::{List, Role};
use crate::run::{Frame, Run, RunState, StopReason, Turn, Wait};
use crate::stage::{CALLER, Flow, Halt, Stage};
use crate::steps::{self, Action, repeat};
use crate::{Bot, Effect};

/// How many steps one turn may take: a long dialogue takes ten between two answers.
pub const STEPS_PER_TURN_MAX: u32 = 1_000;

/// How many steps a run may take in its life: with an answer a minute, about two months.
pub const STEPS_PER_RUN_MAX: u32 = 100_000;

/// What a run that waits was given.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The customer answered.
    Answer {
        /// What they wrote, or the text of the button that they pressed.
        text: String,
        /// The value of the button, or the text.
        value: Value,
    },
    /// The time that it waited for has come.
    TimeUp,
}

/// Starts a behavior on an event. Gives nothing when its `from` or its `when` does not hold, or there is no such behavior;
/// a `when` that fails gives a run that was stopped. That the behavior hears this type, and not its own bot, the caller
/// has seen to.
pub fn start(
    bot: &Bot,
    behavior: usize,
    facts: &Facts,
    cause: &Event,
    seeds: Seeds,
) -> Option<Turn> {
    let behavior = bot.behaviors.get(behavior)?;
    if !behavior.hears_from(cause.author.kind) {
        return None;
    }
    let mut started_with = Map::new();
    started_with.insert("event".to_owned(), facts.event.clone());
    started_with.insert("meta".to_owned(), facts.meta.clone());
    let run = Run {
        id: RunId::new(seeds.run),
        bot: bot.name.clone(),
        bot_version: bot.version.clone(),
        behavior: behavior.name.clone(),
        event: cause.id,
        chat: cause.chat,
        state: RunState::Done,
        frames: Vec::new(),
        variables: Map::new(),
        started_with,
        steps_taken: 0,
        started_at: seeds.now,
        moved_at: seeds.now,
        trace: Vec::new(),
    };
    let mut stage = Stage::new(bot, run, facts, seeds);
    stage.place.clone_from(&behavior.place);
    stage.word = "when";
    if let Some(when) = &behavior.when {
        match when.holds(&mut stage) {
            Ok((true, seen)) => stage.trace(json!({ "when": when.shown(), "value": seen })),
            Ok((false, _)) => return None,
            Err(halt) => return Some(stopped(stage, halt)),
        }
    }
    stage.run.frames.push(Frame { steps: behavior.steps.clone(), next: 0, state: Map::new() });
    Some(go_on(stage))
}

/// Goes on with a run that waits. One that does not wait for this input comes back as it is, without effects: an answer
/// or a timer may arrive twice, or too late.
pub fn resume(bot: &Bot, run: Run, input: Input, facts: &Facts, seeds: Seeds) -> Turn {
    let RunState::Waiting { wait } = run.state.clone() else { return unchanged(run) };
    let until = match &wait {
        Wait::Time { until } => Some(*until),
        Wait::Answer { until } => *until,
    };
    if let (Input::TimeUp, Some(due)) = (&input, until)
        && seeds.now < due
    {
        // The timer fired before its time: it is set again.
        return Turn { effects: vec![Effect::SetTimer { due }], ..unchanged(run) };
    }
    let stage = |run| Stage::new(bot, run, facts, seeds);
    if run.bot_version != bot.version {
        let halt =
            Halt::new(StopReason::Cancelled, "the run began with another version of the bot");
        return stopped(stage(run), halt);
    }
    match (wait, input) {
        (Wait::Time { .. }, Input::TimeUp) => go_on(stage(run)),
        (Wait::Answer { until: Some(_) }, Input::TimeUp) => resume_ask(stage(run), None),
        (Wait::Answer { .. }, Input::Answer { text, value }) => {
            resume_ask(stage(run), Some((text, value)))
        }
        (Wait::Time { .. }, Input::Answer { .. })
        | (Wait::Answer { until: None }, Input::TimeUp) => unchanged(run),
    }
}

fn unchanged(run: Run) -> Turn {
    Turn { run, effects: Vec::new(), session: None, client: None }
}

/// Gives the `ask` step that the run stands at its answer, or the news that there is none.
fn resume_ask(mut stage: Stage<'_>, answer: Option<(String, Value)>) -> Turn {
    let Some((list, index)) = here(&stage) else { return stopped(stage, lost()) };
    let Some(step) = list.steps.get(index) else { return stopped(stage, lost()) };
    let Action::Ask(ask) = &step.action else { return stopped(stage, lost()) };
    stage.place.clone_from(&step.place);
    stage.word = step.word;
    let outcome = match answer {
        Some((text, value)) => ask.answered(&mut stage, &text, value),
        None => ask.timed_out(&mut stage),
    };
    match outcome.map(|flow| follow(&mut stage, flow)) {
        Ok(None) => go_on(stage),
        Ok(Some(state)) => finished(stage, state),
        Err(halt) => stopped(stage, halt),
    }
}

fn lost() -> Halt {
    Halt::new(StopReason::Cancelled, "the run stands where the bot has no step")
}

/// Where the run stands: the list, and the step in it.
fn here(stage: &Stage<'_>) -> Option<(Arc<List>, usize)> {
    let frame = stage.run.frames.last()?;
    stage.bot.program.lists.get(&frame.steps).map(|list| (Arc::clone(list), frame.next))
}

/// Takes steps until the run waits or ends.
fn go_on(mut stage: Stage<'_>) -> Turn {
    let mut taken = 0;
    loop {
        if stage.run.frames.is_empty() {
            return finished(stage, RunState::Done);
        }
        let Some((list, index)) = here(&stage) else { return stopped(stage, lost()) };
        let outcome = match list.steps.get(index) {
            None => leave(&mut stage, &list),
            Some(step) => {
                taken += 1;
                stage.run.steps_taken = stage.run.steps_taken.saturating_add(1);
                stage.place.clone_from(&step.place);
                stage.word = step.word;
                if taken > STEPS_PER_TURN_MAX || stage.run.steps_taken > STEPS_PER_RUN_MAX {
                    Err(step_limit(taken))
                } else {
                    steps::take(&step.action, &mut stage).map(|flow| follow(&mut stage, flow))
                }
            }
        };
        match outcome {
            Ok(None) => {}
            Ok(Some(state)) => return finished(stage, state),
            Err(halt) => return stopped(stage, halt),
        }
    }
}

fn step_limit(taken: u32) -> Halt {
    let message = if taken > STEPS_PER_TURN_MAX {
        format!("more than {STEPS_PER_TURN_MAX} steps in one turn")
    } else {
        format!("more than {STEPS_PER_RUN_MAX} steps in one run")
    };
    Halt::new(StopReason::StepLimit, message)
}

/// Moves the run's place on; gives a state where the turn is over.
fn follow(stage: &mut Stage<'_>, flow: Flow) -> Option<RunState> {
    let next_step = |stage: &mut Stage<'_>| {
        if let Some(frame) = stage.run.frames.last_mut() {
            frame.next += 1;
        }
    };
    match flow {
        Flow::Next => {
            next_step(stage);
            None
        }
        Flow::Enter(frame) => {
            next_step(stage);
            stage.run.frames.push(frame);
            None
        }
        Flow::WaitHere(wait) => Some(RunState::Waiting { wait }),
        Flow::WaitThenNext(wait) => {
            next_step(stage);
            Some(RunState::Waiting { wait })
        }
        Flow::End => {
            stage.run.frames.clear();
            Some(RunState::Done)
        }
    }
}

/// What comes at the end of a list of steps.
fn leave(stage: &mut Stage<'_>, list: &List) -> Result<Option<RunState>, Halt> {
    match &list.role {
        Role::LastWords => {
            stage.run.frames.clear();
            Ok(Some(RunState::Done))
        }
        Role::Loop(turning) => {
            if !repeat::turn_again(turning, stage)? {
                stage.run.frames.pop();
            }
            Ok(None)
        }
        Role::Branch => {
            if let Some(frame) = stage.run.frames.pop()
                && let Some(caller) = frame.state.get(CALLER)
            {
                steps::call::come_back(stage, caller)?;
            }
            Ok(None)
        }
    }
}

fn finished(mut stage: Stage<'_>, state: RunState) -> Turn {
    if !matches!(state, RunState::Waiting { .. }) {
        // The event may be long, and nobody asks for it any more.
        stage.run.started_with.clear();
        stage.run.frames.clear();
    }
    stage.run.state = state;
    Turn {
        run: stage.run,
        effects: stage.effects,
        session: stage.session.changed.then_some(stage.session.data),
        client: stage.client.changed.then_some(stage.client.data),
    }
}

fn stopped(mut stage: Stage<'_>, halt: Halt) -> Turn {
    let Halt { reason, message } = halt;
    let message =
        if stage.place.is_empty() { message } else { format!("{}: {message}", stage.place) };
    stage.trace(json!({ "stopped": message }));
    finished(stage, RunState::Stopped { reason, message })
}
