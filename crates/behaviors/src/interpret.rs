//! The interpreter: starts a run, resumes one, and takes its steps until it waits or ends. Called by `app`.
//!
//! Pure: the same bot, run, input, facts and seeds give the same turn, so a turn that was lost before its commit is made
//! again without harm. Who wants to know how long steps take gives a [`Watch`]: it is read into the trace, and no step
//! sees it. A run keeps its place as paths of the bot's step lists, in plain data: it resumes on another
//! machine, on the same version of the bot. Whatever a bot's text says, a turn comes to an end: steps, loop turns, calls,
//! effects and template fuel are bounded.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tidings_model::{Event, RunId, Timestamp};

use crate::facts::{Facts, Seeds};
use crate::happened::Happened;
use crate::program::{List, Role};
use crate::run::{Frame, Run, RunState, StopReason, Turn, Wait};
use crate::stage::{CALLER, Flow, Halt, Stage};
use crate::steps::ask::Ask;
use crate::steps::form::Form;
use crate::steps::{self, Action, call, repeat};
use crate::work::WorkFailed;
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
    /// Something happened in the chat: an answer, or what the question handles itself.
    Happened(Happened),
    /// The time that it waited for has come.
    TimeUp,
    /// What it ordered was done, or failed.
    Done {
        /// What came of it.
        outcome: Result<Value, WorkFailed>,
        /// What it said meanwhile, for the trace.
        log: Vec<String>,
    },
}

/// What a question makes of what happened. Local before global: its own handlers and right answers come first, then the
/// bot's asides, and wrong answers last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Took {
    /// It is not about the question.
    Nothing,
    /// It is the question's.
    Taken,
    /// It is the question's as a wrong answer, unless an aside of the bot answers it.
    UnlessAside,
    /// It is a button of something else: it is the question's unless a behavior of the bot reacts.
    UnlessAnybody,
}

/// Tells a run that waits for an answer what happened. The turn is to be done if the question takes it.
pub fn hear(
    bot: &Bot,
    run: Run,
    happened: &Happened,
    facts: &Facts,
    seeds: Seeds,
    watch: Option<Watch<'_>>,
) -> (Took, Turn) {
    let waits = matches!(run.state, RunState::Waiting { wait: Wait::Answer { .. } });
    if !waits || run.bot_version != bot.version {
        return (Took::Nothing, unchanged(run));
    }
    let before = run.clone();
    let mut stage = Stage::new(bot, run, facts, seeds);
    stage.watch(watch);
    let Some((list, index)) = here(&stage) else { return (Took::Taken, stopped(stage, lost())) };
    let Some(question) = open_question(&mut stage, &list, index) else {
        return (Took::Taken, stopped(stage, lost()));
    };
    let outcome = match question {
        Question::Ask(ask) => ask.happened(&mut stage, happened),
        Question::Form(form) => form.happened(&mut stage, happened),
    };
    match outcome {
        Ok(None) => (Took::Nothing, unchanged(before)),
        Ok(Some(flow)) => (stage.took, go_on_with(stage, Ok(flow))),
        Err(halt) => (stage.took, stopped(stage, halt)),
    }
}

/// Reads the time, to tell in the trace how long a step took.
pub type Watch<'a> = &'a dyn Fn() -> Timestamp;

/// As [`start_watched`], without a watch.
pub fn start(
    bot: &Bot,
    behavior: usize,
    facts: &Facts,
    cause: &Event,
    seeds: Seeds,
) -> Option<Turn> {
    start_watched(bot, behavior, facts, cause, seeds, None)
}

/// Starts a behavior on an event. Gives nothing when the event does not concern the bot's owner, when its `from` or its
/// `when` does not hold, or there is no such behavior; who is called by another bot is asked for none of that. A `when`
/// that fails gives a run that was stopped. That the behavior hears this type, and not its own bot, the caller
/// has seen to.
pub fn start_watched(
    bot: &Bot,
    behavior: usize,
    facts: &Facts,
    cause: &Event,
    seeds: Seeds,
    watch: Option<Watch<'_>>,
) -> Option<Turn> {
    let behavior = bot.behaviors.get(behavior)?;
    let is_called = cause.event_type.as_str() == call::CALLED;
    let concerns = behavior.hears_from(cause.author.kind) && bot.owner.hears(&bot.name, facts);
    if !is_called && !concerns {
        return None;
    }
    let run = Run {
        id: RunId::new(seeds.run),
        bot: bot.name.clone(),
        bot_version: bot.version.clone(),
        behavior: behavior.name.clone(),
        event: cause.id,
        event_seq: (cause.seq.0 > 0).then_some(cause.seq.0),
        chat: cause.chat,
        state: RunState::Done,
        frames: Vec::new(),
        variables: Map::new(),
        started_with: Map::new(),
        steps_taken: 0,
        started_at: seeds.now,
        moved_at: seeds.now,
        trace: Vec::new(),
    };
    let mut stage = Stage::first(bot, run, facts, seeds);
    stage.place.clone_from(&behavior.place);
    stage.word = "when";
    if is_called {
        let given = facts.event.get("with").and_then(Value::as_object).cloned().unwrap_or_default();
        match call::accept(behavior, given) {
            Ok(variables) => stage.run.variables = variables,
            Err(halt) => return Some(stopped(stage, halt)),
        }
    } else if let Some(when) = &behavior.when {
        match when.holds(&mut stage) {
            Ok((true, seen)) => stage.trace(json!({ "when": when.shown(), "value": seen })),
            Ok((false, _)) => return None,
            Err(halt) => return Some(stopped(stage, halt)),
        }
    }
    stage.run.frames.push(Frame { steps: behavior.steps.clone(), next: 0, state: Map::new() });
    // Not before: most conditions do not hold, and a clock costs more than they do.
    stage.watch(watch);
    Some(go_on(stage))
}

/// As [`resume_watched`], without a watch.
pub fn resume(bot: &Bot, run: Run, input: Input, facts: &Facts, seeds: Seeds) -> Turn {
    resume_watched(bot, run, input, facts, seeds, None)
}

/// Goes on with a run that waits. One that does not wait for this input comes back as it is, without effects: an answer
/// or a timer may arrive twice, or too late.
pub fn resume_watched(
    bot: &Bot,
    run: Run,
    input: Input,
    facts: &Facts,
    seeds: Seeds,
    watch: Option<Watch<'_>>,
) -> Turn {
    let RunState::Waiting { wait } = run.state.clone() else { return unchanged(run) };
    let until = match &wait {
        Wait::Time { until } => Some(*until),
        Wait::Answer { until } => *until,
        Wait::Work { .. } => None,
    };
    if let (Input::TimeUp, Some(due)) = (&input, until)
        && seeds.now < due
    {
        // The timer fired before its time: it is set again.
        return Turn { effects: vec![Effect::SetTimer { due }], ..unchanged(run) };
    }
    let ordered_at = run.moved_at;
    let stage = |run| {
        let mut stage = Stage::new(bot, run, facts, seeds);
        stage.watch(watch);
        stage
    };
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
        (Wait::Answer { .. }, Input::Happened(happened)) => {
            hear(bot, run, &happened, facts, seeds, watch).1
        }
        (Wait::Work { .. }, Input::Done { outcome, log }) => {
            resume_work(stage(run), ordered_at, outcome, log)
        }
        (Wait::Time { .. } | Wait::Work { .. }, Input::Answer { .. } | Input::Happened(_))
        | (Wait::Answer { until: None } | Wait::Work { .. }, Input::TimeUp)
        | (Wait::Time { .. } | Wait::Answer { .. }, Input::Done { .. }) => unchanged(run),
    }
}

fn unchanged(run: Run) -> Turn {
    Turn { run, effects: Vec::new(), session: None, client: None }
}

/// A question that waits.
enum Question<'s> {
    Ask(&'s Ask),
    Form(&'s Form),
}

/// The question that the run stands at.
fn open_question<'s>(stage: &mut Stage<'_>, list: &'s List, index: usize) -> Option<Question<'s>> {
    let step = list.steps.get(index)?;
    let question = if let Action::Ask(ask) = &step.action {
        Question::Ask(ask)
    } else if let Action::Form(form) = &step.action {
        Question::Form(form)
    } else {
        return None;
    };
    stage.place.clone_from(&step.place);
    stage.word = step.word;
    Some(question)
}

/// Gives the question that the run stands at its answer, or the news that there is none.
fn resume_ask(mut stage: Stage<'_>, answer: Option<(String, Value)>) -> Turn {
    let Some((list, index)) = here(&stage) else { return stopped(stage, lost()) };
    let Some(question) = open_question(&mut stage, &list, index) else {
        return stopped(stage, lost());
    };
    let outcome = match (question, answer) {
        (Question::Ask(ask), Some((text, value))) => ask.answered(&mut stage, &text, value),
        (Question::Ask(ask), None) => ask.timed_out(&mut stage),
        (Question::Form(form), Some((text, value))) => form.answered(&mut stage, &text, value),
        (Question::Form(form), None) => form.timed_out(&mut stage),
    };
    go_on_with(stage, outcome)
}

/// Gives the step that the run stands at what came of its order.
fn resume_work(
    mut stage: Stage<'_>,
    ordered_at: Timestamp,
    outcome: Result<Value, WorkFailed>,
    log: Vec<String>,
) -> Turn {
    let Some((list, index)) = here(&stage) else { return stopped(stage, lost()) };
    let Some(step) = list.steps.get(index) else { return stopped(stage, lost()) };
    let Action::Work(ordered) = &step.action else { return stopped(stage, lost()) };
    stage.place.clone_from(&step.place);
    stage.word = step.word;
    let outcome = ordered.done(&mut stage, outcome, log);
    stage.last_took_since(ordered_at);
    go_on_with(stage, outcome)
}

fn go_on_with(mut stage: Stage<'_>, outcome: Result<Flow, Halt>) -> Turn {
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
        Flow::EnterThenBack(frame) => {
            stage.run.frames.push(frame);
            None
        }
        Flow::WaitHere(wait) => Some(RunState::Waiting { wait }),
        Flow::WaitThenNext(wait) => {
            next_step(stage);
            Some(RunState::Waiting { wait })
        }
        Flow::End => Some(RunState::Done),
    }
}

/// What comes at the end of a list of steps.
fn leave(stage: &mut Stage<'_>, list: &List) -> Result<Option<RunState>, Halt> {
    match &list.role {
        Role::LastWords => Ok(Some(RunState::Done)),
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

/// The end of a turn.
fn finished(mut stage: Stage<'_>, state: RunState) -> Turn {
    let state = answer_call(&mut stage, state);
    stage.over(state)
}

/// Whoever called a behavior of another bot gets what it left, or why there is nothing. An answer is no wish of the bot's
/// text, so it is not counted against its effects.
fn answer_call(stage: &mut Stage<'_>, state: RunState) -> RunState {
    if stage.type_of_start() != call::CALLED {
        return state;
    }
    if stage.effects.iter().any(|effect| matches!(effect, Effect::Say(_)))
        && let Some(caller) = stage.caller()
    {
        // It talks in the place of who called it.
        let to = stage.bot.name.clone();
        stage.effects.insert(0, Effect::PassControl { from: caller, to });
    }
    let (answer, state) = match state {
        RunState::Waiting { .. } => return state,
        RunState::Done | RunState::Stopped { reason: StopReason::Asked, .. } => {
            let left = left(stage);
            match call::result(stage.bot, &stage.run.behavior, left) {
                Ok(result) => (json!({ "result": result }), state),
                Err(Halt { reason, message }) => {
                    let error = json!({ "code": reason, "message": message });
                    (json!({ "error": error }), RunState::Stopped { reason, message })
                }
            }
        }
        RunState::Stopped { reason, message } => {
            let error = json!({ "code": reason, "message": message });
            (json!({ "error": error }), RunState::Stopped { reason, message })
        }
    };
    let event_type = call::CALLED.to_owned();
    stage.effects.push(Effect::Answer { event_type, value: answer });
    state
}

/// The variables of the behavior that was called, wherever the run stands in others that it called itself.
fn left(stage: &mut Stage<'_>) -> Map<String, Value> {
    let frames = std::mem::take(&mut stage.run.frames);
    if let Some(caller) = frames.iter().find_map(|frame| frame.state.get(CALLER)) {
        steps::call::leave(stage, caller);
    }
    std::mem::take(&mut stage.run.variables)
}

fn stopped(mut stage: Stage<'_>, halt: Halt) -> Turn {
    let Halt { reason, message } = halt;
    let message =
        if stage.place.is_empty() { message } else { format!("{}: {message}", stage.place) };
    stage.trace(json!({ "stopped": message }));
    finished(stage, RunState::Stopped { reason, message })
}
